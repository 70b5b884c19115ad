"""Help Scout's webhooks and sidebar: who sent them, and what they say."""

from __future__ import annotations

import base64
import copy
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altor.errors import InvalidInput
from altor.signatures import SignatureRefused
from investigations.helpdesks.base import Agent, Author, Status, TicketEvent
from investigations.helpdesks.helpscout.adapter import HelpScout, HelpScoutOptions
from investigations.helpdesks.helpscout.launch import SIGNATURE, launched, php_json
from investigations.helpdesks.launches import LaunchRefused
from investigations.helpdesks.notes import Line, Note, markers
from investigations.helpdesks.registry import helpdesk_named
from investigations.intake.payload import read_payload
from investigations.sources.base import ConnectionConfig
from tests.helpdesks.mutations import JSON, carried_addresses, fixtures, kept_addresses, mutated, only_events, vectors

FIXTURES = fixtures("helpscout")
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
OPTIONS = HelpScoutOptions()


def parsed(name: str) -> TicketEvent:
    (event,) = HelpScout().parse(FIXTURES[name]["body"], FIXTURES[name]["headers"], OPTIONS)
    return event


# ------------------------------------------------------------------------------------------------------- who sent it
def signed(body: bytes, secret: str = "webhook-secret", event: str = "convo.status") -> dict[str, str]:
    signature = base64.b64encode(hmac.new(secret.encode(), body, "sha1").digest()).decode()
    return {"x-helpscout-signature": signature, "x-helpscout-event": event}


def test_it_is_registered_under_its_name() -> None:
    found = helpdesk_named("helpscout")
    assert isinstance(found, HelpScout)
    assert (found.prefix, found.signs, found.can_edit_notes, found.can_reply) == ("HS", True, True, True)
    assert found.kept_headers == ("x-helpscout-event",)


def test_the_published_vector_verifies() -> None:
    (vector,) = vectors("helpscout_webhook")
    delivery = HelpScout().verify(
        [vector["secret"]], vector["headers"], vector["body"].encode(), now=NOW, options=OPTIONS
    )
    assert (delivery.kind, delivery.at) == ("convo.status", None)


def test_two_events_with_one_body_are_two_deliveries_and_the_same_twice_is_one() -> None:
    body = json.dumps(FIXTURES["convo_tags"]["body"]).encode()

    def key(event: str) -> str:
        return HelpScout().verify(["s"], signed(body, "s", event), body, now=NOW, options=OPTIONS).key

    assert key("convo.status") != key("convo.assigned")
    assert key("convo.status") == key("convo.status")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body, headers: (body + b" ", headers),
        lambda body, headers: (body, {**headers, "x-helpscout-signature": "x" + headers["x-helpscout-signature"][1:]}),
        lambda body, headers: (body, {**headers, "x-helpscout-signature": ""}),
        lambda body, headers: (body, {}),
        lambda body, headers: (body, signed(body, "another-secret")),
    ],
)
def test_another_signature_is_refused(spoil: Callable[..., tuple[bytes, dict[str, str]]]) -> None:
    body = json.dumps(FIXTURES["convo_status_closed"]["body"]).encode()
    assert HelpScout().verify(["old", "webhook-secret"], signed(body), body, now=NOW, options=OPTIONS).key
    spoilt, headers = spoil(body, signed(body))
    with pytest.raises(SignatureRefused):
        HelpScout().verify(["old", "webhook-secret"], headers, spoilt, now=NOW, options=OPTIONS)


# ------------------------------------------------------------------------------------------------------ what it says
def test_a_new_conversation() -> None:
    event = parsed("convo_created")
    assert (event.external_id, event.at) == ("9", datetime(2026, 11, 23, 6, tzinfo=UTC))
    assert event.fields == {
        "subject": "Exports are empty",
        "description": 'Exports are empty since this morning.\nWorkspace "acme".',
        "channel": "email",
        "url": "https://secure.helpscout.net/conversation/9/100/",
        "requester": {"name": "Kim Lee", "email": "kim@acme.example"},
        "created_at": "2026-11-23T06:00:00+00:00",
        "tags": ["vip"],
    }
    assert event.custom == {"6688": "Enterprise", "6689": "org_7"}
    assert (event.status, event.assignee, event.messages) == (Status.OPEN, None, [])
    assert (event.is_whole, event.needs_fetch) == (True, True)


@pytest.mark.parametrize(
    ("name", "author", "is_public", "text"),
    [
        ("convo_customer_reply_created", Author.CUSTOMER, True, "Still empty.\nReport 12."),
        ("convo_agent_reply_created", Author.AGENT, True, "We look into it."),
        ("convo_note_created", Author.AGENT, False, "Is this the new exporter?"),
        ("convo_note_created_newest_only", Author.AGENT, False, "Is this the new exporter?"),
    ],
)
def test_messages_come_without_the_opening(name: str, author: Author, is_public: bool, text: str) -> None:
    event = parsed(name)
    (message,) = event.messages
    assert (message.author, message.is_public, message.text) == (author, is_public, text)
    assert event.at == message.at


