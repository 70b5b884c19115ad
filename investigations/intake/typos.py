"""Typing errors: a bounded edit distance, a lexicon that corrects words, and text that remembers where it came from.

Tickets are typed in a hurry: "REssponsE times", "workeers", "yesturday". A word is corrected to one of the lexicon when
it differs by one edit (five letters or more) or two (nine or more), begins with the same letter, and is no ordinary word
of its own ("changed" is not "charged").
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from investigations.intake.ordinary_words import ORDINARY

WORD: Final = re.compile(r"[^\W_]+(?:_[^\W_]+)*")
_REPEATED: Final = re.compile(r"(.)\1+")
_LONGEST: Final = 40


def distance(left: str, right: str, limit: int) -> int:
    """Edits between two words (insert, delete, replace, swap of neighbours), or limit + 1 when there are more."""
    if abs(len(left) - len(right)) > limit:
        return limit + 1
    before: list[int] = []
    previous = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        row = [i]
        for j, b in enumerate(right, 1):
            cost = min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
        before, previous = previous, row
    return min(previous[-1], limit + 1)


def forgiven(word: str) -> int:
    """How many edits are forgiven in a word of this length."""
    return 0 if len(word) < 5 else 1 if len(word) < 9 else 2


@lru_cache(maxsize=20_000)
def resembles(token: str, word: str) -> bool:
    """Whether `token` (lower case) is `word`, perhaps mistyped. A letter held too long is forgiven in any word of four."""
    if token == word:
        return True
    if token in ORDINARY or len(token) > _LONGEST or len(word) < 4 or token.isdecimal():
        return False
    if len(token) > len(word) and _REPEATED.sub(r"\1", token) == _REPEATED.sub(r"\1", word):
        return True
    limit = forgiven(word)
    if not limit or not token[:1].isalpha():
        return False
    if token[0] != word[0] and token[:2] != word[1::-1]:
        return False
    return distance(token, word, limit) <= limit


@lru_cache(maxsize=20_000)
def begins_like(token: str, prefix: str) -> bool:
    """Whether `token` begins with `prefix`, perhaps mistyped."""
    if token.startswith(prefix):
        return True
    if token in ORDINARY or len(token) > _LONGEST:
        return False
    squeezed = _REPEATED.sub(r"\1", token)
    if len(prefix) >= 4 and len(squeezed) < len(token) and squeezed.startswith(_REPEATED.sub(r"\1", prefix)):
        return True
    lengths = range(max(len(prefix) - 1, 1), len(prefix) + 2)
    return any(resembles(token[:length], prefix) for length in lengths if length <= len(token))


class Lexicon:
    """Words to which mistyped ones are corrected."""

    def __init__(self, words: Iterable[str]) -> None:
        self._by_letter: defaultdict[str, list[str]] = defaultdict(list)
        self._words = frozenset(words)
        for word in sorted(self._words):
            self._by_letter[word[0]].append(word)

    def correct(self, token: str) -> str:
        """The word that `token` (lower case) stands for, or the token itself."""
        if token in self._words or token in ORDINARY:
            return token
        letters = dict.fromkeys(token[:2])  # the second one for swapped first letters
        return next((word for letter in letters for word in self._by_letter[letter] if resembles(token, word)), token)


@dataclass(frozen=True, slots=True)
class Corrected:
    """Lower-case text with mistyped words corrected; `quote` gives the original words of a match."""

    text: str
    original: str
    _origins: tuple[int, ...]

    def quote(self, start: int, end: int) -> str:
        """The original words behind text[start:end]."""
        if not self.text or start >= end:
            return ""
        return self.original[self._origins[start] : self._origins[end - 1] + 1]


def corrected(text: str, lexicon: Lexicon) -> Corrected:
    """`text` in lower case with its words corrected by `lexicon`."""
    out: list[str] = []
    origins: list[int] = []
    for piece, start in _pieces(text):
        lowered = piece.lower()
        word = lexicon.correct(lowered) if lowered[:1].isalpha() else lowered
        out.append(word)
        last = len(piece) - 1
        origins.extend(start + min(i, last) for i in range(len(word) - 1))
        if word:
            origins.append(start + last)
    return Corrected("".join(out), text, tuple(origins))


def _pieces(text: str) -> Iterator[tuple[str, int]]:
    position = 0
    for match in WORD.finditer(text):
        if match.start() > position:
            yield text[position : match.start()], position
        yield match.group(), match.start()
        position = match.end()
    if position < len(text):
        yield text[position:], position
