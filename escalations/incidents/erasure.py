"""When a helpdesk removes a ticket, what incidents quote of it goes too."""

from __future__ import annotations

from collections.abc import Sequence

from escalations.models import Incident
from investigations.models import Ticket


def erase(ticket: Ticket, ids: Sequence[str]) -> None:
    """With `*`: the title of an incident that is this ticket's own, which is its subject. What happened stays."""
    if "*" in ids:
        own = Incident.objects.filter(cause__endswith=f"|ticket|{ticket.ref}")
        own.update(title=f"Ticket {ticket.ref}")
