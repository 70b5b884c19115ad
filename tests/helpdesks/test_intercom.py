"""Intercom's notifications: who sent them, and what they say."""

from __future__ import annotations

import copy
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altor.errors import InvalidInput
from altor.signatures import SignatureRefused
from investigations.helpdesks.base import Agent, Author, Status, TicketEvent
from investigations.helpdesks.intercom.adapter import Intercom, IntercomOptions
from investigations.helpdesks.intercom.launch import launched
from investigations.helpdesks.intercom.shapes import organization
from investigations.helpdesks.launches import LaunchRefused
from investigations.helpdesks.notes import Line, Note, markers
from investigations.helpdesks.registry import helpdesk_named
from investigations.intake.payload import read_payload
from investigations.sources.base import ConnectionConfig
from tests.helpdesks.mutations import (
    JSON,
    carried_addresses,
    fixtures,
    kept_addresses,
    mutated,
    only_events,
    vectors,
)
from tests.helpdesks.peers.intercom import T0, conversation

FIXTURES = fixtures("intercom")
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
OPTIONS = IntercomOptions()


def parsed(name: str) -> TicketEvent:
    (event,) = Intercom().parse(FIXTURES[name]["body"], {}, OPTIONS)
    return event


# ------------------------------------------------------------------------------------------------------- who sent it
def signed(body: bytes, secret: str = "client-secret") -> dict[str, str]:
    return {"x-hub-signature": "sha1=" + hmac.new(secret.encode(), body, "sha1").hexdigest()}


def test_it_is_registered_under_its_name() -> None:
    found = helpdesk_named("intercom")
    assert isinstance(found, Intercom)
    assert (found.prefix, found.signs, found.can_edit_notes, found.can_reply) == ("IC", True, False, True)


def test_the_published_vector_verifies_and_gives_the_notifications_id() -> None:
    (vector,) = vectors("intercom_webhook")
    delivery = Intercom().verify(
        [vector["secret"]], vector["headers"], vector["body"].encode(), now=NOW, options=OPTIONS
    )
    assert (delivery.key, delivery.at, delivery.kind) == ("notif_1", None, "conversation.admin.closed")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body, headers: (body[:-1] + b" ", headers),
        lambda body, headers: (body, {"x-hub-signature": headers["x-hub-signature"][:-1] + "x"}),
        lambda body, headers: (body, {"x-hub-signature": headers["x-hub-signature"].removeprefix("sha1=")}),
        lambda body, headers: (body, {"x-hub-signature": "sha1="}),
        lambda body, headers: (body, {}),
        lambda body, headers: (body, signed(body, "another-secret")),
    ],
)
def test_another_signature_is_refused(spoil: Callable[..., tuple[bytes, dict[str, str]]]) -> None:
    body = json.dumps(FIXTURES["conversation_admin_closed"]["body"]).encode()
    assert Intercom().verify(["old", "client-secret"], signed(body), body, now=NOW, options=OPTIONS).key
    spoilt, headers = spoil(body, signed(body))
    with pytest.raises(SignatureRefused):
        Intercom().verify(["old", "client-secret"], headers, spoilt, now=NOW, options=OPTIONS)


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"id": {"a": 1}}', b"\xff", b"[" * 100_000])
def test_signed_bytes_that_are_no_notification_are_keyed_by_their_hash(body: bytes) -> None:
    assert Intercom().verify(["s"], signed(body, "s"), body, now=NOW, options=OPTIONS).key == ""


# ------------------------------------------------------------------------------------------------------ what it says
def test_a_new_conversation() -> None:
    event = parsed("conversation_user_created")
    assert event.external_id == "215469840000077"
    assert event.at == datetime.fromtimestamp(T0 + 2, UTC)
    assert event.key.startswith("notif_")
    assert event.fields == {
        "subject": "Payments fail",
        "description": "Payments fail since 07:00 UTC.\nError code is card_declined & nothing else.",
        "channel": "email",
        "priority": "normal",
        "requester": {"name": "Kim Lee", "email": "kim@acme.example"},
        "created_at": datetime.fromtimestamp(T0, UTC).isoformat(),
        "tags": [],
    }
    assert event.custom == {"Plan": "Pro", "Seats": "25", "Trial": "false"}
    assert (event.status, event.assignee, event.is_whole, event.needs_fetch) == (Status.OPEN, Agent(""), True, True)


def test_a_chat_without_a_title_is_called_by_its_first_words_and_a_lead_has_no_address() -> None:
    event = parsed("conversation_user_created_without_address")
    assert event.fields["subject"] == "Payments fail since 07:00 UTC."
    assert "requester" not in event.fields
    assert event.needs_fetch


