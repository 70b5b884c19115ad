"""A customer's renewal date: in the form, over REST, in the import; an empty one erases nothing."""

from __future__ import annotations

from datetime import date

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from altor.models import AuditEvent
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
