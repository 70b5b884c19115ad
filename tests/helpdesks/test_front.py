"""Front: who signed, what its events say, its sidebar's start, and its API over a real socket."""

from __future__ import annotations

import base64
import copy
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
from pydantic import ValidationError

from altor.errors import InvalidInput
from altor.signatures import SignatureRefused
from investigations.helpdesks.base import Agent, Author, Page, Status, TicketEvent
from investigations.helpdesks.front.adapter import Front, FrontOptions
from investigations.helpdesks.front.client import FrontClient
from investigations.helpdesks.front.launch import read_launch
from investigations.helpdesks.launches import LaunchRefused
from investigations.intake.payload import read_payload
from investigations.sources.base import SourceAnswerInvalid, SourceLimited, SourceRefused, SourceUnavailable
from tests.helpdesks.calling import FAULTS, MARKER, NOTE, SECRET, T, call, connection
from tests.helpdesks.payloads import JSON, UNTIMED, broken, fixtures, places_of_addresses
from tests.helpdesks.peers.front import FrontPeer
from tests.loopback import Answer, Upstream, serving

FRONT = Front()
FIXTURES = fixtures("front")
OPTIONS, RULES = FrontOptions(), FrontOptions(rule_webhooks=True)
VECTORS = {
    vector["provider"]: vector
    for vector in json.loads((Path(__file__).parents[1] / "contracts" / "webhook-signature-vectors.json").read_text())
}
NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
SINCE = datetime(2026, 11, 20, tzinfo=UTC)
KEY = "front-signing-key"
ADA = Agent("tea_1", "Ada Agent", "ada@support.example")


def parsed(name: str) -> TicketEvent:
    (event,) = FRONT.parse(FIXTURES[name], {}, OPTIONS)
    return event


# --------------------------------------------------------------------------------------------------------- signatures
def signed(body: bytes, at: datetime, key: str = KEY) -> dict[str, str]:
    stamp = str(int(at.timestamp() * 1000))
    digest = hmac.new(key.encode(), stamp.encode() + b":" + body, hashlib.sha256).digest()
    return {"x-front-request-timestamp": stamp, "x-front-signature": base64.b64encode(digest).decode()}


def by_rule(body: bytes, key: str = KEY) -> dict[str, str]:
    return {"x-front-signature": base64.b64encode(hmac.new(key.encode(), body, hashlib.sha1).digest()).decode()}


def verified(headers: dict[str, str], body: bytes, options: FrontOptions = OPTIONS) -> str:
    return FRONT.verify([KEY], headers, body, now=NOW, options=options).key


@pytest.mark.parametrize(("provider", "options"), [("front_application", OPTIONS), ("front_rule", RULES)])
def test_the_vectors_verify_and_name_their_event(provider: str, options: FrontOptions) -> None:
    vector = VECTORS[provider]
    headers = {name.lower(): value for name, value in vector["headers"].items()}
    secrets = ["rotated", vector["secret"]]
    delivery = FRONT.verify(secrets, headers, vector["body"].encode(), now=NOW, options=options)
    assert delivery.key == "evt_1"


BODY = b'{"type":"inbound_received","authorization":{"id":"cmp_1"},"payload":{"id":"evt_7"}}'


@pytest.mark.parametrize(
    "broken_by",
    [
        pytest.param(lambda headers, body: (headers, body + b" "), id="another body"),
        pytest.param(lambda headers, body: (headers | {"x-front-request-timestamp": "1795417200001"}, body), id="time"),
        pytest.param(lambda headers, body: (headers | {"x-front-signature": "A" * 44}, body), id="flipped"),
        pytest.param(lambda headers, body: ({}, body), id="nothing"),
        pytest.param(lambda headers, body: (signed(body, NOW - timedelta(minutes=6)), body), id="stale"),
        pytest.param(lambda headers, body: (signed(body, NOW + timedelta(minutes=6)), body), id="of the future"),
        pytest.param(lambda headers, body: (signed(body, NOW, "another"), body), id="another key"),
        pytest.param(lambda headers, body: (by_rule(body), body), id="as rules sign"),
        pytest.param(lambda headers, body: (by_rule(body) | {"x-front-request-timestamp": "0"}, body), id="mixed"),
    ],
)
def test_what_the_application_has_not_signed_is_refused(
    broken_by: Callable[..., tuple[dict[str, str], bytes]],
) -> None:
    assert verified(signed(BODY, NOW), BODY) == "evt_7"
    headers, sent = broken_by(signed(BODY, NOW), BODY)
    with pytest.raises(SignatureRefused):
        verified(headers, sent)


