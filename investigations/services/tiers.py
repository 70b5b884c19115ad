"""A customer's tier decides what its open tickets were promised: that it changed is told on each of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.utils import timezone

from altor import events
from investigations.models import Ticket


def tell_tiers(changes: Mapping[int, tuple[str, str]], *, now: datetime | None = None) -> None:
    """`changes`: primary key of a customer -> its tier before and now. In the caller's transaction."""
    moved = {pk: pair for pk, pair in changes.items() if pair[0].lower() != pair[1].lower()}
    if not moved:
        return
    now = now or timezone.now()
    tickets = Ticket.objects.filter(customer__in=moved).exclude(status=Ticket.Status.RESOLVED)
    for ref, customer in tickets.order_by("pk").values_list("ref", "customer_id"):
        was, tier = moved[customer or 0]
        events.record("ticket.tier", ticket_ref=ref, at=now, data={"tier": tier, "was": was})
