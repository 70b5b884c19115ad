"""A person's shifts as people speak of them: "my week", also where its hours are restricted to parts of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from escalations.oncall.rotations import Plan
from escalations.oncall.schedule import Layer, Shift


@dataclass(frozen=True, slots=True)
class Turn:
    """The times in which `person` holds the seat in one turn, in order and apart."""

    seat: str
    person: str
    pieces: tuple[tuple[datetime, datetime], ...]

    @property
    def begin(self) -> datetime:
        return self.pieces[0][0]

    @property
    def end(self) -> datetime:
        return self.pieces[-1][1]


def turns(plan: Plan, begin: datetime, end: datetime, *, person: str = "", layers_only: bool = False) -> list[Turn]:
    """Of `person`, or of everybody, in order. What an override or a calendar gives is a turn of its own.

    No instant is in two turns of a seat.
    """
    found: list[Turn] = []
    for seat in plan.seats:
        pieces = plan.pieces(seat.key, begin, end, layers_only=layers_only)
        found += _of_seat(plan, seat.key, [one for one in pieces if one.person])
    return sorted(
        (one for one in found if not person or one.person == person), key=lambda one: (one.begin, one.seat, one.person)
    )


def _of_seat(plan: Plan, seat: str, held: list[Shift]) -> Iterator[Turn]:
    if not held:
        return
    windows: dict[tuple[str, str], list[tuple[datetime, datetime]]] = {}
    for opens, closes, person, source in sorted(set(_windows(plan, seat, held[0].begin, held[-1].end))):
        windows.setdefault((person, source), []).append((opens, closes))
    by_window: dict[tuple[str, str, datetime], list[tuple[datetime, datetime]]] = {}
    alone: list[tuple[datetime, datetime, str]] = []  # of overrides and calendars
    for one in held:
        near = windows.get((one.person, one.source))
        if near is None:
            if alone and alone[-1][1:] == (one.begin, one.person):
                alone[-1] = alone[-1][0], one.end, one.person
            else:
                alone.append((one.begin, one.end, one.person))
        for opens, closes in near or ():
            low, high = max(one.begin, opens), min(one.end, closes)
            if low < high:
                by_window.setdefault((one.person, one.source, opens), []).append((low, high))
    yield from (Turn(seat, person, ((begin, end),)) for begin, end, person in alone)
    yield from (Turn(seat, person, tuple(pieces)) for (person, _, _), pieces in by_window.items())


def _windows(plan: Plan, seat: str, begin: datetime, end: datetime) -> Iterator[tuple[datetime, datetime, str, str]]:
    """(handover, next handover, person, "layer 1") of every layer in force."""
    changes = {one.in_force_from for one in plan.versions if begin < one.in_force_from < end}
    for low, high in pairwise(sorted({begin, end} | changes)):
        version = plan.version_at(low)
        chosen = next((one for one in version.seats if one.key == seat), None) if version is not None else None
        for place, layer in enumerate(chosen.layers if chosen is not None else (), 1):
            if isinstance(layer, Layer) and layer.people:
                number = max(0, layer.turn_at(low))
                while layer.turn_begins(number) < high:
                    person = layer.people[number % len(layer.people)]
                    yield layer.turn_begins(number), layer.turn_begins(number + 1), person, f"layer {place}"
                    number += 1