def test_a_rule_is_believed_only_where_the_connection_says_so() -> None:
    assert verified(by_rule(BODY), BODY, RULES) == "evt_7"
    assert verified(signed(BODY, NOW), BODY, RULES) == "evt_7"
    for headers in ({}, by_rule(BODY, "another"), by_rule(BODY + b" "), signed(BODY, NOW - timedelta(minutes=6))):
        with pytest.raises(SignatureRefused):
            verified(headers, BODY, RULES)


@pytest.mark.parametrize("body", [b"", b"[]", b"not json", b"[" * 100_000, b'{"payload": 3}', b'{"id": {}}'])
def test_a_signed_body_without_an_event_has_no_key(body: bytes) -> None:
    assert verified(signed(body, NOW), body) == ""


def test_the_test_of_the_address_is_echoed() -> None:
    headers = {"x-front-challenge": "a-random-word"}
    assert FRONT.challenge(headers, FIXTURES["sync"]) == {"challenge": "a-random-word"}
    assert FRONT.challenge({}, FIXTURES["sync"]) is None
    assert FRONT.challenge(headers, FIXTURES["inbound_received_opening"]) is None
    assert list(FRONT.parse(FIXTURES["sync"], {}, OPTIONS)) == []


# ------------------------------------------------------------------------------------------------------------- launch
def test_the_sidebar_vouches_for_the_connection_alone() -> None:
    launched = read_launch(["old", "the-secret"], {"auth_secret": "the-secret", "agent": "x"}, now=NOW)
    assert (launched.external_id, launched.agent, launched.nonce) == ("", None, "")
    assert launched.expires_at == NOW + timedelta(minutes=5)


@pytest.mark.parametrize("query", [{}, {"auth_secret": ""}, {"auth_secret": "wrong"}, {"auth_secret": "\udcff"}])
def test_a_start_without_the_secret_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(LaunchRefused):
        read_launch(["the-secret", ""], query, now=NOW)


# ------------------------------------------------------------------------------------------------------------- events
@pytest.mark.parametrize("name", ["inbound_received_opening", "rule_inbound"])
def test_the_first_message_makes_a_whole_ticket(name: str) -> None:
    event = parsed(name)
    assert (event.external_id, event.what, event.status) == ("cnv_42", "inbound_received", Status.OPEN)
    assert event.fields == {
        "subject": "Charged twice",
        "description": "Why was I charged twice?\n12 & 12 EUR",
        "channel": "email",
        "requester": {"name": "Kim Example", "email": "kim@acme.example"},
        "created_at": "2026-11-23T06:10:03.800000+00:00",
        "tags": ["Billing"],
    }
    assert event.custom == {"Org id": "org-42", "VIP": "true", "Seats": "12"}
    assert event.assignee == Agent("")
    assert event.key == ("evt_1" if name == "inbound_received_opening" else "evt_30")
    assert event.is_whole
    assert not event.messages
    assert not event.needs_fetch


@pytest.mark.parametrize(
    ("name", "author", "is_public", "text", "writer"),
    [
        ("inbound_received_reply", Author.CUSTOMER, True, "It happened again\nearlier", "kim@acme.example"),
        ("outbound_sent", Author.AGENT, True, "We are looking into it.", "ada@support.example"),
        ("outbound_sent_by_rule", Author.BOT, True, "We are looking into it.", ""),
        ("new_comment_added", Author.AGENT, False, "Looks like the <retry> bug", "ada@support.example"),
    ],
)
def test_messages(name: str, author: Author, is_public: bool, text: str, writer: str) -> None:
    event = parsed(name)
    (message,) = event.messages
    assert (message.author, message.is_public, message.text) == (author, is_public, text)
    assert message.author_email == writer
    assert "description" not in event.fields
    assert not event.is_whole


