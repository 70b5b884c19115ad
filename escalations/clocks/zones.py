"""Stretches of time in which a zone's wall clock runs evenly, so that sums over daylight saving are exact."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

#: No zone has ever changed twice within this.
_STEP: Final = timedelta(hours=12)
_SECOND: Final = timedelta(seconds=1)


def stretches(zone: ZoneInfo, begin: datetime, end: datetime) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """(from, to, offset from UTC) in UTC, without a gap from `begin` to `end`; nothing where no time is between."""
    if begin >= end:
        return
    at, offset = begin, _offset(zone, begin)
    for year in range(begin.year, end.year + 1):
        for change, after in _changes(zone, year):
            if begin < change < end:
                yield at, change, offset
                at, offset = change, after
    yield at, end, offset


@lru_cache(maxsize=1024)
def _changes(zone: ZoneInfo, year: int) -> tuple[tuple[datetime, timedelta], ...]:
    """(instant, offset from then on) of all changes in a year of UTC."""
    found = []
    at, last = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    while at < last:
        after = min(at + _STEP, last)
        if _offset(zone, at) != _offset(zone, after):
            change = _between(zone, at, after)
            found.append((change, _offset(zone, change)))
        at = after
    return tuple(found)


def _between(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The first second of the new offset; the offset at `low` is the old one and at `high` the new."""
    old = _offset(zone, low)
    while high - low > _SECOND:
        middle = low + timedelta(seconds=(high - low) // _SECOND // 2)
        low, high = (middle, high) if _offset(zone, middle) == old else (low, middle)
    return high


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()


def instant(zone: ZoneInfo, wall: datetime) -> datetime:
    """The instant at which the zone's wall clock shows `wall` (without a zone) first, in UTC.

    A time that is skipped is the instant of the change: a shift that begins at 02:30 begins when 02:00 becomes 03:00.
    """
    at = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None) == wall:
        return at
    return max(change for year in (at.year - 1, at.year) for change, _ in _changes(zone, year) if change <= at)
