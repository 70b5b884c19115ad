"""Where a found entry has the words that were looked for: its title, and the passage that has most of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from knowledge.search.lexicon import WORD, number_of, stems_of

#: Words of the passage that is shown.
PASSAGE: Final = 36
#: Words of a text in which the passage is looked for.
_READ: Final = 3000
_SIGNS: Final = re.compile(r"\*\*|`+|^ {0,3}(?:#{1,6} |[-*+] |>)", re.MULTILINE)
#: (text, whether it was looked for), in reading order.
Parts = tuple[tuple[str, bool], ...]


def plain_text(markdown: str) -> str:
    """Without the signs that only say how it looks."""
    return _SIGNS.sub("", markdown)


def marked(text: str, rare: Mapping[int, float], language: str = "en") -> Parts:
    """The whole text, its found words told apart. `rare`: term -> rarity of what was looked for."""
    spans = [(start, end) for start, end, weight in _words(text, rare, language) if weight > 0]
    return _cut(text, spans, 0, len(text))


def passage(text: str, rare: Mapping[int, float], language: str = "en") -> Parts:
    """The stretch of PASSAGE words that has the rarest of what was looked for; the beginning where it has none."""
    words = _words(text, rare, language)
    if not words:
        return ()
    first = _best(words)
    last = min(len(words), first + PASSAGE) - 1
    start, end = words[first][0], words[last][1]
    spans = [(one, other) for one, other, weight in words[first : last + 1] if weight > 0]
    found = _cut(text, spans, start, end)
    before = (("… ", False),) if first else ()
    return (*before, *found, *((" …", False),)) if last < len(words) - 1 else (*before, *found)


def _words(text: str, rare: Mapping[int, float], language: str) -> list[tuple[int, int, float]]:
    matches = list(WORD.finditer(text))[:_READ]
    stems = stems_of([match.group().lower() for match in matches], language)
    return [
        (match.start(), match.end(), rare.get(number_of(stem), 0.0)) for match, stem in zip(matches, stems, strict=True)
    ]


def _best(words: Sequence[tuple[int, int, float]]) -> int:
    """Where the heaviest window begins; the first of several, and a little before its first hit."""
    weights = [weight for _, _, weight in words]
    now = best = sum(weights[:PASSAGE])
    found = 0
    for start in range(1, max(1, len(weights) - PASSAGE + 1)):
        now += weights[start + PASSAGE - 1] - weights[start - 1]
        if now > best + 1e-9:
            best, found = now, start
    hit = next((place for place in range(found, len(weights)) if weights[place] > 0), found)
    return max(0, min(max(0, hit - 4), len(words) - 1)) if hit - found > 4 else found


def _cut(text: str, spans: Sequence[tuple[int, int]], start: int, end: int) -> Parts:
    found: list[tuple[str, bool]] = []
    at = start
    for one, other in spans:
        if one > at:
            found.append((text[at:one], False))
        found.append((text[one:other], True))
        at = other
    if at < end:
        found.append((text[at:end], False))
    return tuple(found)
