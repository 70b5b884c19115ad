"""Sidebars' answers that were made lately, by all that may change them: most calls find that nothing has.

Per process, and only in memory. A key names the state of everything that is shown, read from the database at each call;
so an answer that is kept can be late by nothing, whichever process changed what.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final

#: A few kilobytes each.
_MOST: Final = 1000


@dataclass(frozen=True, slots=True)
class Answer:
    body: bytes
    tag: str


class Kept:
    """Safe to use from several threads. Two that miss at once both make the answer."""

    def __init__(self, most: int = _MOST) -> None:
        self._most, self._lock = most, threading.Lock()
        self._answers: OrderedDict[Hashable, Answer] = OrderedDict()

    def get(self, key: Hashable | None, make: Callable[[], Answer]) -> Answer:
        """The kept answer, or a new one. Without a key nothing is kept."""
        if key is None:
            return make()
        with self._lock:
            found = self._answers.get(key)
            if found is not None:
                self._answers.move_to_end(key)
                return found
        made = make()
        with self._lock:
            self._answers[key] = made
            while len(self._answers) > self._most:
                self._answers.popitem(last=False)
        return made


ANSWERS: Final = Kept()
