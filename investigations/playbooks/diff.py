"""What changed between two versions of a playbook: as text, and by meaning."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from investigations.playbooks.aligning import aligned


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
    elif isinstance(old, list) and isinstance(new, list) and (len(old) == len(new) or _holds_parts(old + new)):
        yield from _list_differences(old, new, path)
    elif old != new:
        yield path, old, new


def _holds_parts(items: list[Any]) -> bool:
    """Whether it is a list of signals, evidence, tests and the like, which are told one by one."""
    return all(isinstance(item, Mapping) for item in items)


def _list_differences(old: list[Any], new: list[Any], path: str) -> Iterator[tuple[str, Any, Any]]:
    """Of each item that is not the same, with its number in the newer list (for one that went, in the older)."""
    before, after = ([json.dumps(item, sort_keys=True) for item in items] for items in (old, new))
    for kind, old_from, old_to, new_from, new_to in aligned(before, after):
        if kind == "equal":
            continue
        both = min(old_to - old_from, new_to - new_from)
        for step in range(both):
            yield from _differences(old[old_from + step], new[new_from + step], f"{path}[{new_from + step}]")
        for at in range(new_from + both, new_to):
            yield f"{path}[{at}]", None, new[at]
        for at in range(old_from + both, old_to):
            yield f"{path}[{at}]", old[at], None
