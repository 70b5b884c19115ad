"""Line ends of a playbook while it passes through a browser.

A text field of a browser knows one kind of line end and sends another. What comes back is therefore laid over the text
as it was: a line keeps its end, also when its words changed; a new one gets that of the line before it. A file with
CRLF, with CR, or with a mixture comes out as it went in.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from investigations.playbooks.aligning import aligned

_END: Final = re.compile(r"\r\n|\r|\n")


def as_shown(text: str) -> str:
    """With LF only, as a browser keeps it."""
    return _END.sub("\n", text)


def as_it_was(edited: str, original: str) -> str:
    """`edited`, whatever its line ends, with those of `original`."""
    edited = as_shown(edited)
    if as_shown(original) == edited:
        return original
    ends = _END.findall(original)
    kinds = Counter(ends)
    usual = kinds.most_common(1)[0][0] if kinds else "\n"
    if len(kinds) < 2:
        return edited if usual == "\n" else edited.replace("\n", usual)
    return _laid_over(edited.split("\n"), _END.split(original), ends, usual)


def _laid_over(new: list[str], old: list[str], ends: list[str], usual: str) -> str:
    """`ends[i]` follows `old[i]`; the last line has none."""
    found: list[str] = []
    before = usual
    for kind, old_from, old_to, new_from, new_to in aligned(old, new):
        for at in range(new_from, new_to):
            was = old_from + at - new_from
            before = ends[was] if kind in ("equal", "replace") and was < min(old_to, len(ends)) else before
            if before == "\n" and not new[at] and found and found[-1] == "\r":
                before = "\r"  # with LF the two would be one end
            found.append(before)
    return "".join(line + end for line, end in zip(new, [*found[: len(new) - 1], ""], strict=True))