def test_an_answer_within_the_first_minute_is_not_the_beginning() -> None:
    payload = copy.deepcopy(FIXTURES["inbound_received_reply"])
    payload["payload"]["target"]["data"]["created_at"] = payload["payload"]["conversation"]["created_at"] + 20
    (event,) = FRONT.parse(payload, {}, OPTIONS)
    assert not event.is_whole
    assert [message.external_id for message in event.messages] == ["msg_2"]


def test_our_own_comment_is_recognisable() -> None:
    (message,) = parsed("new_comment_added_by_altor").messages
    assert message.author is Author.BOT
    assert message.author_id == "tea_9"
    assert not message.is_public
    assert f"#altor-{MARKER}" in message.text


@pytest.mark.parametrize(
    ("name", "status", "was"),
    [
        ("conversation_archived", Status.SOLVED, None),
        ("rule_archive", Status.SOLVED, None),
        ("conversation_reopened", Status.OPEN, Status.SOLVED),
        ("conversation_restored", Status.OPEN, None),
        ("conversation_snoozed", Status.HOLD, None),
        ("conversation_moved", Status.OPEN, None),
        ("conversation_with_ticketing", Status.PENDING, None),
    ],
)
def test_statuses(name: str, status: Status, was: Status | None) -> None:
    event = parsed(name)
    assert (event.status, event.was) == (status, was)
    assert not event.is_deleted


def test_a_deleted_conversation_is_told() -> None:
    event = parsed("conversation_deleted")
    assert event.is_deleted
    assert event.status is None
    assert not event.needs_fetch


def test_assignees() -> None:
    assert parsed("assignee_changed").assignee == ADA
    assert parsed("assignee_removed").assignee == Agent("")


def test_tags_are_those_that_are_left() -> None:
    assert parsed("tag_added").fields["tags"] == ["Billing", "altor"]
    assert parsed("tag_removed").fields["tags"] == []


def test_a_preview_is_fetched_and_states_only_what_it_holds() -> None:
    event = parsed("inbound_received_preview")
    assert event.needs_fetch
    assert event.fields == {}
    assert event.assignee is None
    assert event.status is None
    assert not event.messages
    by_link = parsed("rule_assign_preview")
    assert by_link.external_id == "cnv_42"
    assert by_link.assignee == ADA
    assert by_link.needs_fetch


def test_merged_conversations_lead_to_the_one_that_goes_on() -> None:
    events = FRONT.parse(FIXTURES["conversations_merged"], {}, OPTIONS)
    assert [(event.external_id, event.merged_into) for event in events] == [
        ("cnv_43", "cnv_42"), ("cnv_44", "cnv_42"), ("cnv_42", ""),
    ]  # fmt: skip
    assert events[-1].needs_fetch


def test_links_say_nothing_about_a_ticket() -> None:
    assert list(FRONT.parse(FIXTURES["link_added"], {}, OPTIONS)) == []


@pytest.mark.parametrize("name", sorted(FIXTURES))
def test_every_address_of_a_payload_is_declared(name: str) -> None:
    assert places_of_addresses(FIXTURES[name], "email", "handle") <= set(FRONT.addresses)


@pytest.mark.parametrize("conversation", [{}, None, {"id": "a/b"}, {"id": True}, [], {"_links": {"self": 3}}])
def test_an_event_without_a_conversation_is_refused(conversation: Any) -> None:
    with pytest.raises(InvalidInput):
        FRONT.parse(FIXTURES["rule_archive"] | {"conversation": conversation}, {}, OPTIONS)


