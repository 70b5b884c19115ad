"""What the search box finds: tickets, runs and customers, each only as far as the person may see them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from django.db.models import Q
from django.urls import reverse

from altor.shell import Hit
from investigations.models import Customer, Investigation, Ticket

if TYPE_CHECKING:
    from altor.models import User

#: Shorter texts would match nearly everything.
MIN_CHARS: Final = 2


def find(user: User, text: str, limit: int) -> Iterator[tuple[str, list[Hit]]]:
    """References first, then words of subject and customer; three queries at most."""
    text = text.strip()
    if len(text) < MIN_CHARS:
        return
    yield "Runs", _runs(user, text, limit)
    yield "Tickets", _tickets(user, text, limit)
    if user.may("customer.read"):
        yield "Customers", _customers(text, limit)


def _runs(user: User, text: str, limit: int) -> list[Hit]:
    visible = Investigation.objects.visible_to(user)
    number = text.upper().removeprefix("INV-")
    if text.upper().startswith("INV-") or number.isdecimal():
        found = visible.filter(pk=int(number)) if number.isdecimal() and len(number) < 18 else visible.none()
    else:
        found = visible.filter(Q(top_label__icontains=text) | Q(ticket__ref__iexact=text))
    return [
        Hit(
            title=f"{run.ref} · {run.ticket.subject or run.ticket.ref}",
            url=reverse("investigations:run", args=[run.ref]),
            detail=run.get_status_display(),
            icon="activity",
        )
        for run in found.select_related("ticket").order_by("-pk")[:limit]
    ]


def _tickets(user: User, text: str, limit: int) -> list[Hit]:
    match = (
        Q(ref__icontains=text)
        | Q(subject__icontains=text)
        | Q(customer__name__icontains=text)
        | Q(customer__org_id=text)
        | Q(claims__value__iexact=text)
    )
    found = Ticket.objects.visible_to(user).filter(match).select_related("customer").distinct()
    return [
        Hit(
            title=f"{ticket.ref} · {ticket.subject or 'No subject'}",
            url=reverse("investigations:ticket", args=[ticket.ref]),
            detail=str(ticket.customer or "Unknown customer"),
            icon="ticket",
        )
        for ticket in found.order_by("-opened_at", "-pk")[:limit]
    ]


def _customers(text: str, limit: int) -> list[Hit]:
    lower = text.lower()
    match = (
        Q(name__icontains=text)
        | Q(org_id__icontains=text)
        | Q(domains__contains=[lower])
        | Q(emails__contains=[lower])
        | Q(stripe_customer=text)
    )
    return [
        Hit(
            title=customer.name or customer.org_id,
            url=reverse("investigations:customer", args=[customer.org_id]),
            detail=customer.org_id,
            icon="building",
        )
        for customer in Customer.objects.filter(match).order_by("name", "pk")[:limit]
    ]
