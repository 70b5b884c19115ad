"""What is wrong in the weeks ahead: nobody at a seat, or one person at two. Leads are told when it gets close."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from altor.models import User
from altor.notify import notify
from escalations.models import Rotation
from escalations.oncall.editing import locked
from escalations.oncall.moves import leads_of, span_words
from escalations.oncall.rotations import AHEAD, Plan, load_one

#: From here on leads are told.
CLOSE: Final = timedelta(days=7)
_CHECK_EVERY: Final = timedelta(hours=1)
_MOST: Final = 4


@dataclass(frozen=True, slots=True)
class Problem:
    """`person` None is a gap; else they hold `seat` and `other` at the same time."""

    rotation: Rotation
    seat: str
    begin: datetime
    end: datetime
    person: User | None = None
    other: str = ""
    is_absent: bool = False  # who would hold it may not sign in any more
    has_end: bool = True  # False: it lasts as long as was looked

    @property
    def key(self) -> str:
        who = self.person.pk if self.person else ""
        return f"{self.seat}|{who}|{self.other}|{self.end.isoformat() if self.has_end else 'open'}"

    def words(self, reader: User | None) -> str:
        when = span_words((self.begin, self.end), reader)
        if self.person is not None:
            return f"{self.person} is {self.seat} and {self.other} at once {when}"
        why = ", because whoever would be cannot sign in any more" if self.is_absent else ""
        return f"Nobody is {self.seat} {when}{'' if self.has_end else ' and after that'}{why}"


def problems(plan: Plan, now: datetime, end: datetime | None = None, *, others: Iterable[Plan] = ()) -> list[Problem]:
    """Of a rotation until `end` (eight weeks), soonest first. `others`: rotations in which nobody should be at the same
    time; those of other teams are passed over.
    """
    until = end or now + AHEAD
    found = [
        Problem(plan.rotation, seat.name, one.begin, one.end, is_absent=one.source == "absent", has_end=one.end < until)
        for seat in plan.seats
        for one in plan.gaps(seat.key, now, until)
    ]
    sheets = [(plan, seat.key, seat.name) for seat in plan.seats]
    here = len(sheets)
    for other in others:
        if other.rotation.pk != plan.rotation.pk and other.rotation.team_id == plan.rotation.team_id:
            sheets += [(other, seat.key, f"{seat.name} of {other.rotation.name}") for seat in other.seats]
    read = [
        [(one.begin, one.end, one.person) for one in of.shifts(key, now, until) if one.person]
        for of, key, _ in sheets
    ]  # fmt: skip
    for number in range(here):
        for second in range(number + 1, len(sheets)):
            for begin, close, who in _both(read[number], read[second]):
                person = plan.person(who)
                if person is not None:
                    seat_name, other_name = sheets[number][2], sheets[second][2]
                    ends = close < until
                    found.append(Problem(plan.rotation, seat_name, begin, close, person, other_name, has_end=ends))
    return sorted(found, key=lambda one: (one.begin, one.seat))


def _both(
    ones: Sequence[tuple[datetime, datetime, str]], twos: Sequence[tuple[datetime, datetime, str]]
) -> Iterable[tuple[datetime, datetime, str]]:
    at = 0
    for begin, end, who in ones:
        while at < len(twos) and twos[at][1] <= begin:
            at += 1
        ahead = at
        while ahead < len(twos) and twos[ahead][0] < end:
            if twos[ahead][2] == who:
                yield max(begin, twos[ahead][0]), min(end, twos[ahead][1]), who
            ahead += 1


def sweep(now: datetime | None = None) -> int:
    """Look at rotations that changed or were not looked at for an hour; how many notices were stored. One query when
    none is due.
    """
    now = now or timezone.now()
    due = Rotation.objects.active().filter(Q(checked_at=None) | Q(checked_at__lte=now - _CHECK_EVERY))
    return sum(_check(rotation, now) for rotation in due.order_by("pk")[:20])


@transaction.atomic
def _check(rotation: Rotation, now: datetime) -> int:
    rotation = locked(rotation)
    if rotation.checked_at is not None and rotation.checked_at > now - _CHECK_EVERY:
        return 0
    found = problems(load_one(rotation, now=now), now)
    close = [one for one in found if one.begin < now + CLOSE]
    new = [one for one in close if one.key not in rotation.problems_told]
    rotation.checked_at, rotation.problems_told = now, [one.key for one in close]
    rotation.save(update_fields=["checked_at", "problems_told"])
    if not new:
        return 0
    leads = leads_of(rotation)
    lines = [one.words(leads[0] if leads else None) for one in new]
    more = [f"And {len(lines) - _MOST + 1} more."] if len(lines) > _MOST else []
    return notify(
        "oncall.gap", subject_ref=rotation.slug, title=f"{rotation.name}: {_title(new)}",
        lines=[*lines[: _MOST - len(more)], *more], url_path=f"/on-call/{rotation.slug}/",
        key=f"oncall.gap:{rotation.slug}:{now.timestamp():.0f}", team=rotation.team, people=leads, now=now,
    )  # fmt: skip


def _title(new: Sequence[Problem]) -> str:
    return "nobody is on call" if any(one.person is None for one in new) else "somebody is on call twice"