def test_an_author_must_look_like_one() -> None:
    with pytest.raises(ValidationError):
        FrontOptions(author_id="../me")


@UNTIMED
@given(st.dictionaries(st.text(max_size=8), JSON, max_size=4) | broken(FIXTURES))
def test_no_payload_breaks_the_reader(body: dict[str, Any]) -> None:
    check_events(body)


@UNTIMED
@given(st.sampled_from(sorted(FIXTURES)), JSON, st.sampled_from(["conversation", "target", "source", "emitted_at"]))
def test_no_event_breaks_the_reader(name: str, value: Any, part: str) -> None:
    payload = FIXTURES[name]
    check_events(payload | {"payload": {**payload.get("payload", {}), part: value}})
    check_events(payload | {"payload": value})


def check_events(body: dict[str, Any]) -> None:
    """Events that intake takes, or InvalidInput."""
    try:
        events = FRONT.parse(body, {}, OPTIONS)
    except InvalidInput:
        return
    for event in events:
        assert isinstance(event, TicketEvent)
        assert event.at.tzinfo is not None
        read_payload({"id": event.external_id, **event.fields}, now=NOW)
        for text in (*event.custom.values(), *(message.text for message in event.messages)):
            text.encode()
            assert "\x00" not in text


# ---------------------------------------------------------------------------------------------------------------- API
def asked(upstream: Upstream, ask: Callable[[FrontClient], Awaitable[T]], **more: Any) -> T:
    return call(FRONT, upstream.url, ask, **{"options": {}, **more})


@pytest.fixture
def peer() -> FrontPeer:
    return FrontPeer()


def test_the_connection_says_whose_it_is(peer: FrontPeer) -> None:
    with serving(peer) as upstream:
        report = asked(upstream, lambda client: client.check())
        refused = asked(upstream, lambda client: client.check(), secret="wrong")
    assert report.ok
    assert report.identity == "Acme (cmp_1)"
    assert refused.details == {"kind": "refused"}


def test_a_ticket_is_read_whole() -> None:
    peer = FrontPeer(a_page=20)
    texts = [f"message {number}" for number in range(45)]
    peer.add("cnv_1", 1795417200.5, *texts, custom_fields={"Org id": "org-42"})
    peer.comments["cnv_1"].append(
        {"id": "com_1", "author": {"id": "tea_1"}, "body": "between us", "posted_at": 1795416605.5}
    )
    peer.write("cnv_1", "<p>not sent yet</p>", is_inbound=False, at=1795416900)["draft_mode"] = "shared"
    with serving(peer) as upstream:
        event = asked(upstream, lambda client: client.ticket("cnv_1"))
    assert event is not None
    assert event.is_whole
    assert not event.needs_fetch
    assert event.fields["description"] == "message 0"
    assert [m.text for m in event.messages if m.is_public] == texts[1:]
    assert [m.text for m in event.messages if not m.is_public] == ["between us"]
    assert list(event.messages) == sorted(event.messages, key=lambda message: message.at)
    assert event.custom == {"Org id": "org-42"}


def test_an_unknown_or_deleted_or_merged_ticket_is_told(peer: FrontPeer) -> None:
    peer.add("cnv_1", 1795417200, "hello", status="deleted")
    peer.add("cnv_2", 1795417200, "hello")
    peer.merged["cnv_3"] = "cnv_2"
    with serving(peer) as upstream:
        assert asked(upstream, lambda client: client.ticket("cnv_9")) is None
        deleted = asked(upstream, lambda client: client.ticket("cnv_1"))
        merged = asked(upstream, lambda client: client.ticket("cnv_3"))
    assert deleted is not None
    assert deleted.is_deleted
    assert merged is not None
    assert (merged.external_id, merged.merged_into) == ("cnv_3", "cnv_2")


def walk(upstream: Upstream, since: datetime, between: Callable[[int], None] = lambda page: None) -> list[Page]:
    pages: list[Page] = []
    cursor = ""
    while not pages or cursor:
        pages.append(asked(upstream, partial(FrontClient.page, since=since, cursor=cursor)))
        cursor = pages[-1].cursor
        between(len(pages))
        assert len(pages) < 20
    return pages


