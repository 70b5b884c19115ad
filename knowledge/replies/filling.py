"""Plain substitution: `{name}` of a fixed list becomes its value, and everything else is text.

There is no template language here: no attributes, no formats, no conditions. A value is put in once and never read
again, so braces inside of one stay braces.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from knowledge.replies.placeholders import PLACEHOLDERS

#: What is replaced: a name between single braces. `{{name}}` and `{a.b}` and `{a!r}` are text.
_SLOT: Final = re.compile(r"(?<!\{)\{([a-z][a-z0-9_]{0,39})\}(?!\})")
#: What looks as if it was meant to be one.
_MEANT: Final = re.compile(r"(?<!\{)\{([^{}\n]{1,60})\}(?!\})")
_SENTENCE: Final = re.compile(r"(?<=[.!?])[ \t]+(?=[A-ZÄÖÜ0-9{“„\"])|\n+")
LONGEST_PART: Final = 2000


def names_in(text: str) -> list[str]:
    """Names between single braces, each once, in order; known or not."""
    return list(dict.fromkeys(match.group(1) for match in _SLOT.finditer(text)))


def strangers_in(text: str) -> list[str]:
    """What stands between single braces and is no placeholder, as it is written."""
    return list(dict.fromkeys(said.group(1) for said in _MEANT.finditer(text) if said.group(1) not in PLACEHOLDERS))


def substitute(text: str, values: Mapping[str, str]) -> str:
    """The text with its placeholders filled, in one pass; a name that is not in `values` stays as it is."""
    return _SLOT.sub(lambda match: values.get(match.group(1), match.group()), text)


def sentences(text: str) -> Iterator[str]:
    """The sentences of a part, trimmed; a line break ends one too."""
    for piece in _SENTENCE.split(text):
        if piece.strip():
            yield piece.strip()
