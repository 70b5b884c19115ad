"""Texts for CSV files that people open in a spreadsheet, which would compute what looks like a formula."""

from __future__ import annotations

from typing import Final

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def cell(text: str) -> str:
    """The text, with a quote before it where a spreadsheet would read a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
