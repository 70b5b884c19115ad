"""Two people changed the same file: what both did, put together line by line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from investigations.playbooks.aligning import aligned

_LINES: Final = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")
MINE, BETWEEN, THEIRS = "<<<<<<< mine", "=======", ">>>>>>> theirs"
_MARK: Final = re.compile(r"(?:<{7} mine|={7}|>{7} theirs)(?: .*)?")


@dataclass(frozen=True, slots=True)
class Merged:
    text: str
    conflicts: int  # places that both changed; each stands in the text between marks


def lines_of(text: str) -> list[str]:
    """Lines with their ends, in the order of the file; joined they are the text again."""
    return _LINES.findall(text)


def merge(base: str, mine: str, theirs: str, *, name: str = "") -> Merged:
    """Both sides' changes to `base`. Where both changed the same lines, both stand there between marks."""
    old, one, other = lines_of(base), lines_of(mine), lines_of(theirs)
    end = next((line[len(line.rstrip("\r\n")) :] for line in one if line.endswith(("\n", "\r"))), "\n")
    if end == "\r" and any("\n" in lines for lines in (old, one, other)):
        end = "\n"  # before an empty line, "\r" and its "\n" would be one end and the line gone
    found: list[str] = []
    conflicts = 0
    for block, ours, foreign in _blocks(old, one, other):
        if ours == foreign or foreign == block:
            found += ours
        elif ours == block:
            found += foreign
        else:
            conflicts += 1
            mark = f"{THEIRS} {name}".rstrip()
            found += [MINE + end, *_closed(ours, end), BETWEEN + end, *_closed(foreign, end), mark + end]
    return Merged("".join(found), conflicts)


def marked_lines(text: str) -> list[int]:
    """Numbers from 1 of the lines that are marks of a merge."""
    return [number for number, line in enumerate(lines_of(text), 1) if _MARK.fullmatch(line.rstrip("\r\n"))]


def _closed(lines: list[str], end: str) -> list[str]:
    return [*lines[:-1], lines[-1] if lines[-1].endswith(("\n", "\r")) else lines[-1] + end] if lines else []


def _blocks(old: list[str], one: list[str], other: list[str]) -> Iterator[tuple[list[str], list[str], list[str]]]:
    """(base, mine, theirs) of runs of lines, alternately the same in all three and not."""
    mine, theirs = _kept(old, one), _kept(old, other)
    at = at_one = at_other = 0
    while at < len(old) or at_one < len(one) or at_other < len(other):
        # Up to the next line that both sides kept and that follows directly for neither, the three go apart.
        until = at
        while until < len(old) and not (until in mine and until in theirs):
            until += 1
        to_one, to_other = (mine[until], theirs[until]) if until < len(old) else (len(one), len(other))
        if until > at or to_one > at_one or to_other > at_other:
            yield old[at:until], one[at_one:to_one], other[at_other:to_other]
        at, at_one, at_other = until, to_one, to_other
        if at < len(old):
            yield old[at : at + 1], one[at_one : at_one + 1], other[at_other : at_other + 1]
            at, at_one, at_other = at + 1, at_one + 1, at_other + 1


def _kept(old: list[str], new: list[str]) -> dict[int, int]:
    """Line of `old` -> the line of `new` that it is."""
    return {
        at: new_from + at - old_from
        for kind, old_from, old_to, new_from, _ in aligned(old, new)
        if kind == "equal"
        for at in range(old_from, old_to)
    }
