"""Finds the names of a directory in a text: one walk over its words, whatever the size of the directory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

from knowledge.language.names import LONGEST, Directory, Manner, Name, Sort, Word, names_of, words_in, words_of
from knowledge.language.telling import is_titled, is_told

#: What may stand between two words of one name.
_GAP: Final = re.compile(r"[ \t]{0,2}(?:\n[ \t]{0,2})?|[-_./@'+:]|[,.'] |\s?[&+-]\s|://")
_JOINED_GAP: Final = re.compile(r"[-_./:]?")
_NAMES: Final = ""


@dataclass(frozen=True, slots=True)
class Named:
    """`text[start:end]` names `name`."""

    name: Name
    start: int
    end: int


class Index:
    """A directory compiled into a tree of words. Build it with `index_of`, which keeps the latest."""

    def __init__(self, directory: Directory) -> None:
        # word -> subtree; under _NAMES the names that end here.
        self._tree: dict[str, Any] = {}
        for name in names_of(directory):
            node = self._tree
            for word in name.words:
                node = node.setdefault(word, {})
            node.setdefault(_NAMES, []).append(name)
        self._own_words = frozenset(word for written in directory.own for word in words_of(written) if len(word) > 2)

    def find(self, text: str) -> list[Named]:
        """Names that are not the customer's own, in text order, the longest where several begin at one word."""
        words = words_in(text)
        found: list[Named] = []
        own_until, taken_until = 0, 0
        for place, word in enumerate(words):
            node = self._tree.get(word.key)
            if node is None:
                continue
            ends = list(self._ends(text, words, place, node))
            own_until = max([own_until, *(words[end - 1].end for end, name in ends if name.sort is Sort.OWN)])
            for end, name in reversed(ends):
                stop = words[end - 1].end
                if name.sort is Sort.OWN or stop <= own_until or word.start < taken_until:
                    continue
                if name.is_short and len(name.words) == 1 and word.key in self._own_words:
                    continue
                if _fits(text, words, place, end, name):
                    found.append(Named(name, word.start, stop))
                    taken_until = stop
                    break
        return found

    def _ends(self, text: str, words: list[Word], place: int, node: dict[str, Any]) -> Iterator[tuple[int, Name]]:
        """(index after the last word, name) of every name that begins at `place`, shortest first."""
        for end in range(place + 1, min(place + LONGEST, len(words)) + 1):
            for name in node.get(_NAMES, ()):
                yield end, name
            if end == len(words) or not _GAP.fullmatch(text, words[end - 1].end, words[end].start):
                return
            node = node.get(words[end].key)  # type: ignore[assignment]  # None ends the walk
            if node is None:
                return


@lru_cache(maxsize=16)
def index_of(directory: Directory) -> Index:
    """The compiled directory; equal directories share one."""
    return Index(directory)


def _fits(text: str, words: list[Word], place: int, end: int, name: Name) -> bool:
    here = words[place:end]
    match name.manner:
        case Manner.SURE:
            return True
        case Manner.CAPITAL:
            return all(word.text[0].isupper() or not word.text[0].isalpha() for word in here)
        case Manner.EXACT:
            return here[0].text in name.written
        case Manner.JOINED:
            gaps = [(one.end, other.start) for one, other in pairwise(here)]
            joined = all(_JOINED_GAP.fullmatch(text, start, stop) for start, stop in gaps)
            return joined or is_told(text, words, place, end, name.sort)
        case Manner.TITLED:
            return is_titled(words, place)
        case Manner.TOLD:
            return is_told(text, words, place, end, name.sort)
