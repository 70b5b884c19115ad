"""A customer's renewal date: in the form, over REST, in the import; an empty one erases nothing."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from altor.models import AuditEvent
from altor.registry import parts
from altor.tokens import create_token
from investigations.models import Customer
from investigations.services.customers import import_directory
from tests import factories as make

pytestmark = pytest.mark.django_db


def test_a_renewal_is_imported_and_an_import_without_one_keeps_it() -> None:
    import_directory([{"org_id": "org_1", "name": "Northwind", "renews_on": "2026-12-31"}])
    import_directory([{"org_id": "org_1", "plan": "Scale"}])
    found = Customer.objects.get(org_id="org_1")
    assert (found.renews_on, found.plan) == (date(2026, 12, 31), "Scale")


def test_a_renewal_is_set_and_cleared_over_rest() -> None:
    lead = make.user(role="lead")
    make.customer("org_1")
    client = APIClient()
    _, text = create_token(user=lead, name="t", scopes=["customer.read", "customer.edit"])
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    answer = client.patch("/api/v1/customers/org_1/", {"renews_on": "2027-01-31"})
    assert answer.json()["renews_on"] == "2027-01-31"
    assert AuditEvent.objects.get(action="customer.changed").after == {"renews_on": "2027-01-31"}
    assert client.patch("/api/v1/customers/org_1/", {"renews_on": "soon"}).status_code == 400
    assert client.patch("/api/v1/customers/org_1/", {"renews_on": None}).json()["renews_on"] is None


def test_a_renewal_is_edited_on_the_customers_page(client: Client) -> None:
    client.force_login(make.user(role="lead"))
    found = make.customer("org_1", renews_on=date(2026, 12, 31))
    url = reverse("investigations:customer", args=["org_1"])
    assert 'value="2026-12-31"' in client.get(url).content.decode()
    body = {"name": "Northwind", "org_id": "org_1", "domains": "", "emails": "", "renews_on": "2027-06-30"}
    assert client.post(url, body).status_code == 302
    found.refresh_from_db()
    assert found.renews_on == date(2027, 6, 30)


# ------------------------------------------------------------------------------------------------------------ by a run
def ended(customer: Customer, *, stripe_customer: str = "cus_1", **values: Any) -> None:
    """A run of the customer's that read this subscription has ended."""
    subscription = {"id": "sub_1", "status": "active", "renews_at": "2026-06-01T00:00:00Z", **values}
    run = make.run(make.ticket(customer=customer), status="done", diagnosis=make.diagnosis())
    facts = {"billing": {"subscription": subscription, "customer": {"id": stripe_customer}}}
    make.step(run, "record", 1, source="stripe", facts=facts)
    with time_machine.travel("2026-05-01T12:00:00Z", tick=False):
        for part in parts("RUN_ENDED"):
            part(run)
    customer.refresh_from_db()


def test_a_run_that_read_the_subscription_fills_the_renewal() -> None:
    customer = make.customer(stripe_customer="cus_1")
    ended(customer)
    assert customer.renews_on == date(2026, 6, 1)
    [told] = AuditEvent.objects.filter(action="customer.changed")
    assert (told.before, told.after) == ({"renews_on": None}, {"renews_on": "2026-06-01"})
    assert "sub_1" in told.reason
    ended(customer)
    assert AuditEvent.objects.filter(action="customer.changed").count() == 1


def test_a_renewal_that_has_passed_is_filled_anew_and_one_to_come_stays() -> None:
    passed = make.customer(stripe_customer="cus_1", renews_on=date(2026, 4, 30))
    ended(passed)
    assert passed.renews_on == date(2026, 6, 1)
    entered = make.customer(stripe_customer="cus_2", renews_on=date(2026, 12, 31))
    ended(entered, stripe_customer="cus_2")
    assert entered.renews_on == date(2026, 12, 31)


@pytest.mark.parametrize(
    "given",
    [{"renews_at": ""}, {"renews_at": "2026-04-01T00:00:00Z"}, {"renews_at": "soon"}, {"stripe_customer": "cus_9"}],
)
def test_what_is_no_renewal_of_this_customer_fills_nothing(given: dict[str, str]) -> None:
    customer = make.customer(stripe_customer="cus_1")
    ended(customer, **given)
    assert customer.renews_on is None
