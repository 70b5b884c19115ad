"""Whose ticket it is, how that was decided, and the directory."""

from __future__ import annotations

from typing import Any

import pytest

from altor.errors import InvalidInput
from altor.models import AuditEvent
from investigations.models import Customer
from investigations.profile import CustomerRecord
from investigations.services.customers import import_directory, resolve_customer

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("ticket", "org_id", "how"),
    [
        ({"organization": {"external_id": "org_k3p7elJo60"}}, "org_k3p7elJo60", "organization_id"),
        ({"organization": {"external_id": "ORG_K3P7ELJO60"}}, "org_k3p7elJo60", "organization_id"),
        ({"organization": {"external_id": "48213"}}, "48213", "organization_id"),
        ({"requester_email": "Ada@Gmail.com"}, "48213", "email"),
        ({"requester_email": "eve@gmail.com"}, None, "unknown"),
        ({"organization": {"domain": "CopperLane.eu"}}, "org_k3p7elJo60", "organization_domain"),
        ({"requester_email": "x@copperlane.eu"}, "org_k3p7elJo60", "email_domain"),
        ({"requester_email": "x@eu.mail.copperlane.eu"}, "org_k3p7elJo60", "email_domain"),
        ({"requester_email": "x@notcopperlane.eu"}, None, "unknown"),
        ({"description": "our customer is cus_9N7QMoQDzxnxJY, thanks"}, "org_6NPLjySWlA", "stripe_customer"),
        ({"description": "org_6NPLjySWlA gets 429"}, "org_6NPLjySWlA", "org_id"),
        ({"description": "Org_6npljyswla gets 429"}, "org_6NPLjySWlA", "org_id"),
        ({"description": "account number: 48213"}, "48213", "org_id"),
        ({"description": "we had ticket 48213"}, None, "unknown"),
        ({"description": "thanks,\nDmitri\nQuarry Tools"}, "org_6NPLjySWlA", "name"),
        ({"subject": "quarry tools: api slow"}, "org_6NPLjySWlA", "name"),
        ({"organization": {"name": "copper lane"}}, "org_k3p7elJo60", "name"),
        ({"description": "the future is brightside up"}, None, "unknown"),
        ({"description": "We are Brightside."}, "48213", "name"),
        ({"description": "write to [email]@quarrytools.eu"}, "org_6NPLjySWlA", "domain_in_text"),
        ({"requester_email": "x@twin.example"}, None, "ambiguous"),
        ({"requester_email": "x@twin.example", "description": "org_twin_b is slow"}, "org_twin_b", "org_id"),
        ({"requester_email": "x@twin.example", "description": "Regards\nTwin North"}, "org_twin_a", "name"),
        ({"requester_email": "x@twin.example", "description": "Regards\nQuarry Tools"}, None, "ambiguous"),
        ({}, None, "unknown"),
        ({"organization": {"external_id": None, "domain": None, "name": None}}, None, "unknown"),
    ],
)
@pytest.mark.usefixtures("directory")
def test_the_customer_of_a_ticket(ticket: dict[str, Any], org_id: str | None, how: str) -> None:
    found = resolve_customer(**{"organization": {}, **ticket})
    assert (found.customer.org_id if found.customer else None, found.how) == (org_id, how), found
    assert found.detail


@pytest.mark.usefixtures("directory")
def test_what_speaks_for_another_customer_is_kept() -> None:
    found = resolve_customer(organization={"external_id": "org_k3p7elJo60"}, requester_email="x@quarrytools.eu")
    assert found.customer is not None
    assert [one.customer.org_id for one in found.candidates] == ["org_6NPLjySWlA"]
    assert "Quarry Tools" in found.detail
    assert found.as_dict()["candidates"][0]["how"] == "email_domain"


@pytest.mark.usefixtures("directory")
def test_sql_and_patterns_in_a_ticket_match_nobody() -> None:
    evil = "'; DROP TABLE x; -- %_ org_%' OR 1=1 \\ .* (?:"
    found = resolve_customer(
        organization={"external_id": evil, "name": evil, "domain": "%"}, requester_email="%@%", subject=evil
    )
    assert found.how == "unknown"


def test_importing_twice_changes_nothing_and_learned_addresses_stay() -> None:
    rows = [{"org_id": "o1", "name": "One", "domain": "One.example", "plan": "Growth"}, CustomerRecord(org_id="o2")]
    first = import_directory(rows)
    Customer.objects.filter(org_id="o1").update(emails=["eve@gmail.com"])
    again = import_directory(rows)
    assert (first.created, again.created, again.updated, again.unchanged) == (2, 0, 0, 2)
    changed = import_directory([{"org_id": "o1", "plan": "Scale"}])
    one = Customer.objects.get(org_id="o1")
    assert (changed.updated, one.plan, one.name, one.domains, one.emails) == (
        1, "Scale", "One", ["one.example"], ["eve@gmail.com"],
    )  # fmt: skip
    assert AuditEvent.objects.filter(action="customers.imported").count() == 2


def test_doubtful_domains_are_named() -> None:
    report = import_directory(
        [
            {"org_id": "a", "domain": "gmail.com"},
            {"org_id": "b", "domain": "x.example"},
            {"org_id": "c", "domains": ["x.example"]},
        ]
    )
    assert len(report.warnings) == 2


@pytest.mark.parametrize(
    "rows", [[{"name": "no id"}], [{"org_id": ""}], [{"org_id": "x" * 121}], [{"org_id": 5}], ["text"]]
)
def test_a_bad_row_is_named_and_nothing_is_stored(rows: list[Any]) -> None:
    with pytest.raises(InvalidInput, match="Customer 2"):
        import_directory([{"org_id": "good"}, *rows])
    assert not Customer.objects.exists()


def test_a_large_directory_is_imported_in_a_few_queries(django_assert_max_num_queries: Any) -> None:
    rows = [{"org_id": f"org_{n}", "domain": f"c{n}.example"} for n in range(3000)]
    with django_assert_max_num_queries(12):
        import_directory(rows)
