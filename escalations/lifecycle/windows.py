"""The windows of an escalation, read from its history on the contract's clock.

Response: from sending to the first sign of the owner. Update: from the acknowledgement on, each word begins it anew.
Resolution: from sending to resolved; it pauses while the contract says so, and from resolved to open again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from escalations.clocks.clock import Event, Reading, State, What, marks, read, warnings_at
from escalations.clocks.format import hours_of
from escalations.clocks.hours import Hours
from escalations.contracts.format import ContractForm
from escalations.contracts.spans import LONGEST
from escalations.models import EscalationEvent as Happened

ACKNOWLEDGE: Final = "acknowledge"
UPDATE: Final = "update"
RESOLVE: Final = "resolve"
WINDOWS: Final = (ACKNOWLEDGE, UPDATE, RESOLVE)
#: How each is called for people.
TITLES: Final = {ACKNOWLEDGE: "Acknowledgement", UPDATE: "Next update", RESOLVE: "Resolution"}
#: Stands for a severity without this window: longer than any that can be written.
_NONE: Final = LONGEST + timedelta(minutes=1)
_W = Happened.What
_FIRST_SIGN: Final = frozenset({_W.ACKNOWLEDGED, _W.ACCEPTED, _W.STARTED, _W.REJECTED, _W.RESOLVED})
#: What engineering says or does that people on the other side can see.
_WORD: Final = frozenset({_W.ACKNOWLEDGED, _W.ACCEPTED, _W.STARTED, _W.ASKED, _W.UPDATED, _W.REOPENED})
_OVER: Final = frozenset({_W.REJECTED, _W.RESOLVED, _W.WITHDRAWN})


@dataclass(frozen=True, slots=True)
class Window:
    """`reading.due_at` is None while it does not run."""

    name: str
    reading: Reading
    hours: Hours

    @property
    def title(self) -> str:
        return TITLES[self.name]

    @property
    def target_s(self) -> float:
        """Seconds of open time."""
        return self.reading.target.total_seconds()

    @property
    def elapsed_s(self) -> float:
        """Seconds of open time."""
        return self.reading.elapsed.total_seconds()

    @property
    def is_running(self) -> bool:
        return self.reading.state is State.RUNNING

    @property
    def is_broken(self) -> bool:
        return self.reading.broken_at is not None

    def warnings(self, now: datetime) -> list[datetime]:
        """When it is to warn from now on."""
        return warnings_at(self.reading, hours=self.hours, now=now)

    @property
    def warned(self) -> int:
        """How many of its warnings are due by now."""
        if not self.is_running or self.is_broken:
            return 0
        return sum(mark <= self.reading.elapsed for mark in marks(self.reading.target))


def windows(history: Iterable[Happened], form: ContractForm, now: datetime) -> dict[str, Window]:
    """Those that the contract sets at the escalation's severities, by name. `history` in any order."""
    events = sorted((one for one in history if one.at <= now), key=lambda one: (one.at, one.pk or 0))
    sent = next((one for one in events if one.what == _W.SENT), None)
    if sent is None:
        return {}
    found: dict[str, Window] = {}
    makers = {ACKNOWLEDGE: _acknowledge, UPDATE: _update, RESOLVE: _resolve}
    for name, make in makers.items():
        severities = [(sent.at, str(sent.data.get("severity", "")))]
        severities += [(one.at, str(one.data.get("to", ""))) for one in events if one.what == _W.SEVERITY]
        targets = [
            (at, _target(form, severity, name), hours_of(form.hours_at(severity))) for at, severity in severities
        ]
        _, first, hours = targets[0]
        if all(target is None for _, target, _ in targets):
            continue
        changed = [Event(at, What.RETARGET, target=target or _NONE, hours=other) for at, target, other in targets[1:]]
        pauses = _pauses(form, severities)
        told = [*make(events, pauses), *changed]
        reading = read(told, target=first or _NONE, hours=hours, now=now)
        if reading.target < _NONE:
            found[name] = Window(name, reading, targets[-1][2])
    return found


def climbs(history: Iterable[Happened], form: ContractForm, severity: str) -> list[datetime]:
    """When each step of the chain is due if nobody acknowledges, in order; counted in the contract's hours."""
    level = form.level(severity)
    sent = min((one.at for one in history if one.what == _W.SENT), default=None)
    if level is None or sent is None:
        return []
    hours = hours_of(form.hours_at(severity))
    return [hours.add(sent, step.after) for step in level.chain]


def _target(form: ContractForm, severity: str, name: str) -> timedelta | None:
    level = form.level(severity)
    if level is None:
        return None
    given: Mapping[str, timedelta | None] = {
        ACKNOWLEDGE: level.acknowledge_within, UPDATE: level.update_every, RESOLVE: level.resolve_within,
    }  # fmt: skip
    return given[name]


def _pauses(form: ContractForm, severities: list[tuple[datetime, str]]) -> frozenset[str]:
    """Waiting on whom pauses the resolution, under the severity in force now."""
    level = form.level(severities[-1][1])
    return frozenset(level.pauses_for) if level is not None else frozenset()


def _acknowledge(events: list[Happened], _: frozenset[str]) -> Iterator[Event]:
    for one in events:
        if one.what == _W.SENT:
            yield Event(one.at, What.ACTIVATE)
        elif one.what in _FIRST_SIGN:
            yield Event(one.at, What.FULFIL)
        elif one.what == _W.WITHDRAWN:
            yield Event(one.at, What.CANCEL)


def _update(events: list[Happened], _: frozenset[str]) -> Iterator[Event]:
    """One clock after the other: what is read is the one that runs, or the last. The history tells of broken ones."""
    for one in events:
        if one.what in _WORD:
            yield Event(one.at, What.FULFIL)
            yield Event(one.at, What.ACTIVATE)
            if one.what == _W.ASKED:  # it is support's turn
                yield Event(one.at, What.PAUSE, "support")
        elif one.what == _W.ANSWERED:
            yield Event(one.at, What.RESUME)
        elif one.what in _OVER:
            yield Event(one.at, What.FULFIL)


def _resolve(events: list[Happened], pauses: frozenset[str]) -> Iterator[Event]:
    is_reopened = {one.pk for one in _reopened(events)}
    for one in events:
        if one.what == _W.SENT:
            yield Event(one.at, What.ACTIVATE)
        elif one.what == _W.ASKED and str(one.data.get("of", "support")) in pauses:
            yield Event(one.at, What.PAUSE, str(one.data.get("of", "support")))
        elif one.what in (_W.ANSWERED, _W.REOPENED):
            yield Event(one.at, What.RESUME)
        elif one.what == _W.RESOLVED:
            # The time until it is open again counts for neither side.
            yield Event(one.at, What.PAUSE, "resolved") if one.pk in is_reopened else Event(one.at, What.FULFIL)
        elif one.what in (_W.REJECTED, _W.WITHDRAWN):
            yield Event(one.at, What.CANCEL)


def _reopened(events: list[Happened]) -> Iterator[Happened]:
    """Those resolutions that did not last."""
    for number, one in enumerate(events):
        if one.what == _W.RESOLVED and any(later.what == _W.REOPENED for later in events[number + 1 :]):
            yield one
