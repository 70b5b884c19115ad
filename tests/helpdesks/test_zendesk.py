"""Zendesk: who sent it, what it says, its API over a socket, the signed start of its sidebar."""

from __future__ import annotations

import base64
import hashlib
import hmac
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
from investigations.helpdesks.registry import helpdesk_named, options_of
from investigations.helpdesks.zendesk import adapter
from investigations.helpdesks.zendesk.adapter import Zendesk
from investigations.intake.payload import read_payload
from investigations.services.tickets import prefix_of
from investigations.sources.base import ConnectionConfig
from tests.helpdesks.contracts import JSON, fixtures, mutated, stored

ADAPTER = Zendesk()
OPTIONS = options_of(ADAPTER, {})
FIXTURES = fixtures("zendesk")
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
CONFIG = ConnectionConfig("zendesk", "acme", "https://acme.zendesk.com/api/v2/")


def said(name: str) -> TicketEvent:
    """What is read from a fixture as it is stored."""
    found = FIXTURES[name]
    body = stored(found["body"], tuple(ADAPTER.addresses))
    (event,) = ADAPTER.parse(body, found.get("headers", {}), OPTIONS)
    return event


# --------------------------------------------------------------------------------------------------------- registration
def test_it_is_registered_with_its_prefix() -> None:
    assert isinstance(helpdesk_named("zendesk"), Zendesk)
    assert prefix_of("zendesk") == ADAPTER.prefix == "ZD"
    assert ADAPTER.ticket_url(CONFIG, "7") == "https://acme.zendesk.com/agent/tickets/7"


# ----------------------------------------------------------------------------------------------------------- signatures
def signed(body: bytes, at: datetime, secret: str = "one", **more: str) -> dict[str, str]:
    stamp = at.isoformat().replace("+00:00", "Z")
    value = hmac.new(secret.encode(), stamp.encode() + body, hashlib.sha256).digest()
    return {
        "x-zendesk-webhook-signature": base64.b64encode(value).decode(),
        "x-zendesk-webhook-signature-timestamp": stamp,
        **more,
    }


EVENT = json.dumps(FIXTURES["status_solved"]["body"]).encode()


def test_a_delivery_is_known_by_the_signed_id_of_its_event() -> None:
    first = ADAPTER.verify(["two", "one"], signed(EVENT, NOW), EVENT, now=NOW, options=OPTIONS)
    # Another call of the same event, whose unsigned id someone has changed.
    later = signed(EVENT, NOW + timedelta(minutes=1), **{"x-zendesk-webhook-invocation-id": "01HXF"})
    again = ADAPTER.verify(["one"], later, EVENT, now=NOW, options=OPTIONS)
    assert first.key == again.key
    assert first.key.startswith("event:")
    assert len(first.key) < 180
    assert first.at == NOW


def test_a_trigger_is_known_by_its_invocation() -> None:
    body = json.dumps(FIXTURES["trigger"]["body"]).encode()
    headers = signed(body, NOW, **{"x-zendesk-webhook-invocation-id": "01HXF"})
    assert ADAPTER.verify(["one"], headers, body, now=NOW, options=OPTIONS).key == "01HXF"
    assert ADAPTER.verify(["one"], signed(body, NOW), body, now=NOW, options=OPTIONS).key == ""


@pytest.mark.parametrize(
    ("secrets", "shift", "flip"),
    [
        (["another"], timedelta(0), b""),
        ([], timedelta(0), b""),
        (["one"], timedelta(minutes=-6), b""),
        (["one"], timedelta(minutes=6), b""),
        (["one"], timedelta(0), b" "),
    ],
)
def test_wrong_stale_and_changed_deliveries_are_refused(secrets: list[str], shift: timedelta, flip: bytes) -> None:
    ADAPTER.verify(["one"], signed(EVENT, NOW), EVENT, now=NOW, options=OPTIONS)
    with pytest.raises(SignatureRefused):
        ADAPTER.verify(secrets, signed(EVENT, NOW + shift), EVENT + flip, now=NOW, options=OPTIONS)


