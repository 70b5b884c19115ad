"""The labelled replies with their slots filled.

A line of a set: `text` with slots as in `{service}`; `labels`: kind -> the piece of the text (one, or a list) that a
finding of this kind must touch; `facts`: what the evidence said, absent where claims are not to be checked; `language`:
English unless told.

The test half was written before any rule. It is not to be looked at while rules change; what it misses is mended with
new sentences elsewhere. `later_1` to `later_3` were each written after the rules of their day, read once for a figure,
and learned from afterwards. `last` was read once and not learned from.
"""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from tests.knowledge.language.cast import LAST, LATER_1, LATER_2, LATER_3, TEST, TRAIN, Cast, cast_of, slots

HERE: Final = Path(__file__).parent
Half = Literal["train", "test", "later_1", "later_2", "later_3", "last"]
_FILES: Final = {
    "train": ("train_half.jsonl", TRAIN),
    "test": ("test_half.jsonl", TEST),
    "later_1": ("later_1.jsonl", LATER_1),
    "later_2": ("later_2.jsonl", LATER_2),
    "later_3": ("later_3.jsonl", LATER_3),
    "last": ("last.jsonl", LAST),
}
_SLOT: Final = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True)
class Reply:
    """`labels`: (kind, where it starts, where it ends). `facts` None: claims are not checked."""

    line: int
    text: str
    labels: tuple[tuple[str, int, int], ...]
    facts: tuple[str, ...] | None
    language: str


def cast(half: Half) -> Cast:
    return cast_of(_FILES[half][1])


def replies(half: Half, *, seed: int = 0) -> list[Reply]:
    """The half's sentences in file order. `seed` draws other names for the slots."""
    people = cast(half)
    lines = (HERE / _FILES[half][0]).read_text(encoding="utf-8").splitlines()
    return [_reply(number, json.loads(line), people, seed) for number, line in enumerate(lines, 1)]


def _reply(number: int, row: dict[str, object], people: Cast, seed: int) -> Reply:
    values = slots(people, random.Random(f"{people.words.seed}/{seed}/{number}"))

    def fill(text: str) -> str:
        # Braces that name no slot stay: a reply may show an endpoint such as /v2/orders/{id}.
        return _SLOT.sub(lambda match: values.get(match[1], match[0]), text)

    text, labels, facts = fill(str(row["text"])), row["labels"], row.get("facts")
    assert isinstance(labels, dict)
    spans = []
    for kind, pieces in labels.items():
        for piece in [pieces] if isinstance(pieces, str) else pieces:
            start = text.index(fill(piece))
            spans.append((kind, start, start + len(fill(piece))))
    backing = tuple(fill(str(fact)) for fact in facts) if isinstance(facts, list) else None
    return Reply(number, text, tuple(spans), backing, str(row.get("language", "en")))
