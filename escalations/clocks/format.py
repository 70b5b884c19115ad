"""How hours are written in a file: `always`, or a week with single dates and public holidays in a zone.

zone: Europe/Berlin
week: {mon-fri: 09:00-17:00, sat: [10:00-12:00, 13:00-14:00]}
holidays: DE-BE
days: {2026-12-24: 09:00-12:00, 2026-12-31: closed}
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, field_validator, model_validator

from escalations.clocks.holidays import known
from escalations.clocks.hours import ALWAYS, DAY_S, Hours, Span
from investigations.playbooks.messages import nearest
from investigations.playbooks.parts import Part

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN: Final = re.compile(r"(\d\d?):(\d\d)\s*[-–]\s*(\d\d?):(\d\d)")
_CLOSED, _ALL_DAY = "closed", "all day"


@lru_cache(maxsize=1)
def known_zones() -> frozenset[str]:
    """Names of the IANA database. Reading its folders takes ten milliseconds."""
    return frozenset(available_timezones())


def spans_of(value: Any) -> tuple[Span, ...]:
    """`09:00-17:00`, a list of such, `all day` or `closed`. Those that pass midnight end above 86,400."""
    found: list[Span] = []
    for text in value if isinstance(value, (list, tuple)) else [value]:
        if isinstance(text, tuple):  # read before
            found.append(text)
            continue
        words = str(text).strip()
        if words.lower() == _ALL_DAY:
            found.append((0, DAY_S))
        elif words.lower() != _CLOSED:
            found.append(_span(words))
    found.sort()
    if any(first[1] > second[0] for first, second in pairwise(found)):
        raise ValueError("hours of one day overlap")
    return tuple(found)


def _span(text: str) -> Span:
    match = _SPAN.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no span of hours: write it like 09:00-17:00")
    first, last = (int(hour) * 60 + int(minute) for hour, minute in (match.groups()[:2], match.groups()[2:]))
    if first >= 1440 or last > 1440 or int(match[2]) > 59 or int(match[4]) > 59:
        raise ValueError(f"{text!r} is no time of day: from 00:00 to 24:00")
    if first == last:
        raise ValueError(f"{text!r} is no time at all; write 'all day' for 00:00-24:00")
    return first * 60, (last if last > first else last + 1440) * 60


def written(spans: tuple[Span, ...]) -> str | list[str]:
    """As a file has it; what `spans_of` reads back."""
    said = [_ALL_DAY if (first, last) == (0, DAY_S) else f"{_time(first)}-{_time(last)}" for first, last in spans]
    return said[0] if len(said) == 1 else said or _CLOSED


def _time(second: int) -> str:
    hour, minute = divmod(second // 60, 60)
    return f"{hour if second <= DAY_S else hour - 24:02d}:{minute:02d}"


Spans = Annotated[
    tuple[Span, ...],
    BeforeValidator(spans_of),
    PlainSerializer(written, return_type=str | list[str], when_used="json"),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


class WorkHours(Part):
    """Hours with a week; see the module's text for how it is written."""

    zone: str = Field("UTC", description="A zone of the IANA database, such as Europe/Berlin.")
    week: dict[str, Spans] = Field(
        description="Days (mon, mon-fri, sat,sun) and their hours; days not named are closed."
    )
    holidays: str = Field("", description="Country, or country and part, whose public holidays are closed: DE, DE-BE.")
    days: dict[date, Spans] = Field(default_factory=dict, description="Single dates; they come before all else.")

    @field_validator("zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        if value not in known_zones():
            raise ValueError(f"no zone {value!r}{nearest(value, known_zones())}")
        return value

    @field_validator("holidays")
    @classmethod
    def _holidays(cls, value: str) -> str:
        if value and not known(value):
            raise ValueError(
                f"no holidays are known for {value!r}: write a country, or country and part, like DE or DE-BE"
            )
        return value

    @field_validator("days")
    @classmethod
    def _days(cls, value: dict[date, tuple[Span, ...]]) -> dict[date, tuple[Span, ...]]:
        for day, spans in value.items():
            if any(last > DAY_S for _, last in spans):
                raise ValueError(f"{day}: hours of a single date end by 24:00; give the next date its own")
        return value

    @model_validator(mode="after")
    def _opens(self) -> Self:
        self.hours()
        return self

    def hours(self) -> Hours:
        week: list[list[Span]] = [[] for _ in DAYS]
        for name, spans in self.week.items():
            for day in _days_of(name):
                if week[day]:
                    raise ValueError(f"{DAYS[day]} is named twice")
                week[day] = [*spans]
        return Hours(ZoneInfo(self.zone), tuple(map(tuple, _within_days(week))), dict(self.days), self.holidays)


#: What a contract may say: a calendar of its own, or round the clock.
AnyHours = Literal["always"] | WorkHours


def hours_of(written: AnyHours) -> Hours:
    return ALWAYS if written == "always" else written.hours()


def _days_of(name: str) -> Iterator[int]:
    for part in name.lower().split(","):
        first, dash, last = (word.strip()[:3] for word in part.partition("-"))
        if first not in DAYS or (dash and last not in DAYS):
            wrong = first if first not in DAYS else last
            raise ValueError(f"no day {wrong!r}: write mon, tue, wed, thu, fri, sat, sun, or mon-fri")
        at, end = DAYS.index(first), DAYS.index(last if dash else first)
        yield at
        while at != end:
            at = (at + 1) % 7
            yield at


def _within_days(week: list[list[Span]]) -> Iterator[list[Span]]:
    """Each day's hours; what passes midnight goes on in the next day."""
    carried: Mapping[int, list[Span]] = {
        (day + 1) % 7: [(0, last - DAY_S) for _, last in spans if last > DAY_S] for day, spans in enumerate(week)
    }
    for day, spans in enumerate(week):
        own = [(first, min(last, DAY_S)) for first, last in spans]
        joined = sorted([*carried[day], *own])
        if any(one[1] > other[0] for one, other in pairwise(joined)):
            raise ValueError(f"hours of {DAYS[day]} overlap those that go on from the day before")
        yield joined
