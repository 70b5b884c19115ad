"""Texts for CSV files that people open in a spreadsheet, which would compute what looks like a formula."""

from __future__ import annotations

import re
from typing import Final

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def cell(text: str) -> str:
    """The text, with a quote before it where a spreadsheet would read a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


#: Full-width forms are computed too. A quote before one that is there already is told apart from ours by one more.
_GUARDED: Final = re.compile("'*[=+\\-@\\t\\r\\n\uff1d\uff0b\uff0d\uff20]")


def guarded(text: str) -> str:
    """As `cell`, so that `unguarded` gives the same text again."""
    return f"'{text}" if _GUARDED.match(text) else text


def unguarded(text: str) -> str:
    return text[1:] if text.startswith("'") and _GUARDED.match(text) else text
