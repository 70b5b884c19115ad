"""How well the search finds: collections of queries whose answers are known, sent through the call that REST uses.

The measures are those of TREC: nDCG with linear gain over ten results (Järvelin and Kekäläinen 2002), success at a rank
(the share of queries with a relevant entry among the first), the mean reciprocal rank.
"""

from __future__ import annotations

import gzip
import json
import math
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from altor.errors import InvalidInput
from knowledge.models import Entry
from knowledge.search.indexing import index_entries
from knowledge.search.matching import match

#: Entries that are indexed at once.
BATCH: Final = 200
DEPTH: Final = 10


@dataclass(frozen=True, slots=True)
class Collection:
    """Entries (id, title, text), queries (id, text), and query -> entry -> grade, where they are judged."""

    entries: Sequence[tuple[str, str, str]]
    queries: Sequence[tuple[str, str]]
    grades: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Result:
    """`run`: query -> (entry, score), the best first. `figures` are empty without judgements."""

    run: Mapping[str, Sequence[tuple[str, float]]]
    seconds: Sequence[float]
    figures: Mapping[str, float] = field(default_factory=dict)

    def at(self, share: float) -> float:
        """Milliseconds within which this share of the queries was answered."""
        ordered = sorted(self.seconds)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def read_collection(folder: Path) -> Collection:
    """`corpus.jsonl.gz`, `queries.jsonl` and, where it is there, `qrels.tsv`. InvalidInput names file and line."""
    try:
        with gzip.open(folder / "corpus.jsonl.gz", "rt", encoding="utf-8") as file:
            entries = [
                (str(row["id"]), str(row["title"]), str(row.get("text", ""))) for row in _rows(file, "corpus.jsonl.gz")
            ]
        with (folder / "queries.jsonl").open(encoding="utf-8") as file:
            queries = [(str(row["id"]), str(row["text"])) for row in _rows(file, "queries.jsonl")]
        grades = _grades(folder / "qrels.tsv")
    except (OSError, EOFError) as error:
        raise InvalidInput(f"{folder} cannot be read: {error}") from None
    if not entries or not queries:
        raise InvalidInput(f"{folder} holds no entries or no queries.")
    return Collection(entries, queries, grades)


def _rows(lines: Iterable[str], name: str) -> Iterator[Mapping[str, Any]]:
    needed = ("id", "title") if name.startswith("corpus") else ("id", "text")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise InvalidInput(f"{name}, line {number}: {error}") from None
        if not isinstance(row, Mapping) or any(key not in row for key in needed):
            raise InvalidInput(f"{name}, line {number}: {' and '.join(needed)} are needed.")
        yield row


def _grades(path: Path) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    if not path.exists():
        return found
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            query, entry, grade = line.split("\t")
            found.setdefault(query, {})[entry] = float(grade)
        except ValueError:
            raise InvalidInput(f"qrels.tsv, line {number}: query, entry and grade, separated by tabs.") from None
    return {query: {entry: grade for entry, grade in of.items() if grade > 0} for query, of in found.items()}


def evaluate(
    collection: Collection, *, limit: int = DEPTH, progress: Callable[[str, int, int], None] | None = None
) -> Result:
    """Load the collection as entries of a scratch space, send every query through `match`, and leave nothing behind:
    all of it happens in one transaction that is taken back. Nobody else ever sees these entries.
    """
    space = f"evaluation-{uuid.uuid4().hex[:12]}"
    tell = progress or (lambda what, done, of: None)
    with transaction.atomic():
        ids = _load(collection, space, tell)
        run, seconds = {}, []
        for done, (query, text) in enumerate(collection.queries, 1):
            answer = match(text, readable=Entry.objects.filter(space=space), space=space, limit=limit)
            run[query] = [(ids[one.entry_id], one.score) for one in answer.matches]
            seconds.append(answer.seconds)
            tell("queries", done, len(collection.queries))
        transaction.set_rollback(True)
    return Result(run, seconds, figures(run, collection.grades))


def _load(collection: Collection, space: str, tell: Callable[[str, int, int], None]) -> dict[int, str]:
    now = timezone.now()
    ids = {}
    for start in range(0, len(collection.entries), BATCH):
        part = collection.entries[start : start + BATCH]
        made = Entry.objects.bulk_create(
            Entry(space=space, title=title[:300], root_cause=text, created_at=now, saved_at=now)
            for _, title, text in part
        )
        index_entries(made)
        ids.update({entry.pk: name for entry, (name, _, _) in zip(made, part, strict=True)})
        tell("entries", start + len(part), len(collection.entries))
    return ids


def figures(
    run: Mapping[str, Sequence[tuple[str, float]]], grades: Mapping[str, Mapping[str, float]]
) -> dict[str, float]:
    """Means over the judged queries; one without any result counts as 0. {} when nothing is judged."""
    judged = {query: relevant for query, relevant in grades.items() if relevant}
    if not judged:
        return {}
    total = dict.fromkeys(("nDCG@10", "success@1", "success@5", "MRR@10"), 0.0)
    for query, relevant in judged.items():
        ranked = [entry for entry, _ in run.get(query, ())][:DEPTH]
        gain = sum(relevant.get(entry, 0.0) / math.log2(place + 2) for place, entry in enumerate(ranked))
        ideal = sorted(relevant.values(), reverse=True)[:DEPTH]
        total["nDCG@10"] += gain / sum(grade / math.log2(place + 2) for place, grade in enumerate(ideal))
        first = next((place for place, entry in enumerate(ranked) if entry in relevant), None)
        total["success@1"] += first == 0
        total["success@5"] += first is not None and first < 5
        total["MRR@10"] += 1 / (first + 1) if first is not None else 0.0
    return {name: value / len(judged) for name, value in total.items()}
