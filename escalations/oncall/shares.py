"""Fair shares: what each person carries, and how much of it lies outside of working hours where they live."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from altor.models import User
from escalations.clocks.hours import Hours
from escalations.oncall.moves import zone_of
from escalations.oncall.rotations import Plan

_NOTHING: Final = timedelta()
_DAY: Final = ((9 * 3600, 17 * 3600),)


@dataclass(frozen=True, slots=True)
class Share:
    """Plain time; `unsocial` is the part outside of Monday to Friday, 09:00 to 17:00. `part` of all time, 0 to 1."""

    person: User
    total: timedelta
    unsocial: timedelta
    part: float
    unsocial_part: float


def shares(plans: Iterable[Plan], begin: datetime, end: datetime) -> list[Share]:
    """Everybody with time on call from `begin` to `end`, most first. A person who holds two seats carries both."""
    people: dict[int, User] = {}
    totals: dict[int, tuple[timedelta, timedelta]] = {}
    for plan in plans:
        for seat in plan.seats:
            for one in plan.shifts(seat.key, begin, end):
                person = plan.person(one.person)
                if person is None:
                    continue
                people[person.pk] = person
                total, unsocial = totals.get(person.pk, (_NOTHING, _NOTHING))
                outside = one.length - _working(_zone(person, plan)).open_time(one.begin, one.end)
                totals[person.pk] = total + one.length, unsocial + outside
    everything = sum((total for total, _ in totals.values()), _NOTHING)
    all_unsocial = sum((unsocial for _, unsocial in totals.values()), _NOTHING)
    found = [
        Share(
            people[pk], total, unsocial, total / everything if everything else 0.0,
            unsocial / all_unsocial if all_unsocial else 0.0,
        )
        for pk, (total, unsocial) in totals.items()
    ]  # fmt: skip
    return sorted(found, key=lambda one: (-one.total, one.person.username))


def _zone(person: User, plan: Plan) -> str:
    """The person's own; the rotation's where they never chose one."""
    own = zone_of(person).key
    return plan.rotation.zone if own == "UTC" else own


@lru_cache(maxsize=256)
def _working(zone: str) -> Hours:
    return Hours(ZoneInfo(zone), (_DAY,) * 5 + ((),) * 2)
