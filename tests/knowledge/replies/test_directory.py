"""Who the other customers are is read once while nobody changed, and is the same set for every ticket."""

from __future__ import annotations

from typing import Any

import pytest

from knowledge.replies.checks import check, directory_of
from tests import factories

pytestmark = pytest.mark.django_db


def test_a_customers_own_name_is_no_leak_and_anothers_is() -> None:
    acme, borg = factories.customer("org_1", name="Acme Freight"), factories.customer("org_2", name="Borgheim Parcels")
    of_acme, of_borg = (factories.ticket(customer=one) for one in (acme, borg))
    text = "Hello, the calls of Borgheim Parcels were refused."
    assert [one.is_leak for one in check(of_acme, None, text)] == [True]
    assert [one for one in check(of_borg, None, text) if one.is_leak] == []


def test_every_ticket_gets_the_same_set_until_somebody_changes() -> None:
    first, second = (factories.ticket(customer=factories.customer()) for _ in range(2))
    before = directory_of(first, None).other_customers
    assert directory_of(second, None).other_customers == before
    renamed = first.customer
    renamed.name = "Renamed Freight"
    renamed.save()
    assert "Renamed Freight" in directory_of(second, None).other_customers


def test_the_directory_costs_one_query_of_customers(django_assert_max_num_queries: Any) -> None:
    ticket = factories.ticket(customer=factories.customer())
    directory_of(ticket, None)
    with django_assert_max_num_queries(4):
        directory_of(ticket, None)
