"""How clocks and owners are told to people; times in the zone that is in force (the person's, on pages)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils import timezone

from altor.words import duration, moment
from escalations.clocks.clock import State
from escalations.models import TicketClock, TicketStanding

KINDS: Final = dict(TicketClock.Kind.choices)
WAITING: Final = {"customer": "Waiting on customer", "hold": "On hold", "engineering": "Waiting on engineering"}
#: From here on it is soon.
SOON_S: Final = 3600


@dataclass(frozen=True, slots=True)
class Said:
    """`look` is a state of `altor_ui.pill`; `text` stands in it, `detail` beside it."""

    look: str
    text: str
    detail: str = ""


def local(at: datetime, now: datetime) -> str:
    return moment(timezone.localtime(at), timezone.localtime(now))


def said_of(clock: TicketClock, now: datetime) -> Said:
    """`due in 1 h 20 min (14:05)`"""
    if clock.state == State.FULFILLED:
        late = clock.broken_at is not None
        ended = f"({local(clock.ended_at, now)})" if clock.ended_at else ""
        return Said("abnormal" if late else "done", f"{'late' if late else 'in time'} {ended}".strip())
    if clock.state == State.CANCELLED:
        return Said("cancelled", "cancelled, after its time" if clock.broken_at else "cancelled")
    if clock.broken_at is not None:
        return Said("abnormal", overdue(clock.broken_at, now))
    if clock.state == State.PAUSED:
        left = duration(max(0, (clock.target_s or 0) - clock.elapsed_s))
        return Said("inactive", f"paused, {left} left", WAITING.get(clock.pause, clock.pause).lower())
    if clock.due_at is None:
        return Said("inactive", "no target")
    return Said("warn" if (clock.due_at - now).total_seconds() <= SOON_S else "normal", due(clock.due_at, now))


def due(at: datetime, now: datetime) -> str:
    if at < now:  # the last open minute has passed, and nothing is late before the next
        return f"due now ({local(at, now)})"
    return f"due in {duration((at - now).total_seconds() // 1)} ({local(at, now)})"


def overdue(since: datetime, now: datetime) -> str:
    return f"overdue for {duration(max(0, (now - since).total_seconds() // 1))} ({local(since, now)})"


def standing_said(standing: TicketStanding | None, now: datetime) -> Said:
    """The line of a ticket in the queue: its most urgent clock."""
    if standing is None:
        return Said("waiting", "not read yet")
    if standing.due_at is None:
        if standing.waiting:
            return Said("inactive", WAITING[standing.waiting])
        return Said("inactive", "nothing is due")
    kind = KINDS.get(standing.due_kind, "")
    if standing.is_broken and standing.due_at <= now:
        return Said("abnormal", overdue(standing.due_at, now), kind)
    soon = (standing.due_at - now).total_seconds() <= SOON_S
    return Said("warn" if soon else "normal", due(standing.due_at, now), kind)