@pytest.mark.parametrize(
    ("name", "author", "is_public", "text"),
    [
        ("conversation_user_replied", Author.CUSTOMER, True, "It still fails.\nOrder 8812."),
        ("conversation_admin_replied", Author.AGENT, True, "We look into it."),
        ("conversation_operator_replied", Author.BOT, True, "Have you tried again?"),
        ("conversation_admin_noted", Author.AGENT, False, "Known since the last deploy?"),
        ("conversation_admin_assigned", Author.AGENT, False, "Ada, please take this."),
        ("ticket_note_created", Author.AGENT, False, "Waiting for the data team."),
    ],
)
def test_messages(name: str, author: Author, is_public: bool, text: str) -> None:
    (message,) = parsed(name).messages
    assert (message.author, message.is_public, message.text) == (author, is_public, text)
    assert message.author_id
    assert not parsed(name).needs_fetch


@pytest.mark.parametrize(
    ("name", "status", "was"),
    [
        ("conversation_admin_closed", Status.SOLVED, None),
        ("conversation_admin_opened", Status.OPEN, None),
        ("conversation_admin_snoozed", Status.PENDING, None),
        ("conversation_admin_unsnoozed", Status.OPEN, Status.PENDING),
        ("ticket_created", Status.NEW, None),
        ("ticket_state_updated", Status.SOLVED, Status.OPEN),
        ("ticket_note_created", Status.OPEN, None),
        ("conversation_part_tag_created", None, None),
    ],
)
def test_statuses(name: str, status: Status | None, was: Status | None) -> None:
    assert (parsed(name).status, parsed(name).was) == (status, was)


@pytest.mark.parametrize(
    ("topic", "status"), [("conversation.admin.closed", Status.SOLVED), ("conversation.user.replied", None)]
)
def test_a_topic_tells_the_status_that_its_object_leaves_out(topic: str, status: Status | None) -> None:
    body = {"topic": topic, "created_at": T0, "data": {"item": {"type": "conversation", "id": 77}}}
    (event,) = Intercom().parse(body, {}, OPTIONS)
    assert (event.external_id, event.status, event.assignee, event.fields) == ("77", status, None, {})
    assert event.needs_fetch  # it names the conversation, and no more


def test_a_note_of_ours_keeps_its_marker() -> None:
    body = copy.deepcopy(FIXTURES["conversation_admin_noted"]["body"])
    note = Note([Line("Declined", "Cause:"), Line("INV-1", url="https://altor.example/i/1/")], "0123456789abcdef")
    body["data"]["item"]["conversation_parts"]["conversation_parts"][0]["body"] = note.as_html()
    (event,) = Intercom().parse(body, {}, OPTIONS)
    assert markers(event.messages[0].text) == {"0123456789abcdef"}


def test_assignment_and_its_end() -> None:
    assert parsed("conversation_admin_assigned").assignee == Agent("991267696", "Ada", "ada@support.example")
    assert parsed("conversation_admin_unassigned").assignee == Agent("")
    assert parsed("ticket_state_updated").assignee == Agent("991267696", "Ada", "ada@support.example")
    assert parsed("ticket_created").assignee == Agent("")


@pytest.mark.parametrize("given", [{"id": 5}, [], True])
def test_an_assignee_of_another_kind_is_not_stated(given: object) -> None:
    body = {"topic": "conversation.admin.assigned", "data": {"item": conversation(1, admin_assignee_id=given)}}
    (event,) = Intercom().parse(body, {}, OPTIONS)
    assert event.assignee is None


def test_what_a_bot_says_in_a_teammates_name_is_a_bots() -> None:
    body = copy.deepcopy(FIXTURES["conversation_admin_replied"]["body"])
    (said,) = body["data"]["item"]["conversation_parts"]["conversation_parts"]
    said["author"] |= {"from_ai_agent": True}
    (event,) = Intercom().parse(body, {}, OPTIONS)
    assert event.messages[0].author is Author.BOT


@pytest.mark.parametrize(
    ("site", "domain"),
    [
        ("https://www.acme.example/about", "acme.example"),
        ("acme.example", "acme.example"),
        ("http://[broken", ""),
        ("", ""),
    ],
)
def test_a_companys_site_is_its_domain(site: str, domain: str) -> None:
    assert organization({"name": "Acme", "website": site}).get("domain", "") == domain


def test_a_redacted_part_is_named_and_its_remains_are_no_message() -> None:
    for name in ("conversation_part_redacted", "conversation_part_redacted_in_conversation"):
        event = parsed(name)
        assert (event.external_id, event.redacted, list(event.messages)) == ("215469840000077", ["501"], [])
        assert event.needs_fetch


def test_a_redacted_opening_empties_what_was_read_of_it() -> None:
    event = parsed("conversation_source_redacted")
    assert (event.fields["subject"], event.fields["description"]) == ("", "")
    assert event.redacted == ["source-403918330"]


def test_a_deletion_says_nothing_else() -> None:
    event = parsed("conversation_deleted")
    assert (event.is_deleted, event.needs_fetch, event.fields, event.status) == (True, False, {}, None)


def test_a_tag_on_a_part_asks_for_the_conversation() -> None:
    event = parsed("conversation_part_tag_created")
    assert (event.external_id, event.needs_fetch, event.redacted) == ("215469840000077", True, ())


def test_a_ticket() -> None:
    event = parsed("ticket_created")
    assert event.external_id == "627"
    assert event.fields["subject"] == "Export is empty"
    assert event.fields["description"] == "The CSV export has a header and no rows."
    assert event.custom == {"Region": "eu-1", "Urgent": "true"}
    assert event.is_whole


