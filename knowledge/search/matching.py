"""Find the entries that explain a text: a few words somebody typed, or a whole ticket.

Two stages. PostgreSQL gives candidates: those that share the rarest words with the text and score best by BM25, those
whose vector is nearest, and those that name one of its identifiers. Then the candidates, some two hundred at most, are
scored by everything that is known of them, and each score can be told in its parts.

What the reader may not see is left out inside each of these queries: it is neither a candidate nor counted.
"""

from __future__ import annotations

import struct
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Final

import numpy as np
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import QuerySet
from numpy.typing import NDArray

from investigations.intake.typos import distance, forgiven
from knowledge.models import Entry
from knowledge.models.search import TERM_SPACE
from knowledge.search.bm25 import K1, query_weights, rarity
from knowledge.search.embedding.model import Embedder, embedder
from knowledge.search.identifiers import identifiers_in
from knowledge.search.indexing import heap_of
from knowledge.search.lexicon import Counts, read, terms_of
from knowledge.search.texts import EMBEDDED

#: Candidates by words, and by nearness.
CANDIDATES: Final = 100
#: The rarest words of a text are taken until so many entries have one of them, but at least MIN_WORDS where these are
#: in no more than PATIENCE times as many. On the known collections a budget of 15 finds nearly as much.
BUDGET: Final = 1000
BUDGET_SHARE: Final = 0.005
PATIENCE: Final = 10
MIN_WORDS: Final = 3
#: Words of a query up to which it is one that somebody typed: then typing errors are mended and identifiers come first.
TYPED: Final = 12
#: Words count against the best of the candidates, but against no less than this share of what they could count: the
#: best of entries that all have little in common with the text is no good answer.
FLOOR: Final = 0.35
#: What an identifier that both have puts an entry ahead: more than everything else together.
EXACT: Final = 10.0
#: Terms that are named of a match.
SHOWN_TERMS: Final = 8
#: Characters of a text that are read at all.
LONGEST: Final = 20_000


@dataclass(frozen=True, slots=True)
class Weights:
    """What each part counts. Fitted on public collections, see docs/explanation/knowledge-search.md."""

    words: float = 1.0
    whole: float = 1.2
    heading: float = 0.2
    title: float = 0.4


WEIGHTS: Final = Weights()
#: Without the model.
WORDS_ONLY: Final = Weights(whole=0.0, heading=0.0)


@dataclass(frozen=True, slots=True)
class Term:
    """A word, or a pair of words, of the query that an entry has."""

    text: str
    weight: float  # its part of the sum over all terms of the query that the entry has


@dataclass(slots=True)
class Match:
    """An entry that was found. `score` is its place among the others of this answer, not a probability."""

    entry_id: int
    score: float
    words: float  # BM25 against the best of the candidates, 0 to 1
    whole: float | None  # cosine of the text and the entry, -1 to 1; None without the model
    heading: float | None  # cosine of the text and the title
    title: float  # share of the title's words, by their rarity, that the text has
    names: tuple[str, ...] = ()  # identifiers that both have
    terms: tuple[Term, ...] = ()


@dataclass(slots=True)
class Answer:
    """`mended`: word as typed -> word that was looked for. `model` is "" when the search went by words alone.
    `rare`: word of the text -> rarity among the entries, of those that any entry has.
    """

    matches: list[Match] = field(default_factory=list)
    mended: dict[str, str] = field(default_factory=dict)
    rare: dict[int, float] = field(default_factory=dict)
    model: str = ""
    seconds: float = 0.0


@dataclass
class _Query:
    text: str
    space: str
    counts: Counts
    having: dict[int, int]  # word or heap of pairs -> entries that have it
    entries: int
    names: list[str]
    mended: dict[str, str]
    spelled: dict[int, str]  # term -> as it stands in the text

    @property
    def rare(self) -> dict[int, float]:
        """Word -> rarity, of those that any entry has."""
        return {term: rarity(self.entries, self.having[term]) for term in self.counts.words if self.having.get(term)}

    @cached_property
    def words(self) -> dict[int, float]:
        """Word -> what it counts."""
        return query_weights(self.counts.words, self.having, self.entries)

    @property
    def most(self) -> float:
        """What an entry would count that had every word of the text several times."""
        unknown = rarity(self.entries, 0) * sum(term not in self.words for term in self.counts.words)
        return (K1 + 1) * (sum(self.words.values()) + unknown)

    @cached_property
    def pairs(self) -> dict[int, float]:
        having = {pair: self.having.get(heap_of(pair), 0) for pair in self.counts.pairs}
        return query_weights(self.counts.pairs, having, self.entries)