def test_backfill_walks_back_to_the_time_and_no_further() -> None:
    peer = FrontPeer(a_page=10)
    for number in range(100):
        peer.add(f"cnv_{number}", 1795400000 + number * 10, "hello")
    with serving(peer) as upstream:
        pages = walk(upstream, datetime.fromtimestamp(1795400000 + 555, UTC))
        assert len(upstream.asked) == len(pages) == 6  # the last one holds none of them
    found = [ticket.external_id for page in pages for ticket in page.tickets]
    assert sorted(found) == sorted(f"cnv_{number}" for number in range(56, 100))
    assert [ticket.at for ticket in pages[0].tickets] == sorted(ticket.at for ticket in pages[0].tickets)
    assert all(ticket.needs_fetch for page in pages for ticket in page.tickets)
    assert peer.refused == []


def test_backfill_misses_nothing_that_moves_while_it_reads() -> None:
    peer = FrontPeer(a_page=10)
    for number in range(50):
        peer.add(f"cnv_{number}", 1795400000 + number * 10, "hello")

    def stir(page: int) -> None:
        peer.conversations[f"cnv_{page}"]["updated_at"] = 1795500000 + page

    with serving(peer) as upstream:
        pages = walk(upstream, SINCE, stir)
    found = {ticket.external_id for page in pages for ticket in page.tickets}
    moved = {f"cnv_{page}" for page in range(1, len(pages) + 1)}  # told by a webhook of their own
    assert found | moved == {f"cnv_{number}" for number in range(50)}


def test_a_note_whose_answer_was_lost_is_found_and_changed(peer: FrontPeer) -> None:
    peer.add("cnv_1", 1795417200, "hello")
    peer.loses_answer = True
    with serving(peer) as upstream:
        assert asked(upstream, lambda client: client.find_note("cnv_1", MARKER)) == ""
        with pytest.raises(SourceUnavailable):
            asked(upstream, lambda client: client.create_note("cnv_1", NOTE))
        found = asked(upstream, lambda client: client.find_note("cnv_1", MARKER))
        asked(upstream, lambda client: client.update_note("cnv_1", found, NOTE))
        second = asked(upstream, lambda client: client.create_note("cnv_1", NOTE), options={"author_id": "tea_1"})
        with pytest.raises(SourceRefused):
            asked(upstream, lambda client: client.update_note("cnv_1", second, NOTE))
    first, of_ada = peer.comments["cnv_1"]
    assert (first["id"], of_ada["id"]) == (found, second)
    assert first["body"] == NOTE.as_markdown()
    assert of_ada["author"]["id"] == "tea_1"


def test_tags_are_found_by_name_or_made(peer: FrontPeer) -> None:
    peer.add("cnv_1", 1795417200, "hello")
    with serving(peer) as upstream:
        asked(upstream, lambda client: client.add_tags("cnv_1", ["billing", "altor", "altor", " "]))
        asked(upstream, lambda client: client.add_tags("cnv_1", ["Altor"]))
        asked(upstream, lambda client: client.add_tags("cnv_1", []))
    assert [tag["name"] for tag in peer.conversations["cnv_1"]["tags"]] == ["Billing", "altor"]
    assert sorted(peer.tags.values()) == ["Billing", "VIP", "altor"]
    assert peer.refused == []


def test_fields_keep_what_is_there_and_their_types(peer: FrontPeer) -> None:
    peer.add("cnv_1", 1795417200, "hello", custom_fields={"Org id": "org-42", "VIP": False})
    with serving(peer) as upstream:
        asked(upstream, lambda client: client.set_fields("cnv_1", {"Cause": "deploy", "VIP": "true", "Seats": "12"}))
        for values in ({"Unheard of": "x"}, {"Seats": "many"}):
            with pytest.raises(SourceRefused):
                asked(upstream, partial(FrontClient.set_fields, external_id="cnv_1", values=values))
    expected = {"Org id": "org-42", "VIP": True, "Seats": 12, "Cause": "deploy"}
    assert peer.conversations["cnv_1"]["custom_fields"] == expected


