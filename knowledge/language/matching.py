"""Finds the names of a directory in a text: one walk over its words, whatever the size of the directory."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

from knowledge.language.names import (
    LONGEST,
    Directory,
    Manner,
    Name,
    Word,
    internal_names,
    own_names,
    words_in,
    words_of,
)
from knowledge.language.telling import is_titled, is_told

#: What may stand between two words of one name.
_GAP: Final = re.compile(r"[ \t]{0,2}(?:\n[ \t]{0,2})?|[-_./@'+:]|[,.'] |\s?[&+-]\s|://")
_JOINED_GAP: Final = re.compile(r"[-_./:]?")
#: Words inside a name that stay small: Bank of America.
_JOINING: Final = frozenset({"of", "and", "the", "for", "de", "la", "von", "und", "der"})
_NAMES: Final = ""


@dataclass(frozen=True, slots=True)
class Named:
    """`text[start:end]` names `name`."""

    name: Name
    start: int
    end: int


class Tree:
    """Names compiled into a tree of words: word -> subtree, and under `_NAMES` the names that end there."""

    def __init__(self, names: Iterable[Name]) -> None:
        self._root: dict[str, Any] = {}
        for name in names:
            node = self._root
            for word in name.words:
                node = node.setdefault(word, {})
            here = node.setdefault(_NAMES, [])
            # A hundred people of one first name are one name to look for.
            if name.manner is Manner.EXACT or not any(_is_alike(name, other) for other in here):
                here.append(name)

    def at(self, text: str, words: list[Word], place: int) -> list[tuple[int, Name]]:
        """(index after the last word, name) of every name that begins at `words[place]`, shortest first."""
        found: list[tuple[int, Name]] = []
        node = self._root.get(words[place].key)
        if node is None:
            return found
        for end in range(place + 1, min(place + LONGEST, len(words)) + 1):
            if node is None:
                break
            found.extend((end, name) for name in node.get(_NAMES, ()))
            is_last = end == len(words) or not _GAP.fullmatch(text, words[end - 1].end, words[end].start)
            node = None if is_last else node.get(words[end].key)
        return found


def find_names(text: str, directory: Directory) -> list[Named]:
    """Names that are not the customer's own, in text order, the longest where several begin at one word.

    The tree of everything but `own` is kept for the latest directories, so it pays to hand in the same sets again and again:
    `other_customers` may hold the customer too, as its own names win.
    """
    words = words_in(text)
    shared = _shared_tree(
        directory.services, directory.hosts, directory.people, directory.repositories, directory.other_customers
    )
    own, own_words = _own_tree(directory.own)
    found: list[Named] = []
    own_until, taken_until = 0, 0
    for place, word in enumerate(words):
        for end, _ in own.at(text, words, place):
            own_until = max(own_until, words[end - 1].end)
        if word.start < taken_until:
            continue
        for end, name in reversed(shared.at(text, words, place)):
            stop = words[end - 1].end
            if stop <= own_until or (name.is_short and len(name.words) == 1 and word.key in own_words):
                continue
            if _fits(text, words, place, end, name):
                found.append(Named(name, word.start, stop))
                taken_until = stop
                break
    return found


@lru_cache(maxsize=4)
def _shared_tree(
    services: frozenset[str],
    hosts: frozenset[str],
    people: frozenset[str],
    repositories: frozenset[str],
    other_customers: frozenset[str],
) -> Tree:
    return Tree(internal_names(Directory(services, hosts, people, repositories, other_customers)))


@lru_cache(maxsize=256)
def _own_tree(own: frozenset[str]) -> tuple[Tree, frozenset[str]]:
    """The tree, and the single words of the names."""
    return Tree(own_names(own)), frozenset(word for written in own for word in words_of(written) if len(word) > 2)


def _is_alike(name: Name, other: Name) -> bool:
    return (name.sort, name.manner, name.is_short) == (other.sort, other.manner, other.is_short)


def _fits(text: str, words: list[Word], place: int, end: int, name: Name) -> bool:
    here = words[place:end]
    match name.manner:
        case Manner.SURE:
            return True
        case Manner.CAPITAL:
            return all(word.text[0].isupper() or not word.text[0].isalpha() or word.key in _JOINING for word in here)
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