def match(
    text: str,
    *,
    readable: QuerySet[Entry],
    space: str = "",
    limit: int = 10,
    languages: Sequence[str] = ("en",),
    model: Embedder | None = None,
    weights: Weights | None = None,
) -> Answer:
    """The best entries of `readable` (and `space`) for a text, the best first. A text without any word finds nothing.

    `languages`: in which the entries are written. Four queries, one of them long.
    """
    began = time.perf_counter()
    text = text.replace("\x00", " ")[:LONGEST]
    model = model or embedder()
    # The vector is made beside the first queries: neither waits for the other.
    making = _beside().submit(model.encode, [text[:EMBEDDED]]) if model else None
    query = _read(text, space, languages)
    answer = Answer(mended=query.mended, model=model.name if model else "")
    if query.entries and (query.counts.words or query.names):
        allowed = _allowed(readable)
        with _by_index() as cursor:
            found = _by_words(cursor, query, allowed)
            vector = making.result()[0] if making else None
            rows = _rows(cursor, query, found, vector, answer.model, allowed)
        answer.matches = _scored(query, rows, weights or (WEIGHTS if model else WORDS_ONLY), limit)
        answer.rare = query.rare
        _explain(query, answer.matches)
    answer.seconds = time.perf_counter() - began
    return answer


@lru_cache(maxsize=1)
def _beside() -> ThreadPoolExecutor:
    """Made when it is first asked for: threads do not survive a fork."""
    return ThreadPoolExecutor(max_workers=4, thread_name_prefix="embedding")


# ------------------------------------------------------------------------------------------------ reading the query
def _read(text: str, space: str, languages: Sequence[str]) -> _Query:
    words, pairs = Counter[int](), Counter[int]()
    spelled: dict[int, str] = {}
    for language in languages:
        found, written = read(text, language)
        words |= found.words
        pairs |= found.pairs
        spelled = written | spelled
    heaps = {heap_of(pair) for pair in pairs}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT term, count FROM knowledge_searchterm WHERE space = %s AND term = ANY(%s::int[]) AND count > 0 "
            "UNION ALL SELECT 0, entries FROM knowledge_searchspace WHERE space = %s",  # no term has the number 0
            [space, _array_text({*words, *heaps}), space],
        )
        having = dict(cursor.fetchall())
    entries = having.pop(0, 0)
    query = _Query(text, space, Counts(words, pairs), having, entries, identifiers_in(text), {}, spelled)
    if sum(words.values()) <= TYPED:
        _mend(query, space)
    return query


def _mend(query: _Query, space: str) -> None:
    """Words that no entry has and that are a slip away from one that some have: that one is looked for as well."""
    strange = [
        query.spelled[term]
        for term in query.counts.words
        if term not in query.having and forgiven(query.spelled.get(term, "")) and query.spelled[term].isalpha()
    ]
    for word in strange[:4]:
        found = _meant(word, space)
        if found is not None:
            meant, term, having = found
            query.mended[word] = meant
            query.counts.words[term] += 1
            query.having[term] = having
            query.spelled[term] = meant


def _meant(word: str, space: str) -> tuple[str, int, int] | None:
    """(the word, its term, how many entries have it): the nearest by letters, of several the most frequent."""
    with transaction.atomic(), connection.cursor() as cursor:
        # Two letters that changed places leave few groups of three as they were.
        cursor.execute("SET LOCAL pg_trgm.similarity_threshold = 0.18")
        cursor.execute(
            "SELECT word, term, count FROM knowledge_searchterm WHERE space = %s AND word %% %s AND count > 0 "
            "AND length(word) BETWEEN %s AND %s ORDER BY similarity(word, %s) DESC, count DESC, word LIMIT 50",
            [space, word, len(word) - 2, len(word) + 2, word],
        )
        limit = forgiven(word)
        near = [(distance(word, row[0], limit), -row[2], row) for row in cursor.fetchall()]
    near = [one for one in near if one[0] <= limit]
    return min(near)[2] if near else None


# ------------------------------------------------------------------------------------------------ candidates
@dataclass(frozen=True, slots=True)
class _Row:
    entry_id: int
    words: float
    pairs: float
    whole: float | None
    heading: float | None
    title: str
    language: str
    names: Sequence[str]
    weight: float

    @property
    def bm25(self) -> float:
        return self.words + self.pairs


