"""Chatwoot: who signed, what its events say, and its API over a real socket."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altor.errors import InvalidInput
from altor.signatures import SignatureRefused
from investigations.helpdesks.base import Agent, Author, Page, Status, TicketEvent
from investigations.helpdesks.chatwoot.adapter import QUERY_TOKEN, Chatwoot, ChatwootOptions
from investigations.helpdesks.chatwoot.client import ChatwootClient
from investigations.intake.payload import read_payload
from investigations.sources.base import (
    SourceAnswerInvalid,
    SourceLimited,
    SourceRefused,
    SourceUnavailable,
)
from tests.helpdesks.calling import FAULTS, MARKER, NOTE, SECRET, T, call, connection
from tests.helpdesks.payloads import JSON, UNTIMED, broken, fixtures, places_of_addresses
from tests.helpdesks.peers.chatwoot import ACCOUNT, PAGE, ChatwootPeer
from tests.loopback import Upstream, serving

CHATWOOT = Chatwoot()
FIXTURES = fixtures("chatwoot")
OPTIONS = ChatwootOptions(account_id=str(ACCOUNT))
VECTORS = json.loads((Path(__file__).parents[1] / "contracts" / "webhook-signature-vectors.json").read_text())
NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
TOKEN = "an-unguessable-token-0000000000"
HEADERS = {"x-chatwoot-delivery": "6b1e0b0e-6a39-4a53-9d0e-0a9f3c9a7d11"}


def parsed(name: str) -> TicketEvent:
    (event,) = CHATWOOT.parse(FIXTURES[name], HEADERS, OPTIONS)
    return event


# --------------------------------------------------------------------------------------------------------- signatures
def signed(body: bytes, at: datetime, secret: str = "chatwoot-secret") -> dict[str, str]:
    stamp = str(int(at.timestamp()))
    digest = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"x-chatwoot-timestamp": stamp, "x-chatwoot-signature": f"sha256={digest}", **HEADERS}


def verified(
    headers: dict[str, str], body: bytes = b"{}", secrets: tuple[str, ...] = ("chatwoot-secret", TOKEN)
) -> str:
    return CHATWOOT.verify(secrets, headers, body, now=NOW, options=OPTIONS).key


def test_the_vector_verifies_and_names_its_delivery() -> None:
    vector = next(vector for vector in VECTORS if vector["provider"] == "chatwoot")
    headers = {name.lower(): value for name, value in vector["headers"].items()}
    assert verified(headers, vector["body"].encode(), ("rotated", vector["secret"])) == headers["x-chatwoot-delivery"]


@pytest.mark.parametrize(
    "broken_by",
    [
        pytest.param(lambda headers, body: (headers, body + b" "), id="another body"),
        pytest.param(lambda headers, body: (headers | {"x-chatwoot-timestamp": "1795417201"}, body), id="another time"),
        pytest.param(
            lambda headers, body: (headers | {"x-chatwoot-signature": "sha256=" + "0" * 64}, body), id="flipped"
        ),
        pytest.param(lambda headers, body: ({}, body), id="nothing"),
        pytest.param(lambda headers, body: (signed(body, NOW - timedelta(minutes=6)), body), id="stale"),
        pytest.param(lambda headers, body: (signed(body, NOW + timedelta(minutes=6)), body), id="of the future"),
        pytest.param(lambda headers, body: (signed(body, NOW, "another"), body), id="another secret"),
        pytest.param(lambda headers, body: ({**HEADERS, QUERY_TOKEN: TOKEN}, body), id="a token instead"),
    ],
)
def test_what_is_not_signed_by_the_secret_is_refused(broken_by: Callable[..., tuple[dict[str, str], bytes]]) -> None:
    body = b'{"event":"conversation_created","id":1}'
    assert verified(signed(body, NOW), body)
    headers, sent = broken_by(signed(body, NOW), body)
    with pytest.raises(SignatureRefused):
        verified(headers, sent)


def test_an_old_release_is_told_by_the_token_in_the_address() -> None:
    options = ChatwootOptions(unsigned_token=True)
    delivery = CHATWOOT.verify(["x", TOKEN], {QUERY_TOKEN: TOKEN, **HEADERS}, b"{}", now=NOW, options=options)
    assert delivery.key == HEADERS["x-chatwoot-delivery"]
    assert delivery.at is None
    assert CHATWOOT.verify([TOKEN], {QUERY_TOKEN: TOKEN}, b"{}", now=NOW, options=options).key == ""


@pytest.mark.parametrize("given_token", ["", "wrong", TOKEN[:-1], TOKEN + "0", "short", "\udcff"])
def test_a_wrong_or_guessable_token_is_refused(given_token: str) -> None:
    options = ChatwootOptions(unsigned_token=True)
    with pytest.raises(SignatureRefused):
        CHATWOOT.verify([TOKEN, "short", ""], {QUERY_TOKEN: given_token}, b"{}", now=NOW, options=options)


def test_nothing_must_be_echoed() -> None:
    assert CHATWOOT.challenge({}, {"event": "conversation_created"}) is None


# -------------------------------------------------------------------------------------------------------------- events
def test_a_new_conversation_is_a_whole_ticket() -> None:
    event = parsed("conversation_created")
    assert (event.external_id, event.key, event.status) == ("42", HEADERS["x-chatwoot-delivery"], Status.OPEN)
    assert event.fields == {
        "subject": "Charged twice",
        "description": "Why was I charged twice?\n\n<amount>12 & 12</amount>",
        "channel": "email",
        "priority": "high",
        "tags": ["billing"],
        "requester": {"name": "Kim Example", "email": "kim@acme.example"},
        "organization": {"name": "Acme GmbH"},
        "created_at": "2026-11-23T06:10:00+00:00",
    }
    assert event.custom == {
        "endpoint": "/v1/payments", "is_urgent": "false", "contact.org_id": "org-42", "contact.is_vip": "true",
    }  # fmt: skip
    assert event.assignee == Agent("")
    assert event.is_whole
    assert not event.messages
    assert event.at == datetime(2026, 11, 23, 6, 10, 1, 250000, tzinfo=UTC)


def test_a_new_conversation_without_its_message_is_fetched() -> None:
    event = parsed("conversation_created_without_message")
    assert event.needs_fetch
    assert not event.is_whole
    assert "description" not in event.fields


def test_an_update_states_labels_priority_and_who_works_on_it() -> None:
    event = parsed("conversation_updated")
    assert event.fields["tags"] == ["billing", "vip"]
    assert event.fields["priority"] == ""
    assert "description" not in event.fields
    assert event.assignee == Agent("1", "Ada Agent")
    assert event.was is None
    assert not event.is_whole


@pytest.mark.parametrize(
    ("name", "status", "was"),
    [
        ("conversation_status_changed_resolved", Status.SOLVED, Status.OPEN),
        ("conversation_status_changed_reopened", Status.OPEN, Status.SOLVED),
        ("conversation_status_changed_snoozed", Status.HOLD, Status.OPEN),
        ("conversation_pending_with_bot", Status.PENDING, None),
    ],
)
def test_statuses(name: str, status: Status, was: Status | None) -> None:
    event = parsed(name)
    assert (event.status, event.was) == (status, was)


def test_a_bot_is_nobody_and_a_phone_number_is_no_address() -> None:
    event = parsed("conversation_pending_with_bot")
    assert event.assignee == Agent("")
    assert event.fields["requester"] == {"name": "Kim Example"}
    assert event.fields["channel"] == "chat"
    assert "subject" not in event.fields


def test_the_opening_message_is_the_description_and_not_a_message() -> None:
    event = parsed("message_created_opening")
    assert event.fields["description"] == "Why was I charged twice?"
    assert event.is_whole
    assert not event.messages


@pytest.mark.parametrize(
    ("name", "author", "is_public", "text"),
    [
        ("message_created_customer", Author.CUSTOMER, True, "It happened again at 07:05"),
        ("message_created_numeric_type", Author.CUSTOMER, True, "Any news?"),
        ("message_created_agent", Author.AGENT, True, "We are **looking** into it"),
        ("message_created_template", Author.BOT, True, "We reply within a day"),
        ("message_updated", Author.CUSTOMER, True, "It happened again at 07:05 and 07:06"),
    ],
)
def test_messages(name: str, author: Author, is_public: bool, text: str) -> None:
    event = parsed(name)
    (message,) = event.messages
    assert (message.author, message.is_public, message.text) == (author, is_public, text)
    assert message.external_id == str(FIXTURES[name]["id"])
    assert "description" not in event.fields


def test_a_private_note_is_not_public_and_keeps_our_marker() -> None:
    (message,) = parsed("message_created_private_note").messages
    assert not message.is_public
    assert f"#altor-{MARKER}" in message.text
    assert (message.author_id, message.author_email) == ("1", "ada@support.example")


def test_a_deleted_message_is_redacted() -> None:
    event = parsed("message_updated_deleted")
    assert event.redacted == ["1005"]
    assert not event.messages
    assert event.at == datetime(2026, 11, 23, 7, 13, 20, tzinfo=UTC)


def test_a_line_of_the_activity_log_is_no_message() -> None:
    assert not parsed("message_created_activity").messages


def test_a_rule_of_the_account_tells_a_conversation() -> None:
    assert parsed("automation_event").external_id == "42"


@pytest.mark.parametrize("name", ["contact_updated", "conversation_typing_on"])
def test_other_events_say_nothing_about_a_ticket(name: str) -> None:
    assert list(CHATWOOT.parse(FIXTURES[name], {}, OPTIONS)) == []


@pytest.mark.parametrize("number", [None, "", "a/b", "../1", True, {}, [42]])
def test_an_event_without_a_conversation_is_refused(number: Any) -> None:
    with pytest.raises(InvalidInput):
        CHATWOOT.parse(FIXTURES["conversation_created"] | {"id": number}, {}, OPTIONS)


@pytest.mark.parametrize("name", sorted(FIXTURES))
def test_every_address_of_a_payload_is_declared(name: str) -> None:
    if CHATWOOT.parse(FIXTURES[name], {}, OPTIONS):
        assert places_of_addresses(FIXTURES[name], "email") <= set(CHATWOOT.addresses)


@UNTIMED
@given(st.dictionaries(st.text(max_size=8), JSON, max_size=4) | broken(FIXTURES))
def test_no_payload_breaks_the_reader(body: dict[str, Any]) -> None:
    check_events(body)


@UNTIMED
@given(st.sampled_from(sorted(FIXTURES)), JSON)
def test_no_conversation_breaks_the_reader(name: str, value: Any) -> None:
    check_events(FIXTURES[name] | {"conversation": value, "meta": value, "messages": value})


def check_events(body: dict[str, Any]) -> None:
    """Events that intake takes, or InvalidInput."""
    try:
        events = CHATWOOT.parse(body, HEADERS, OPTIONS)
    except InvalidInput:
        return
    for event in events:
        assert isinstance(event, TicketEvent)
        assert event.at.tzinfo is not None
        read_payload({"id": event.external_id, **event.fields}, now=NOW)
        for text in (*event.custom.values(), *(message.text for message in event.messages)):
            text.encode()
            assert "\x00" not in text


# ----------------------------------------------------------------------------------------------------------------- API
def asked(upstream: Upstream, ask: Callable[[ChatwootClient], Awaitable[T]], **more: Any) -> T:
    return call(CHATWOOT, upstream.url, ask, **{"options": {"account_id": str(ACCOUNT)}, **more})


@pytest.fixture
def peer() -> ChatwootPeer:
    return ChatwootPeer()


def test_the_connection_says_who_it_is(peer: ChatwootPeer) -> None:
    with serving(peer) as upstream:
        report = asked(upstream, lambda client: client.check())
        other = asked(upstream, lambda client: client.check(), options={"account_id": "3", "own_user_id": "99"})
    assert report.ok
    assert report.identity == "Altor (user 12)"
    assert report.details == {"own_user_id": "12"}
    assert not report.warnings
    assert "99" in other.warnings[0]


def test_a_wrong_token_or_account_is_reported(peer: ChatwootPeer) -> None:
    with serving(peer) as upstream:
        assert asked(upstream, lambda client: client.check(), secret="wrong").details == {"kind": "refused"}
        assert "account_id" in asked(upstream, lambda client: client.check(), options={}).message


def test_a_ticket_is_read_whole(peer: ChatwootPeer) -> None:
    texts = [f"message {number}" for number in range(45)]
    peer.add(42, 1795417200, *texts, labels=["vip"], custom_attributes={"endpoint": "/v1"})
    peer.write(42, "between us", message_type=1, at=1795417300, private=True)
    with serving(peer) as upstream:
        event = asked(upstream, lambda client: client.ticket("42"))
    assert event is not None
    assert event.is_whole
    assert event.fields["description"] == "message 0"
    assert [message.text for message in event.messages] == [*texts[1:], "between us"]
    assert [message.is_public for message in event.messages] == [True] * 44 + [False]
    assert event.assignee == Agent("")
    assert event.custom == {"endpoint": "/v1"}


def test_a_very_long_conversation_is_not_given_a_false_beginning(
    peer: ChatwootPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("investigations.helpdesks.chatwoot.client.MESSAGE_PAGES", 2)
    peer.add(42, 1795417200, *(f"message {number}" for number in range(45)))
    with serving(peer) as upstream:
        event = asked(upstream, lambda client: client.ticket("42"))
    assert event is not None
    assert not event.is_whole
    assert "description" not in event.fields
    assert len(event.messages) == 40


def test_an_unknown_ticket_is_none(peer: ChatwootPeer) -> None:
    with serving(peer) as upstream:
        assert asked(upstream, lambda client: client.ticket("999")) is None


def walk(upstream: Upstream, since: datetime, between: Callable[[int], None] = lambda page: None) -> list[Page]:
    pages: list[Page] = []
    cursor = ""
    while not pages or cursor:
        pages.append(asked(upstream, partial(ChatwootClient.page, since=since, cursor=cursor)))
        cursor = pages[-1].cursor
        between(len(pages))
        assert len(pages) < 40
    return pages


def test_backfill_begins_where_it_is_told_and_misses_nothing(peer: ChatwootPeer) -> None:
    for number in range(1, 131):
        peer.add(number, 1795400000 + number * 10, "hello")
    with serving(peer) as upstream:
        pages = walk(upstream, datetime.fromtimestamp(1795400000 + 500, UTC))
    numbers = [int(ticket.external_id) for page in pages for ticket in page.tickets]
    assert numbers == list(range(50, 131))
    assert pages[0].total == 130 - PAGE
    assert all(ticket.needs_fetch for page in pages for ticket in page.tickets)
    assert peer.refused == []


@pytest.mark.parametrize("moved_after_two", [22, 48])
def test_backfill_sees_conversations_that_move_while_it_reads(peer: ChatwootPeer, moved_after_two: int) -> None:
    """Those that were read become active again, so everything behind them moves to the front: by up to two pages."""
    for number in range(1, 101):
        peer.add(number, 1795400000 + number * 10, "hello")

    def stir(page: int) -> None:
        for number in range(1, moved_after_two + 1) if page == 2 else ():
            peer.conversations[number]["last_activity_at"] = 1795500000 + number

    with serving(peer) as upstream:
        pages = walk(upstream, datetime.fromtimestamp(1795400000, UTC), stir)
    assert {int(ticket.external_id) for page in pages for ticket in page.tickets} == set(range(1, 101))


def test_a_release_that_cannot_sort_is_refused(peer: ChatwootPeer) -> None:
    unsorted = ChatwootPeer(sorts=False)
    for number in range(1, 5):
        unsorted.add(number, 1795400000 + number, "hello")
    with serving(unsorted) as upstream, pytest.raises(SourceAnswerInvalid, match="oldest first"):
        asked(upstream, lambda client: client.page(NOW))


def test_an_empty_account_has_no_pages(peer: ChatwootPeer) -> None:
    with serving(peer) as upstream:
        assert asked(upstream, lambda client: client.page(NOW)) == Page([])


def test_a_note_whose_answer_was_lost_is_found_again(peer: ChatwootPeer) -> None:
    peer.add(42, 1795417200, "hello")
    peer.loses_answer = True
    with serving(peer) as upstream:
        assert asked(upstream, lambda client: client.find_note("42", MARKER)) == ""
        with pytest.raises(SourceUnavailable):
            asked(upstream, lambda client: client.create_note("42", NOTE))
        found = asked(upstream, lambda client: client.find_note("42", MARKER))
    (note,) = (message for message in peer.messages[42] if message["private"])
    assert found == str(note["id"])
    assert "<script>" not in note["content"].replace("\\<", "")
    assert peer.refused == []


def test_a_customer_who_quotes_a_marker_does_not_hide_the_note(peer: ChatwootPeer) -> None:
    peer.add(42, 1795417200, f"#altor-{MARKER}")
    with serving(peer) as upstream:
        assert asked(upstream, lambda client: client.find_note("42", MARKER)) == ""


def test_a_note_cannot_be_changed(peer: ChatwootPeer) -> None:
    assert not CHATWOOT.can_edit_notes
    with serving(peer) as upstream, pytest.raises(SourceRefused):
        asked(upstream, lambda client: client.update_note("42", "1", NOTE))


def test_labels_are_added_to_those_that_are_there(peer: ChatwootPeer) -> None:
    peer.add(42, 1795417200, "hello", labels=["billing"])
    with serving(peer) as upstream:
        asked(upstream, lambda client: client.add_tags("42", ["Altor", "billing"]))
        asked(upstream, lambda client: client.add_tags("42", ["altor"]))
    assert peer.conversations[42]["labels"] == ["billing", "altor"]
    assert [one.method for one in upstream.asked] == ["GET", "POST", "GET"]


def test_a_label_that_the_account_does_not_know_is_told(peer: ChatwootPeer) -> None:
    peer.add(42, 1795417200, "hello", labels=["billing"])
    with serving(peer) as upstream, pytest.raises(SourceRefused, match="unheard-of"):
        asked(upstream, lambda client: client.add_tags("42", ["unheard-of"]))
    assert peer.conversations[42]["labels"] == ["billing"]


@pytest.mark.parametrize("merges", [True, False])
def test_fields_keep_what_is_there(merges: bool) -> None:
    peer = ChatwootPeer(merges=merges)
    peer.add(42, 1795417200, "hello", custom_attributes={"endpoint": "/v1"})
    with serving(peer) as upstream:
        asked(upstream, lambda client: client.set_fields("42", {"cause": "deploy"}))
        with pytest.raises(SourceRefused):
            asked(upstream, lambda client: client.set_fields("42", {"contact.org_id": "1"}))
    assert peer.conversations[42]["custom_attributes"] == {"endpoint": "/v1", "cause": "deploy"}


@pytest.mark.parametrize("keeps_attributes", [True, False])
def test_a_reply_is_sent_once(keeps_attributes: bool) -> None:
    peer = ChatwootPeer(keeps_attributes=keeps_attributes)
    peer.add(42, 1795417200, "hello")
    peer.loses_answer = True
    with serving(peer) as upstream:
        with pytest.raises(SourceUnavailable):
            asked(upstream, lambda client: client.reply("42", "It is mended.", MARKER))
        found = asked(upstream, lambda client: client.reply("42", "It is mended.", MARKER))
    (sent,) = (message for message in peer.messages[42] if message["message_type"] == 1)
    assert found == str(sent["id"])
    assert sent["content"] == "It is mended."
    assert not sent["private"]


ASKED: dict[str, Callable[[ChatwootClient], Awaitable[Any]]] = {
    "ticket": lambda client: client.ticket("42"),
    "page": lambda client: client.page(NOW),
    "the next page": lambda client: client.page(NOW, "2:1795417200"),
    "find_note": lambda client: client.find_note("42", MARKER),
    "create_note": lambda client: client.create_note("42", NOTE),
    "add_tags": lambda client: client.add_tags("42", ["x"]),
    "set_fields": lambda client: client.set_fields("42", {"a": "b"}),
    "reply": lambda client: client.reply("42", "words", MARKER),
}


@pytest.mark.parametrize("question", ASKED)
@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_told_as_what_it_is(question: str, fault: str) -> None:
    answer, kind = FAULTS[fault]
    with serving(lambda request: answer) as upstream:
        if (question, fault) == ("ticket", "an unknown conversation"):
            assert asked(upstream, ASKED[question]) is None
            return
        with pytest.raises(kind) as caught:
            asked(upstream, ASKED[question], seconds=2.0)
    assert SECRET not in str(caught.value)
    if isinstance(caught.value, SourceLimited):
        assert caught.value.retry_after_s == 40


@pytest.mark.parametrize("cursor", ["x", "0:1795417200", "1:x", "1", "-1:1795417200"])
def test_a_cursor_that_cannot_be_read_is_refused(peer: ChatwootPeer, cursor: str) -> None:
    with serving(peer) as upstream, pytest.raises(SourceAnswerInvalid):
        asked(upstream, lambda client: client.page(NOW, cursor))
    assert not upstream.asked


def test_an_agent_opens_the_ticket_in_the_dashboard() -> None:
    config = connection(CHATWOOT, "https://chat.support.example/", {"account_id": "3"})
    assert CHATWOOT.ticket_url(config, "42") == "https://chat.support.example/app/accounts/3/conversations/42"
    assert CHATWOOT.ticket_url(connection(CHATWOOT, "https://chat.support.example", {}), "42") == ""
