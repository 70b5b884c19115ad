"""What happened to a ticket, as its phase events tell it, in an order that does not depend on when we learned of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from altor.models import PhaseEvent
from investigations.models import Customer, Ticket

#: What clocks and figures are made of. At the same instant they happened in this order.
ORDER: Final = {
    kind: place
    for place, kind in enumerate((
        "ticket.received", "ticket.customer_set", "ticket.classified", "ticket.priority", "ticket.tier",
        "ticket.reopened", "ticket.customer_wrote", "run.step", "run.finished", "run.answered", "diagnosis.accepted",
        "diagnosis.corrected", "escalation.sent", "escalation.joined", "escalation.reopened", "escalation.asked",
        "escalation.answered", "escalation.rejected", "escalation.withdrawn", "escalation.resolved", "ticket.replied",
        "reply.sent", "ticket.status", "ticket.assigned", "ticket.resolved",
    ))
}  # fmt: skip
#: Those after which a ticket's clocks and alarms read otherwise.
MOVING: Final = frozenset(kind for kind in ORDER if not kind.startswith(("run.", "diagnosis.")))


@dataclass(frozen=True, slots=True)
class Fact:
    """`key` is the phase event's, and so is `subject`: of an escalation, its reference."""

    at: datetime
    kind: str
    key: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    subject: str = ""


def in_order(facts: Iterable[Fact]) -> list[Fact]:
    return sorted(facts, key=lambda fact: (fact.at, ORDER.get(fact.kind, len(ORDER)), fact.key))


def facts_of(ticket: Ticket) -> list[Fact]:
    """Two queries. A ticket whose beginning was not told begins when it was opened, and one whose beginning was told
    anew when its opening came late with the earliest; one that has an owner of whom nothing was told, has been theirs
    since.
    """
    told = PhaseEvent.objects.filter(ticket_ref=ticket.ref, kind__in=list(ORDER))
    found = [Fact(*row) for row in told.values_list("at", "kind", "key", "data", "subject_ref")]
    beginnings = [fact for fact in found if fact.kind == "ticket.received"]
    first = min(beginnings, key=lambda fact: fact.at, default=Fact(ticket.opened_at, "ticket.received"))
    found = [first, *(fact for fact in found if fact.kind != "ticket.received")]
    if ticket.owner is not None and not any(fact.kind == "ticket.assigned" for fact in found):
        found.append(Fact(ticket.opened_at, "ticket.assigned", "", {"owner": ticket.owner.username}))
    return with_tiers(in_order(found), _tiers(found))


def with_tiers(facts: Sequence[Fact], now: Mapping[str, str]) -> list[Fact]:
    """Says with each customer that was named which tier it had then. `now`: organisation -> its tier today."""
    found = list(facts)
    for index, fact in enumerate(found):
        if fact.kind != "ticket.customer_set":
            continue
        tier = now.get(str(fact.data.get("org_id", "")), "")
        for later in facts[index + 1 :]:
            if later.kind == "ticket.customer_set":
                break
            if later.kind == "ticket.tier":
                tier = str(later.data.get("was", ""))
                break
        found[index] = Fact(fact.at, fact.kind, fact.key, {**fact.data, "tier": tier})
    return found


def _tiers(facts: Iterable[Fact]) -> dict[str, str]:
    named = {str(fact.data.get("org_id", "")) for fact in facts if fact.kind == "ticket.customer_set"}
    return dict(Customer.objects.filter(org_id__in=named).values_list("org_id", "tier")) if named else {}
