"""Which lines of two texts are the same ones: `difflib` within bounds, for files that somebody else wrote.

An edit is small and in one place, so what both texts begin and end with is taken off first; without that, a file of
a hundred thousand equal lines would be compared for hours.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Final

#: Pairs of lines that are compared exactly; above, frequent lines are passed over, as difflib does by itself.
_EXACT: Final = 4_000_000
#: Above, the middle counts as replaced.
_MOST: Final = 100_000_000
#: (kind as difflib names it, old from, old to, new from, new to)
Block = tuple[str, int, int, int, int]


def aligned(old: Sequence[str], new: Sequence[str]) -> list[Block]:
    """Blocks that turn `old` into `new`, in order, each line in exactly one of them."""
    begin = 0
    most = min(len(old), len(new))
    while begin < most and old[begin] == new[begin]:
        begin += 1
    end = 0
    while end < most - begin and old[-1 - end] == new[-1 - end]:
        end += 1
    old_to, new_to = len(old) - end, len(new) - end
    found: list[Block] = [("equal", 0, begin, 0, begin)] if begin else []
    found += _middle(old[begin:old_to], new[begin:new_to], begin)
    if end:
        found.append(("equal", old_to, len(old), new_to, len(new)))
    return found


def _middle(old: Sequence[str], new: Sequence[str], begin: int) -> list[Block]:
    if not old and not new:
        return []
    size = len(old) * len(new)
    if size > _MOST:
        return [("replace", begin, begin + len(old), begin, begin + len(new))]
    matcher = SequenceMatcher(None, old, new, autojunk=size > _EXACT)
    return [(kind, begin + a, begin + b, begin + c, begin + d) for kind, a, b, c, d in matcher.get_opcodes()]
