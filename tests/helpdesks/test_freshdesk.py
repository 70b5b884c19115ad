"""Freshdesk: who sent it, and what the bodies of its automation rules say."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altor.errors import InvalidInput
from altor.signatures import SignatureRefused
from investigations.helpdesks.base import Agent, Author, Status, TicketEvent
from investigations.helpdesks.freshdesk import adapter
from investigations.helpdesks.freshdesk.adapter import Freshdesk
from investigations.helpdesks.freshdesk.words import when
from investigations.helpdesks.registry import helpdesk_named, options_of
from investigations.intake.payload import read_payload
from investigations.services.endpoints import create_endpoint
from investigations.services.tickets import prefix_of
from investigations.sources.base import ConnectionConfig
from tests.helpdesks.contracts import JSON, fixtures, mutated, stored

ADAPTER = Freshdesk()
OPTIONS = options_of(ADAPTER, {"statuses": {"9": "hold", "Escalated": "open"}})
FIXTURES = fixtures("freshdesk")
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
CONFIG = ConnectionConfig("freshdesk", "acme", "https://acme.freshdesk.com/")
BODY = json.dumps(FIXTURES["created"]["body"]).encode()


def said(name: str) -> TicketEvent:
    """What is read from a fixture as it is stored."""
    body = stored(FIXTURES[name]["body"], tuple(ADAPTER.addresses))
    (event,) = ADAPTER.parse(body, {}, OPTIONS)
    return event


# --------------------------------------------------------------------------------------------------------- registration
def test_it_is_registered_with_its_prefix() -> None:
    assert isinstance(helpdesk_named("freshdesk"), Freshdesk)
    assert prefix_of("freshdesk") == ADAPTER.prefix == "FD"
    assert ADAPTER.ticket_url(CONFIG, "7") == "https://acme.freshdesk.com/a/tickets/7"


@pytest.mark.django_db
def test_an_endpoint_can_be_made_for_it() -> None:
    endpoint, secret = create_endpoint(source="freshdesk", connection="acme", ticket_prefix="FD", actor=None)
    assert ADAPTER.verify([secret], {"x-altor-token": secret}, b"{}", now=NOW, options=OPTIONS).key == ""
    assert str(endpoint) == "freshdesk/acme"


def test_a_status_of_ones_own_must_mean_something_here() -> None:
    with pytest.raises(InvalidInput):
        options_of(ADAPTER, {"statuses": {"9": "done"}})


# ---------------------------------------------------------------------------------------------------------------- token
def basic(pair: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


@pytest.mark.parametrize("headers", [{"x-altor-token": "one"}, {"x-altor-token": " two "}, basic("altor:two")])
def test_the_token_comes_in_a_header_or_as_password(headers: dict[str, str]) -> None:
    delivery = ADAPTER.verify(["one", "two"], headers, BODY, now=NOW, options=OPTIONS)
    assert (delivery.key, delivery.at) == ("", NOW)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-altor-token": ""},
        {"x-altor-token": "On"},
        {"x-altor-token": "one1"},
        {"x-altor-token": "ône"},
        basic("one:"),
        basic("one"),
        basic("altor:on"),
        {"authorization": "Basic !!!"},
        {"authorization": "Basic " + "A" * 5000},
        {"authorization": "Basic /w=="},
        {"authorization": "Bearer one"},
    ],
)
def test_every_other_token_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(SignatureRefused):
        ADAPTER.verify(["one"], headers, BODY, now=NOW, options=OPTIONS)


def test_without_a_secret_nothing_is_accepted() -> None:
    with pytest.raises(SignatureRefused):
        ADAPTER.verify([" "], {"x-altor-token": ""}, BODY, now=NOW, options=OPTIONS)


@pytest.mark.parametrize("shift", [timedelta(minutes=-6), timedelta(minutes=6)])
def test_a_body_of_another_time_is_refused(shift: timedelta) -> None:
    with pytest.raises(SignatureRefused, match="five minutes"):
        ADAPTER.verify(["one"], {"x-altor-token": "one"}, BODY, now=NOW + shift, options=OPTIONS)


@pytest.mark.parametrize("sent_at", [None, "", "{{ticket.modified_on}}", "Tue, 24 Nov, 2026 at 9:00 AM", [], 5])
def test_a_body_without_a_readable_time_is_taken_at_any_time(sent_at: Any) -> None:
    body = json.dumps({**FIXTURES["created"]["body"], "sent_at": sent_at}).encode()
    delivery = ADAPTER.verify(["one"], {"x-altor-token": "one"}, body, now=NOW + timedelta(days=1), options=OPTIONS)
    assert delivery.at is None


# --------------------------------------------------------------------------------------------------------------- events
def test_every_fixture_tells_its_source() -> None:
    assert all(len(found["_source"]) > 10 for found in FIXTURES.values())


def test_a_new_ticket_is_named_and_the_rest_is_read() -> None:
    event = said("created")
    assert (event.external_id, event.what, event.at) == ("125", "ticket.created", NOW)
    assert (event.status, event.was, event.assignee) == (Status.OPEN, None, None)
    assert event.fields == {
        "priority": "high", "url": "https://acme.freshdesk.com/a/tickets/125",
        "requester": {"email": "kim@acme.example"},
    }  # fmt: skip
    assert event.needs_fetch
    assert not event.is_whole
    assert event.key == ""


@pytest.mark.parametrize(
    ("name", "status", "was"),
    [
        ("updated", Status.OPEN, None),
        ("status_resolved", Status.SOLVED, Status.OPEN),
        ("status_reopened", Status.OPEN, Status.CLOSED),
        ("status_own", Status.HOLD, Status.OPEN),
        ("status_from_event", Status.CLOSED, Status.OPEN),
    ],
)
def test_a_status_is_read_by_number_by_name_or_by_what_set_the_rule_off(
    name: str, status: Status, was: Status | None
) -> None:
    assert (said(name).status, said(name).was) == (status, was)


def test_a_status_of_the_account_that_nobody_explained_is_not_guessed() -> None:
    (event,) = ADAPTER.parse(FIXTURES["status_own"]["body"], {}, options_of(ADAPTER, {}))
    assert event.status is None


def test_assignee_and_other_zones() -> None:
    assert said("replied_customer").assignee == Agent("1070012345678")
    event = said("other_zone")
    assert (event.external_id, event.at, event.status) == ("125", NOW, Status.OPEN)


def test_without_times_the_ticket_is_read_and_nothing_newer_is_overruled() -> None:
    event = said("without_times")
    assert event.needs_fetch
    assert event.at == datetime(2000, 1, 1, tzinfo=UTC)


def test_our_rule_for_installations_without_the_api_holds_all() -> None:
    event = said("without_api")
    assert event.is_whole
    assert not event.needs_fetch
    assert event.fields == {
        "subject": "Checkout & basket broken", "description": "Checkout returns a 500", "priority": "urgent",
        "channel": "email", "tags": ["checkout", "big customer"],
        "url": "https://acme.freshdesk.com/helpdesk/tickets/125", "created_at": "2026-11-23T06:59:59+00:00",
        "requester": {"name": "Kim Lee", "email": "kim@acme.example"},
        "organization": {"name": "Acme", "domain": "acme.example"},
    }  # fmt: skip
    assert event.assignee == Agent("1070012345678", "Ada Agent", "ada@helpdesk.example")
    (message,) = event.messages
    assert (message.author, message.text, message.author_email) == (
        Author.CUSTOMER, "It still fails", "kim@acme.example",
    )  # fmt: skip
    assert said("without_api").messages[0].external_id == message.external_id


def test_the_content_that_freshdesk_offers_to_tick_is_read_too() -> None:
    event = said("simple")
    assert (event.external_id, event.status, event.was) == ("125", Status.CLOSED, Status.OPEN)
    assert event.fields["requester"] == {"name": "Kim Lee", "email": "kim@acme.example"}
    assert event.fields["tags"] == ["checkout"]
    assert event.needs_fetch  # it has no time


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-11-23 07:00:00 UTC", datetime(2026, 11, 23, 7, tzinfo=UTC)),
        ("2026-11-23 12:30:00 +0530", datetime(2026, 11, 23, 7, tzinfo=UTC)),
        (" 2026-11-23T07:00:00Z ", datetime(2026, 11, 23, 7, tzinfo=UTC)),
        ("2026-11-23T07:00:00", datetime(2026, 11, 23, 7, tzinfo=UTC)),
        ("UTC", None),
        (None, None),
    ],
)
def test_times(value: Any, expected: datetime | None) -> None:
    assert when(value) == expected


def test_the_shipped_rules_hold_what_is_read() -> None:
    folder = Path(adapter.__file__).parent
    for name, fixture in (("rule", "updated"), ("rule-without-api", "without_api")):
        assert _keys(json.loads((folder / f"{name}.json").read_text())) == _keys(FIXTURES[fixture]["body"])


def _keys(value: Any) -> Any:
    return {name: _keys(item) for name, item in value.items()} if isinstance(value, dict) else None


@pytest.mark.parametrize("body", [{}, {"ticket": {}}, {"ticket": {"id": "{{ticket.id}}"}}, {"freshdesk_webhook": {}}])
def test_a_body_without_a_ticket_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        ADAPTER.parse(body, {}, OPTIONS)


def check(body: Any) -> None:
    """Only events or InvalidInput, and only fields that intake takes."""
    try:
        events = ADAPTER.parse(body, {}, OPTIONS)
    except InvalidInput:
        return
    for event in events:
        assert isinstance(event, TicketEvent)
        assert event.at.tzinfo is UTC
        read_payload({"id": event.external_id, **event.fields}, now=NOW)


@given(st.dictionaries(st.sampled_from(["event", "sent_at", "ticket", "requester", "freshdesk_webhook"]), JSON))
@settings(max_examples=100, deadline=None)
def test_no_json_breaks_the_reader(body: dict[str, Any]) -> None:
    check(body)


@given(mutated([found["body"] for found in FIXTURES.values()]))
@settings(max_examples=100, deadline=None)
def test_no_mutation_of_a_payload_breaks_the_reader(body: dict[str, Any]) -> None:
    check(body)
