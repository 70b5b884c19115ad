"""What a ticket's time went to. From its facts to intervals, each in one lane; closings divide its life into cycles.

Phases follow each other, and at any time a ticket is in one lane:

- **intake** from the beginning until class, customer and owner are known, or until somebody goes to work without them;
- **investigation** from the first run (or from the end of intake, where the run came before) until the diagnosis is
  accepted or corrected, the answer is begun or sent, or engineering has the case;
- **drafting** from the opening of the draft of an answer until an answer went out;
- **closure** from the answer until the ticket is solved;
- **queue**: open, ours, and none of these is under way: work that waits for somebody;
- **customer**, **hold**, **engineering**: whom it waits for (`escalations.ownership.waiting`); no phase runs meanwhile.

Acknowledgements and holding replies are no answers, nor is a reply while an investigation that began has no diagnosis
yet. A message of the customer after the answer brings the ticket back to the queue. A ticket that we open again within
ten minutes, without a word of the customer, was closed by mistake: the closing does not count, nor does the time
between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from escalations.ownership.waiting import Waiting
from metrics.phases.facts import Happened

SLIP: Final = timedelta(minutes=10)

#: What the event of a closing says -> where the ticket went.
_GONE: Final = (("merged_into", "merged"), ("deleted", "deleted"))


class Lane(StrEnum):
    INTAKE = "intake"
    INVESTIGATION = "investigation"
    DRAFTING = "drafting"
    CLOSURE = "closure"
    QUEUE = "queue"
    CUSTOMER = "customer"
    HOLD = "hold"
    ENGINEERING = "engineering"


PHASES: Final = (Lane.INTAKE, Lane.INVESTIGATION, Lane.DRAFTING, Lane.CLOSURE)
WAITS: Final = (Lane.QUEUE, Lane.CUSTOMER, Lane.HOLD, Lane.ENGINEERING)


@dataclass(frozen=True, slots=True)
class Interval:
    lane: Lane
    begins: datetime
    ends: datetime


@dataclass(slots=True)
class Cycle:
    """From the beginning, or from a reopening, to the next closing. `closed` is None while it is open; its last
    interval then ends where the reading did. `facts` are those from its beginning up to the beginning of the next:
    what is said of a closing comes after it.
    """

    number: int
    begun: datetime
    intervals: list[Interval] = field(default_factory=list)
    facts: list[Happened] = field(default_factory=list)
    closed: datetime | None = None
    gone: str = ""  # "merged" or "deleted": it goes on elsewhere, or nowhere
    answers: list[datetime] = field(default_factory=list)  # substantive public replies

    def within(self, lane: Lane) -> list[Interval]:
        return [one for one in self.intervals if one.lane == lane]


def cycles(facts: Sequence[Happened], now: datetime) -> list[Cycle]:
    """Of facts in order (see `metrics.phases.facts.in_order`); later ones than `now` have not happened."""
    reader = _Reader([one for one in facts if one.at <= now])
    for fact in reader.facts:
        reader.take(fact)
    if reader.cycle is not None and reader.cycle.closed is None:
        reader.spend(now)
    return reader.found


@dataclass(slots=True)
class _Reader:
    facts: Sequence[Happened]
    found: list[Cycle] = field(default_factory=list)
    waiting: Waiting = field(default_factory=Waiting)
    phase: Lane = Lane.INTAKE
    since: datetime | None = None
    known: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(("class", "customer", "owner"), False))
    runs: dict[str, bool] = field(default_factory=dict)  # runs of this cycle -> whether they reached a diagnosis
    answered: datetime | None = None  # the last answer

    @property
    def cycle(self) -> Cycle | None:
        return self.found[-1] if self.found else None

    @property
    def lane(self) -> Lane:
        return Lane(self.waiting.on[0]) if self.waiting.on else self.phase

    def spend(self, at: datetime) -> None:
        """The time since the last fact went to the lane that was on."""
        cycle, since = self.cycle, self.since
        if cycle is None or since is None or at <= since:
            return
        lane, last = self.lane, cycle.intervals[-1] if cycle.intervals else None
        if last is not None and last.lane == lane and last.ends == since:
            cycle.intervals[-1] = Interval(lane, last.begins, at)
        else:
            cycle.intervals.append(Interval(lane, since, at))
        self.since = at

    def take(self, fact: Happened) -> None:
        cycle = self.cycle
        if cycle is None:
            if fact.kind not in ("ticket.received", "ticket.reopened"):
                self._learn(fact)
                return
            cycle = self._begin(fact, Lane.INTAKE)
        elif self.waiting.is_open:
            self.spend(fact.at)
        elif fact.kind == "ticket.reopened":
            cycle = self._reopen(fact, cycle)
        cycle.facts.append(fact)
        was_open = self.waiting.is_open
        self._move(fact, cycle)
        self.waiting.take(fact)
        if fact.kind == "ticket.resolved" and was_open:
            cycle.closed, self.since = fact.at, None
            cycle.gone = next((word for name, word in _GONE if fact.data.get(name)), "")

    def _begin(self, fact: Happened, phase: Lane) -> Cycle:
        made = Cycle(len(self.found) + 1, fact.at)
        self.found.append(made)
        self.phase, self.since, self.runs, self.answered = phase, fact.at, {}, None
        return made

    def _reopen(self, fact: Happened, cycle: Cycle) -> Cycle:
        closed = cycle.closed or fact.at
        wrote = any(one.kind == "ticket.customer_wrote" and one.at >= closed for one in cycle.facts)
        if fact.at - closed <= SLIP and not wrote and not cycle.gone:
            cycle.closed, self.since = None, fact.at
            return cycle
        return self._begin(fact, Lane.QUEUE)

    def _learn(self, fact: Happened) -> None:
        for kind, name, value in (
            ("ticket.classified", "class", "class"),
            ("ticket.customer_set", "customer", "org_id"),
            ("ticket.assigned", "owner", "owner"),
        ):
            if fact.kind == kind:
                self.known[name] = bool(fact.data.get(value))

    def _move(self, fact: Happened, cycle: Cycle) -> None:
        self._learn(fact)
        phase = self.phase
        match fact.kind:
            case "ticket.classified" | "ticket.customer_set" | "ticket.assigned":
                if phase == Lane.INTAKE and all(self.known.values()):
                    self.phase = Lane.INVESTIGATION if self.runs else Lane.QUEUE
            case "run.queued":
                self.runs.setdefault(fact.subject, False)
                if fact.by or phase == Lane.QUEUE:
                    self.phase = Lane.INVESTIGATION
            case "run.answered":
                if phase in (Lane.INTAKE, Lane.QUEUE):
                    self.phase = Lane.INVESTIGATION
            case "run.finished":
                self.runs[fact.subject] = True
            case "run.cancelled":
                self.runs.pop(fact.subject, None)
                if phase == Lane.INVESTIGATION and not self.runs:
                    self.phase = Lane.QUEUE
            case "diagnosis.accepted" | "diagnosis.corrected":
                if phase == Lane.INVESTIGATION:
                    self.phase = Lane.QUEUE
            case "escalation.sent" | "escalation.joined":
                if phase in (Lane.INTAKE, Lane.INVESTIGATION):
                    self.phase = Lane.QUEUE
            case "escalation.resolved" | "escalation.rejected":
                if phase == Lane.CLOSURE:
                    self.phase = Lane.QUEUE
            case "reply.drafted":
                if fact.by and fact.data.get("kind", "answer") == "answer":
                    self.phase = Lane.DRAFTING
            case "ticket.replied" | "reply.sent":
                self._reply(fact, cycle)
            case "ticket.customer_wrote":
                if phase == Lane.CLOSURE:
                    self.phase = Lane.QUEUE

    def _reply(self, fact: Happened, cycle: Cycle) -> None:
        if not self._answers(fact):
            return
        # One reply may be told twice: by Altor that sent it, and by the ticket that it moved.
        if self.answered is None or fact.at - self.answered > timedelta(minutes=1):
            cycle.answers.append(fact.at)
        self.answered = fact.at
        if self.waiting.is_open:
            self.phase = Lane.CLOSURE

    def _answers(self, fact: Happened) -> bool:
        if fact.kind == "reply.sent":
            return fact.data.get("kind") == "answer"
        under_way = bool(self.runs) and not any(self.runs.values())
        return not (fact.data.get("before_diagnosis") and under_way)
