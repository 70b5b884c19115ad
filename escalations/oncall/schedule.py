"""The final schedule of a seat: its layers one above the other, and overrides above them all.

A seat (primary, secondary) holds exactly one person at a time. Where nothing applies there is a gap, which is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from escalations.clocks.hours import Hours
from escalations.clocks.zones import instant

_NOTHING: Final = timedelta()


class Unit(StrEnum):
    HOUR = "hour"  # of real time
    DAY = "day"  # from wall clock to wall clock: 23 or 25 hours where clocks change
    WEEK = "week"


@dataclass(frozen=True, slots=True)
class Layer:
    """`people` take turns of `every` units from `begins` on, the first of them first. Before that it applies to nobody.

    `begins` is a time of the wall clock of `zone` (without a zone); each handover is at its time of day. Within `hours`
    only, where given. ValueError for turns of no length.
    """

    people: tuple[str, ...]
    begins: datetime
    zone: ZoneInfo
    every: int = 1
    unit: Unit = Unit.WEEK
    hours: Hours | None = None

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError("a turn lasts at least one unit")
        if self.begins.tzinfo is not None:
            raise ValueError("a layer begins at a time of the wall clock of its zone")

    def turn_begins(self, number: int) -> datetime:
        """The handover to the turn with that number from 0, in UTC."""
        length = number * self.every
        if self.unit is Unit.HOUR:
            return instant(self.zone, self.begins) + timedelta(hours=length)
        days = length * (7 if self.unit is Unit.WEEK else 1)
        return instant(self.zone, self.begins + timedelta(days=days))

    def turn_at(self, at: datetime) -> int:
        """The number of the turn that holds `at`; below 0 before the first."""
        rough = {Unit.HOUR: 1, Unit.DAY: 24, Unit.WEEK: 168}[self.unit] * self.every
        number = (at - self.turn_begins(0)) // timedelta(hours=rough)
        while self.turn_begins(number) > at:
            number -= 1
        while self.turn_begins(number + 1) <= at:
            number += 1
        return number

    def shifts(self, begin: datetime, end: datetime) -> Iterator[tuple[datetime, datetime, str]]:
        """(from, to, person) in order and apart, within `begin` and `end`."""
        if not self.people or begin >= end:
            return
        number = max(0, self.turn_at(begin))
        while (opens := self.turn_begins(number)) < end:
            low, high = max(opens, begin), min(self.turn_begins(number + 1), end)
            person = self.people[number % len(self.people)]
            if low < high:
                spans = self.hours.open_between(low, high) if self.hours else [(low, high)]
                yield from ((since, until, person) for since, until in spans)
            number += 1


@dataclass(frozen=True, slots=True)
class Planned:
    """Shifts that were written down elsewhere, such as in a calendar: (from, to, person), in order and apart."""

    spans: tuple[tuple[datetime, datetime, str], ...]

    def shifts(self, begin: datetime, end: datetime) -> Iterator[tuple[datetime, datetime, str]]:
        for since, until, person in self.spans:
            if until > begin and since < end:
                yield max(since, begin), min(until, end), person


@dataclass(frozen=True, slots=True)
class Override:
    """`person` instead of whoever it would be; with `instead_of` only where that one would hold the seat. A swap is two
    of the latter.
    """

    begin: datetime
    end: datetime
    person: str
    instead_of: str = ""


@dataclass(frozen=True, slots=True)
class Shift:
    """`person` "" is a gap. `source` tells what put it there: "override", "layer 1" from the top, or ""."""

    begin: datetime
    end: datetime
    person: str
    source: str = ""

    @property
    def length(self) -> timedelta:
        return self.end - self.begin


@dataclass(frozen=True, slots=True)
class Seat:
    """`layers` from the top down: the first that applies wins. Of overrides at the same time the last given wins."""

    name: str
    layers: tuple[Layer | Planned, ...]
    overrides: tuple[Override, ...] = ()

    def shifts(self, begin: datetime, end: datetime) -> list[Shift]:
        """The final schedule: every instant from `begin` to `end` once, gaps included, as long as they can be."""
        begin, end = begin.astimezone(UTC), end.astimezone(UTC)
        sheets: list[tuple[str, list[tuple[datetime, datetime, str]]]] = [
            ("override", [_clipped(one, begin, end)]) for one in reversed(self.overrides)
        ]
        sheets += [(f"layer {number}", list(layer.shifts(begin, end))) for number, layer in enumerate(self.layers, 1)]
        cuts = {begin, end} | {
            edge for _, sheet in sheets for low, high, _ in sheet if low < high for edge in (low, high)
        }
        found: list[Shift] = []
        places = [0] * len(sheets)
        instead = {number: one.instead_of for number, one in enumerate(reversed(self.overrides)) if one.instead_of}
        for low, high in pairwise(sorted(cuts)):
            person, source = _topmost(sheets, places, low, instead)
            if found and (found[-1].person, found[-1].source) == (person, source):
                found[-1] = Shift(found[-1].begin, high, person, source)
            else:
                found.append(Shift(low, high, person, source))
        return found

    def at(self, instant_: datetime) -> Shift:
        """Who holds the seat; the shift's times reach at most a fortnight to either side."""
        around = timedelta(days=14)
        return next(one for one in self.shifts(instant_ - around, instant_ + around) if one.begin <= instant_ < one.end)