def test_an_opening_that_is_not_among_the_threads_is_read_by_the_api() -> None:
    event = parsed("convo_note_created_newest_only")
    assert "description" not in event.fields
    assert (event.is_whole, event.needs_fetch) == (False, True)
    assert (parsed("convo_note_created").is_whole, parsed("convo_note_created").needs_fetch) == (True, False)


def test_an_opening_is_known_by_its_time_where_other_threads_are_missing() -> None:
    body = {**FIXTURES["convo_customer_reply_created"]["body"], "threads": 7}
    (event,) = HelpScout().parse(body, FIXTURES["convo_customer_reply_created"]["headers"], OPTIONS)
    assert event.fields["description"].startswith("Exports are empty")
    assert [message.external_id for message in event.messages] == ["1002"]


def test_drafts_and_line_items_are_no_messages() -> None:
    event = parsed("convo_with_draft_and_line_item")
    assert event.messages == []
    assert event.fields["description"].startswith("Exports are empty")


@pytest.mark.parametrize(
    ("name", "status", "minute"),
    [
        ("convo_status_closed", Status.SOLVED, 60),
        ("convo_status_pending", Status.PENDING, 30),
        ("convo_status_reopened", Status.OPEN, 120),
        ("convo_status_spam", Status.CLOSED, 31),
    ],
)
def test_statuses_at_the_latest_time_that_is_told(name: str, status: Status, minute: int) -> None:
    event = parsed(name)
    assert (event.status, event.at) == (status, datetime(2026, 11, 23, 6, tzinfo=UTC) + timedelta(minutes=minute))


@pytest.mark.parametrize(
    ("name", "assignee"),
    [
        ("convo_assigned", Agent("256", "Ada Byron", "ada@support.example")),
        ("convo_unassigned", Agent("")),
        ("convo_assigned_to_anyone", Agent("")),
        ("convo_tags", None),
    ],
)
def test_assignees(name: str, assignee: Agent | None) -> None:
    assert parsed(name).assignee == assignee


@pytest.mark.parametrize("name", ["convo_tags", "convo_custom_fields", "convo_moved", "convo_assigned", "convo_merged"])
def test_what_may_move_no_time_is_read_by_the_api(name: str) -> None:
    assert parsed(name).needs_fetch


def test_a_merge_names_what_is_gone_where_its_line_item_comes_along() -> None:
    on, gone = HelpScout().parse(
        FIXTURES["convo_merged_with_line_item"]["body"], FIXTURES["convo_merged_with_line_item"]["headers"], OPTIONS
    )
    assert (on.external_id, on.merged_into) == ("9", "")
    assert (gone.external_id, gone.merged_into, gone.at) == ("8", "9", datetime(2026, 11, 23, 7, 50, tzinfo=UTC))


def test_deletions() -> None:
    event = parsed("convo_deleted")
    assert (event.external_id, event.is_deleted, event.needs_fetch, event.fields) == ("9", True, False, {})
    assert parsed("convo_state_deleted").is_deleted
    assert not parsed("convo_state_deleted").needs_fetch


def test_nulls_state_nothing() -> None:
    fields = parsed("convo_without_customer").fields
    assert not {"requester", "subject", "tags"} & set(fields)
    assert parsed("convo_without_customer").custom == {}


@pytest.mark.parametrize("name", ["customer_created", "tag_created"])
def test_what_is_no_conversation_is_passed_over(name: str) -> None:
    assert HelpScout().parse(FIXTURES[name]["body"], FIXTURES[name]["headers"], OPTIONS) == []
    assert HelpScout().parse(FIXTURES["convo_created"]["body"], {}, OPTIONS) == []


@pytest.mark.parametrize("key", [None, "", "../9", {"a": 1}, True, "9/threads"])
@pytest.mark.parametrize("event", ["convo.deleted", "convo.status"])
def test_an_object_without_an_id_is_broken(key: object, event: str) -> None:
    with pytest.raises(InvalidInput):
        HelpScout().parse({"id": key, "status": "active"}, {"x-helpscout-event": event}, OPTIONS)


def test_a_note_of_ours_keeps_its_marker() -> None:
    body = copy.deepcopy(FIXTURES["convo_note_created"]["body"])
    note = Note([Line("Declined", "Cause:"), Line("INV-1", url="https://altor.example/i/1/")], "0123456789abcdef")
    body["_embedded"]["threads"][0]["body"] = note.as_html()
    (event,) = HelpScout().parse(body, FIXTURES["convo_note_created"]["headers"], OPTIONS)
    assert markers(event.messages[0].text) == {"0123456789abcdef"}


def test_the_same_object_has_the_same_key_and_another_has_another() -> None:
    assert parsed("convo_tags").key == parsed("convo_tags").key
    body = copy.deepcopy(FIXTURES["convo_tags"]["body"])
    body["tags"].pop()
    (event,) = HelpScout().parse(body, FIXTURES["convo_tags"]["headers"], OPTIONS)
    assert event.key != parsed("convo_tags").key


