"""All that a ticket's text claims, each with the words it was read from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from investigations.intake.amounts import find_amounts
from investigations.intake.endpoints import Found, find_endpoints
from investigations.intake.identifiers import find_error_codes, find_object_ids, find_request_ids
from investigations.intake.time_parts import TIME_WORDS
from investigations.intake.times import claimed_times
from investigations.intake.typos import Lexicon, corrected

#: So much text is read; logs pasted below that are stored and not searched.
READ_AT_MOST: Final = 30_000
_PER_KIND: Final = 10
_QUOTE: Final = 300
_TIME_LEXICON: Final = Lexicon(TIME_WORDS)
_FINDERS: Final[tuple[tuple[str, Callable[[str], Iterator[Found]]], ...]] = (
    ("endpoint", find_endpoints),
    ("request_id", find_request_ids),
    ("error_code", find_error_codes),
    ("amount", find_amounts),
    ("object_id", find_object_ids),
)


@dataclass(frozen=True, slots=True)
class Claim:
    """`kind` is one of TicketClaim.Kind; `value` its normal form (times: ISO 8601 UTC); `quote` the words."""

    kind: str
    value: str
    quote: str
    precision_s: int | None = None
    origin: str = "text"


def extract_claims(subject: str, description: str, *, written_at: datetime, zone: tzinfo | None = None) -> list[Claim]:
    """Claims of a ticket, no value twice. `written_at` is aware; `zone` is the customer's, None = unknown (read as UTC)."""
    text = f"{subject}\n\n{description}"[:READ_AT_MOST]
    claims: list[Claim] = []
    for kind, find in _FINDERS:
        claims += _distinct(kind, find(text), text)
    words = corrected(text, _TIME_LEXICON)
    for time in claimed_times(words, written_at=written_at, zone=zone or ZoneInfo("UTC"), zone_known=zone is not None):
        claims.append(Claim(time.role, time.at.strftime("%Y-%m-%dT%H:%M:%SZ"), time.quote[:_QUOTE], time.precision_s))
    return claims


def _distinct(kind: str, found: Iterator[Found], text: str) -> list[Claim]:
    """The first of each value. An endpoint with its method replaces the bare path."""
    claims: dict[str, Claim] = {}
    for one in found:
        if 0 < len(one.value) <= _QUOTE and one.value not in claims:
            claims[one.value] = Claim(kind, one.value, text[one.start : one.end].strip()[:_QUOTE])
        if len(claims) > _PER_KIND * 4:
            break
    if kind == "endpoint":
        spoken = {value.partition(" ")[2] for value in claims if " " in value}
        return [claim for value, claim in claims.items() if " " in value or value not in spoken][:_PER_KIND]
    return list(claims.values())[:_PER_KIND]
