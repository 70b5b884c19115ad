"""When a helpdesk removes a ticket, what handoffs say of it goes too: evidence and notes quote the customer."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Q

from escalations.models import HandoffItem
from investigations.models import Ticket


def erase(ticket: Ticket, ids: Sequence[str]) -> None:
    """With `*`: all words on the ticket and on its escalations. Who took what, and when, stays."""
    if "*" in ids:
        HandoffItem.objects.filter(Q(ticket=ticket) | Q(escalation__ticket=ticket)).update(
            evidence=[], next_step="", own_next_step="", note="", reason=""
        )