def test_the_order_of_body_and_time_in_an_old_page_of_the_vendor_is_refused() -> None:
    headers = signed(EVENT, NOW)
    turned = hmac.new(b"one", EVENT + headers["x-zendesk-webhook-signature-timestamp"].encode(), hashlib.sha256)
    headers["x-zendesk-webhook-signature"] = base64.b64encode(turned.digest()).decode()
    with pytest.raises(SignatureRefused):
        ADAPTER.verify(["one"], headers, EVENT, now=NOW, options=OPTIONS)


# --------------------------------------------------------------------------------------------------------------- events
def test_every_fixture_tells_its_source() -> None:
    assert all(len(found["_source"]) > 10 for found in FIXTURES.values())


@pytest.mark.parametrize("name", ["user_event", "messaging", "followers_changed"])
def test_what_says_nothing_about_a_ticket_is_passed_over(name: str) -> None:
    assert list(ADAPTER.parse(FIXTURES[name]["body"], {}, OPTIONS)) == []


def test_a_new_ticket() -> None:
    event = said("created")
    assert event.external_id == "35436"
    assert event.key == FIXTURES["created"]["body"]["id"]
    assert event.at == datetime(2026, 11, 23, 7, 0, 0, 120_000, tzinfo=UTC)
    assert event.what == "ticket.created"
    assert event.fields == {
        "subject": "Checkout broken", "description": "Checkout returns a 500 since this morning", "priority": "high",
        "channel": "web_service", "tags": ["checkout", "api"], "created_at": "2026-11-23T06:59:59+00:00",
    }  # fmt: skip
    assert (event.status, event.was, event.assignee) == (Status.NEW, None, Agent(""))
    assert event.is_whole
    assert event.needs_fetch  # who asks, and for which company, is not in it


def test_nothing_stated_is_never_taken_for_something() -> None:
    event = said("created_with_nulls")
    assert event.status is Status.NEW
    assert event.fields["tags"] == []
    assert event.fields["priority"] == ""
    assert not event.custom


@pytest.mark.parametrize(
    ("name", "status", "was"),
    [("status_solved", Status.SOLVED, Status.OPEN), ("status_reopened", Status.OPEN, Status.SOLVED)],
)
def test_a_status_is_read_in_any_letters(name: str, status: Status, was: Status) -> None:
    event = said(name)
    assert (event.status, event.was) == (status, was)
    assert event.assignee is None  # its id alone would take the name away
    assert not event.needs_fetch


@pytest.mark.parametrize(
    ("name", "author", "is_public"),
    [
        ("comment_customer", Author.CUSTOMER, True),
        ("comment_agent_public", Author.AGENT, True),
        ("comment_agent_private", Author.AGENT, False),
        ("comment_by_system", Author.BOT, True),
    ],
)
def test_comments_tell_who_wrote_them_and_who_sees_them(name: str, author: Author, is_public: bool) -> None:
    event = said(name)
    (message,) = event.messages
    comment = FIXTURES[name]["body"]["event"]["comment"]
    assert (message.author, message.is_public, message.text) == (author, is_public, comment["body"])
    assert (message.external_id, message.at) == (comment["id"], event.at)


def test_the_opening_is_not_told_a_second_time() -> None:
    event = said("comment_opening")
    assert event.messages == ()
    assert event.fields["description"]


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("priority_changed", "priority", "urgent"),
        ("tags_changed", "tags", ["checkout", "vip"]),
        ("subject_changed", "subject", "Checkout broken since the release"),
    ],
)
def test_a_changed_field_is_stated(name: str, field: str, value: Any) -> None:
    assert said(name).fields[field] == value


