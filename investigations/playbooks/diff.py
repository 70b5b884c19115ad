"""What changed between two versions of a playbook: as text, and by meaning."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any


@dataclass(frozen=True, slots=True)
class Change:
    """`what` is step, hypothesis, match or playbook; `name` its id or label; `field` a dotted path inside it."""

    what: str
    name: str
    kind: str  # added, removed, changed
    field: str = ""
    before: Any = None
    after: Any = None


def text_diff(before: str, after: str, *, names: tuple[str, str]) -> str:
    """Unified diff, empty when the texts are equal."""
    return "".join(difflib.unified_diff(before.splitlines(keepends=True), after.splitlines(keepends=True), *names))


def text_lines(before: str, after: str) -> list[tuple[str, str]]:
    """(add | del | hunk | same, text) of the unified difference of two files, without its two lines of names."""
    looks = {"+": "add", "-": "del", "@": "hunk"}
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=4)
    return [(looks.get(line[:1], "same"), line) for line in islice(lines, 2, None)]


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Steps and hypotheses added, removed and changed, then everything else; in the order of the newer version."""
    found: list[Change] = []
    for what, key, name in (("step", "steps", "id"), ("hypothesis", "hypotheses", "label")):
        old = {item[name]: item for item in before.get(key, [])}
        new = {item[name]: item for item in after.get(key, [])}
        found += [Change(what, label, "added") for label in new if label not in old]
        found += [Change(what, label, "removed") for label in old if label not in new]
        for label in new:
            if label in old:
                found += [
                    Change(what, label, "changed", field, a, b)
                    for field, a, b in _differences(old[label], new[label], "")
                ]
    rest = {key for key in [*after, *before] if key not in ("steps", "hypotheses")}
    for key in sorted(rest):
        found += [
            Change("playbook", key, "changed", field, a, b)
            for field, a, b in _differences(before.get(key), after.get(key), key)
        ]
    return found


def _differences(old: Any, new: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys([*new, *old]):
            yield from _differences(old.get(key), new.get(key), f"{path}.{key}" if path else key)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _differences(one, other, f"{path}[{index}]")
    elif old != new:
        yield path, old, new