def _clipped(one: Override, begin: datetime, end: datetime) -> tuple[datetime, datetime, str]:
    return max(one.begin.astimezone(UTC), begin), min(one.end.astimezone(UTC), end), one.person


def _topmost(
    sheets: Sequence[tuple[str, Sequence[tuple[datetime, datetime, str]]]],
    places: list[int],
    at: datetime,
    instead: Mapping[int, str],
) -> tuple[str, str]:
    """(person, source) of the sheets from the top down. `instead`: number of a sheet -> whom alone it stands in for."""
    conditional: list[tuple[str, str]] = []  # (stands in, for whom) of the sheets above, from the top down
    found = "", ""
    for number, (source, sheet) in enumerate(sheets):
        while places[number] < len(sheet) and sheet[places[number]][1] <= at:
            places[number] += 1
        if places[number] < len(sheet) and sheet[places[number]][0] <= at:
            person = sheet[places[number]][2]
            if number not in instead:
                found = person, source
                break
            conditional.append((person, instead[number]))
    for person, absent in reversed(conditional):
        if found[0] == absent:
            found = person, "override"
    return found


def gaps(seats: Sequence[Seat], begin: datetime, end: datetime) -> list[tuple[str, Shift]]:
    """(seat, time) in which a seat is empty."""
    return [(seat.name, one) for seat in seats for one in seat.shifts(begin, end) if not one.person]


def double_bookings(seats: Sequence[Seat], begin: datetime, end: datetime) -> list[tuple[str, str, Shift]]:
    """(seat, other seat, time) in which one person holds two seats."""
    found: list[tuple[str, str, Shift]] = []
    sheets = [(seat.name, seat.shifts(begin, end)) for seat in seats]
    for number, (name, shifts) in enumerate(sheets):
        for other, others in sheets[number + 1 :]:
            for one, two in _meeting(shifts, others):
                if one.person and one.person == two.person:
                    found.append((name, other, Shift(max(one.begin, two.begin), min(one.end, two.end), one.person)))
    return found


def _meeting(ones: Sequence[Shift], twos: Sequence[Shift]) -> Iterator[tuple[Shift, Shift]]:
    at = 0
    for one in ones:
        while at < len(twos) and twos[at].end <= one.begin:
            at += 1
        ahead = at
        while ahead < len(twos) and twos[ahead].begin < one.end:
            yield one, twos[ahead]
            ahead += 1


@dataclass(frozen=True, slots=True)
class Share:
    """What a person carries: plain time, and how much of it lies outside `working` hours."""

    total: timedelta
    unsocial: timedelta


def shares(seats: Sequence[Seat], begin: datetime, end: datetime, *, working: Hours) -> Mapping[str, Share]:
    """By person, in the order of their time on call, longest first."""
    totals: dict[str, tuple[timedelta, timedelta]] = {}
    for seat in seats:
        for one in seat.shifts(begin, end):
            if one.person:
                total, unsocial = totals.get(one.person, (_NOTHING, _NOTHING))
                outside = one.length - working.open_time(one.begin, one.end)
                totals[one.person] = total + one.length, unsocial + outside
    return {person: Share(*times) for person, times in sorted(totals.items(), key=lambda item: (-item[1][0], item[0]))}
