"""A customer's renewal date from the subscription that a run read in Stripe."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.db import transaction
from django.utils import timezone

from altor.audit import record_event
from investigations.models import Customer, Investigation
from investigations.services.customers import plain

#: Runs on a past, or on somebody else's, installation.
_NOT_OURS = frozenset({"trial"})


def run_ended(run: Investigation) -> None:
    """For the setting RUN_ENDED. Fills a date that is unknown or has passed; one to come that somebody entered stays.
    Safe to call twice.
    """
    customer = run.ticket.customer
    if run.status != Investigation.Status.DONE or run.trigger in _NOT_OURS or customer is None:
        return
    subscription = _subscription(run, customer)
    found, today = _day(subscription.get("renews_at")), timezone.now().date()
    if found is None or found < today:
        return
    with transaction.atomic():
        stored = Customer.objects.select_for_update().get(pk=customer.pk)
        if stored.renews_on == found or (stored.renews_on is not None and stored.renews_on >= today):
            return
        before, stored.renews_on = stored.renews_on, found
        stored.save(update_fields=["renews_on"])
        record_event(
            actor=None, action="customer.changed", object_kind="customer", object_ref=stored.org_id,
            before=plain({"renews_on": before}), after=plain({"renews_on": found}),
            reason=f"{run.ref} read the subscription {subscription.get('id')} in Stripe",
        )  # fmt: skip


def _subscription(run: Investigation, customer: Customer) -> Mapping[str, Any]:
    """The customer's own subscription among the facts of the run; empty when it read none."""
    for step in run.steps.filter(source="stripe").order_by("position"):
        for fact in step.facts.values() if isinstance(step.facts, Mapping) else ():
            if not isinstance(fact, Mapping) or not isinstance(fact.get("subscription"), Mapping):
                continue
            of = str((fact.get("customer") or {}).get("id") or "")
            if not customer.stripe_customer or of == customer.stripe_customer:
                subscription: Mapping[str, Any] = fact["subscription"]
                return subscription
    return {}


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(str(value or "")[:10])
    except ValueError:
        return None
