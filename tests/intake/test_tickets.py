"""A ticket comes in: once, whole, redacted, resolved, classified."""

from __future__ import annotations

from typing import Any

import pytest

from altor.errors import Conflict, InvalidInput
from altor.models import AuditEvent, PhaseEvent, Team, User
from investigations.models import Customer, Ticket, TicketClaim
from investigations.services.tickets import correct_ticket, upsert_ticket
from tests import factories
from tests.intake.conftest import WRITTEN

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("library")]


def test_a_new_ticket_is_resolved_classified_and_read(
    directory: dict[str, Customer], support: Team, payload: dict[str, Any]
) -> None:
    ticket, created = upsert_ticket(payload, now=WRITTEN)
    assert created
    assert (ticket.ref, ticket.external_id, ticket.team) == ("TK-71631", "71631", support)
    assert ticket.customer == directory["org_k3p7elJo60"]
    assert ticket.customer_why["how"] == "organization_id"
    assert (ticket.incident_class, ticket.status) == ("latency", Ticket.Status.CLASSIFIED)
    assert ticket.class_why["reasons"][0] == "The subject says 'slow'."
    claims = {(claim.kind, claim.value, claim.precision_s) for claim in ticket.claims.all()}
    assert claims == {("onset", "2026-03-04T23:15:00Z", 900)}
    kinds = set(PhaseEvent.objects.filter(ticket_ref=ticket.ref).values_list("kind", flat=True))
    assert kinds == {"ticket.received", "ticket.customer_set", "ticket.classified"}


def test_the_same_payload_twice_changes_and_records_nothing(
    directory: dict[str, Customer], payload: dict[str, Any]
) -> None:
    first, _ = upsert_ticket(payload)
    counts = (PhaseEvent.objects.count(), AuditEvent.objects.count(), TicketClaim.objects.count())
    again, created = upsert_ticket(dict(payload))
    assert not created
    assert (again.pk, again.version) == (first.pk, 1)
    assert counts == (PhaseEvent.objects.count(), AuditEvent.objects.count(), TicketClaim.objects.count())


def test_changed_content_is_read_again_and_grows_the_version(payload: dict[str, Any]) -> None:
    upsert_ticket(payload)
    ticket, created = upsert_ticket(
        {**payload, "subject": "429 Too Many Requests on POST /v2/orders", "description": "since 11:00 UTC"}
    )
    assert not created
    assert (ticket.version, ticket.incident_class) == (2, "rate_limit")
    assert set(ticket.claims.values_list("kind", flat=True)) == {"endpoint", "error_code", "onset"}


def test_an_id_as_number_and_as_text_is_the_same_ticket(payload: dict[str, Any]) -> None:
    first, _ = upsert_ticket(payload)
    second, created = upsert_ticket({**payload, "id": "71631"})
    assert (second.pk, created) == (first.pk, False)


def test_two_connections_may_not_give_the_same_reference(payload: dict[str, Any]) -> None:
    upsert_ticket(payload, helpdesk="zendesk", connection="a", prefix="ZD")
    with pytest.raises(Conflict, match="own prefix"):
        upsert_ticket(payload, helpdesk="zendesk", connection="b", prefix="ZD")


def test_secrets_and_personal_data_are_gone_before_storage(payload: dict[str, Any]) -> None:
    key = "sk_live_" + "0fake0" * 4
    text = f"My key {key} fails, card 4242 4242 4242 4242, mail eve@acme.example, password=hunter2hunter2"
    ticket, _ = upsert_ticket({**payload, "subject": f"key {key}", "description": text, "tags": [key]})
    stored = repr(Ticket.objects.filter(pk=ticket.pk).values().get()) + repr(list(ticket.claims.values()))
    for secret in (key, "4242 4242", "eve@", "hunter2"):
        assert secret not in stored
    assert "[card visa 4242]" in ticket.description


def test_html_stays_text(payload: dict[str, Any]) -> None:
    ticket, _ = upsert_ticket(
        {**payload, "subject": "<script>alert(1)</script>", "description": "<img src=x onerror=alert(1)>"}
    )
    assert ticket.subject == "<script>alert(1)</script>"


def test_without_anything_telling_there_is_no_class_and_a_reason(payload: dict[str, Any]) -> None:
    ticket, _ = upsert_ticket({**payload, "subject": "Hello", "description": "Please call me back."})
    assert (ticket.incident_class, ticket.status) == ("", Ticket.Status.RECEIVED)
    assert ticket.class_why["how"] == "none"
    assert ticket.class_why["reasons"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": None}, "id"),
        ({"id": True}, "id"),
        ({"id": "a b"}, "id"),
        ({"id": "../x"}, "id"),
        ({"id": "x" * 65}, "id"),
        ({"subject": 7}, "subject"),
        ({"subject": ["a"]}, "subject"),
        ({"description": {"a": 1}}, "description"),
        ({"created_at": "yesterday"}, "created_at"),
        ({"created_at": 1_700_000_000}, "created_at"),
        ({"created_at": "1850-01-01T00:00:00Z"}, "created_at"),
        ({"requester": "Ada"}, "requester"),
        ({"requester": {"email": "no-address"}}, "requester.email"),
        ({"requester": {"name": "x" * 201}}, "requester.name"),
        ({"organization": []}, ""),
        ({"organization": {"external_id": "x" * 121}}, "organization.external_id"),
        ({"tags": "slow"}, "tags"),
        ({"tags": ["x"] * 51}, "tags"),
        ({"tags": [1]}, "tags.0"),
        ({"url": "javascript:alert(1)"}, "url"),
        ({"description": "x" * 2_000_001}, "description"),
    ],
)
def test_bad_input_names_its_field(payload: dict[str, Any], change: dict[str, Any], field: str) -> None:
    if not field:
        upsert_ticket({**payload, **change})  # an empty list is no organisation
        return
    with pytest.raises(InvalidInput) as error:
        upsert_ticket({**payload, **change})
    assert field in error.value.extra["errors"]
    assert not Ticket.objects.exists()


