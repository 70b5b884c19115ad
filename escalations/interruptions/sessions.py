"""Sessions of work, read from what people were seen to do. Pure: no clock, no database.

Acts of one person on one subject that lie at most `GAP` apart are one session. It lasts from the first act to the last,
and `FLOOR` more, so that a single act counts ten minutes. Unless the person was paged, only what falls into their
working hours counts. Where sessions of one person overlap, each gets an equal part of that time: a minute of a person
is counted once, however many subjects they had open.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

GAP: Final = timedelta(minutes=30)
FLOOR: Final = timedelta(minutes=10)
_MICROSECOND: Final = timedelta(microseconds=1)
_DAY: Final = timedelta(days=1)
#: From (included) to (excluded), UTC.
Piece = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True, order=True)
class Act:
    """`who` and `subject` are keys; `at` is aware."""

    at: datetime
    who: str
    subject: str
    what: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """`end` is the last act and `FLOOR`. `acts` counts what was seen."""

    who: str
    subject: str
    begin: datetime
    end: datetime
    acts: int

    @property
    def seconds(self) -> float:
        return (self.end - self.begin).total_seconds()


@dataclass(frozen=True, slots=True)
class Counted:
    """A session and what of it counts. `days`: local date -> seconds; their sum is `seconds`."""

    session: Session
    is_paged: bool
    days: Mapping[date, Fraction]
    is_clipped: bool  # a part lies outside working hours
    is_shared: bool  # a part was shared with another subject of the same person
    day: date  # on which it begins

    @property
    def seconds(self) -> Fraction:
        return sum(self.days.values(), Fraction())


def merged(acts: Iterable[Act]) -> list[Session]:
    """By begin; acts in any order, repeated ones count once."""
    of: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    for act in sorted({(one.at, one.who, one.subject, one.what) for one in acts}):
        of[act[1], act[2]].append(act[0])
    found = []
    for (who, subject), moments in of.items():
        begin, last, count = moments[0], moments[0], 1
        for at in moments[1:]:
            if at - last > GAP:
                found.append(Session(who, subject, begin, last + FLOOR, count))
                begin, count = at, 0
            last, count = at, count + 1
        found.append(Session(who, subject, begin, last + FLOOR, count))
    return sorted(found, key=lambda one: (one.begin, one.who, one.subject))


def counted(
    sessions: Sequence[Session], pieces: Mapping[Session, Sequence[Piece]], zones: Mapping[str, ZoneInfo],
    paged: frozenset[Session] = frozenset(),
) -> list[Counted]:  # fmt: skip
    """What counts of each, in the order given. `pieces` are the parts within working hours (all of it for `paged`), in
    order and apart; `zones` decides on whose calendar a day ends (UTC for who is not in it).
    """
    of: dict[str, list[Session]] = defaultdict(list)
    for one in sessions:
        of[one.who].append(one)
    found: dict[Session, Counted] = {}
    for who, own in of.items():
        found |= _of_person(own, pieces, zones.get(who, ZoneInfo("UTC")), paged)
    return [found[one] for one in sessions]


def _of_person(
    own: Sequence[Session], pieces: Mapping[Session, Sequence[Piece]], zone: ZoneInfo, paged: frozenset[Session]
) -> dict[Session, Counted]:
    parts = [piece for one in own for piece in pieces[one]]
    edges = sorted(
        {edge for piece in parts for edge in piece} | {at for piece in parts for at in _midnights(*piece, zone)}
    )
    shares: dict[Session, dict[date, Fraction]] = {one: defaultdict(Fraction) for one in own}
    shared: set[Session] = set()
    # From edge to edge nothing changes: whoever has the first has all of it.
    position = dict.fromkeys(own, 0)
    for low, high in pairwise(edges):
        running = [one for one in own if _runs(one, pieces[one], position, low)]
        if not running:
            continue
        part = Fraction((high - low) // _MICROSECOND, 1_000_000 * len(running))
        day = low.astimezone(zone).date()
        for one in running:
            shares[one][day] += part
        if len(running) > 1:
            shared.update(running)
    return {
        one: Counted(
            one, one in paged, dict(shares[one]), _length(pieces[one]) < one.end - one.begin, one in shared,
            one.begin.astimezone(zone).date(),
        )
        for one in own
    }  # fmt: skip


def _runs(one: Session, parts: Sequence[Piece], position: dict[Session, int], at: datetime) -> bool:
    """Whether the instant lies in a piece; instants come in order."""
    while position[one] < len(parts) and parts[position[one]][1] <= at:
        position[one] += 1
    return position[one] < len(parts) and parts[position[one]][0] <= at


def _midnights(begin: datetime, end: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    day = begin.astimezone(zone).date() + _DAY
    while (at := datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)) < end:
        yield at
        day += _DAY


def _length(parts: Sequence[Piece]) -> timedelta:
    return sum((end - begin for begin, end in parts), timedelta())
