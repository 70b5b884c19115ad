"""What was filled in on an escalation and is not sent yet: kept with the ticket, for whoever goes on."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import transaction

from altor.errors import PermissionRefused
from altor.models import User
from escalations.lifecycle.history import clean
from escalations.models import Escalation, EscalationDraft
from investigations.models import Ticket


@transaction.atomic
def save_draft(
    ticket: Ticket, *, actor: User, severity: str, severity_why: str, note: str, token: uuid.UUID | None, now: datetime
) -> EscalationDraft | None:
    """The draft as it stands. None for a page whose escalation was sent meanwhile: its draft must not come back."""
    if not actor.may("escalation.send"):
        raise PermissionRefused("Your role may not escalate.")
    Ticket.objects.select_for_update(of=("self",)).get(pk=ticket.pk)
    if token is not None and Escalation.objects.filter(token=token).exists():
        return None
    values = {
        "severity": severity[:4], "severity_why": clean(severity_why), "note": clean(note), "saved_by": actor,
        "saved_at": now, **({"token": token} if token is not None else {}),
    }  # fmt: skip
    draft, _ = EscalationDraft.objects.update_or_create(ticket=ticket, defaults=values)
    return draft
