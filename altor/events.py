"""Record phase events. Every service that moves a ticket's life calls `record`; `metrics` only reads."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from django.utils import timezone

from altor.models.events import PhaseEvent
from altor.registry import parts
from altor.webhooks.publishing import publish

if TYPE_CHECKING:
    from altor.models import User

#: kind -> what it marks
KINDS: Final[dict[str, str]] = {
    "ticket.received": "intake starts: the ticket exists",
    "ticket.classified": "class decided or corrected",
    "ticket.customer_set": "customer decided or corrected",
    "ticket.assigned": "owner or queue set",
    "ticket.priority": "the priority changed",
    "ticket.tier": "the customer's tier changed",
    "ticket.status": "the helpdesk's status changed",
    "ticket.customer_wrote": "a message of the customer arrived",
    "ticket.replied": "a public reply was sent: drafting ends, closure starts",
    "ticket.resolved": "solved: closure ends",
    "ticket.reopened": "open again",
    "ticket.explained": "a person said how a closed ticket ended",
    "ticket.learned": "a person said what a closed ticket left behind in the knowledge base",
    "recovery.asked": "the customer of a closed ticket was asked how confident they are now",
    "recovery.told": "the customer's answer, or what the engineer thinks it would be, from 1 to 5",
    "run.queued": "an investigation was asked for",
    "run.started": "investigation starts",
    "run.rerouted": "the first look spoke for another playbook",
    "run.step": "a step ended",
    "run.finished": "a diagnosis was reached",
    "run.failed": "the run ended without a diagnosis",
    "run.cancelled": "a person stopped the run",
    "run.answered": "a manual step was answered",
    "diagnosis.accepted": "a person accepted the diagnosis: investigation ends",
    "diagnosis.corrected": "a person named another cause",
    "reply.drafted": "drafting starts",
    "reply.sent": "a reply went out, with its kind and how much of the draft is left in it",
    "reply.overridden": "a reply went out with a leak in it, with a reason",
    "gate.overridden": "a gate was passed with a reason",
    "escalation.sent": "investigation ends with an escalation",
    "escalation.joined": "the ticket joined an escalation that is open: investigation ends",
    "escalation.acknowledged": "the owner of an escalation gave a first sign",
    "escalation.accepted": "engineering took an escalation as its own",
    "escalation.asked": "engineering waits for an answer of support",
    "escalation.answered": "support answered engineering",
    "escalation.rejected": "engineering returned an escalation, with a reason",
    "escalation.resolved": "engineering says the cause is gone",
    "escalation.reopened": "it is not gone after all",
    "escalation.verified": "the customer's figures, or the customer, say so too",
    "escalation.withdrawn": "support took an escalation back",
    "escalation.broken": "a window of an escalation's contract is over",
}


#: kind -> (type of the outbound event, what of the data it carries: references and figures only)
PUBLISHED: Final[Mapping[str, tuple[str, frozenset[str]]]] = {
    "ticket.received": ("ticket.received", frozenset()),
    "ticket.assigned": ("ticket.assigned", frozenset({"owner", "via"})),
    "ticket.resolved": ("ticket.resolved", frozenset({"via", "merged_into"})),
    "ticket.reopened": ("ticket.reopened", frozenset({"via", "resolved_for_s"})),
    "ticket.replied": ("reply.sent", frozenset({"via", "before_diagnosis", "before_evidence"})),
    "run.finished": ("run.finished", frozenset({"label", "confidence", "seconds", "unavailable"})),
    "run.failed": ("run.failed", frozenset()),
    "gate.overridden": ("gate.overridden", frozenset({"gate", "missing"})),
    "escalation.sent": ("escalation.sent", frozenset({"severity", "completeness"})),
    "escalation.acknowledged": ("escalation.acknowledged", frozenset({"severity", "via"})),
    "escalation.rejected": ("escalation.rejected", frozenset({"severity", "reason", "via"})),
    "escalation.resolved": ("escalation.resolved", frozenset({"severity", "via"})),
    "escalation.broken": ("escalation.broken", frozenset({"severity", "window"})),
}
#: What happened longer ago, such as the history that a helpdesk is read back for, is no news to anybody.
TELLING: Final = timedelta(days=2)


def record(
    kind: str,
    *,
    ticket_ref: str,
    at: datetime,
    subject_ref: str = "",
    actor: User | None = None,
    data: Mapping[str, Any] | None = None,
    key: str = "",
    is_news: bool = True,
) -> None:
    """Append one event, inside the caller's transaction, and publish it to the outbound webhooks that want it. `key`
    makes a repeated telling harmless (same key = stored and sent once). Functions of the setting PHASE_HEARD are told.
    What puts right an event that was told before is no news: it is not published.
    """
    if kind not in KINDS:
        raise KeyError(kind)
    key = key or f"{kind}:{subject_ref or ticket_ref}:{at.isoformat()}"
    PhaseEvent.objects.bulk_create(
        [
            PhaseEvent(
                kind=kind,
                ticket_ref=ticket_ref,
                subject_ref=subject_ref,
                at=at,
                actor=actor,
                data=dict(data or {}),
                key=key,
            )
        ],
        ignore_conflicts=True,
    )
    for heard in parts("PHASE_HEARD"):
        heard(kind, ticket_ref)
    if is_news and kind in PUBLISHED and at > timezone.now() - TELLING:
        said = {name: value for name, value in (data or {}).items() if name in PUBLISHED[kind][1]}
        publish(PUBLISHED[kind][0], {"ticket": ticket_ref, "subject": subject_ref, **said}, key=key, at=at)
