"""The words of a ticket that may be learned from: none that names a person, an object or a number."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from typing import Final

from altor.redaction import redact_text

#: A complaint is made at the beginning; the rest is quoted mail, and would only take time.
READ_WORDS: Final = 300
_READ_TEXT: Final = 8_000
_WORD: Final = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_TAKEN_OUT: Final = re.compile(r"\[[^\[\]]{1,60}\]|\S+@\S+")
_STATUS: Final = re.compile(r"[1-5]\d\d")
_LONGEST: Final = 25


def terms_of(subject: str, description: str, *, leave_out: Iterable[str] = ()) -> tuple[str, ...]:
    """Lower-case words in their order, the subject's first. Redacted before.

    Words of `leave_out` (names) are not there.

    Numbers are left out but for HTTP statuses, so are words with two digits or more: they are ids.
    """
    text = _TAKEN_OUT.sub(" ", redact_text(f"{subject}\n{description[:_READ_TEXT]}"))
    names = {match.group() for name in leave_out for match in _WORD.finditer(name.lower())}
    found = (match.group() for match in _WORD.finditer(text.lower().replace("’", "'")))
    words = (sys.intern(word) for word in found if _is_learned(word) and word not in names)
    return tuple(word for _, word in zip(range(READ_WORDS), words, strict=False))


def _is_learned(word: str) -> bool:
    if not 2 <= len(word) <= _LONGEST:
        return False
    digits = sum(map(str.isdecimal, word))
    return digits < 2 or _STATUS.fullmatch(word) is not None
