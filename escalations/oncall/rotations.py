"""From the database to the final schedule: `load` reads rotations whole, a `Plan` answers who holds which seat when.

In schedules a person is the text of their id. Who may not sign in any more holds nothing from now on: that is a gap.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final
from zoneinfo import ZoneInfo

from altor.models import User
from escalations.clocks.format import WorkHours
from escalations.clocks.hours import Hours
from escalations.models import ImportedCalendar, Rotation, RotationOverride, RotationVersion
from escalations.oncall.format import ids_in
from escalations.oncall.schedule import Layer, Override, Planned, Seat, Shift, Unit

#: How far ahead gaps, double bookings and shares are looked for.
AHEAD: Final = timedelta(weeks=8)
_LOOK: Final = timedelta(days=15)
#: A shift goes on over this many fortnights at most, as far as its end is told.
_LONGEST: Final = 13


@dataclass(frozen=True, slots=True)
class SeatPlan:
    """A seat as one version has it."""

    key: str
    name: str
    layers: tuple[Layer | Planned, ...]
    covers: Hours | None = None  # None: always


@dataclass(frozen=True, slots=True)
class VersionPlan:
    number: int
    in_force_from: datetime
    seats: tuple[SeatPlan, ...]
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """One rotation with all that decides who holds its seats, as it was at `read_at`."""

    rotation: Rotation
    versions: tuple[VersionPlan, ...]  # by number
    overrides: Mapping[str, tuple[Override, ...]]  # by seat, the one that was given last at the end
    people: Mapping[int, User]
    read_at: datetime
    calendars: Mapping[str, ImportedCalendar] = field(default_factory=dict)

    @property
    def newest(self) -> VersionPlan:
        return self.versions[-1]

    @property
    def seats(self) -> tuple[SeatPlan, ...]:
        return self.newest.seats

    def seat_name(self, key: str) -> str:
        for version in reversed(self.versions):
            for seat in version.seats:
                if seat.key == key:
                    return seat.name
        return key

    def person(self, who: str) -> User | None:
        return self.people.get(int(who)) if who else None

    def version_at(self, at: datetime) -> VersionPlan | None:
        return next((one for one in reversed(self.versions) if one.in_force_from <= at), None)

    def shifts(self, seat: str, begin: datetime, end: datetime, *, layers_only: bool = False) -> list[Shift]:
        """The seat's final schedule, gaps included. Where a version had no such seat there is nothing at all.

        `layers_only` leaves overrides out.
        """
        return _joined(self.pieces(seat, begin, end, layers_only=layers_only))

    def pieces(self, seat: str, begin: datetime, end: datetime, *, layers_only: bool = False) -> list[Shift]:
        """As `shifts`, apart where another layer, override or version begins."""
        found: list[Shift] = []
        overrides = () if layers_only else self.overrides.get(seat, ())
        near = tuple(one for one in overrides if one.end > begin and one.begin < end)
        for low, high in pairwise(sorted({begin, end} | self._changes(begin, end))):
            version = self.version_at(low)
            plan = next((one for one in version.seats if one.key == seat), None) if version is not None else None
            if plan is not None:
                found += Seat(plan.name, plan.layers, near).shifts(low, high)
        return list(self._without_absent(found))

    def _changes(self, begin: datetime, end: datetime) -> set[datetime]:
        return {one.in_force_from for one in self.versions if begin < one.in_force_from < end}

    def _without_absent(self, shifts: Iterable[Shift]) -> Iterator[Shift]:
        for one in shifts:
            person = self.person(one.person)
            if not one.person or (person is not None and person.is_active) or one.end <= self.read_at:
                yield one
                continue
            if one.begin < self.read_at:
                yield Shift(one.begin, self.read_at, one.person, one.source)
            yield Shift(max(one.begin, self.read_at), one.end, "", "absent")

    def gaps(self, seat: str, begin: datetime, end: datetime) -> list[Shift]:
        """When nobody is on call although somebody should be: outside of a seat's covered hours nobody is missed."""
        covers = next((one.covers for one in self.seats if one.key == seat), None)
        empty = [one for one in self.shifts(seat, begin, end) if not one.person]
        if covers is None:
            return empty
        return [
            Shift(since, until, "", one.source)
            for one in empty
            for since, until in covers.open_between(one.begin, one.end)
        ]

    def at(self, seat: str, now: datetime) -> Shift | None:
        """Who holds the seat, from the shift's real beginning to its end (at most half a year to either side)."""
        found = next((one for one in self.shifts(seat, now - _LOOK, now + _LOOK) if one.begin <= now < one.end), None)
        if found is None:
            return None
        begin, end = found.begin, found.end
        for n in range(1, _LONGEST):
            if end < now + n * _LOOK:
                break
            more = self.shifts(seat, now + n * _LOOK, now + (n + 1) * _LOOK)
            if not more or more[0].person != found.person:
                break
            end = more[0].end
        for n in range(1, _LONGEST):
            if begin > now - n * _LOOK:
                break
            more = self.shifts(seat, now - (n + 1) * _LOOK, now - n * _LOOK)
            if not more or more[-1].person != found.person:
                break
            begin = more[-1].begin
        return Shift(begin, end, found.person, found.source)

    def next_change(self, seat: str, shift: Shift) -> Shift | None:
        """The shift after `shift`; None when nothing changes within two months."""
        later = [one for one in self.shifts(seat, shift.end, shift.end + AHEAD) if one.person != shift.person]
        return later[0] if later else None


