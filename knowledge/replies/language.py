"""Which language a text is written in, of those that replies are written in: by its commonest words."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

_COMMON: Final = {
    "en": frozenset({"the", "and", "you", "your", "is", "are", "we", "to", "of", "that", "have", "this", "not"}),
    "de": frozenset({"der", "die", "das", "und", "sie", "ihr", "ihre", "ist", "sind", "wir", "nicht", "ein", "zu"}),
}
_WORD: Final = re.compile(r"[^\W\d_]+")


def language_of(text: str, otherwise: str = "en") -> str:
    """The language whose common words the text has most of; `otherwise` where none stands out."""
    words = Counter(word.lower() for word in _WORD.findall(text[:20_000]))
    counted = {code: sum(words[word] for word in common) for code, common in _COMMON.items()}
    best = max(counted, key=lambda code: counted[code])
    rival = sorted(counted.values())[-2]
    return best if counted[best] > rival else otherwise