def test_a_reply_is_sent_once_and_leaves_the_conversation_open(peer: FrontPeer) -> None:
    peer.add("cnv_1", 1795417200, "hello", "It is mended.\n\nSee <b>", "again", "hm", "Another.")
    words = "It is mended now.\n\nSee <status> & co."
    peer.loses_answer = True
    with serving(peer) as upstream:
        with pytest.raises(SourceUnavailable):
            asked(upstream, lambda client: client.reply("cnv_1", words, MARKER))
        found = asked(upstream, lambda client: client.reply("cnv_1", words, MARKER))
        other = asked(upstream, lambda client: client.reply("cnv_1", "Another.", MARKER))
    sent = peer.messages["cnv_1"][5:]
    assert found == sent[0]["id"]
    assert other == sent[1]["message_uid"]
    assert sent[0]["body"] == "<p>It is mended now.</p><br><p>See &lt;status&gt; &amp; co.</p>"
    assert MARKER not in str(sent)
    assert peer.conversations["cnv_1"]["status"] == "unassigned"


ASKED: dict[str, Callable[[FrontClient], Awaitable[Any]]] = {
    "ticket": lambda client: client.ticket("cnv_1"),
    "page": lambda client: client.page(NOW),
    "find_note": lambda client: client.find_note("cnv_1", MARKER),
    "create_note": lambda client: client.create_note("cnv_1", NOTE),
    "update_note": lambda client: client.update_note("cnv_1", "com_1", NOTE),
    "add_tags": lambda client: client.add_tags("cnv_1", ["x"]),
    "set_fields": lambda client: client.set_fields("cnv_1", {"a": "b"}),
    "reply": lambda client: client.reply("cnv_1", "words", MARKER),
}


#: Of the answer to a change only that it was taken matters.
UNREAD = {("update_note", fault) for fault in ("another shape", "another object", "null")}


@pytest.mark.parametrize(
    ("question", "fault"),
    [(question, fault) for question in ASKED for fault in FAULTS if (question, fault) not in UNREAD],
)
def test_every_fault_is_told_as_what_it_is(question: str, fault: str) -> None:
    answer, kind = FAULTS[fault]
    with serving(lambda request: answer) as upstream:
        if (question, fault) == ("ticket", "an unknown conversation"):
            assert asked(upstream, ASKED[question]) is None
            return
        with pytest.raises(kind) as caught:
            asked(upstream, ASKED[question], seconds=2.0)
    assert SECRET not in str(caught.value)


def test_the_time_to_wait_may_stand_as_a_moment() -> None:
    reset = str(datetime.now(UTC).timestamp() + 40)
    limited = Answer(429, {}, {"x-ratelimit-reset": reset})
    with serving(lambda request: limited) as upstream, pytest.raises(SourceLimited) as caught:
        asked(upstream, lambda client: client.ticket("cnv_1"))
    assert caught.value.retry_after_s == pytest.approx(40, abs=3)


def test_the_next_page_is_never_fetched_from_another_address(peer: FrontPeer) -> None:
    hostile = {
        "_results": [{"id": "cnv_1", "updated_at": 1795417200}],
        "_pagination": {"next": "https://evil.example/"},
    }
    with serving(lambda request: Answer(200, hostile)) as upstream:
        page = asked(upstream, lambda client: client.page(SINCE))
    assert page.cursor == ""


def test_a_cursor_that_is_unknown_is_told(peer: FrontPeer) -> None:
    with serving(peer) as upstream, pytest.raises(SourceAnswerInvalid):
        asked(upstream, lambda client: client.page(NOW, "tunknown"))


def test_an_agent_opens_the_ticket_in_front() -> None:
    assert FRONT.ticket_url(connection(FRONT, "", {}), "cnv_42") == "https://app.frontapp.com/open/cnv_42"
