"""Open hours: when a clock runs. An instant is open when the zone's wall clock shows a time within the day's spans."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from escalations.clocks.holidays import of_year
from escalations.clocks.zones import stretches

#: Seconds from local midnight: from (included) to (excluded), within 0 and 86,400.
Span = tuple[int, int]
DAY_S: Final = 86_400
_WHOLE: Final = ((0, DAY_S),)
_LOOK: Final = timedelta(days=28)
#: Hours that open at least once a week have passed any target by then.
_LONGEST: Final = timedelta(days=366 * 30)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Hours:
    """`week` holds the spans of Monday to Sunday, in order and apart; `days` those of single dates, before holidays
    of `region` (closed all day) and the week. ValueError when no day of the week opens or spans are out of order.

    Twice-shown times (a clock put back) are open both times, skipped ones never.
    """

    zone: ZoneInfo
    week: tuple[tuple[Span, ...], ...]
    days: Mapping[date, tuple[Span, ...]] = field(default_factory=dict)
    region: str = ""

    def __post_init__(self) -> None:
        if len(self.week) != 7 or not any(self.week):
            raise ValueError("at least one day of the week has open hours")
        for spans in (*self.week, *self.days.values()):
            ends = [0, *(edge for span in spans for edge in span), DAY_S]
            if sorted(ends) != ends or any(begin == end for begin, end in spans):
                raise ValueError("the hours of a day follow each other and do not overlap")

    @property
    def is_always(self) -> bool:
        return all(spans == _WHOLE for spans in self.week) and not self.days and not self.region

    def of_day(self, day: date) -> tuple[Span, ...]:
        """Spans of a local date."""
        if (own := self.days.get(day)) is not None:
            return own
        return () if day in of_year(self.region, day.year) else self.week[day.weekday()]

    def is_open(self, at: datetime) -> bool:
        local = at.astimezone(self.zone)
        second = local.hour * 3600 + local.minute * 60 + local.second
        return any(begin <= second < end for begin, end in self.of_day(local.date()))

    def open_between(self, begin: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The open times from `begin` to `end` in UTC, in order, as long as they can be."""
        begin, end = _utc(begin), _utc(end)
        if begin >= end:
            return
        if self.is_always:
            yield begin, end
            return
        last: tuple[datetime, datetime] | None = None
        for opens, closes in self._pieces(begin, end):
            if last is not None and last[1] == opens:
                last = last[0], closes
                continue
            if last is not None:
                yield last
            last = opens, closes
        if last is not None:
            yield last

    def open_time(self, begin: datetime, end: datetime) -> timedelta:
        """How much of the time from `begin` to `end` is open; zero when `end` is before."""
        return sum((closes - opens for opens, closes in self.open_between(begin, end)), timedelta())

    def add(self, begin: datetime, amount: timedelta) -> datetime:
        """The first instant at which `amount` of open time has passed since `begin`.

        ValueError for an amount below zero, OverflowError when it would be more than thirty years away.
        """
        if amount < timedelta():
            raise ValueError("open time can only be added")
        at, left = _utc(begin), amount
        until = at + _LONGEST
        while left > timedelta():
            if at >= until:
                raise OverflowError("these hours never have so much open time")
            for opens, closes in self.open_between(at, at + _LOOK):
                if closes - opens >= left:
                    return opens + left
                left -= closes - opens
            at += _LOOK
        return at

    def _pieces(self, begin: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        for low, high, offset in stretches(self.zone, begin, end):
            # Within a stretch the wall clock is UTC moved by the offset.
            day = (low + offset).date()
            while (midnight := datetime(day.year, day.month, day.day, tzinfo=UTC) - offset) < high:
                for first, last in self.of_day(day):
                    opens = max(low, midnight + timedelta(seconds=first))
                    closes = min(high, midnight + timedelta(seconds=last))
                    if opens < closes:
                        yield opens, closes
                day += _DAY


ALWAYS: Final = Hours(ZoneInfo("UTC"), (_WHOLE,) * 7)


def _utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("times need a zone")
    return at.astimezone(UTC)
