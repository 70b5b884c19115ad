"""How a ticket's clocks and owners stand, for its page and for REST."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from altor.models import User
from escalations.models import SlaPolicyVersion, TicketClock, TicketStanding
from escalations.ownership.custody import Change, Custody, Stretch, custody
from escalations.ownership.facts import facts_of
from escalations.ownership.words import Said, said_of
from investigations.models import Ticket


@dataclass(frozen=True, slots=True)
class ClockLine:
    clock: TicketClock
    said: Said


@dataclass(frozen=True, slots=True)
class Panel:
    """`names`: user name -> how the person is called."""

    clocks: list[ClockLine]
    version: SlaPolicyVersion | None
    custody: Custody
    age_s: float
    unowned_s: float
    names: dict[str, str]
    now: datetime

    @property
    def changes(self) -> list[tuple[Change, str, str]]:
        """(change, giver, taker), newest first."""
        return [(one, self.name(one.giver), self.name(one.taker)) for one in reversed(self.custody.changes)]

    @property
    def unowned(self) -> list[tuple[Stretch, float]]:
        return [(one, one.length(self.now).total_seconds()) for one in self.custody.unowned]

    def name(self, username: str) -> str:
        return self.names.get(username, username) or "nobody"


def panel_of(ticket: Ticket, now: datetime) -> Panel:
    """Five queries."""
    clocks = list(TicketClock.objects.shown().filter(ticket=ticket).select_related("version__policy"))
    order = [str(kind) for kind in TicketClock.Kind]
    clocks.sort(key=lambda one: (not one.is_live, order.index(one.kind), -one.number))
    found = custody(facts_of(ticket), now)
    people = User.objects.filter(username__in={one.owner for one in found.held if one.owner})
    version = next((one.version for one in clocks if one.version is not None), None)
    return Panel(
        clocks=[ClockLine(clock, said_of(clock, now)) for clock in clocks],
        version=version,
        custody=found,
        age_s=found.age(now).total_seconds(),
        unowned_s=found.unowned_time(now).total_seconds(),
        names={one.username: str(one) for one in people},
        now=now,
    )


def told(ticket: Ticket) -> dict[str, Any]:
    """For the setting TICKET_CLOCKS. Two queries; the figures are those of the last reading."""
    clocks = (
        TicketClock.objects.shown().filter(ticket=ticket).select_related("version__policy").order_by("kind", "number")
    )
    standing = TicketStanding.objects.filter(ticket=ticket).first()
    return {
        "clocks": [clock_told(clock) for clock in clocks],
        "ownership": standing_told(standing, timezone.now()) if standing is not None else {},
    }


def clock_told(clock: TicketClock) -> dict[str, Any]:
    return {
        "kind": clock.kind, "number": clock.number, "state": clock.state, "pause": clock.pause,
        "target_s": clock.target_s, "elapsed_s": clock.elapsed_s, "started_at": clock.started_at,
        "ended_at": clock.ended_at, "due_at": clock.due_at, "broken_at": clock.broken_at,
        "policy": str(clock.version) if clock.version_id and clock.version else "",
    }  # fmt: skip


def standing_told(standing: TicketStanding, now: datetime) -> dict[str, Any]:
    since = standing.unowned_since
    running = (now - since).total_seconds() if since is not None else 0
    return {
        "owner_since": standing.owner_since, "unowned_since": since,
        "unowned_s": round(standing.unowned_s + max(0.0, running)), "owner_changes": standing.owner_changes,
        "circles": standing.circles, "waiting": standing.waiting, "due_at": standing.due_at,
        "due_kind": standing.due_kind, "is_broken": standing.is_broken,
    }  # fmt: skip
