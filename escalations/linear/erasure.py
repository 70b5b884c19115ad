"""When a helpdesk removes a ticket, its words on our rows go too. What stands in Linear is the workspace's own."""

from __future__ import annotations

from collections.abc import Sequence

from escalations.models import IssueLink
from investigations.models import Ticket


def erase(ticket: Ticket, ids: Sequence[str]) -> None:
    """With `*`: the ticket's subject in links that were made. A link that was not made yet is made without it."""
    if "*" in ids:
        IssueLink.objects.filter(ticket_ref=ticket.ref).update(title=ticket.ref)
