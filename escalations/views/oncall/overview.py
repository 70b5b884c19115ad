"""On call: who now and next, the coming weeks, what is open, how the load is shared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_safe

from altor.access import page, person
from altor.models import User
from escalations.models import Rotation, ShiftSwap
from escalations.oncall.ahead import Problem, problems
from escalations.oncall.now import OnCall, seat_now
from escalations.oncall.rotations import AHEAD, Plan, load
from escalations.oncall.shares import Share, shares
from escalations.oncall.turns import Turn, turns

WEEKS: Final = 4
#: Problems, and own shifts, that are listed.
SHOWN: Final = 6
_COLOURS: Final = 8


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a day: from and to as shown, "" at the day's edges. `colour` 0 to 7; a gap has none."""

    begins: str
    ends: str
    who: str
    seat: str
    colour: int | None
    is_mine: bool


@dataclass(frozen=True, slots=True)
class Day:
    date: date
    is_today: bool
    pieces: Sequence[Piece]


@require_safe
@page("oncall.read")
def overview(request: HttpRequest) -> HttpResponse:
    """`rotation` shows one of them, `from` (a date) begins the weeks there."""
    user, now = person(request), timezone.now()
    rows = Rotation.objects.visible_to(user).active().select_related("team").order_by("-is_default", "name")
    plans = load(rows, now=now)
    chosen = [one for one in plans if one.rotation.slug == request.GET.get("rotation", "")]
    shown = chosen or plans
    monday = _monday(request.GET.get("from", ""))
    own = _own(plans, user, now)
    waiting = ShiftSwap.objects.filter(asked=user, status=ShiftSwap.Status.ASKED, ends_at__gt=now).count()
    context = {
        "here": "on-call",
        "rotations": [one.rotation for one in plans],
        "chosen": chosen[0].rotation if chosen else None,
        "now_lines": [(plan.rotation, seats_of(plan, user, now)) for plan in shown],
        "weeks": weeks(shown, monday, user, many=len(shown) > 1),
        "monday": monday,
        "earlier": monday - timedelta(weeks=WEEKS),
        "later": monday + timedelta(weeks=WEEKS),
        "problems": problem_lines(_problems(shown, plans, now), user),
        "shares": share_lines(shown, now),
        "own": own[:SHOWN],
        "waiting": waiting,
        "may_take": user.may("oncall.take"),
        "may_edit": user.may("oncall.edit"),
    }
    if not plans:
        context["ended"] = list(Rotation.objects.visible_to(user).filter(is_active=False).order_by("name"))
    return render(request, "oncall/overview.html", context)


def _problems(shown: Sequence[Plan], plans: Sequence[Plan], now: datetime) -> list[Problem]:
    """Each once: where all are shown, two rotations are compared in one direction."""
    return [
        one
        for number, plan in enumerate(shown)
        for one in problems(plan, now, others=plans if len(shown) == 1 else shown[number + 1 :])
    ]


def _monday(given: str) -> date:
    """Of the week that holds the date; of this week for none that can be read."""
    try:
        day = parse_date(given[:10])
    except ValueError:
        day = None
    if day is None or not 2000 <= day.year <= 2100:
        day = timezone.localdate()
    return day - timedelta(days=day.weekday())


@dataclass(frozen=True, slots=True)
class SeatLine:
    """A seat now, and whether the reader may take it from whoever holds it."""

    seat: OnCall
    can_take: bool
    take_until: datetime
    seen: str
    is_mine: bool


def seats_of(plan: Plan, user: User, now: datetime) -> list[SeatLine]:
    from escalations.oncall.overrides import may_stand

    can = may_stand(user, plan)
    found = []
    for seat in plan.seats:
        one = seat_now(plan, seat.key, now)
        mine = one.person is not None and one.person.pk == user.pk
        seen = str(one.person.pk) if one.person else ""
        can_this = can and not mine and (one.person is not None or one.is_missed)
        found.append(SeatLine(one, can_this, _turn_ends(plan, one, now), seen, mine))
    return found


def _turn_ends(plan: Plan, one: OnCall, now: datetime) -> datetime:
    """Of the turn that runs: whoever is alone in a rotation holds the seat for ever, in turns."""
    who = str(one.person.pk) if one.person else ""
    running = [
        turn for turn in turns(plan, now, now + AHEAD, person=who) if turn.seat == one.seat and turn.begin <= now
    ]
    return min([one.end, *(turn.end for turn in running if who)])


