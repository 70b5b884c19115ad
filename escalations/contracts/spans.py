"""Lengths of time as people write them in a contract: `15 min`, `4 h`, `1 h 30 min`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_PART: Final = re.compile(r"(\d{1,5})\s*(min|minutes?|m|h|hours?)")
_WHOLE: Final = re.compile(rf"\s*(?:{_PART.pattern}\s*)+")
#: No window of a contract is longer.
LONGEST: Final = timedelta(days=90)


def span_of(value: Any) -> timedelta:
    """`1 h 30 min`; ValueError for anything else, for nothing at all and for more than 90 days.

    There are no days: a day of open hours is not 24 of them.
    """
    if isinstance(value, timedelta):
        return value
    text = str(value).strip().lower()
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"{value!r} is no length of time: write it like 15 min, 4 h or 1 h 30 min")
    minutes = sum(int(number) * (60 if unit.startswith("h") else 1) for number, unit in _PART.findall(text))
    found = timedelta(minutes=minutes)
    if not timedelta() < found <= LONGEST:
        raise ValueError(f"{value!r}: more than nothing, and at most {LONGEST.days} days of 24 h")
    return found


def said(span: timedelta) -> str:
    """As it is written in a file and read by people: whole minutes."""
    hours, minutes = divmod(round(span.total_seconds() / 60), 60)
    return " ".join(part for part in (f"{hours} h" if hours else "", f"{minutes} min" if minutes else "") if part)


TimeSpan = Annotated[
    timedelta,
    BeforeValidator(span_of),
    PlainSerializer(said, return_type=str),
    WithJsonSchema({"type": "string", "description": "A length of time: 15 min, 4 h, 1 h 30 min"}),
]