_Allowed = tuple[str, Sequence[Any]]
# Who may read them is asked from the best on, until there are enough: of a frequent word there are thousands.
_BY_WORDS: Final = """
(SELECT r.entry_id FROM (
  SELECT r.entry_id, r.weights <#> %s::sparsevec AS far FROM knowledge_searchrow r
  WHERE r.space = %s AND r.terms && %s::int[] ORDER BY far OFFSET 0) r
WHERE EXISTS ({allowed}) ORDER BY r.far LIMIT {limit})"""
_BY_NAME: Final = """
(SELECT r.entry_id FROM knowledge_searchrow r WHERE r.space = %s AND r.names && %s::varchar[] AND EXISTS ({allowed})
LIMIT {limit})"""
_BY_NEARNESS: Final = """
UNION (SELECT r.entry_id FROM knowledge_searchrow r WHERE r.space = %s AND r.model = %s AND EXISTS ({allowed})
ORDER BY r.whole <#> (SELECT vector FROM q) LIMIT {limit})"""
_FEATURES: Final = """
WITH q AS MATERIALIZED (SELECT %s::sparsevec AS words, %s::sparsevec AS pairs, %s::halfvec AS vector),
found AS MATERIALIZED (SELECT unnest(%s::bigint[]) AS entry_id {nearest})
SELECT r.entry_id, -(r.weights <#> (SELECT words FROM q)), -(r.pairs <#> (SELECT pairs FROM q)),
  CASE WHEN r.model = %s THEN -(r.whole <#> (SELECT vector FROM q)) END,
  CASE WHEN r.model = %s THEN -(r.heading <#> (SELECT vector FROM q)) END, r.title, r.language, r.names, r.weight
FROM found JOIN knowledge_searchrow r USING (entry_id)"""


@contextmanager
def _by_index() -> Iterator[CursorWrapper]:
    """A cursor whose queries take the indexes. The planner believes that comparing arrays costs nothing, and would read
    every entry to find the thousands that have a word.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        # Where only a few of the nearest may be read, the index goes on looking.
        cursor.execute(
            "SET LOCAL enable_seqscan = off; SET LOCAL hnsw.iterative_scan = 'relaxed_order'; "
            f"SET LOCAL hnsw.ef_search = {CANDIDATES}"
        )
        yield cursor
        # The caller's own transaction goes on as it was.
        cursor.execute("SET LOCAL enable_seqscan = DEFAULT")


def _by_words(cursor: CursorWrapper, query: _Query, allowed: _Allowed) -> list[int]:
    """Entries that share rare words or an identifier with the text. One query."""
    parts: list[str] = []
    params: list[Any] = []
    condition, given = allowed
    if query.words:
        parts.append(_BY_WORDS)
        params += [_sparse_text(query.words), query.space, _array_text(_rarest(query)), *given]
    if query.names:
        parts.append(_BY_NAME)
        params += [query.space, query.names, *given]
    if not parts:
        return []
    cursor.execute(_filled(" UNION ".join(parts), condition), params)
    return [pk for (pk,) in cursor.fetchall()]


def _rows(
    cursor: CursorWrapper,
    query: _Query,
    found: Sequence[int],
    vector: NDArray[np.float32] | None,
    model: str,
    allowed: _Allowed,
) -> list[_Row]:
    """What is known of these entries and of the nearest ones. One query."""
    condition, given = allowed
    nearest = _filled(_BY_NEARNESS, condition) if vector is not None else ""
    dense = _dense_text(vector) if vector is not None else None
    near = [query.space, model, *given] if vector is not None else []
    cursor.execute(
        _FEATURES.replace("{nearest}", nearest),
        [_sparse_text(query.words), _sparse_text(query.pairs), dense, _array_text(found), *near, model, model],
    )
    return [_Row(*row) for row in cursor.fetchall()]


def _filled(statement: str, condition: str) -> str:
    return statement.replace("{allowed}", condition).replace("{limit}", str(CANDIDATES))


def _allowed(readable: QuerySet[Entry]) -> _Allowed:
    """The queryset as a condition on the row `r`."""
    query = readable.order_by().extra(where=["knowledge_entry.id = r.entry_id"]).values("pk").query
    sql, params = query.sql_with_params()
    return sql, params


def _rarest(query: _Query) -> list[int]:
    """The rarest words until the budget of entries is used up; at least one."""
    budget = max(BUDGET, BUDGET_SHARE * query.entries)
    chosen: list[int] = []
    used = 0
    for term in sorted(query.words, key=lambda term: (query.having[term], term)):
        if chosen and used + query.having[term] > (budget if len(chosen) >= MIN_WORDS else PATIENCE * budget):
            break
        chosen.append(term)
        used += query.having[term]
    return chosen


def _array_text(numbers: Iterable[int]) -> str:
    """As PostgreSQL writes an array: a list of hundreds takes the driver milliseconds."""
    return "{" + ",".join(map(str, numbers)) + "}"


def _sparse_text(weights: Mapping[int, float]) -> str:
    return "{" + ",".join(f"{term}:{weights[term]:.6g}" for term in sorted(weights)) + f"}}/{TERM_SPACE}"


def _dense_text(vector: NDArray[np.float32]) -> str:
    return "[" + ",".join(f"{value:.5f}" for value in vector.tolist()) + "]"


# ------------------------------------------------------------------------------------------------ scoring
def _scored(query: _Query, rows: Sequence[_Row], weights: Weights, limit: int) -> list[Match]:
    """The best `limit` in order."""
    if not rows:
        return []
    best = max(max(row.bm25 for row in rows), FLOOR * query.most) or 1.0
    is_typed = sum(query.counts.words.values()) <= TYPED
    found = []
    for row in rows:
        words = row.bm25 / best
        score = weights.words * words + weights.whole * (row.whole or 0.0) + weights.heading * (row.heading or 0.0)
        names = tuple(name for name in query.names if name in row.names)
        # Of what somebody typed, an identifier says exactly what is meant.
        ahead = EXACT * len(names) if is_typed else 0.0
        found.append((score, ahead, row, Match(row.entry_id, 0.0, words, row.whole, row.heading, 0.0, names)))
    found.sort(key=lambda one: -(one[0] + one[1]))
    # Titles are looked at of those only that they could bring among the best.
    least = found[min(limit, len(found)) - 1]
    contenders = [one for one in found if one[0] + one[1] + weights.title >= least[0] + least[1]]
    shares = _title_shares(query, [row for _, _, row, _ in contenders])
    for score, ahead, row, made in contenders:
        made.title = shares[row.entry_id]
        made.score = (score + weights.title * made.title**2) * row.weight + ahead
    return sorted((made for *_, made in contenders), key=lambda one: (-one.score, one.entry_id))[:limit]


def _title_shares(query: _Query, rows: Sequence[_Row]) -> dict[int, float]:
    """Entry -> share of its title's words, by their rarity, that the text has. One query."""
    titles = {row.entry_id: terms_of(row.title, row.language) for row in rows}
    every: set[int] = set().union(*titles.values())
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT term, count FROM knowledge_searchterm WHERE space = %s AND term = ANY(%s::int[])",
            [query.space, _array_text(every - query.counts.words.keys())],
        )
        having = dict(cursor.fetchall()) | query.having
    rare = {term: rarity(query.entries, having.get(term, 1)) for term in every}
    wanted = query.counts.words
    found = {}
    for entry, terms in titles.items():
        total = sum(rare[term] for term in terms)
        found[entry] = sum(rare[term] for term in terms if term in wanted) / total if total else 0.0
    return found


