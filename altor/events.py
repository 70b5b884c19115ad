"""Record phase events. Every service that moves a ticket's life calls `record`; `metrics` only reads."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from altor.models.events import PhaseEvent

if TYPE_CHECKING:
    from altor.models import User

#: kind -> what it marks
KINDS: Final[dict[str, str]] = {
    "ticket.received": "intake starts: the ticket exists",
    "ticket.classified": "class decided or corrected",
    "ticket.customer_set": "customer decided or corrected",
    "ticket.assigned": "owner or queue set",
    "ticket.status": "the helpdesk's status changed",
    "ticket.customer_wrote": "a message of the customer arrived",
    "ticket.replied": "a public reply was sent: drafting ends, closure starts",
    "ticket.resolved": "solved: closure ends",
    "ticket.reopened": "open again",
    "ticket.explained": "a person said how a closed ticket ended",
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
    "gate.overridden": "a gate was passed with a reason",
    "escalation.sent": "investigation ends with an escalation",
}


def record(
    kind: str,
    *,
    ticket_ref: str,
    at: datetime,
    subject_ref: str = "",
    actor: User | None = None,
    data: Mapping[str, Any] | None = None,
    key: str = "",
) -> None:
    """Append one event, inside the caller's transaction. `key` makes a repeated telling harmless (same key = stored
    once).
    """
    if kind not in KINDS:
        raise KeyError(kind)
    PhaseEvent.objects.bulk_create(
        [
            PhaseEvent(
                kind=kind,
                ticket_ref=ticket_ref,
                subject_ref=subject_ref,
                at=at,
                actor=actor,
                data=dict(data or {}),
                key=key or f"{kind}:{subject_ref or ticket_ref}:{at.isoformat()}",
            )
        ],
        ignore_conflicts=True,
    )
