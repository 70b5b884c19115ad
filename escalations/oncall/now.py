"""Who is on call now: for the header of every page, the sidebar, REST, and whoever looks for an owner.

Rotations are kept in the process and read anew when one of them changed, which one short query tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import connection

from altor.models import Team, User
from escalations.models import Rotation
from escalations.oncall.rotations import Plan, load
from escalations.oncall.schedule import Shift

#: People's names and whether they may sign in are no part of a rotation: they are read again after this long.
_KEPT: Final = timedelta(minutes=1)
_BACK: Final = timedelta(days=15)


@dataclass(frozen=True, slots=True)
class OnCall:
    """A seat now. `person` None is a gap; `is_missed` when somebody should be there (up to a minute late)."""

    rotation: Rotation
    seat: str
    seat_name: str
    person: User | None
    begin: datetime
    end: datetime
    is_missed: bool
    next_person: User | None
    next_begin: datetime | None


@dataclass(frozen=True, slots=True)
class _Kept:
    state: str | None
    read_at: datetime
    plans: Sequence[Plan]
    seats: dict[tuple[int, str], OnCall]


_kept: _Kept | None = None


#: SQL of a scalar that changes with what decides who holds the seats of active rotations; None without any.
ROTATIONS: Final = """
SELECT string_agg(concat_ws('/', r.id, r.stamp, r.is_default, r.slug, r.name, r.owns), ',' ORDER BY r.id)
FROM escalations_rotation r WHERE r.is_active"""


def rotations_now() -> str | None:
    """The value of ROTATIONS. One query."""
    with connection.cursor() as cursor:
        cursor.execute(ROTATIONS)
        value: str | None = cursor.fetchone()[0]
    return value


def _current(now: datetime, state: str | None) -> _Kept:
    global _kept  # one per process, replaced as a whole
    kept = _kept
    if kept is not None and kept.state == state and kept.read_at <= now < kept.read_at + _KEPT:
        return kept
    rows = Rotation.objects.active().select_related("team").order_by("-is_default", "name") if state else ()
    kept = _Kept(state, now, load(rows, now=now), {})
    _kept = kept
    return kept


def plans(now: datetime, team: Team | None = None) -> list[Plan]:
    """Of all active rotations, or of a team's; its default first. One query while nothing changes."""
    return [one for one in _current(now, rotations_now()).plans if team is None or one.rotation.team_id == team.pk]


def on_call(now: datetime, team: Team | None = None) -> list[OnCall]:
    """Every seat of the active rotations (of `team`), the default rotation first. One query while nothing changes."""
    return on_call_by(rotations_now(), now, team)


def on_call_by(state: str | None, now: datetime, team: Team | None = None) -> list[OnCall]:
    """The same by a value of ROTATIONS that was read with something else. No query while nothing changes."""
    kept = _current(now, state)
    found = []
    for plan in kept.plans:
        if team is not None and plan.rotation.team_id != team.pk:
            continue
        for seat in plan.seats:
            key = plan.rotation.pk, seat.key
            one = kept.seats.get(key)
            if one is None or not one.begin <= now < one.end:
                one = kept.seats[key] = seat_now(plan, seat.key, now)
            found.append(one)
    return found


def seat_now(plan: Plan, seat: str, now: datetime) -> OnCall:
    """Without the cache of this module."""
    shift = plan.at(seat, now) or Shift(now, now + _KEPT, "")
    after = plan.next_change(seat, shift)
    if after is not None and not after.person:  # somebody comes after a gap
        after = plan.next_change(seat, after) or after
    missed = not shift.person and any(one.begin <= now < one.end for one in plan.gaps(seat, now, now + _KEPT))
    return OnCall(
        plan.rotation, seat, plan.seat_name(seat), plan.person(shift.person), shift.begin, shift.end, missed,
        plan.person(after.person) if after else None, after.begin if after and after.person else None,
    )  # fmt: skip


def owner_now(now: datetime, team: Team | None = None) -> User | None:
    """Whom to ask: the first seat that is held, of the team's default rotation first; None where nobody is on call."""
    return next((one.person for one in on_call(now, team) if one.person is not None), None)


def answering(team: Team, now: datetime) -> list[User]:
    """For the setting QUEUE_OWNERS: whoever of the team is on call answers for its queue."""
    return [one.person for one in on_call(now, team) if one.person is not None]


def on_call_in(rotation: Rotation, now: datetime) -> list[OnCall]:
    """The seats of one rotation, also of one that is ended (then nobody)."""
    return [one for one in on_call(now) if one.rotation.pk == rotation.pk]


@dataclass(frozen=True, slots=True)
class ShiftEnd:
    """`person` hands over at `end` to `next_person`; None where nobody follows."""

    rotation: Rotation
    seat: str
    seat_name: str
    person: User
    begin: datetime
    end: datetime
    next_person: User | None


def shifts_ending(now: datetime, until: datetime, team: Team | None = None) -> list[ShiftEnd]:
    """Shifts that end after `now` and not after `until`, soonest first. One person's neighbouring shifts are one."""
    found = []
    for plan in plans(now, team):
        for seat in plan.seats:
            shifts = plan.shifts(seat.key, now - _BACK, until + _BACK)
            for number, one in enumerate(shifts):
                person = plan.person(one.person)
                if person is None or not now < one.end <= until:
                    continue
                after = shifts[number + 1] if number + 1 < len(shifts) else None
                follower = plan.person(after.person) if after is not None and after.begin == one.end else None
                found.append(ShiftEnd(plan.rotation, seat.key, seat.name, person, one.begin, one.end, follower))
    return sorted(found, key=lambda one: (one.end, one.rotation.slug, one.seat))
