"""A ticket starts its investigation without anybody asking."""

from __future__ import annotations

from django.conf import settings

from altor.models import User
from investigations.models import Investigation, Ticket
from investigations.services.runs import NoPlaybook, RunAlreadyActive, start_investigation


def investigate_automatically(ticket: Ticket, *, actor: User | None = None) -> Investigation | None:
    """The run of this version of the ticket, started now or before: at most one per version.

    None when automatic investigations are switched off, no playbook covers the ticket, it is
    resolved, or another run of it is under way.
    """
    if not settings.AUTO_INVESTIGATE or ticket.status == Ticket.Status.RESOLVED:
        return None
    try:
        return start_investigation(
            ticket=ticket, actor=actor, trigger="ticket", event_key=f"ticket:{ticket.ref}:v{ticket.version}"
        )
    except (RunAlreadyActive, NoPlaybook):
        return None
