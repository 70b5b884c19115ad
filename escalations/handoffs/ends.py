"""Where shifts end, and who comes after whom: also over the hours in which nobody is on call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from altor.models import Team, User
from escalations.models import Rotation
from escalations.oncall.now import plans
from escalations.oncall.rotations import Plan
from escalations.oncall.schedule import Shift

#: A shift that began longer ago is cut here; it ends as it does.
_BACK: Final = timedelta(days=2)
#: Whoever follows does so within this.
_AHEAD: Final = timedelta(days=16)


@dataclass(frozen=True, slots=True)
class Ending:
    """`person` leaves the seat at `end`; `follower` holds it from `follows_at` on. None: nobody does, or nobody who may
    take a handoff.
    """

    rotation: Rotation
    seat: str
    seat_name: str
    person: User
    end: datetime
    follower: User | None
    follows_at: datetime | None


def endings(now: datetime, team: Team, *, after: datetime, until: datetime) -> list[Ending]:
    """Of the team's active rotations, with after < end <= until, in order.

    A shift that the same person takes up again after hours without anybody does not end: there is nobody to hand to.
    """
    found = [one for plan in plans(now, team) for one in _of_plan(plan, after, until)]
    return sorted(found, key=lambda one: (one.end, one.rotation.slug, one.seat))


def _of_plan(plan: Plan, after: datetime, until: datetime) -> Iterator[Ending]:
    for seat in plan.seats:
        shifts = plan.shifts(seat.key, after - _BACK, until + _AHEAD)
        for number, one in enumerate(shifts):
            person = plan.person(one.person)
            # Whoever left altogether ends no shift: their tickets are told of by other means.
            if person is None or not after < one.end <= until or not hands_off(person):
                continue
            follower, begin = _follower(plan, shifts[number + 1 :])
            if follower != person:
                yield Ending(plan.rotation, seat.key, seat.name, person, one.end, follower, begin)


def _follower(plan: Plan, later: list[Shift]) -> tuple[User | None, datetime | None]:
    for one in later:
        if one.source == "absent":  # whoever was to come has left: that is for a lead to settle
            return None, None
        person = plan.person(one.person)
        if person is not None:
            return (person, one.begin) if hands_off(person) else (None, None)
    return None, None


def hands_off(person: User) -> bool:
    return person.is_active and person.may("handoff.take")


@dataclass(frozen=True, slots=True)
class Now:
    """How a handoff stands to its rotation: when the outgoing's shift ends, and who takes it."""

    ends_at: datetime
    incoming: User | None
    incoming_from: datetime | None


def looked_up(plan: Plan | None, seat: str, outgoing: User, ends_at: datetime, now: datetime) -> Now | None:
    """By the rotation as it is now; None when the outgoing holds the seat again, or nobody follows but they.

    Until the shift's end it is their shift that counts, wherever it ends now. Afterwards the handoff goes with the
    seat: to whoever holds it.
    """
    if plan is None or seat not in {one.key for one in plan.seats}:
        return Now(min(ends_at, now) if ends_at > now else ends_at, None, None)
    shifts = plan.shifts(seat, now - _BACK, now + _AHEAD)
    end = ends_at
    if ends_at > now:
        theirs = next((one for one in shifts if one.begin <= now < one.end), None)
        coming = next((one for one in shifts if one.person == str(outgoing.pk) and one.end == ends_at), None)
        if theirs is not None and theirs.person == str(outgoing.pk):
            end = theirs.end
        elif coming is None:
            end = now  # the seat was taken from them
    at = max(end, now)
    later = [one for one in shifts if one.end > at]
    follower, begin = _follower(plan, later)
    if follower == outgoing:
        return None
    return Now(end, follower, begin)
