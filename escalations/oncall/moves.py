"""What a change does to people's shifts, and telling those whose shifts it moves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from altor.models import User
from altor.notify import notify
from altor.notify.kinds import NoticeKind
from altor.words import counted
from escalations.models import Rotation
from escalations.oncall.rotations import AHEAD, Plan
from escalations.oncall.schedule import Shift

#: For the setting NOTICE_KINDS.
NOTICES: Final = {
    "oncall.moved": NoticeKind("Your on-call shifts changed"),
    "oncall.swap": NoticeKind("Somebody asks you to swap a shift, or answered you"),
    "oncall.gap": NoticeKind("Nobody will be on call, or somebody twice"),
    "oncall.calendar": NoticeKind("An on-call calendar cannot be read"),
}
Span = tuple[datetime, datetime]
_LINES: Final = 4
_BEYOND: Final = timedelta(weeks=2)


@dataclass(frozen=True, slots=True)
class Move:
    """What a person gets and loses at one seat, in order."""

    person: User
    seat: str
    gained: tuple[Span, ...]
    lost: tuple[Span, ...]


def moved(before: Plan, after: Plan, now: datetime) -> list[Move]:
    """By person, for the weeks ahead. Nothing for those whose time on call stays the same to the second."""
    last = now + AHEAD
    end = last + _BEYOND  # so that a shift at the edge is told with its own end
    keys = list(dict.fromkeys([*(seat.key for seat in after.seats), *(seat.key for seat in before.seats)]))
    found: list[Move] = []
    people = {**before.people, **after.people}
    for key in keys:
        old, new = _by_person(before.shifts(key, now, end)), _by_person(after.shifts(key, now, end))
        for who in sorted({*old, *new}, key=int):
            gained = tuple(one for one in _minus(new.get(who, ()), old.get(who, ())) if one[0] < last)
            lost = tuple(one for one in _minus(old.get(who, ()), new.get(who, ())) if one[0] < last)
            if (gained or lost) and int(who) in people:
                name = after.seat_name(key) if any(seat.key == key for seat in after.seats) else before.seat_name(key)
                found.append(Move(people[int(who)], name, gained, lost))
    return found


def _by_person(shifts: Iterable[Shift]) -> dict[str, list[Span]]:
    found: dict[str, list[Span]] = {}
    for one in shifts:
        if one.person:
            found.setdefault(one.person, []).append((one.begin, one.end))
    return found


def _minus(spans: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """What of `spans` is in none of `others`; both in order and apart."""
    found: list[Span] = []
    for low, high in spans:
        at = low
        for begin, end in others:
            if end <= at or begin >= high:
                continue
            if begin > at:
                found.append((at, begin))
            at = max(at, end)
        if at < high:
            found.append((at, high))
    return found


def tell_moves(
    rotation: Rotation, moves: Iterable[Move], *, why: str, key: str, actor: User | None, now: datetime
) -> int:
    """To each person whose shifts moved, except the one who did it; how many places were told."""
    told = 0
    by_person: dict[int, list[Move]] = {}
    for one in moves:
        by_person.setdefault(one.person.pk, []).append(one)
    for pk, many in by_person.items():
        person = many[0].person
        lines = move_lines(many, person)
        more = [f"And {counted(len(lines) - _LINES + 1, 'more change')}."] if len(lines) > _LINES else []
        told += notify(
            "oncall.moved", subject_ref=f"{rotation.slug}:{pk}", title=f"{rotation.name}: your on-call shifts changed",
            lines=[why, *(lines[: _LINES - len(more)]), *more], url_path=f"/on-call/{rotation.slug}/",
            key=f"oncall.moved:{key}:{pk}", people=[person], actor=actor, now=now,
        )  # fmt: skip
    return told


def move_lines(moves: Iterable[Move], reader: User) -> list[str]:
    """One a span, soonest first."""
    found = [
        (span, f"{one.seat}: {verb} {span_words(span, reader)}")
        for one in moves
        for verb, spans in (("no longer", one.lost), ("you are on call", one.gained))
        for span in spans
    ]
    return [line for _, line in sorted(found, key=lambda pair: pair[0])]


def zone_of(user: User | None) -> ZoneInfo:
    try:
        return ZoneInfo(user.timezone if user is not None else "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def span_words(span: Span, reader: User | None) -> str:
    """`from Mon 30 Nov 09:00 to Mon 7 Dec 09:00 (CET)` in the reader's zone."""
    zone = zone_of(reader)
    begin, end = (one.astimezone(zone) for one in span)
    name = "UTC" if zone.key == "UTC" else end.tzname() or UTC.tzname(None)
    return f"from {moment_words(begin)} to {moment_words(end)} ({name})"


def moment_words(local: datetime) -> str:
    return f"{local:%a} {local.day} {local:%b %H:%M}"


def leads_of(rotation: Rotation) -> Sequence[User]:
    from altor.roles import Role

    return list(User.objects.filter(role=Role.LEAD, is_active=True, memberships__team=rotation.team_id))