def test_assignment_and_custom_fields() -> None:
    assert said("assigned").assignee == Agent("8447388099002")
    assert said("unassigned").assignee == Agent("")
    assert said("custom_field_changed").custom == {"360012345678": "eu, us"}
    assert said("custom_field_ticked").custom == {"360012345679": "true"}


@pytest.mark.parametrize("name", ["organization_changed", "requester_changed", "comment_made_private", "undeleted"])
def test_what_comes_as_a_bare_id_is_read_by_the_api(name: str) -> None:
    event = said(name)
    assert event.needs_fetch
    assert not event.is_deleted
    assert "requester" not in event.fields


def test_merged_deleted_and_redacted() -> None:
    assert said("merged").merged_into == "35500"
    assert said("soft_deleted").is_deleted
    assert said("soft_deleted").redacted == []
    gone = said("permanently_deleted")
    assert (gone.is_deleted, gone.redacted, gone.fields) == (True, ["*"], {})
    redacted = said("comment_redacted")
    assert (redacted.redacted, redacted.needs_fetch) == (["8658726228478"], True)


def test_ids_that_read_like_cards_survive_storage() -> None:
    body = json.loads(json.dumps(FIXTURES["comment_customer"]["body"]))
    card = "4242424242424242"
    body["event"]["comment"]["id"] = body["event"]["comment"]["author"]["id"] = body["detail"]["requester_id"] = card
    (event,) = ADAPTER.parse(stored(body, tuple(ADAPTER.addresses)), {}, OPTIONS)
    assert (event.messages[0].external_id, event.messages[0].author_id) == (card, card)


def test_our_trigger_names_the_ticket_and_the_rest_is_read() -> None:
    event = said("trigger")
    assert (event.external_id, event.status, event.needs_fetch) == ("35436", Status.HOLD, True)
    assert event.fields["requester"] == {"email": "kim@acme.example"}
    assert event.fields["tags"] == ["checkout", "api"]
    assert not event.is_whole
    assert event.messages == ()


def test_our_trigger_for_installations_without_the_api_holds_all() -> None:
    event = said("trigger_without_api")
    assert not event.needs_fetch
    assert event.is_whole
    assert event.at == datetime(2026, 11, 23, 7, tzinfo=UTC)
    assert event.fields["created_at"] == "2026-11-23T06:59:59+00:00"
    assert event.fields["organization"] == {"name": "Acme", "external_id": "42"}
    assert event.fields["tags"] == []
    assert "url" not in event.fields
    (message,) = event.messages
    assert (message.author, message.text) == (Author.CUSTOMER, "It still fails")


def test_a_trigger_without_times_happened_when_it_was_sent() -> None:
    event = said("trigger_without_times")
    assert event.at == datetime(2026, 11, 23, 7, 0, 5, tzinfo=UTC)
    assert event.status is None


def test_the_shipped_triggers_hold_what_is_read() -> None:
    folder = Path(adapter.__file__).parent
    for name, fixture in (("trigger", "trigger"), ("trigger-without-api", "trigger_without_api")):
        shipped = json.loads((folder / f"{name}.json").read_text())
        assert _keys(shipped) == _keys(FIXTURES[fixture]["body"])


def _keys(value: Any) -> Any:
    return {name: _keys(item) for name, item in value.items()} if isinstance(value, dict) else None


@pytest.mark.parametrize(
    "body", [{}, {"ticket": {}}, {"ticket": {"id": "{{ticket.id}}"}}, {"type": "zen:event-type:ticket.created"}]
)
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


@given(st.dictionaries(st.sampled_from(["type", "ticket", "detail", "event", "id", "time", "subject"]), JSON))
@settings(max_examples=100, deadline=None)
def test_no_json_breaks_the_reader(body: dict[str, Any]) -> None:
    check(body)


@given(mutated([found["body"] for found in FIXTURES.values()]))
@settings(max_examples=100, deadline=None)
def test_no_mutation_of_a_payload_breaks_the_reader(body: dict[str, Any]) -> None:
    check(body)
