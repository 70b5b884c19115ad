"""What a file of another system offers for one entry, and what became of all of them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

#: Bytes of one file, and entries of one import: far above any help centre, far below this machine's memory.
MOST_BYTES: Final = 100_000_000
MOST_ENTRIES: Final = 50_000
_NAMESPACE: Final = uuid.UUID("5f0a3c52-9f0e-5d1b-9a57-0b1e6f7d4c21")


@dataclass(frozen=True, slots=True)
class Offered:
    """`name` tells people which one (file and id). Fields that `content` leaves out are left as they are.

    `confidence`: which it wants, or empty: by its words. `seen`: the version it was exported with, so that words which
    a person wrote here until then may be replaced. `problems`: what was not understood of it.
    """

    name: str
    uid: uuid.UUID
    content: Mapping[str, Any]
    came_from: str
    confidence: str = ""
    url: str = ""
    number: int | None = None
    seen: int | None = None
    problems: Sequence[str] = ()
    #: What is worth saying, but was understood.
    remarks: Sequence[str] = ()


@dataclass(slots=True)
class Reading:
    """What was found in files: `problems` and `skipped` are (which one, why)."""

    offered: list[Offered] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)


def uid_of(source: str, id_: str) -> uuid.UUID:
    """Always the same for the same thing of the same source."""
    # JSON may hold halves of characters, which no encoding knows.
    return uuid.uuid5(_NAMESPACE, f"{source}:{id_}".encode("utf-8", "backslashreplace").decode())