def _joined(shifts: Iterable[Shift]) -> list[Shift]:
    """Neighbours of one person as one shift, whatever put them there."""
    found: list[Shift] = []
    for one in shifts:
        last = found[-1] if found else None
        if last is not None and last.end == one.begin and last.person == one.person:
            source = last.source if last.source == one.source else ""
            found[-1] = Shift(last.begin, one.end, one.person, source)
        else:
            found.append(one)
    return found


def load(rotations: Iterable[Rotation], *, now: datetime) -> list[Plan]:
    """Rotations with everything, in five queries however many there are. One without a version is left out."""
    rows = {one.pk: one for one in rotations}
    if not rows:
        return []
    versions: dict[int, list[RotationVersion]] = {}
    for version in RotationVersion.objects.filter(rotation__in=rows).order_by("number"):
        versions.setdefault(version.rotation_id, []).append(version)
    overrides: dict[int, list[RotationOverride]] = {}
    for override in RotationOverride.objects.counting().filter(rotation__in=rows).order_by("pk"):
        overrides.setdefault(override.rotation_id, []).append(override)
    calendars: dict[int, dict[str, ImportedCalendar]] = {}
    for calendar in ImportedCalendar.objects.filter(rotation__in=rows):
        calendars.setdefault(calendar.rotation_id, {})[calendar.key] = calendar
    wanted = {pk for many in versions.values() for one in many for pk in ids_in(one.document)}
    wanted |= {pk for many in overrides.values() for one in many for pk in (one.person_id, one.instead_of_id) if pk}
    wanted |= {row[2] for many in calendars.values() for one in many.values() for row in one.spans if row[2]}
    people = User.objects.in_bulk(wanted)
    return [
        plan_of(rotation, versions[pk], overrides.get(pk, ()), people, now=now, calendars=calendars.get(pk, {}))
        for pk, rotation in rows.items()
        if pk in versions
    ]


def load_one(rotation: Rotation, *, now: datetime) -> Plan:
    """Of a rotation that has a version, as each has that a service made."""
    return load([rotation], now=now)[0]


def plan_of(
    rotation: Rotation, versions: Sequence[RotationVersion], overrides: Iterable[RotationOverride],
    people: Mapping[int, User], *, now: datetime, calendars: Mapping[str, ImportedCalendar],
) -> Plan:  # fmt: skip
    by_seat: dict[str, list[Override]] = {}
    for one in overrides:
        instead = str(one.instead_of_id) if one.instead_of_id else ""
        by_seat.setdefault(one.seat, []).append(
            Override(one.begins_at, one.counts_until, str(one.person_id), instead)
        )  # fmt: skip
    read = tuple(
        VersionPlan(one.number, one.in_force_from, seats_of(one.document, calendars), one.document) for one in versions
    )
    return Plan(
        rotation, read, {seat: tuple(many) for seat, many in by_seat.items()}, people, now, calendars
    )  # fmt: skip


def seats_of(document: Mapping[str, Any], calendars: Mapping[str, ImportedCalendar]) -> tuple[SeatPlan, ...]:
    zone = document.get("zone", "UTC")
    return tuple(
        SeatPlan(
            seat["key"],
            seat["name"],
            tuple(
                _planned(calendars.get(layer["calendar"])) if layer.get("calendar") else _layer(layer, zone)
                for layer in seat.get("layers", [])
            ),
            _hours(seat.get("covers"), zone),
        )
        for seat in document["seats"]
    )


def _hours(written: Mapping[str, Any] | None, zone: str) -> Hours | None:
    return WorkHours.model_validate({"zone": zone, **written}).hours() if written else None


def _layer(layer: Mapping[str, Any], zone: str) -> Layer:
    own = layer.get("zone") or zone
    return Layer(
        tuple(str(pk) for pk in layer.get("people", [])),
        datetime.fromisoformat(layer["begins"]),
        ZoneInfo(own),
        layer.get("every", 1),
        Unit(layer.get("unit", "week")),
        _hours(layer.get("hours"), own),
    )


def _planned(calendar: ImportedCalendar | None) -> Planned:
    """Shifts that nobody here is known for are gaps; lower layers fill them."""
    return Planned(tuple(spans_of(calendar)) if calendar is not None else ())


def spans_of(calendar: ImportedCalendar) -> Iterator[tuple[datetime, datetime, str]]:
    for begin, end, who, _name in calendar.spans:
        if who:
            yield datetime.fromisoformat(begin), datetime.fromisoformat(end), str(who)
