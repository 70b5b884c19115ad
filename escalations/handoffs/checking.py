"""The rule that a handoff moves nothing until it is accepted, for `manage.py owners`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from escalations.lifecycle.owners import leads
from escalations.models import Handoff, HandoffItem
from escalations.ownership.queues import Violation
from investigations.models import Ticket


def violations(now: datetime) -> Iterator[Violation]:
    """Open tickets that a handoff offers although they are not the outgoing's, and handoffs nobody could take."""
    items = HandoffItem.objects.offered().filter(ticket__isnull=False).exclude(ticket__status=Ticket.Status.RESOLVED)
    items = items.filter(handoff__in=Handoff.objects.open()).select_related(
        "ticket__owner", "ticket__team", "handoff__outgoing"
    )
    for item in items.order_by("pk").iterator(chunk_size=500):
        ticket = item.ticket
        if ticket is not None and ticket.owner_id != item.handoff.outgoing_id:
            owner = f"{ticket.owner}'s" if ticket.owner else "nobody's"
            why = f"{item.handoff.ref} offers it as {item.handoff.outgoing}'s, and it is {owner}"
            yield Violation(ticket.ref, ticket.team.slug, why)
    for handoff in Handoff.objects.open().filter(incoming=None, ends_at__lte=now).with_context():
        if not leads(handoff.team) and handoff.items.offered().exists():
            yield Violation(handoff.ref, handoff.team.slug, "nobody follows, and there is no lead to take it over")
