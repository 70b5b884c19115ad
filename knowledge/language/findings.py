"""What the check says about a reply."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    INTERNAL_NAME = "internal_name"
    OTHER_CUSTOMER = "other_customer"
    INTERNAL_ID = "internal_id"
    SECRET = "secret"  # noqa: S105 - the name of a kind
    PERSONAL_DATA = "personal_data"
    SPECULATION = "speculation"
    VAGUE_PROMISE = "vague_promise"
    BLAME = "blame"
    ABSOLUTE = "absolute"
    JARGON = "jargon"
    UNBACKED = "unbacked"


LEAKS: Final = frozenset({Kind.SECRET, Kind.PERSONAL_DATA, Kind.INTERNAL_ID, Kind.OTHER_CUSTOMER, Kind.INTERNAL_NAME})


@dataclass(frozen=True, slots=True)
class Finding:
    """`text[start:end]` is `quote`. `why` and `suggestion` are sentences for the person who writes the reply."""

    kind: Kind
    start: int
    end: int
    quote: str
    why: str
    suggestion: str

    @property
    def is_leak(self) -> bool:
        """Whether the reply may not go out before this is resolved or overridden with a reason."""
        return self.kind in LEAKS


@dataclass(frozen=True, slots=True)
class Hit:
    """A finding before its offsets are those of the text as written: `start` and `end` count folded characters."""

    kind: Kind
    start: int
    end: int
    why: str
    suggestion: str