@pytest.mark.parametrize("payload_", [None, [], "text", 7])
def test_something_that_is_no_object_is_refused(payload_: Any) -> None:
    with pytest.raises(InvalidInput):
        upsert_ticket(payload_)


def test_control_characters_and_long_texts_are_made_storable(payload: dict[str, Any]) -> None:
    ticket, _ = upsert_ticket({**payload, "subject": "a\x00b\ud800" + "x" * 900, "description": "y" * 150_000})
    assert ticket.subject.startswith("abxxx")
    assert (len(ticket.subject), len(ticket.description)) == (500, 100_000)


# ---------------------------------------------------------------------------------------------------------- corrections
def test_a_corrected_customer_stands_and_is_remembered(
    directory: dict[str, Customer], agent: User, payload: dict[str, Any]
) -> None:
    stranger = {**payload, "organization": {}, "requester": {"name": "Dmitri", "email": "Dmitri@gmail.com"}}
    ticket, _ = upsert_ticket(stranger)
    assert ticket.customer is None
    ticket = correct_ticket(ticket, actor=agent, customer=directory["org_6NPLjySWlA"])
    assert ticket.customer_why["how"] == "person"
    changed, _ = upsert_ticket({**stranger, "subject": "slow again", "organization": payload["organization"]})
    assert changed.customer == directory["org_6NPLjySWlA"]
    later, _ = upsert_ticket({**stranger, "id": 2})
    assert (later.customer, later.customer_why["how"]) == (directory["org_6NPLjySWlA"], "email")
    assert AuditEvent.objects.filter(action="ticket.corrected", object_ref=ticket.ref).count() == 1


def test_a_remembered_address_moves_with_the_next_correction(
    directory: dict[str, Customer], agent: User, payload: dict[str, Any]
) -> None:
    ticket, _ = upsert_ticket({**payload, "organization": {}, "requester": {"email": "ada@gmail.com"}})
    assert ticket.customer == directory["48213"]
    correct_ticket(ticket, actor=agent, customer=directory["org_k3p7elJo60"])
    directory["48213"].refresh_from_db()
    assert directory["48213"].emails == []


def test_a_corrected_class_stands_against_later_updates(agent: User, payload: dict[str, Any]) -> None:
    ticket, _ = upsert_ticket(payload)
    ticket = correct_ticket(ticket, actor=agent, incident_class="rate_limit")
    ticket, _ = upsert_ticket({**payload, "description": "slow slow slow"})
    assert ticket.incident_class == "rate_limit"
    with pytest.raises(InvalidInput, match="no class"):
        correct_ticket(ticket, actor=agent, incident_class="nonsense")


def test_claims_are_edited_added_and_struck_out(agent: User, payload: dict[str, Any]) -> None:
    ticket, _ = upsert_ticket(payload)
    onset = ticket.claims.get(kind="onset")
    edits = [
        {"claim_id": onset.pk, "value": "2026-03-05T01:00:00+02:00"},
        {"kind": "endpoint", "value": "post /v2/orders/"},
    ]
    ticket = correct_ticket(ticket, actor=agent, claims=edits)
    assert set(ticket.claims.values_list("kind", "value", "origin")) == {
        ("onset", "2026-03-04T23:00:00Z", "person"),
        ("endpoint", "POST /v2/orders", "person"),
    }
    ticket, _ = upsert_ticket({**payload, "description": "slow since 09:00 UTC"})
    assert ticket.claims.get(kind="onset").value == "2026-03-04T23:00:00Z"
    correct_ticket(ticket, actor=agent, claims=[{"claim_id": onset.pk, "is_active": False}])
    assert not ticket.claims.get(kind="onset").is_active


@pytest.mark.parametrize(
    "edit",
    [
        {"kind": "nonsense", "value": "x"},
        {"kind": "onset", "value": "this morning"},
        {"kind": "endpoint", "value": "orders"},
        {"kind": "amount", "value": "12 euros"},
        {"kind": "request_id", "value": ""},
        {"kind": "request_id", "value": "x" * 301},
        {"claim_id": 10**9, "value": "x"},
        {"surprise": 1},
    ],
)
def test_a_bad_claim_is_refused_and_nothing_changes(agent: User, payload: dict[str, Any], edit: dict[str, Any]) -> None:
    ticket, _ = upsert_ticket(payload)
    with pytest.raises(InvalidInput):
        correct_ticket(ticket, actor=agent, incident_class="billing", claims=[edit])
    ticket.refresh_from_db()
    assert ticket.incident_class == "latency"


def test_without_a_default_team_the_oldest_takes_new_tickets() -> None:
    oldest = factories.team("Support")
    factories.team("Platform")
    ticket, is_new = upsert_ticket({"id": "77", "subject": "Orders fail"})
    assert is_new and ticket.team == oldest
