"""Who had a ticket when, how long nobody had it, and whether it circles: pure functions of what happened.

An owner change is a step from one person to another, also by way of the queue; the first owner is no change, and
neither is coming back from the queue to the last owner. A change circles when nothing new was learned since the one
who gives it away got it, and it is the third change or a later one, or leads back to somebody who had it before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from escalations.ownership.facts import Fact, in_order

#: What brings something new: evidence, a message, a reply, an answer, a diagnosis.
NEWS: Final = frozenset((
    "run.step", "run.finished", "run.answered", "diagnosis.accepted", "diagnosis.corrected", "ticket.customer_wrote",
    "ticket.replied", "reply.sent",
))  # fmt: skip
#: From this owner change on, each without news circles.
PATIENCE: Final = 3


@dataclass(frozen=True, slots=True)
class Stretch:
    """From `begin` (included) to `end`; None while it goes on."""

    begin: datetime
    end: datetime | None
    owner: str = ""  # user name; "" = nobody's

    def length(self, now: datetime) -> timedelta:
        return max(timedelta(), (self.end or now) - self.begin)


@dataclass(frozen=True, slots=True)
class Change:
    """The `number`th owner change. `circles` says why it does, "" when it does not."""

    at: datetime
    number: int
    giver: str
    taker: str
    circles: str = ""


@dataclass(frozen=True, slots=True)
class Custody:
    """`held` are the owners in turn and the times between; `closed` the times between solved and reopened, which are in
    none of the others' figures. `age` counts from the beginning to now, or to the end.
    """

    owner: str
    since: datetime | None
    held: Sequence[Stretch]
    unowned: Sequence[Stretch]
    closed: Sequence[Stretch]
    changes: Sequence[Change]
    began_at: datetime
    ended_at: datetime | None

    def age(self, now: datetime) -> timedelta:
        return max(timedelta(), (self.ended_at or now) - self.began_at)

    def unowned_time(self, now: datetime) -> timedelta:
        return sum((one.length(now) for one in self.unowned), timedelta())

    @property
    def unowned_since(self) -> datetime | None:
        last = self.unowned[-1] if self.unowned else None
        return last.begin if last is not None and last.end is None else None

    @property
    def circles(self) -> list[Change]:
        return [change for change in self.changes if change.circles]


def custody(facts: Iterable[Fact], now: datetime) -> Custody:
    """How the ticket was handed about until `now`. It begins when it was received, or with its first fact."""
    happened = in_order(fact for fact in facts if fact.at <= now)
    began = next((fact.at for fact in happened if fact.kind == "ticket.received"), None)
    began = began or (happened[0].at if happened else now)
    held = _held(happened, began)
    closed = _closed(happened)
    ended = closed[-1].begin if closed and closed[-1].end is None else None
    unowned = [part for one in held if not one.owner for part in _without(one, closed)]
    return Custody(
        owner=held[-1].owner,
        since=held[-1].begin,
        held=held,
        unowned=unowned,
        closed=closed,
        changes=_changes(held, [fact.at for fact in happened if fact.kind in NEWS]),
        began_at=began,
        ended_at=ended,
    )


def _held(facts: Sequence[Fact], began: datetime) -> list[Stretch]:
    found = [Stretch(began, None)]
    for fact in facts:
        if fact.kind != "ticket.assigned":
            continue
        owner, last = str(fact.data.get("owner", "")), found[-1]
        if owner == last.owner:
            continue
        at = max(fact.at, began)
        found[-1] = Stretch(last.begin, at, last.owner)
        found.append(Stretch(at, None, owner))
    return [one for one in found if one.end is None or one.end > one.begin] or found[-1:]


def _closed(facts: Sequence[Fact]) -> list[Stretch]:
    found: list[Stretch] = []
    since: datetime | None = None
    for fact in facts:
        if fact.kind == "ticket.resolved" and since is None:
            since = fact.at
        elif fact.kind == "ticket.reopened" and since is not None:
            found.append(Stretch(since, fact.at))
            since = None
    return [*found, Stretch(since, None)] if since is not None else found


def _without(one: Stretch, closed: Sequence[Stretch]) -> list[Stretch]:
    """What of the stretch lies outside of the closed times."""
    left = [one]
    for gap in closed:
        left = [piece for part in left for piece in _cut(part, gap)]
    return left


def _cut(part: Stretch, gap: Stretch) -> list[Stretch]:
    if (part.end is not None and part.end <= gap.begin) or (gap.end is not None and gap.end <= part.begin):
        return [part]
    found = [Stretch(part.begin, gap.begin)] if part.begin < gap.begin else []
    if gap.end is not None and (part.end is None or gap.end < part.end):
        found.append(Stretch(gap.end, part.end))
    return found


def _changes(held: Sequence[Stretch], news: Sequence[datetime]) -> list[Change]:
    found: list[Change] = []
    before: list[Stretch] = []  # stretches of owners, in order
    for one in held:
        if not one.owner:
            continue
        giver = before[-1] if before else None
        if giver is not None and giver.owner != one.owner:
            number = len(found) + 1
            is_news = any(giver.begin <= at <= one.begin for at in news)
            had = {stretch.owner for stretch in before}
            why = "it came back" if one.owner in had else "handed on again" if number >= PATIENCE else ""
            found.append(Change(one.begin, number, giver.owner, one.owner, "" if is_news else why))
        if giver is None or giver.owner != one.owner:
            before.append(one)
    return found
