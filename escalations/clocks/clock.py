"""A clock from what happened to it: a pure function of its events, so that any figure can be computed again.

Elapsed time is the sum, over the times in which the clock ran, of the open time of the hours in force then. Another
target or other hours keep what has elapsed. It is broken when more than the target has elapsed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from escalations.clocks.hours import Hours

NOTHING: Final = timedelta()


class What(StrEnum):
    ACTIVATE = "activate"  # from zero; on a clock that runs or pauses it changes nothing
    PAUSE = "pause"
    RESUME = "resume"
    RETARGET = "retarget"  # another target, other hours, or both
    FULFIL = "fulfil"
    CANCEL = "cancel"
    REOPEN = "reopen"  # goes on after its end with what has elapsed; the time between counts for nobody


class State(StrEnum):
    IDLE = "idle"
    RUNNING = "running"
    PAUSED = "paused"
    FULFILLED = "fulfilled"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Event:
    """`reason` of a pause; `target` and `hours` of a retarget, None for what stays."""

    at: datetime
    what: What
    reason: str = ""
    target: timedelta | None = None
    hours: Hours | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """A clock at one instant."""

    state: State
    target: timedelta
    elapsed: timedelta
    #: When more than the target has elapsed if nothing else happens; None unless it runs.
    due_at: datetime | None
    #: When it was broken first, under the target in force then. A longer target later does not undo it.
    broken_at: datetime | None
    #: Plain time spent in pauses, by reason.
    paused: Mapping[str, timedelta] = field(default_factory=dict)
    pause: str = ""  # why it pauses now

    @property
    def left(self) -> timedelta:
        """Below zero when it is over."""
        return self.target - self.elapsed

    @property
    def is_over(self) -> bool:
        """More than the present target has elapsed."""
        return self.elapsed > self.target


class _Clock:
    def __init__(self, target: timedelta, hours: Hours) -> None:
        self.target, self.hours = target, hours
        self.state = State.IDLE
        self.elapsed = NOTHING
        self.since: datetime | None = None  # since when it is in this state
        self.broken_at: datetime | None = None
        self.paused: dict[str, timedelta] = {}
        self.pause = ""

    def reach(self, at: datetime) -> None:
        """Let the time pass until `at` in the present state."""
        if self.since is None or at <= self.since:
            return
        if self.state is State.RUNNING:
            gained = self.hours.open_time(self.since, at)
            if self.broken_at is None and self.elapsed + gained > self.target:
                self.broken_at = self.hours.add(self.since, max(NOTHING, self.target - self.elapsed))
            self.elapsed += gained
        elif self.state is State.PAUSED:
            self.paused[self.pause] = self.paused.get(self.pause, NOTHING) + (at - self.since)
        self.since = at

    def take(self, event: Event) -> None:
        self.reach(event.at)
        is_live = self.state in (State.RUNNING, State.PAUSED)
        if event.what is What.ACTIVATE and not is_live:
            self.state, self.elapsed, self.broken_at, self.paused = State.RUNNING, NOTHING, None, {}
        elif event.what is What.PAUSE and is_live:
            self.state, self.pause = State.PAUSED, event.reason
        elif event.what is What.RESUME and self.state is State.PAUSED:
            self.state, self.pause = State.RUNNING, ""
        elif event.what is What.FULFIL and is_live:
            self.state, self.pause = State.FULFILLED, ""
        elif event.what is What.CANCEL and is_live:
            self.state, self.pause = State.CANCELLED, ""
        elif event.what is What.REOPEN and self.state in (State.FULFILLED, State.CANCELLED):
            self.state = State.RUNNING
        elif event.what is What.RETARGET:
            self.target = event.target if event.target is not None else self.target
            self.hours = event.hours or self.hours
            if self.state is State.RUNNING and self.elapsed > self.target and self.broken_at is None:
                self.broken_at = event.at  # not before: until now it was within its time
        self.since = event.at

    def due_at(self) -> datetime | None:
        if self.state is not State.RUNNING or self.since is None:
            return None
        if self.elapsed > self.target:
            return self.broken_at
        return self.hours.add(self.since, self.target - self.elapsed)


def read(events: Iterable[Event], *, target: timedelta, hours: Hours, now: datetime) -> Reading:
    """The clock at `now`. Events may come in any order; those after `now` have not happened yet.

    `target` and `hours` hold until a retarget. Of events at the same instant the one given first happened first.
    """
    clock = _Clock(target, hours)
    for event in sorted((one for one in events if one.at <= now), key=lambda one: one.at):
        clock.take(event)
    clock.reach(now)
    return Reading(
        clock.state, clock.target, clock.elapsed, clock.due_at(), clock.broken_at, dict(clock.paused), clock.pause
    )


def marks(target: timedelta, *, share: float = 0.75, last: timedelta = timedelta(minutes=15)) -> list[timedelta]:
    """After how much elapsed time a clock is to warn: once `share` of its target has passed, and `last` before its end.

    In order. A target of `last` or less only has the first.
    """
    return sorted(mark for mark in {target * share, target - last} if mark > NOTHING)


def warnings_at(
    reading: Reading, *, hours: Hours, now: datetime, share: float = 0.75, last: timedelta = timedelta(minutes=15)
) -> list[datetime]:
    """When a running clock is to warn, see `marks`: in order, without those that have passed. Empty for a clock that
    does not run or is over.
    """
    if reading.state is not State.RUNNING or reading.left < NOTHING:
        return []
    ahead = [mark for mark in marks(reading.target, share=share, last=last) if reading.elapsed <= mark]
    return [hours.add(now, mark - reading.elapsed) for mark in ahead]
