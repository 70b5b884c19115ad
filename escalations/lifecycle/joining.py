"""Another ticket of the same cause: engineering hears once, and all tickets are updated together."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from altor.audit import record_event
from altor.errors import Conflict, PermissionRefused
from altor.models import User
from escalations.lifecycle.history import W, tell
from escalations.lifecycle.telling import tell_owner
from escalations.models import Escalation, EscalationTicket
from investigations.models import Investigation, Ticket


@transaction.atomic
def join(
    escalation: Escalation, run: Investigation, *, actor: User, now: datetime, via: str = "page", note: str = ""
) -> bool:
    """Link the run's ticket to an open escalation, by a person's choice; whether it was not linked before.

    Conflict for one that is over.
    """
    if not actor.may("escalation.send"):
        raise PermissionRefused("Your role may not escalate.")
    Escalation.objects.select_for_update(of=("self",)).only("pk").get(pk=escalation.pk)
    locked = Escalation.objects.with_context().get(pk=escalation.pk)
    if not locked.is_open:
        raise Conflict(f"{locked.ref} is {locked.get_status_display().lower()}: escalate anew.", escalation=locked.ref)
    return link(locked, run.ticket, run, actor=actor, now=now, via=via, note=note)


def link(
    escalation: Escalation, ticket: Ticket, run: Investigation, *, actor: User | None, now: datetime, via: str = "page",
    note: str = "",
) -> bool:  # fmt: skip
    """In the caller's transaction; whether it is new. The first ticket is the escalation's own and tells nobody."""
    is_first = ticket.pk == escalation.ticket_id
    _, is_new = EscalationTicket.objects.get_or_create(
        escalation=escalation, ticket=ticket, defaults={"run": run, "linked_by": actor, "linked_at": now}
    )
    if not is_new or is_first:
        return is_new
    customer = ticket.customer.name if ticket.customer is not None else "unknown customer"
    tell(
        escalation, W.JOINED, at=now, by=actor, via=via, text=note,
        data={"ticket": ticket.ref, "run": run.ref, "customer": customer}, key=f"{escalation.pk}:joined:{ticket.pk}",
    )  # fmt: skip
    Ticket.objects.filter(pk=ticket.pk).exclude(status=Ticket.Status.RESOLVED).update(status=Ticket.Status.ESCALATED)
    record_event(
        actor=actor, action="escalation.joined", target=escalation, after={"ticket": ticket.ref, "run": run.ref}
    )
    people = [one for one in (escalation.accepted_by, escalation.owner_person) if one is not None]
    tell_owner(
        "escalation.word", escalation, f"has another ticket: {ticket.ref} of {customer}", people=people,
        lines=[note] if note else [], key=f"escalation.joined:{escalation.pk}:{ticket.pk}", actor=actor, now=now,
    )  # fmt: skip
    return True