def _own(plans: Sequence[Plan], user: User, now: datetime) -> list[tuple[Plan, Turn, str]]:
    """The reader's coming shifts with the seat's name."""
    found = [
        (plan, turn, plan.seat_name(turn.seat))
        for plan in plans
        for turn in turns(plan, now, now + AHEAD, person=str(user.pk))
    ]
    return sorted(found, key=lambda line: line[1].begin)


def weeks(plans: Sequence[Plan], monday: date, reader: User, *, many: bool) -> list[list[Day]]:
    """Days of the coming weeks in the reader's zone, with who is on call in them."""
    first = _midnight(monday)
    last = _midnight(monday + timedelta(weeks=WEEKS))
    today = timezone.localdate()
    # By the order in which people were made, so that neighbours differ.
    everybody = sorted({pk for plan in plans for pk in plan.people})
    colours = {pk: number % _COLOURS for number, pk in enumerate(everybody)}
    sheets = []
    for plan in plans:
        for seat in plan.seats:
            missed = {(one.begin, one.end) for one in plan.gaps(seat.key, first, last)}
            name = _seat_label(plan, seat.name, many=many)
            sheets.append((plan, name, plan.shifts(seat.key, first, last), missed))
    found = []
    for week in range(WEEKS):
        days = []
        for number in range(7):
            day = monday + timedelta(days=7 * week + number)
            low, high = _midnight(day), _midnight(day + timedelta(days=1))
            days.append(
                Day(day, day == today, [one for sheet in sheets for one in _pieces(sheet, low, high, reader, colours)])
            )
        found.append(days)
    return found


def _seat_label(plan: Plan, seat: str, *, many: bool) -> str:
    if many:
        return plan.rotation.name if len(plan.seats) == 1 else f"{plan.rotation.name}, {seat}"
    return seat if len(plan.seats) > 1 else ""


def _pieces(sheet: Any, low: datetime, high: datetime, reader: User, colours: dict[int, int]) -> list[Piece]:
    plan, name, shifts, missed = sheet
    found = []
    for one in shifts:
        begin, end = max(one.begin, low), min(one.end, high)
        if begin >= end:
            continue
        who = plan.person(one.person)
        if who is not None:
            found.append(
                Piece(
                    _clock(begin, low), _clock(end, high), str(who), name, colours[who.pk], who.pk == reader.pk
                )
            )  # fmt: skip
            continue
        for since, until in sorted(missed):
            if since < end and until > begin:
                since, until = max(since, begin), min(until, end)
                found.append(Piece(_clock(since, low), _clock(until, high), "Nobody", name, None, False))
    return found


def _clock(at: datetime, edge: datetime) -> str:
    return "" if at == edge else f"{timezone.localtime(at):%H:%M}"


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time())).astimezone(UTC)


def problem_lines(found: Sequence[Problem], reader: User) -> dict[str, Any]:
    """In words, the soonest first, and how many more there are."""
    ordered = sorted(found, key=lambda one: one.begin)
    return {
        "lines": [(one.rotation, one.words(reader)) for one in ordered[:SHOWN]], "more": max(0, len(ordered) - SHOWN),
    }  # fmt: skip


def share_lines(plans: Sequence[Plan], now: datetime) -> list[dict[str, Any]]:
    """By person: what they carried in the past weeks and carry in the coming ones, hours in all and unsocial."""
    past = {one.person: one for one in shares(plans, now - AHEAD, now)}
    coming = {one.person: one for one in shares(plans, now, now + AHEAD)}
    everybody = sorted({*past, *coming}, key=lambda who: str(who).casefold())
    most = max((one.total.total_seconds() for one in [*past.values(), *coming.values()]), default=0) / 3600
    return [
        {"person": who, "past": _hours(past.get(who)), "coming": _hours(coming.get(who)), "most": most}
        for who in everybody
    ]


def _hours(share: Share | None) -> dict[str, float]:
    if share is None:
        return {"total": 0.0, "unsocial": 0.0, "part": 0.0}
    return {
        "total": round(share.total.total_seconds() / 3600, 1),
        "unsocial": round(share.unsocial.total_seconds() / 3600, 1),
        "part": share.part,
    }
