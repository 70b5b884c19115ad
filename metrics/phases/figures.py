"""What one cycle of a ticket counts in the metrics: a row of plain values, computed from its facts alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from escalations.clocks.hours import ALWAYS, Hours
from metrics.phases.facts import Happened
from metrics.phases.lanes import PHASES, WAITS, Cycle, Interval, Lane

#: From this confidence on a diagnosis is said to be of medium, from that of high confidence (docs: confidence).
MEDIUM: Final = 0.40
HIGH: Final = 0.75
#: Labels that leave it open. That nothing is wrong on our side (`none.no_anomaly`) is an answer.
OPEN: Final = frozenset({"", "inconclusive"})
#: A cycle whose beginning was told so much later than it was, was read back from a helpdesk's history.
READ_BACK_S: Final = 2 * 86_400


@dataclass(frozen=True, slots=True)
class Figures:
    """One cycle. Seconds are open time of the team's hours unless the name says elapsed; None: it does not apply, or
    it was not reached. A cycle that is not closed has no `closed_at`, and what it took so far.
    """

    number: int
    begun_at: datetime
    closed_at: datetime | None
    gone: str
    estimated: bool
    incident_class: str
    tier: str
    customer: str
    label: str  # the cause: as people said last, else as the last diagnosis did
    intake_s: int
    investigation_s: int
    drafting_s: int
    closure_s: int
    queue_s: int
    customer_s: int
    hold_s: int
    engineering_s: int
    intake_elapsed_s: int
    investigation_elapsed_s: int
    drafting_elapsed_s: int
    closure_elapsed_s: int
    queue_elapsed_s: int
    elapsed_s: int
    first_reply_s: int | None
    confident_s: int | None
    high_s: int | None
    answers: int
    escalations: int
    sent: int  # of these; the others joined one that was open
    packets: int  # of those sent, with every required item by evidence
    runs: int
    asked_runs: int  # begun by a person
    checks: int  # steps that ended, by machine
    manual_checks: int
    confidence: float | None  # of the last diagnosis before the closing
    verdict: str  # "right", "wrong" or ""
    early_reply: bool
    partial: bool
    reopened_after_s: int | None
    learned: str
    recovery: int | None  # 1 to 5, the customer's
    judged: int | None  # 1 to 5, the engineer's
    asked: bool  # the customer was asked

    @property
    def phases(self) -> Mapping[str, int]:
        return {str(lane): getattr(self, f"{lane}_s") for lane in PHASES}


def figures(found: Sequence[Cycle], *, hours: Hours = ALWAYS, now: datetime) -> list[Figures]:
    """Of all cycles of a ticket, in order."""
    history = [fact for cycle in found for fact in cycle.facts]
    return [_figures(cycle, found, history, hours, now) for cycle in found]


def _figures(cycle: Cycle, every: Sequence[Cycle], history: Sequence[Happened], hours: Hours, now: datetime) -> Figures:
    end = cycle.closed or now
    before = [fact for fact in history if fact.at <= end]
    spent = {lane: _seconds(cycle.within(lane), hours) for lane in Lane}
    elapsed = {lane: _seconds(cycle.within(lane), ALWAYS) for lane in Lane}
    first = cycle.number == 1
    later = every[cycle.number] if cycle.number < len(every) else None
    said = _said(cycle, before)
    diagnosed = _last(before, "run.finished")
    label = said or str(diagnosed.data.get("label", "") if diagnosed else "")
    confidence = _number(diagnosed.data.get("confidence")) if diagnosed else None
    sent = [fact for fact in cycle.facts if fact.kind == "escalation.sent"]
    joined = sum(fact.kind == "escalation.joined" for fact in cycle.facts)
    queued = [fact for fact in cycle.facts if fact.kind == "run.queued"]
    steps = [fact for fact in cycle.facts if fact.kind == "run.step" and fact.data.get("status") in ("done", "")]
    by_hand = [fact for fact in cycle.facts if fact.kind == "run.answered"]
    replied = _first_reply(cycle) if first else None
    learned = _last(cycle.facts, "ticket.learned")
    return Figures(
        number=cycle.number,
        begun_at=cycle.begun,
        closed_at=cycle.closed,
        gone=cycle.gone,
        estimated=_read_back(cycle),
        incident_class=_told(before, "ticket.classified", "class"),
        tier=_tier(before),
        customer=_told(before, "ticket.customer_set", "org_id"),
        label=label,
        **{f"{lane}_s": spent[lane] for lane in (*PHASES, *WAITS)},
        **{f"{lane}_elapsed_s": elapsed[lane] for lane in (*PHASES, Lane.QUEUE)},
        elapsed_s=sum(elapsed.values()),
        first_reply_s=_open(hours, cycle.begun, replied) if replied else None,
        confident_s=_confident(every, history, hours, MEDIUM, end) if first else None,
        high_s=_confident(every, history, hours, HIGH, end) if first else None,
        answers=len(cycle.answers),
        escalations=len(sent) + joined,
        sent=len(sent),
        packets=sum(fact.data.get("completeness") == "evidence" for fact in sent),
        runs=len(queued),
        asked_runs=sum(fact.by for fact in queued),
        checks=sum(fact.data.get("source") != "manual" for fact in steps),
        manual_checks=len(by_hand),
        confidence=confidence,
        verdict=_verdict(cycle, before, diagnosed),
        early_reply=any(_is_early(fact) for fact in cycle.facts),
        partial=_is_partial(diagnosed, confidence, label),
        reopened_after_s=_seconds([Interval(Lane.QUEUE, cycle.closed, later.begun)], ALWAYS)
        if later is not None and cycle.closed is not None
        else None,
        learned=str(learned.data.get("how", "")) if learned else "",
        recovery=_score(cycle.facts, "customer"),
        judged=_score(cycle.facts, "engineer"),
        asked=_last(cycle.facts, "recovery.asked") is not None,
    )


# ------------------------------------------------------------------------------------------------------------- time
def _seconds(intervals: Iterable[Interval], hours: Hours) -> int:
    return sum(_open(hours, one.begins, one.ends) for one in intervals)


def _open(hours: Hours, begin: datetime, end: datetime) -> int:
    return int(hours.open_time(begin, end).total_seconds())


def _first_reply(cycle: Cycle) -> datetime | None:
    """The first public reply of any kind."""
    return min((fact.at for fact in cycle.facts if fact.kind in ("ticket.replied", "reply.sent")), default=None)


def _confident(
    every: Sequence[Cycle], history: Sequence[Happened], hours: Hours, least: float, end: datetime
) -> int | None:
    """From the beginning to the first diagnosis of at least this confidence that nothing overturned later, without
    the time in which the ticket waited for the customer.
    """
    for fact in history:
        if fact.at > end:
            break
        if fact.kind != "run.finished" or not _names(fact, least) or _overturned(fact, history):
            continue
        waited = [
            Interval(one.lane, one.begins, min(one.ends, fact.at))
            for cycle in every
            for one in cycle.within(Lane.CUSTOMER)
            if one.begins < fact.at
        ]
        return _open(hours, every[0].begun, fact.at) - _seconds(waited, hours)
    return None


def _names(fact: Happened, least: float) -> bool:
    confidence = _number(fact.data.get("confidence"))
    return str(fact.data.get("label", "")) not in OPEN and confidence is not None and confidence >= least


def _overturned(diagnosis: Happened, history: Sequence[Happened]) -> bool:
    """A person said that it was wrong, or that the cause was another one; or a later run is as sure of another."""
    label = diagnosis.data.get("label")
    for fact in history:
        if fact.at < diagnosis.at:
            continue
        if fact.kind == "diagnosis.corrected" and (
            fact.subject == diagnosis.subject or fact.data.get("label") not in ("", label)
        ):
            return fact.data.get("label") != label
        if fact.kind == "ticket.explained" and fact.data.get("how") == "other_cause":
            return True
        if fact.kind == "run.finished" and _names(fact, MEDIUM) and fact.data.get("label") != label:
            return True
    return False


# ------------------------------------------------------------------------------------------------------------- words
def _last(facts: Iterable[Happened], kind: str) -> Happened | None:
    found = None
    for fact in facts:
        if fact.kind == kind:
            found = fact
    return found


def _told(facts: Iterable[Happened], kind: str, name: str) -> str:
    found = _last(facts, kind)
    return str(found.data.get(name) or "") if found else ""


def _tier(facts: Sequence[Happened]) -> str:
    """As it was at the closing: what a change of tier says is newer than what came with the customer."""
    tier = ""
    for fact in facts:
        if fact.kind in ("ticket.customer_set", "ticket.tier") and fact.data.get("tier") is not None:
            tier = str(fact.data["tier"])
    return tier


def _said(cycle: Cycle, before: Sequence[Happened]) -> str:
    """The cause as people named it last, what they say of this closing included."""
    told = [*before, *(fact for fact in cycle.facts if cycle.closed is not None and fact.at > cycle.closed)]
    found = ""
    for fact in told:
        if fact.kind in ("diagnosis.accepted", "diagnosis.corrected", "ticket.explained"):
            found = str(fact.data.get("label") or "") or found
    return found


def _verdict(cycle: Cycle, before: Sequence[Happened], diagnosed: Happened | None) -> str:
    """Of the last diagnosis, by what people said of it, before or after the closing."""
    if diagnosed is None:
        return ""
    told = [*before, *(fact for fact in cycle.facts if cycle.closed is not None and fact.at > cycle.closed)]
    verdict = ""
    for fact in told:
        if fact.at < diagnosed.at:
            continue
        if fact.kind == "diagnosis.accepted":
            verdict = "right"
        elif fact.kind == "diagnosis.corrected":
            verdict = "wrong"
        elif fact.kind == "ticket.explained" and fact.data.get("how") in ("right", "other_cause"):
            verdict = "right" if fact.data["how"] == "right" else "wrong"
    return verdict


def _is_early(fact: Happened) -> bool:
    """A reply before the evidence was there: by the helpdesk's door, or past the gate."""
    return (fact.kind == "ticket.replied" and bool(fact.data.get("before_evidence"))) or (
        fact.kind == "gate.overridden" and fact.data.get("gate") == "reply"
    )


def _is_partial(diagnosed: Happened | None, confidence: float | None, label: str) -> bool:
    """There is a diagnosis, and it leaves the cause open, is of low confidence, or sources could not be asked."""
    if diagnosed is None:
        return False
    return label in OPEN or confidence is None or confidence < MEDIUM or bool(diagnosed.data.get("unavailable"))


def _score(facts: Iterable[Happened], who: str) -> int | None:
    found = None
    for fact in facts:
        if fact.kind == "recovery.told" and fact.data.get("who") == who:
            found = int(fact.data["score"])
    return found


def _read_back(cycle: Cycle) -> bool:
    first = next((fact for fact in cycle.facts if fact.known is not None), None)
    return first is not None and first.known is not None and (first.known - first.at).total_seconds() > READ_BACK_S


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None
