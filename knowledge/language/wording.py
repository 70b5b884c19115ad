"""Wording that only warns: tables of phrases per language, looked up by their first word.

A phrase is tried only at the words it can begin with, so the time grows with the text and not with the table.
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from knowledge.language.findings import Hit
from knowledge.language.folding import fold
from knowledge.language.names import TOKEN
from knowledge.language.phrases import Phrase
from knowledge.language.words import english, german

#: How far around a phrase an exception is looked for, in characters.
REACH: Final = 160
_TABLES: Final = {"en": english.PHRASES, "de": german.PHRASES}
# What others said, and what is code: quoted lines, quotations, code. Bounded, so that lone quote marks cost nothing.
_QUOTED: Final = re.compile(
    r'^[ \t]{0,3}>[^\n]*|(?<!\w)"[^"\n]{1,400}"(?!\w)|`[^`\n]{1,200}`|```.{0,4000}?```', re.M | re.S
)
_BREAK: Final = re.compile(r"[.!?](?=\s)|\n\s{0,4}\n")


@dataclass(frozen=True, slots=True)
class _Compiled:
    phrase: Phrase
    rest: re.Pattern[str]
    before: re.Pattern[str] | None
    unless: re.Pattern[str] | None


def covers(language: str) -> bool:
    """Whether wording and claims are checked in this language ("en", "de-AT"). Leaks are checked in every language."""
    return primary(language) in _TABLES


def primary(language: str) -> str:
    return re.split(r"[-_]", language.strip().casefold(), maxsplit=1)[0]


def wording_in(text: str, language: str) -> Iterator[Hit]:
    """Phrases of the folded text that warn, not in order; may overlap. Quotations and code are left out."""
    table = _compiled(primary(language))
    skipped = quoted(text)
    for match in TOKEN.finditer(text):
        for compiled in table.get(match[0].casefold(), ()):
            phrase = compiled.phrase
            found = compiled.rest.match(text, match.end())
            if found is None or within(match.start(), skipped):
                continue
            start, end = match.start(), found.end()
            if compiled.before and compiled.before.search(text[max(0, start - 60) : start]):
                continue
            if compiled.unless and compiled.unless.search(_sentence(text, start, end)):
                continue
            yield Hit(phrase.kind, start, end, phrase.why, phrase.suggestion)


def quoted(text: str) -> list[tuple[int, int]]:
    """Spans of quotations and code, in order."""
    return [match.span() for match in _QUOTED.finditer(text)]


def within(place: int, spans: list[tuple[int, int]]) -> bool:
    """Whether the place lies in one of the spans, which are in order and apart."""
    index = bisect_right(spans, (place, sys.maxsize)) - 1
    return index >= 0 and place < spans[index][1]


def _sentence(text: str, start: int, end: int) -> str:
    """The sentence around a phrase, as far as `REACH` on both sides."""
    first, last = max(0, start - REACH), min(len(text), end + REACH)
    for match in _BREAK.finditer(text, first, start):
        first = match.end()
    closing = _BREAK.search(text, end, last)
    return text[first : closing.end() if closing else last]


@cache
def _compiled(language: str) -> dict[str, list[_Compiled]]:
    table: dict[str, list[_Compiled]] = {}
    for phrase in _TABLES.get(language, ()):
        compiled = _Compiled(
            phrase,
            re.compile(_folded(phrase.rest) + r"(?!\w)", re.IGNORECASE),
            re.compile(f"(?:{_folded(phrase.before)})$", re.IGNORECASE) if phrase.before else None,
            re.compile(_folded(phrase.unless), re.IGNORECASE) if phrase.unless else None,
        )
        for first in phrase.firsts:
            table.setdefault(fold(first).text.casefold(), []).append(compiled)
    return table


def _folded(pattern: str) -> str:
    return fold(pattern).text
