"""From what happened to a ticket to what happened to its clocks: a pure function, computed again with every event.

- The first reply is due from the beginning, the resolution too. The next reply is due from a customer's message on,
  once there was a first reply.
- Waiting on the customer is: the helpdesk says so, and the last word is ours. A message of theirs ends it, whatever
  the status says. Where the helpdesk tells no status, an answer that rests on a diagnosis begins it.
- Waiting on engineering is: an escalation of the ticket is open, and it is not support whom it waits for.
- Clocks of replies never pause: it is the customer who waits.
- A closed ticket fulfils its resolution; what was still owed is cancelled. Opened again, all go on with what had
  elapsed.
- A merged or deleted ticket cancels its clocks: it goes on elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from escalations.clocks.clock import Event, Reading, State, What, read
from escalations.models.ownership import TicketClock
from escalations.ownership.facts import Fact, in_order
from escalations.ownership.policies import Case
from escalations.ownership.terms import NO_TERMS, Terms
from escalations.ownership.waiting import Waiting

Kind = TicketClock.Kind
#: A reply that is sent with the status "solved" may be stamped a moment after it.
TOGETHER: Final = timedelta(seconds=60)
_REPLIES: Final = ("ticket.replied", "reply.sent")


@dataclass(frozen=True, slots=True)
class Planned:
    """One event of a clock. `terms` are given where they begin to hold."""

    at: datetime
    what: What
    cause: str
    key: str = ""
    reason: str = ""
    terms: Terms | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """`clocks`: (kind, number) -> its events in order. `waiting` is who the ticket waits for now, "" for us."""

    clocks: Mapping[tuple[str, int], Sequence[Planned]]
    terms: Terms
    waiting: str
    is_open: bool


@dataclass(slots=True)
class _Run:
    number: int = 0
    state: State = State.IDLE
    pause: str = ""
    terms: Terms = NO_TERMS

    @property
    def is_live(self) -> bool:
        return self.state in (State.RUNNING, State.PAUSED)


@dataclass(slots=True)
class _Planner:
    choose: Callable[[Case], Terms]
    case: Case
    facts: Sequence[Fact]
    terms: Terms = NO_TERMS
    runs: dict[Kind, _Run] = field(default_factory=lambda: {kind: _Run() for kind in Kind})
    out: dict[tuple[str, int], list[Planned]] = field(default_factory=dict)
    waiting: Waiting = field(default_factory=Waiting)

    # ------------------------------------------------------------------------------------------------------- one clock
    def _put(self, kind: Kind, fact: Fact, what: What, *, reason: str = "", terms: Terms | None = None) -> None:
        planned = Planned(fact.at, what, fact.kind, fact.key, reason, terms)
        self.out.setdefault((str(kind), self.runs[kind].number), []).append(planned)

    def _start(self, kind: Kind, fact: Fact) -> None:
        run = self.runs[kind]
        if run.is_live:
            return
        run.number, run.state, run.pause, run.terms = run.number + 1, State.RUNNING, "", self.terms
        self._put(kind, fact, What.ACTIVATE, terms=self.terms)

    def _end(self, kind: Kind, fact: Fact, what: What) -> None:
        run = self.runs[kind]
        if run.is_live:
            run.state, run.pause = State.FULFILLED if what is What.FULFIL else State.CANCELLED, ""
            self._put(kind, fact, what)

    def _go_on(self, kind: Kind, fact: Fact) -> None:
        run = self.runs[kind]
        if run.state not in (State.FULFILLED, State.CANCELLED):
            return
        if run.terms != self.terms:
            run.terms = self.terms
            self._put(kind, fact, What.RETARGET, terms=self.terms)
        run.state = State.RUNNING
        self._put(kind, fact, What.REOPEN)

    # ----------------------------------------------------------------------------------------------- the ticket's life
    def take(self, fact: Fact, rest: Sequence[Fact]) -> None:
        match fact.kind:
            case "ticket.received":
                self.terms = self.choose(self.case)
                self._start(Kind.FIRST_REPLY, fact)
                self._start(Kind.RESOLUTION, fact)
            case "ticket.customer_wrote":
                if self.waiting.is_open and self.waiting.replied:
                    self._start(Kind.NEXT_REPLY, fact)
            case "ticket.replied" | "reply.sent":
                self._end(Kind.FIRST_REPLY, fact, What.FULFIL)
                self._end(Kind.NEXT_REPLY, fact, What.FULFIL)
            case "ticket.resolved":
                self._resolved(fact, rest)
            case "ticket.reopened":
                self._reopened(fact)
            case _:
                self._decided(fact)
        self.waiting.take(fact)
        self._pause(fact)

    def _resolved(self, fact: Fact, rest: Sequence[Fact]) -> None:
        goes_on = bool(fact.data.get("merged_into") or fact.data.get("deleted"))
        soon = any(one.kind in _REPLIES and one.at - fact.at <= TOGETHER for one in rest)
        for kind in (Kind.FIRST_REPLY, Kind.NEXT_REPLY):
            self._end(kind, fact, What.FULFIL if soon and not goes_on else What.CANCEL)
        self._end(Kind.RESOLUTION, fact, What.CANCEL if goes_on else What.FULFIL)

    def _reopened(self, fact: Fact) -> None:
        was = self.waiting
        if was.is_open:
            return
        if self.terms.restarts:
            self._start(Kind.RESOLUTION, fact)
        else:
            self._go_on(Kind.RESOLUTION, fact)
        if not was.replied:
            self._go_on(Kind.FIRST_REPLY, fact)
        elif was.unanswered and self.runs[Kind.NEXT_REPLY].state is State.CANCELLED:
            self._go_on(Kind.NEXT_REPLY, fact)
        elif was.wrote_closed:
            self._start(Kind.NEXT_REPLY, fact)

    def _decided(self, fact: Fact) -> None:
        """Another customer, class, priority or tier. What has elapsed stays."""
        case = moved(self.case, fact)
        if case == self.case:
            return
        self.case = case
        if self.terms == (chosen := self.choose(case)):
            return
        self.terms = chosen
        for kind, run in self.runs.items():
            if run.is_live:
                run.terms = chosen
                self._put(kind, fact, What.RETARGET, terms=chosen)

    def _pause(self, fact: Fact) -> None:
        run = self.runs[Kind.RESOLUTION]
        wanted = next((who for who in self.waiting.on if who in run.terms.pauses), "")
        if not run.is_live or run.pause == wanted:
            return
        run.pause, run.state = wanted, State.PAUSED if wanted else State.RUNNING
        self._put(Kind.RESOLUTION, fact, What.PAUSE if wanted else What.RESUME, reason=wanted)


def moved(case: Case, fact: Fact) -> Case:
    """The case after this fact."""
    match fact.kind:
        case "ticket.customer_set" | "ticket.tier":
            return Case(str(fact.data.get("tier", "")).lower(), case.incident_class, case.priority)
        case "ticket.classified":
            return Case(case.tier, str(fact.data.get("class", "")).lower(), case.priority)
        case "ticket.priority":
            return Case(case.tier, case.incident_class, str(fact.data.get("priority", "")).lower())
    return case


def case_at_first(facts: Iterable[Fact], today: Case) -> Case:
    """What was learned first held from the beginning: a ticket that is classified a second after it came was never
    of no class. `today` stands in for what was never told.
    """
    found: dict[str, str] = {}
    for fact in facts:
        if fact.kind == "ticket.customer_set":
            found.setdefault("tier", str(fact.data.get("tier", "")))
        elif fact.kind == "ticket.classified":
            found.setdefault("incident_class", str(fact.data.get("class", "")))
        elif fact.kind in ("ticket.tier", "ticket.priority"):
            found.setdefault(fact.kind.partition(".")[2], str(fact.data.get("was", "")))
    lowered = {name: value.lower() for name, value in found.items()}
    return Case(
        lowered.get("tier", today.tier),
        lowered.get("incident_class", today.incident_class),
        lowered.get("priority", today.priority),
    )


def plan(facts: Iterable[Fact], *, today: Case, choose: Callable[[Case], Terms], now: datetime) -> Plan:
    """`choose` gives the same terms for the same case, whenever it is asked. Facts after `now` have not happened."""
    happened = in_order(fact for fact in facts if fact.at <= now)
    planner = _Planner(choose, case_at_first(happened, today), happened)
    for index, fact in enumerate(happened):
        planner.take(fact, happened[index + 1 :])
    return Plan(planner.out, planner.terms, next(iter(planner.waiting.on), ""), planner.waiting.is_open)


def reading(kind: str, events: Sequence[Planned], now: datetime) -> tuple[Reading, Terms]:
    """A clock at `now`, and the terms that hold then. Idle when nothing has happened yet."""
    known = [event for event in events if event.at <= now]
    held = [event.terms for event in known if event.terms is not None]
    first = held[0] if held else NO_TERMS
    told = [
        Event(event.at, event.what, event.reason)
        if event.terms is None
        else Event(
            event.at, event.what, event.reason, target=event.terms.target(kind), hours=event.terms.hours_of(kind)
        )
        for event in known
    ]
    target, hours = first.target(kind), first.hours_of(kind)
    found = read(told, target=target, hours=hours, now=now)
    if found.state is State.RUNNING and not found.is_over:
        # As seen from the last event: whoever looks in the night after the last open minute sees the evening still.
        found = replace(found, due_at=read(told, target=target, hours=hours, now=told[-1].at).due_at)
    return found, held[-1] if held else NO_TERMS
