"""Edits of single customers by people. Imports of the whole directory are in `customers`."""

from __future__ import annotations

from typing import Any, Final

from django.db import transaction

from altor.audit import record_event
from altor.models import User
from investigations.models import Customer
from investigations.services.customers import plain
from investigations.services.tiers import tell_tiers

_FIELDS: Final = (
    "org_id", "name", "domains", "emails", "plan", "tier", "stripe_customer", "linear_customer", "mrr_minor",
    "mrr_currency", "renews_on",
)  # fmt: skip


def _told(customer: Customer) -> dict[str, Any]:
    return plain({name: getattr(customer, name) for name in _FIELDS})


@transaction.atomic
def save_customer(customer: Customer, *, actor: User) -> Customer:
    """Store a new or changed customer with its audit row."""
    stored = Customer.objects.select_for_update().filter(pk=customer.pk).first() if customer.pk else None
    before = _told(stored) if stored else None
    customer.save()
    record_event(
        actor=actor,
        action="customer.changed" if before else "customer.created",
        object_kind="customer",
        object_ref=customer.org_id,
        before=before,
        after=_told(customer),
    )
    if stored is not None:
        tell_tiers({customer.pk: (stored.tier, customer.tier)})
    return customer
