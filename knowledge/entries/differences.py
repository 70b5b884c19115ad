"""Two versions of an entry field by field: words that went, words that came."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from knowledge.entries.detection import as_text
from knowledge.models.entries import CONTENT

_WORDS: Final = re.compile(r"\s+|[^\s]+")
#: Longer texts are compared line by line.
_WORDWISE: Final = 6000


@dataclass(frozen=True, slots=True)
class FieldDiff:
    """`parts`: (look, text) in reading order; look is "add", "del" or "" for what stayed."""

    field: str
    name: str
    parts: Sequence[tuple[str, str]]

    @property
    def is_list(self) -> bool:
        return self.field in ("components", "versions", "tiers")


def field_differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[FieldDiff]:
    """One for each field that differs, in the fields' order."""
    found = []
    for field, name in CONTENT.items():
        old, new = before.get(field), after.get(field)
        if old != new:
            found.append(FieldDiff(field, name, tuple(_parts(field, old, new))))
    return found


def _parts(field: str, old: Any, new: Any) -> list[tuple[str, str]]:
    if isinstance(old, list) or isinstance(new, list):
        return _of_lists(old or [], new or [])
    before, after = (as_text(old), as_text(new)) if field == "detection" else (str(old or ""), str(new or ""))
    if field == "detection" or len(before) + len(after) > _WORDWISE:
        return _compare(before.splitlines(keepends=True), after.splitlines(keepends=True))
    return _compare(_WORDS.findall(before), _WORDS.findall(after))


def _of_lists(old: Sequence[str], new: Sequence[str]) -> list[tuple[str, str]]:
    gone = [("del", item) for item in old if item not in new]
    return [*gone, *(("" if item in old else "add", item) for item in new)]


def _compare(old: Sequence[str], new: Sequence[str]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for tag, a, b, c, d in difflib.SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes():
        if tag == "equal":
            found.append(("", "".join(old[a:b])))
            continue
        if gone := "".join(old[a:b]):
            found.append(("del", gone))
        if came := "".join(new[c:d]):
            found.append(("add", came))
    return found


def merge(
    base: Mapping[str, Any], theirs: Mapping[str, Any], mine: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """What both people made of `base`, field by field, and the fields that both changed (there `mine` stands)."""
    merged, both = dict(theirs), []
    for field in CONTENT:
        if mine.get(field) == base.get(field):
            continue
        if theirs.get(field) not in (base.get(field), mine.get(field)):
            both.append(field)
        merged[field] = mine.get(field)
    return merged, both
