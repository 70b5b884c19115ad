"""What happened to tickets, as their phase events tell it, read for many tickets at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from altor.models import PhaseEvent

#: At the same instant they happened in this order.
ORDER: Final = {
    kind: place
    for place, kind in enumerate((
        "ticket.received", "ticket.customer_set", "ticket.tier", "ticket.classified", "ticket.priority",
        "ticket.reopened", "ticket.customer_wrote", "ticket.assigned", "run.queued", "run.started", "run.step",
        "run.finished", "run.failed", "run.cancelled", "run.answered", "diagnosis.accepted", "diagnosis.corrected",
        "gate.overridden", "escalation.sent", "escalation.joined", "escalation.reopened", "escalation.asked",
        "escalation.answered", "escalation.accepted", "escalation.rejected", "escalation.withdrawn",
        "escalation.resolved", "escalation.verified", "reply.drafted", "ticket.replied", "reply.sent", "ticket.status",
        "ticket.resolved", "ticket.explained", "ticket.learned", "recovery.asked", "recovery.told",
    ))
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Happened:
    """One phase event. `subject`: of a run or an escalation, its reference; `by`: somebody did it, not Altor alone;
    `known`: when it was told.
    """

    at: datetime
    kind: str
    key: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    subject: str = ""
    by: bool = False
    known: datetime | None = None


def in_order(facts: Iterable[Happened]) -> list[Happened]:
    """Of several beginnings only the earliest."""
    found = sorted(facts, key=lambda one: (one.at, ORDER.get(one.kind, len(ORDER)), one.key))
    begun = False
    kept = []
    for one in found:
        if one.kind == "ticket.received":
            if begun:
                continue
            begun = True
        kept.append(one)
    return kept


def histories(refs: Sequence[str]) -> dict[str, list[Happened]]:
    """Ticket -> its facts in order. One query; tickets of which nothing was told are left out."""
    told = PhaseEvent.objects.filter(ticket_ref__in=refs, kind__in=list(ORDER)).order_by()
    rows = told.values_list("ticket_ref", "at", "kind", "key", "data", "subject_ref", "actor_id", "recorded_at")
    found: dict[str, list[Happened]] = defaultdict(list)
    for ref, at, kind, key, data, subject, actor, known in rows.iterator(chunk_size=5000):
        found[ref].append(Happened(at, kind, key, data, subject, actor is not None, known))
    return {ref: in_order(facts) for ref, facts in found.items()}
