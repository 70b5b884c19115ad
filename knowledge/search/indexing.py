"""Keep what the search reads in step with the entries: in the transaction that saves an entry, so that it is found at
once, and for many at once where they are imported.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray
from pgvector import HalfVector, SparseVector

from knowledge.models import Entry, SearchRow, SearchSpace
from knowledge.models.search import TERM_SPACE
from knowledge.search.bm25 import Document
from knowledge.search.embedding.model import Embedder, embedder
from knowledge.search.identifiers import MOST, identifiers_in
from knowledge.search.lexicon import VERSION, counts, spelled
from knowledge.search.texts import body_of, embedded_texts

#: Pairs of words are counted in so many heaps: that some share one makes them seem a little less rare.
_HEAPS: Final = 1 << 18
#: When the mean length of a space has moved so far from the one the weights were made by, they are made again.
DRIFT: Final = 0.1
_UPSERT: Final = """
INSERT INTO knowledge_searchterm AS known (space, term, count, word)
SELECT %s, term, added, word FROM unnest(%s::int[], %s::int[], %s::text[]) AS new (term, added, word) ORDER BY term
ON CONFLICT (space, term) DO UPDATE SET count = known.count + EXCLUDED.count,
  word = CASE WHEN known.word = '' THEN EXCLUDED.word ELSE known.word END
"""


def index_entry(entry: Entry) -> None:
    """As `index_entries`, for one."""
    index_entries([entry])


def index_entries(entries: Sequence[Entry], *, model: Embedder | None = None) -> None:
    """Make the rows of these entries of one space, in the caller's transaction. Takes 15 ms for each on two cores, most
    of it the vectors. Without the model the vectors stay away; `knowledge.search.upkeep` makes them later.
    """
    if not entries:
        return
    model = model or embedder()
    # Words are counted beside the vectors: neither waits for the other.
    with ThreadPoolExecutor(1) as beside:
        making = beside.submit(_vectors, entries, model) if model is not None else None
        documents = [_document(entry) for entry in entries]
        vectors = making.result() if making is not None else None
    space = entries[0].space
    with transaction.atomic():
        totals = _locked_space(space)
        _count(space, entries, documents, totals)
        _write(entries, documents, totals, vectors, model.name if model is not None else "")


def forget_entry(entry: Entry) -> None:
    """Take the entry's row and what it counted away, in the caller's transaction."""
    with transaction.atomic():
        totals = _locked_space(entry.space)
        _count(entry.space, [entry], [None], totals)
        SearchRow.objects.filter(entry=entry).delete()


def _document(entry: Entry) -> Document:
    return Document.of(counts(entry.title, entry.language), counts(body_of(entry), entry.language))


def _vectors(entries: Sequence[Entry], model: Embedder) -> NDArray[np.float32]:
    """(entries, 2, 384): of the whole and of the title."""
    texts = [text for entry in entries for text in embedded_texts(entry)]
    return model.encode(texts).reshape(len(entries), 2, -1)


def _locked_space(space: str) -> SearchSpace:
    """Every writer of a space takes this row first: two that save at once count one after the other."""
    SearchSpace.objects.bulk_create([SearchSpace(space=space)], ignore_conflicts=True)
    return SearchSpace.objects.select_for_update().get(space=space)


def heap_of(pair: int) -> int:
    """Where a pair of words is counted; below zero, so that it meets no word."""
    return -(pair % _HEAPS) - 1


def _counted(words: frozenset[int], pairs: frozenset[int]) -> set[int]:
    return set(words) | {heap_of(pair) for pair in pairs}


def _count(space: str, entries: Sequence[Entry], documents: Sequence[Document | None], totals: SearchSpace) -> None:
    """Put the difference to what these entries counted before on the terms and the totals."""
    kept = SearchRow.objects.filter(entry__in=entries).values_list("entry_id", "length", "terms", "pairs")
    before = {pk: (length, frozenset(terms), pairs) for pk, length, terms, pairs in kept}
    added: Counter[int] = Counter()
    for entry, document in zip(entries, documents, strict=True):
        if document is not None:
            added.update(_counted(frozenset(document.words), frozenset(document.pairs)))
            totals.length += document.length
            totals.entries += 1
        if entry.pk in before:
            length, words, pairs = before[entry.pk]
            added.subtract(_counted(words, frozenset(index + 1 for index in pairs.indices())))
            totals.length -= length
            totals.entries -= 1
    totals.length = max(totals.length, 0.0)
    mean = totals.length / totals.entries if totals.entries else 0.0
    if abs(mean - totals.mean_length) > DRIFT * totals.mean_length:
        totals.mean_length = mean
    totals.save(update_fields=["length", "entries", "mean_length"])
    changed = {term: n for term, n in added.items() if n}
    if changed:
        written = spelled((f"{one.title}\n{body_of(one)}", one.language) for one in entries)
        terms = sorted(changed)
        with connection.cursor() as cursor:
            cursor.execute(
                _UPSERT,
                [space, terms, [changed[term] for term in terms], [written.get(term, "")[:80] for term in terms]],
            )


def _write(
    entries: Sequence[Entry],
    documents: Sequence[Document],
    totals: SearchSpace,
    vectors: NDArray[np.float32] | None,
    model: str,
) -> None:
    rows = []
    for place, (entry, document) in enumerate(zip(entries, documents, strict=True)):
        words, pairs = document.weights(totals.mean_length)
        whole, heading = vectors[place] if vectors is not None else (None, None)
        rows.append(
            SearchRow(
                entry=entry,
                space=entry.space,
                revision=entry.revision,
                title=entry.title,
                language=entry.language,
                lexicon=VERSION,
                terms=sorted(document.words),
                weights=sparse(words),
                pairs=sparse(pairs),
                length=document.length,
                names=identifiers_in(f"{entry.title}\n{body_of(entry)}\n{entry.label}")[:MOST],
                model=model,
                whole=HalfVector(whole) if whole is not None else None,
                heading=HalfVector(heading) if heading is not None else None,
            )
        )
    fields = [
        "revision",
        "title",
        "language",
        "lexicon",
        "terms",
        "weights",
        "pairs",
        "length",
        "names",
        "model",
        "whole",
        "heading",
    ]
    SearchRow.objects.bulk_create(rows, update_conflicts=True, unique_fields=["entry"], update_fields=fields)


def sparse(weights: Mapping[int, float]) -> SparseVector:
    """Term -> weight as pgvector keeps it."""
    return SparseVector({term - 1: value for term, value in weights.items()}, TERM_SPACE)
