"""How words become terms: what of a text is counted, and under which number.

A term is the stem of a word, or two neighbouring words in their order. Words that carry no meaning alone count only
beside one that does. The version of these rules is stored with what they made (`SearchRow.lexicon`).
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import Stemmer

from knowledge.models.search import TERM_SPACE

#: Counts up with every change of what follows; rows of another version are indexed again.
VERSION: Final = 1
#: Words of a text that are read: a longer one is a log, and its end says no more than its beginning.
MAX_WORDS: Final = 4000
#: Identifiers joined by underscores are one word; those joined by dots or dashes are a pair.
WORD: Final = re.compile(r"\w+")
_LONGEST: Final = 60
#: Language (two letters) -> name of its stemmer. A text in another language is not stemmed.
STEMMERS: Final = {
    "da": "danish", "de": "german", "en": "english", "es": "spanish", "fi": "finnish", "fr": "french",
    "hu": "hungarian", "it": "italian", "nl": "dutch", "no": "norwegian", "pt": "portuguese", "ro": "romanian",
    "ru": "russian", "sv": "swedish", "tr": "turkish",
}  # fmt: skip
_ENGLISH: Final = (
    "a an and are as at be been but by can cannot could did do does for from had has have how i if in into is it its "
    "may might must no not of on or our shall should so such than that the their them then there these they this those "
    "to was we were what when where which while who why will with would you your"
)
_GERMAN: Final = (
    "aber als am an auch auf aus bei beim bis da dann das dass dem den der des die doch durch ein eine einem einen "
    "einer eines er es für hat haben hier ich ihr ihre im in ist ja kann kein keine mit nach nicht noch nur oder seit "
    "sich sie sind so über um und uns unser unsere vom von vor war was wenn wer werden wie wir wird wurde zu zum zur"
)
STOP_WORDS: Final = {"en": frozenset(_ENGLISH.split()), "de": frozenset(_GERMAN.split())}


@dataclass(frozen=True, slots=True)
class Counts:
    """How often each term occurs in a text: single words, and pairs of neighbours. Keys are the terms' numbers."""

    words: Counter[int]
    pairs: Counter[int]

    @property
    def length(self) -> int:
        return sum(self.words.values())


def words_of(text: str) -> list[str]:
    """In order, lower case; at most MAX_WORDS."""
    found = [match.group()[:_LONGEST] for match in WORD.finditer(text.lower())]
    return found[:MAX_WORDS]


def number_of(term: str) -> int:
    """From 1 to TERM_SPACE - 1, the same in every process."""
    return zlib.crc32(term.encode()) % (TERM_SPACE - 1) + 1


def counts(text: str, language: str = "en") -> Counts:
    return read(text, language)[0]


def read(text: str, language: str = "en") -> tuple[Counts, dict[int, str]]:
    """What is counted of a text, and each term of it as it stands there first."""
    words = words_of(text)
    stems = stems_of(words, language)
    stop = STOP_WORDS.get(language[:2], STOP_WORDS["en"])
    is_stop = [word in stop for word in words]
    numbers = [number_of(stem) for stem in stems]
    spelled = dict(zip(reversed(numbers), reversed(words), strict=True))
    kept = Counter(number for number, stops in zip(numbers, is_stop, strict=True) if not stops)
    pairs: Counter[int] = Counter()
    for place in range(len(stems) - 1):
        if is_stop[place] and is_stop[place + 1]:
            continue
        pair = number_of(f"{stems[place]} {stems[place + 1]}")
        pairs[pair] += 1
        spelled.setdefault(pair, f"{words[place]} {words[place + 1]}")
    return Counts(kept, pairs), spelled


@lru_cache(maxsize=20_000)
def terms_of(title: str, language: str = "en") -> frozenset[int]:
    """The words of a short text, without pairs."""
    words = words_of(title)
    stop = STOP_WORDS.get(language[:2], STOP_WORDS["en"])
    stems = stems_of(words, language)
    return frozenset(number_of(stem) for word, stem in zip(words, stems, strict=True) if word not in stop)


def stems_of(words: Sequence[str], language: str) -> list[str]:
    name = STEMMERS.get(language[:2])
    return [_stem(name, word) for word in words] if name else list(words)


@lru_cache(maxsize=100_000)
def _stem(name: str, word: str) -> str:
    return str(_stemmer(name).stemWord(word))


@lru_cache(maxsize=32)
def _stemmer(name: str) -> Stemmer.Stemmer:
    return Stemmer.Stemmer(name)


def spelled(texts: Iterable[tuple[str, str]]) -> dict[int, str]:
    """Term -> a word as it was written, of (text, language): for mending typing errors."""
    found: dict[int, str] = {}
    for text, language in texts:
        words = words_of(text)
        stop = STOP_WORDS.get(language[:2], STOP_WORDS["en"])
        for word, stem in zip(words, stems_of(words, language), strict=True):
            if word not in stop and len(word) >= 4 and not any(sign.isdigit() for sign in word):
                found.setdefault(number_of(stem), word)
    return found
