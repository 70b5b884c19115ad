"""Text as a reader sees it, with a way back to the text as written.

Zero-width characters, fullwidth letters, letters of another script that look Latin, accents, typographic quotes and
dashes hide a name from a comparison and from no reader. Rules read the folded text; findings quote the original.
"""

from __future__ import annotations

import unicodedata
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

# Cyrillic and Greek letters that print like Latin ones.
_LOOKALIKES: Final = str.maketrans(
    "абеорсухіјѕһԁԛԝвкмнтАВЕКМНОРСТУХІЈЅԌԚԜ" + "οαινρυκΑΒΕΖΗΙΚΜΝΟΡΤΥΧ" + "ıɑɡℓ∕⁄",
    "a6eopcyxijshdqwbkmhtABEKMHOPCTYXIJSGQW" + "oaivpukABEZHIKMNOPTYX" + "iagl//",
)
_PUNCTUATION: Final = str.maketrans(
    dict.fromkeys("‘’‚‛′´", "'") | dict.fromkeys("“”„‟″«»", '"') | dict.fromkeys("‐‑‒–—―−", "-")
)
#: Fillers that are neither format characters nor marks and print nothing.
_INVISIBLE: Final = frozenset("\u115f\u1160\u3164\uffa0\u2800")


@dataclass(frozen=True, slots=True)
class Folded:
    """`text` folded; its character `n` was made from `original[starts[n]:ends[n]]`."""

    original: str
    text: str
    starts: Sequence[int]
    ends: Sequence[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where `text[start:end]` (not empty) stands in the original."""
        return self.starts[start], self.ends[end - 1]


def fold(text: str) -> Folded:
    """Fold character by character, so that every folded one knows where it came from."""
    if text.isascii():
        return Folded(text, text, range(len(text)), range(1, len(text) + 1))
    pieces: list[str] = []
    starts, ends = array("L"), array("L")
    for place, character in enumerate(text):
        piece = character if character.isascii() else _folded(character)
        pieces.append(piece)
        for _ in piece:
            starts.append(place)
            ends.append(place + 1)
    return Folded(text, "".join(pieces), starts, ends)


@lru_cache(maxsize=4096)
def _folded(character: str) -> str:
    if character in _INVISIBLE or unicodedata.category(character) in ("Cf", "Mn"):
        return ""
    plain = character.translate(_PUNCTUATION)
    if plain == character:
        plain = "".join(one for one in unicodedata.normalize("NFKD", character) if unicodedata.category(one) != "Mn")
        plain = plain.translate(_LOOKALIKES).translate(_PUNCTUATION)
    return "".join(" " if one.isspace() and one not in "\n\r\t" else one for one in plain)