def _explain(query: _Query, matches: Sequence[Match]) -> None:
    """Say of each match which terms of the query it has, and what each of them counts. One query."""
    weights = query.words | query.pairs
    terms = np.array(sorted(weights), np.int64)
    counted = np.array([weights[term] for term in terms.tolist()])
    with connection.cursor() as cursor:
        # In pgvector's binary form: as text it takes ten times as long.
        cursor.execute(
            "SELECT entry_id, sparsevec_send(weights), sparsevec_send(pairs) FROM knowledge_searchrow "
            "WHERE entry_id = ANY(%s)",
            [[one.entry_id for one in matches]],
        )
        kept = {pk: stored for pk, *stored in cursor.fetchall()}
    for one in matches:
        shares = np.zeros(len(terms))
        for vector in kept.get(one.entry_id, ()):
            shares += _values_at(terms, vector)
        shares *= counted
        total = float(shares.sum()) or 1.0
        best = [place for place in np.argsort(-shares, kind="stable")[:SHOWN_TERMS] if shares[place] > 0]
        told = [(query.spelled.get(int(terms[place]), ""), float(shares[place]) / total) for place in best]
        one.terms = tuple(Term(text, share) for text, share in told if text)


def _values_at(terms: NDArray[np.int64], vector: memoryview) -> NDArray[np.float64]:
    """What a stored vector holds for each of the terms, which are in order. Its form: dimensions, how many, unused;
    then the indices from 0, in order, then the values.
    """
    _, n, _ = struct.unpack_from(">iii", vector)
    if not n or not len(terms):
        return np.zeros(len(terms))
    indices = np.frombuffer(vector, ">i4", n, 12).astype(np.int64) + 1
    values = np.frombuffer(vector, ">f4", n, 12 + 4 * n).astype(np.float64)
    places = np.minimum(np.searchsorted(indices, terms), n - 1)
    return np.where(indices[places] == terms, values[places], 0.0)


__all__ = ["Answer", "Match", "Term", "Weights", "match"]
