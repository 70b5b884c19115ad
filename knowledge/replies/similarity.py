"""How much of a draft is left in what went out, word by word."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Final

_WORD: Final = re.compile(r"\S+\s*|\s+")
#: From here on a draft counts as taken with small changes.
LIGHT: Final = 0.9
#: Longer texts are compared by their words' counts: the exact way would take seconds.
_EXACT_UP_TO: Final = 1500


def similarity(draft: str, sent: str) -> float:
    """0 to 1: 1 when the words are the same in the same order; white space does not count."""
    before, after = draft.split(), sent.split()
    if before == after:
        return 1.0
    if not before or not after:
        return 0.0
    if len(before) + len(after) > 2 * _EXACT_UP_TO:
        same = sum((Counter(before) & Counter(after)).values())
        return min(0.999, 2 * same / (len(before) + len(after)))
    # Never 1 for other words, however long the text is.
    return min(0.999, SequenceMatcher(None, before, after, autojunk=False).ratio())


def difference(draft: str, sent: str) -> Iterator[tuple[str, str]]:
    """("same" | "gone" | "new", text) in reading order; the texts with their white space."""
    before, after = _WORD.findall(draft), _WORD.findall(sent)
    if len(before) + len(after) > 4 * _EXACT_UP_TO:
        yield "gone", draft
        yield "new", sent
        return
    for tag, first, last, begin, end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            yield "same", "".join(before[first:last])
            continue
        if first != last:
            yield "gone", "".join(before[first:last])
        if begin != end:
            yield "new", "".join(after[begin:end])