def test_fields_stay_within_what_a_ticket_takes() -> None:
    body = copy.deepcopy(FIXTURES["convo_created"]["body"])
    body["tags"] = [{"tag": f"{n:03}" + "t" * 200} for n in range(200)]
    body["primaryCustomer"] = {"id": 1, "first": "n" * 900, "email": "no address"}
    body["subject"] = "s" * 9000
    (event,) = HelpScout().parse(body, FIXTURES["convo_created"]["headers"], OPTIONS)
    read = read_payload({**event.fields, "id": event.external_id}, now=NOW).ticket
    assert (len(read.tags), read.requester.email, len(read.subject)) == (50, "", 500)


@pytest.mark.parametrize("name", sorted(FIXTURES))
def test_every_address_that_an_event_carries_stands_where_it_is_kept(name: str) -> None:
    body = FIXTURES[name]["body"]
    for event in HelpScout().parse(body, FIXTURES[name]["headers"], OPTIONS):
        assert carried_addresses(event) <= kept_addresses(HelpScout(), body)


@given(JSON, st.sampled_from(["convo.created", "convo.deleted", "convo.merged", "customer.created", ""]))
def test_any_json_is_an_event_or_invalid_input(item: object, event: str) -> None:
    body = item if isinstance(item, dict) else {"id": item, "_embedded": item, "tags": item, "threads": item}
    only_events(HelpScout(), body, {"x-helpscout-event": event})


@given(st.sampled_from(sorted(FIXTURES)), st.data())
@settings(max_examples=100)
def test_every_fixture_with_a_value_replaced_is_an_event_or_invalid_input(name: str, data: st.DataObject) -> None:
    only_events(HelpScout(), mutated(FIXTURES[name]["body"], data), FIXTURES[name]["headers"])


def test_a_ticket_opens_in_help_scout() -> None:
    config = ConnectionConfig("helpscout", "inbox", "https://api.helpscout.net")
    assert HelpScout().ticket_url(config, "9") == "https://secure.helpscout.net/conversation/9"


# -------------------------------------------------------------------------------------------------------- the sidebar
ADDED = {"conversation-id": "9", "conversation-number": "100", "customer-id": "238604", "mailbox-id": "85",
         "user-id": "256", "installation-ids": "XGao7", "application-slug": "altor/sidebar & Füße"}  # fmt: skip


def query(parameters: dict[str, str], secret: str = "app-key", *, message: str = "") -> str:
    said = message or php_json(parameters)
    signature = base64.b64encode(hmac.new(secret.encode(), said.encode(), "sha1").digest()).decode()
    return urlencode({**parameters, SIGNATURE: signature})


def test_php_writes_json_in_its_own_way() -> None:
    assert php_json({"a": "https://x/y", "ü": 'Füße \U0001f600 "q" \\ \n'}) == (
        r'{"a":"https:\/\/x\/y","\u00fc":"F\u00fc\u00dfe \ud83d\ude00 \"q\" \\ \n"}'
    )
    assert php_json({}) == "[]"


def test_a_signed_query_names_conversation_and_person() -> None:
    message = (
        r'{"conversation-id":"9","conversation-number":"100","customer-id":"238604","mailbox-id":"85","user-id":"256",'
        r'"installation-ids":"XGao7","application-slug":"altor\/sidebar & F\u00fc\u00dfe"}'
    )
    start = launched(["old", "app-key"], query(ADDED, message=message), now=NOW)
    assert (start.external_id, start.agent) == ("9", Agent("256"))
    assert start.expires_at == NOW + timedelta(minutes=10)
    assert query(ADDED, message=message).endswith(quote(start.nonce, safe=""))


def test_parameters_of_our_own_address_are_not_signed() -> None:
    own = "connection=support&" + query(ADDED)
    assert launched(["app-key"], own, now=NOW, own=["connection"]).external_id == "9"
    with pytest.raises(LaunchRefused):
        launched(["app-key"], own, now=NOW)


@pytest.mark.parametrize(
    "spoilt",
    [
        "",
        urlencode(ADDED),
        query(ADDED).replace("user-id=256", "user-id=257"),
        query(ADDED) + "&more=1",
        "user-id=256&" + query({name: value for name, value in ADDED.items() if name != "user-id"}),
        query(ADDED, "another-key"),
        query({"user-id": "256"}),
        query({"conversation-id": "../9"}),
        query(ADDED).replace("9", "%ff", 1),
        "&".join(f"a{n}=1" for n in range(1000)),
    ],
)
def test_any_other_query_is_refused(spoilt: str) -> None:
    with pytest.raises(LaunchRefused):
        launched(["app-key"], spoilt, now=NOW)
    with pytest.raises(LaunchRefused):
        launched([], query(ADDED), now=NOW)


@given(st.text(max_size=200))
def test_no_query_breaks_the_start(text: str) -> None:
    with pytest.raises(LaunchRefused):
        launched(["app-key"], text, now=NOW)