@pytest.mark.parametrize("name", ["ping", "contact_merged"])
def test_what_names_no_conversation_is_passed_over(name: str) -> None:
    assert Intercom().parse(FIXTURES[name]["body"], {}, OPTIONS) == []


@pytest.mark.parametrize("topic", ["conversation.read", "conversation.rating.added", "ticket.rating.provided"])
def test_what_no_ticket_would_show_is_passed_over(topic: str) -> None:
    assert Intercom().parse({**FIXTURES["conversation_admin_closed"]["body"], "topic": topic}, {}, OPTIONS) == []


@pytest.mark.parametrize("item", [None, {}, [], {"id": None}, {"id": ""}, {"id": "../admin"}, {"id": {"a": 1}}])
def test_a_notification_without_an_id_is_broken(item: object) -> None:
    body = {"topic": "conversation.user.replied", "created_at": T0, "data": {"item": item}}
    with pytest.raises(InvalidInput):
        Intercom().parse(body, {}, OPTIONS)


def test_fields_stay_within_what_a_ticket_takes() -> None:
    item = conversation(1, title="<b>" + "x" * 9000, priority="p" * 100)
    item["tags"]["tags"] = [{"name": f"{n:03}" + "t" * 200} for n in range(200)]
    item["source"]["author"] = {"type": "user", "email": "no address", "name": "n" * 900}
    (event,) = Intercom().parse({"topic": "conversation.user.created", "data": {"item": item}}, {}, OPTIONS)
    read = read_payload({**event.fields, "id": event.external_id}, now=NOW).ticket
    assert len(read.tags) == 50
    assert read.requester.email == ""


@pytest.mark.parametrize("name", sorted(FIXTURES))
def test_every_address_that_an_event_carries_stands_where_it_is_kept(name: str) -> None:
    body = FIXTURES[name]["body"]
    for event in Intercom().parse(body, {}, OPTIONS):
        assert carried_addresses(event) <= kept_addresses(Intercom(), body)


@given(JSON, st.sampled_from(["conversation.user.created", "conversation_part.redacted", "ticket.created", "x"]))
def test_any_json_is_an_event_or_invalid_input(item: object, topic: str) -> None:
    only_events(Intercom(), {"topic": topic, "created_at": item, "id": item, "data": {"item": item}})
    only_events(Intercom(), item if isinstance(item, dict) else {"topic": item})


@given(st.sampled_from(sorted(FIXTURES)), st.data())
@settings(max_examples=100)
def test_every_fixture_with_a_value_replaced_is_an_event_or_invalid_input(name: str, data: st.DataObject) -> None:
    only_events(Intercom(), mutated(FIXTURES[name]["body"], data))


@pytest.mark.parametrize(
    ("base", "host"),
    [
        ("https://api.intercom.io", "app.intercom.com"),
        ("https://api.eu.intercom.io", "app.eu.intercom.com"),
        ("https://api.au.intercom.io/", "app.au.intercom.com"),
    ],
)
def test_links_open_the_inbox_of_the_region(base: str, host: str) -> None:
    config = ConnectionConfig("intercom", "inbox", base, "", {"workspace_id": "abcd1234"})
    assert Intercom().ticket_url(config, "77") == f"https://{host}/a/inbox/abcd1234/inbox/conversation/77"
    assert Intercom().ticket_url(ConnectionConfig("intercom", "inbox", base), "77") == ""


def test_a_canvas_request_names_conversation_and_teammate() -> None:
    body = json.dumps(FIXTURES["canvas_initialize"]["body"]).encode()
    headers = {"x-body-signature": hmac.new(b"client-secret", body, "sha256").hexdigest()}
    start, said = launched(["client-secret"], headers, body, now=NOW)
    assert (start.external_id, start.agent) == ("215469840000077", Agent("991267696", "Ada", "ada@support.example"))
    assert (start.nonce, start.expires_at) == ("", NOW + timedelta(minutes=10))
    assert said["workspace_id"] == "abcd1234"
    for spoilt in (body + b" ", b"{}"):
        with pytest.raises(LaunchRefused):
            launched(["client-secret"], headers, spoilt, now=NOW)
    with pytest.raises(LaunchRefused):
        launched(["another"], headers, body, now=NOW)


def test_the_published_canvas_vector_starts() -> None:
    (vector,) = vectors("intercom_canvas")
    start, _ = launched([vector["secret"]], vector["headers"], vector["body"].encode(), now=NOW)
    assert (start.external_id, start.agent) == ("77", Agent("1"))


@pytest.mark.parametrize("body", [b"[]", b"null", b"{", b'{"conversation": {"id": null}}', b"[" * 100_000])
def test_a_signed_body_without_a_conversation_is_refused(body: bytes) -> None:
    headers = {"x-body-signature": hmac.new(b"s", body, "sha256").hexdigest()}
    with pytest.raises(LaunchRefused):
        launched(["s"], headers, body, now=NOW)
