"""The generic helpdesk: its neutral shape, its signed link, what its page of documentation says, and its API."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from altor.errors import InvalidInput
from altor.settings.environment import ROOT
from altor.signatures import SignatureRefused
from investigations.helpdesks.base import Agent, Author, Page, Status, TicketEvent
from investigations.helpdesks.generic.adapter import Generic
from investigations.helpdesks.generic.client import GenericClient
from investigations.helpdesks.generic.events import _FIELDS, _KINDS
from investigations.helpdesks.generic.launch import read_launch, sign
from investigations.helpdesks.launches import LaunchRefused
from investigations.helpdesks.registry import helpdesks, options_of
from investigations.intake.payload import read_payload
from investigations.sources.base import SourceAnswerInvalid, SourceRefused, SourceUnavailable
from tests.helpdesks.calling import FAULTS, MARKER, NOTE, SECRET, T, call, connection
from tests.helpdesks.payloads import JSON, UNTIMED, broken, fixtures, places_of_addresses
from tests.helpdesks.peers.generic import OPTIONS, GenericPeer
from tests.loopback import Answer, Upstream, serving

GENERIC = Generic()
FIXTURES = fixtures("generic")
DEFAULTS = options_of(GENERIC, {})
DOCUMENT = (ROOT / "docs/reference/helpdesks/generic.md").read_text()
NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
WEBHOOK = "whsec_b2J2aW91c2x5LWZha2Utc2VjcmV0LTAwMDAwMDAw"
LAUNCH = "obviously-fake-launch-secret"
HEADERS = {"webhook-id": "msg_1", "webhook-timestamp": "1795417200"}


def parsed(name: str) -> TicketEvent:
    (event,) = GENERIC.parse(FIXTURES[name], HEADERS, DEFAULTS)
    return event


def told(**data: Any) -> TicketEvent:
    (event,) = GENERIC.parse({"type": "ticket.updated", "data": {"id": 1, **data}}, HEADERS, DEFAULTS)
    return event


# --------------------------------------------------------------------------------------------------------- signatures
def test_standard_webhooks_verify_with_any_of_the_secrets() -> None:
    now, other = datetime.now(UTC), "whsec_" + "A" * 32  # the library reads the clock itself
    headers = {
        "webhook-id": "msg_1", "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(WEBHOOK).sign("msg_1", now, "{}"),
    }  # fmt: skip
    assert GENERIC.verify([other, WEBHOOK], headers, b"{}", now=now, options=DEFAULTS).key == "msg_1"
    for secrets, body in (([other], b"{}"), ([WEBHOOK], b"{ }"), ([], b"{}")):
        with pytest.raises(SignatureRefused):
            GENERIC.verify(secrets, headers, body, now=now, options=DEFAULTS)


@pytest.mark.skipif(not shutil.which("openssl"), reason="the documented way needs openssl")
def test_what_the_documentation_signs_by_hand_is_taken() -> None:
    (script,) = re.findall(r"```sh\n(.*?)```", DOCUMENT, re.DOTALL)
    say = 'curl() { for part in "$@"; do printf "%s\\n" "$part"; done; }\n'
    ran = subprocess.run(["sh", "-ec", say + script], capture_output=True, text=True, check=True)
    lines = ran.stdout.splitlines()
    headers = {
        name.lower(): value
        for line in lines
        for name, found, value in [line.partition(": ")]
        if found and " " not in name
    }
    body = lines[lines.index("--data-raw") + 1]
    delivery = GENERIC.verify([WEBHOOK], headers, body.encode(), now=datetime.now(UTC), options=DEFAULTS)
    assert delivery.key.startswith("msg_")


# ------------------------------------------------------------------------------------------------------------- events
def test_a_new_ticket_states_everything() -> None:
    event = parsed("ticket_created")
    assert (event.external_id, event.what, event.key, event.status) == ("48213", "ticket.created", "msg_1", Status.NEW)
    assert event.fields == {
        "subject": "Charged twice",
        "description": "Why was I charged twice?",
        "created_at": "2026-11-23T06:10:00Z",
        "channel": "email",
        "priority": "high",
        "url": "https://desk.example/tickets/48213",
        "requester": {"name": "Kim Example", "email": "kim@acme.example", "timezone": "Europe/Berlin"},
        "organization": {"name": "Acme GmbH", "domain": "acme.example", "external_id": "42"},
        "tags": ["billing", "vip"],
    }
    assert event.custom == {"endpoint": "/v1/payments", "is_vip": "true", "regions": "eu, us", "none": ""}
    assert event.assignee == Agent("")
    assert event.at == NOW
    assert event.is_whole


def test_an_update_states_only_what_it_names() -> None:
    event = parsed("ticket_updated")
    assert event.fields == {"subject": "Charged three times", "priority": "", "tags": []}
    assert (event.status, event.was) == (Status.PENDING, Status.OPEN)
    assert event.assignee == Agent("a-1", "Ada Agent", "ada@support.example")
    assert not event.is_whole


def test_only_stated_parts_of_a_requester_count() -> None:
    assert told(requester={"email": "KIM@acme.example"}).fields == {"requester": {"email": "kim@acme.example"}}
    assert told(requester=None).fields == {"requester": {"name": "", "email": ""}}
    assert told(organization={}).fields == {"organization": {}}
    assert told().fields == {}


@pytest.mark.parametrize(
    ("name", "status", "was"),
    [
        ("ticket_opened", Status.OPEN, Status.NEW),
        ("ticket_reopened", Status.OPEN, Status.SOLVED),
        ("ticket_solved", Status.SOLVED, Status.OPEN),
        ("ticket_closed", Status.CLOSED, None),
        ("ticket_merged", None, None),
    ],
)
def test_statuses(name: str, status: Status | None, was: Status | None) -> None:
    event = parsed(name)
    assert (event.status, event.was) == (status, was)


@pytest.mark.parametrize("status", ["on-hold", "", None, 3, [], {"name": "open"}])
def test_an_unknown_status_is_passed_over(status: Any) -> None:
    assert told(status=status).status is None


@pytest.mark.parametrize(
    ("name", "author", "text", "at"),
    [
        ("ticket_message", Author.CUSTOMER, "It happened again", NOW - timedelta(seconds=30)),
        ("ticket_message_minimal", Author.CUSTOMER, "It happened\nagain", NOW),
        ("ticket_replied", Author.AGENT, "We look into it", NOW),
    ],
)
def test_messages(name: str, author: Author, text: str, at: datetime) -> None:
    (message,) = parsed(name).messages
    assert (message.author, message.text, message.at, message.is_public) == (author, text, at, True)


def test_what_is_not_said_to_be_public_is_internal() -> None:
    note, remark = parsed("ticket_note").messages
    assert (note.is_public, note.author) == (False, Author.AGENT)
    assert (remark.is_public, remark.author) == (False, Author.BOT)


@pytest.mark.parametrize("message", [None, {}, {"text": "x"}, {"id": "a/b", "text": "x"}, {"id": "m-1"}, "x", [1]])
def test_a_message_that_cannot_be_read_is_refused_where_it_is_the_event(message: Any) -> None:
    with pytest.raises(InvalidInput, match="message"):
        GENERIC.parse({"type": "ticket.message", "data": {"id": 1, "message": message}}, {}, DEFAULTS)
    assert list(told(message=message).messages) == []


def test_ends_of_a_ticket() -> None:
    assert parsed("ticket_merged").merged_into == "48200"
    assert parsed("ticket_deleted").is_deleted
    assert parsed("ticket_redacted").redacted == ["*"]
    assert parsed("ticket_redacted_messages").redacted == ["m-1", "m-4"]


def test_a_bare_ticket_is_whole() -> None:
    event = parsed("bare_ticket")
    assert event.is_whole
    assert event.at == datetime(2026, 11, 23, 6, tzinfo=UTC)
    assert event.what == "ticket"


@pytest.mark.parametrize("assignee", ["ada", 3, [], {"name": "Ada"}, {"id": {}}])
def test_an_assignee_that_cannot_be_read_states_nothing(assignee: Any) -> None:
    assert told(assignee=assignee).assignee is None
    assert told(assignee={}).assignee == Agent("")


def test_an_event_of_another_type_does_nothing() -> None:
    assert list(GENERIC.parse(FIXTURES["unknown_kind"], {}, DEFAULTS)) == []
    assert GENERIC.challenge({}, FIXTURES["ticket_created"]) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("requester", {"email": "no address"}),
        ("tags", "billing"),
        ("created_at", 5),
        ("url", "javascript:alert(1)"),
        ("description", {"a": "b"}),
    ],
)
def test_a_wrong_field_is_left_to_intake_which_names_it(name: str, value: Any) -> None:
    event = told(subject=" Charged twice\x00 ", **{name: value})
    assert event.fields == {"subject": "Charged twice", name: value}
    with pytest.raises(InvalidInput, match=name):
        read_payload({"id": event.external_id, **event.fields}, now=NOW)


@pytest.mark.parametrize("body", [{}, {"data": []}, {"data": {}}, {"type": "ticket.created"}, {"data": {"id": None}}])
def test_a_body_without_a_ticket_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        GENERIC.parse(body, {}, DEFAULTS)


@pytest.mark.parametrize("name", sorted(FIXTURES))
def test_every_address_of_a_payload_is_declared(name: str) -> None:
    assert places_of_addresses(FIXTURES[name], "email") <= set(GENERIC.addresses)


@UNTIMED
@given(st.dictionaries(st.sampled_from(["type", "timestamp", "data", "id"]), JSON, max_size=4) | broken(FIXTURES))
def test_no_payload_breaks_the_reader(body: dict[str, Any]) -> None:
    try:
        events = GENERIC.parse(body, HEADERS, DEFAULTS)
    except InvalidInput:
        return
    for event in events:
        assert isinstance(event, TicketEvent)
        assert event.at.tzinfo is not None
        for text in (
            json.dumps(event.fields, ensure_ascii=False),
            *event.custom.values(),
            *(message.text for message in event.messages),
        ):
            text.encode()
            assert "\x00" not in text
            assert "\\u0000" not in text


# -------------------------------------------------------------------------------------------------------------- launch
def link(**changed: str) -> dict[str, str]:
    made = {"ticket": "48213", "agent": "Ada@support.example", "name": "Ada Ägent", "nonce": "n" * 16}
    return sign(LAUNCH, at=NOW, **{**made, **changed})


def test_a_signed_link_names_ticket_and_agent() -> None:
    sent = dict(parse_qsl(urlencode(link())))
    launched = read_launch(["rotated", LAUNCH], sent, now=NOW + timedelta(minutes=4))
    assert launched.external_id == "48213"
    assert launched.agent == Agent("ada@support.example", "Ada Ägent", "ada@support.example")
    assert launched.nonce == "n" * 16
    assert launched.expires_at == NOW + timedelta(minutes=5)
    unnamed = {name: value for name, value in link(name="").items() if name != "name"}
    assert read_launch([LAUNCH], unnamed, now=NOW).agent == Agent("ada@support.example", "", "ada@support.example")


@pytest.mark.parametrize("part", ["ticket", "agent", "name", "ts", "nonce", "sig"])
def test_a_link_that_was_changed_is_refused(part: str) -> None:
    query = link()
    for value in (query[part] + "0", "0" + query[part], "", query[part].swapcase() + "\n"):
        with pytest.raises(LaunchRefused):
            read_launch([LAUNCH], {**query, part: value}, now=NOW)
    with pytest.raises(LaunchRefused):
        read_launch([LAUNCH], {name: value for name, value in query.items() if name != part}, now=NOW)


@pytest.mark.parametrize(
    "query",
    [
        link(ticket="../1"),
        link(agent="nobody"),
        link(nonce="short"),
        link(nonce="n" * 65),
        link(name="a\nb"),
        link(name="a" * 201),
        link(name="\ud800"),
    ],
)
def test_a_signed_link_of_another_form_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(LaunchRefused):
        read_launch([LAUNCH], query, now=NOW)


def test_an_old_link_or_one_without_a_secret_is_refused() -> None:
    for moved in (timedelta(minutes=5, seconds=1), timedelta(minutes=-5, seconds=-1)):
        with pytest.raises(LaunchRefused, match="five minutes"):
            read_launch([LAUNCH], link(), now=NOW + moved)
    for secrets in ([], [""], ["another"]):
        with pytest.raises(LaunchRefused):
            read_launch(secrets, sign("", ticket="1", agent="a@b.example", at=NOW, nonce="n" * 16), now=NOW)


@UNTIMED
@given(st.dictionaries(st.sampled_from(["ticket", "agent", "name", "ts", "nonce", "sig"]), st.text(max_size=30)))
def test_no_link_breaks_the_reader(query: dict[str, str]) -> None:
    with pytest.raises(LaunchRefused):
        read_launch([LAUNCH], query, now=NOW)


def test_the_link_of_the_documentation_is_what_we_sign() -> None:
    lines, signature = re.findall(r"```text\n(.*?)\n```", DOCUMENT, re.DOTALL)
    _, ticket, agent, name, stamp, nonce = lines.split("\n")
    at = datetime.fromtimestamp(int(stamp), UTC)
    assert sign(LAUNCH, ticket=ticket, agent=agent, name=name, at=at, nonce=nonce)["sig"] == signature


def test_the_python_of_the_documentation_makes_a_link_that_is_taken() -> None:
    scope: dict[str, Any] = {}
    (snippet,) = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
    exec(snippet, scope)
    query = dict(parse_qsl(scope["launch_query"](LAUNCH, "48213", "ada@support.example", "Ada")))
    assert read_launch([LAUNCH], query, now=datetime.now(UTC)).external_id == "48213"


def test_the_documentation_names_every_type_field_and_option() -> None:
    for word in (*_KINDS, *_FIELDS, *Status, *Author, *type(DEFAULTS).model_fields):
        assert f"`{word}`" in DOCUMENT, word


# ---------------------------------------------------------------------------------------------------------------- API
def asked(upstream: Upstream, ask: Callable[[GenericClient], Awaitable[T]], **more: Any) -> T:
    return call(GENERIC, f"{upstream.url}/api", ask, **{"options": OPTIONS, **more})


@pytest.fixture
def peer() -> GenericPeer:
    return GenericPeer()


def test_the_connection_is_tested(peer: GenericPeer) -> None:
    with serving(peer) as upstream:
        assert asked(upstream, lambda client: client.check()).ok
        assert asked(upstream, lambda client: client.check(), secret="wrong").details == {"kind": "refused"}


def test_a_ticket_is_read_whole_even_with_a_subject_alone(peer: GenericPeer) -> None:
    peer.add("1", "2026-11-23T07:00:00+00:00", messages=[{"id": 1, "text": "again"}], assignee=None)
    del peer.tickets["1"]["description"]
    with serving(peer) as upstream:
        event = asked(upstream, lambda client: client.ticket("1"))
        assert asked(upstream, lambda client: client.ticket("9")) is None
    assert event is not None
    assert event.is_whole
    assert event.at == NOW
    assert [message.text for message in event.messages] == ["again"]


def test_a_ticket_of_another_shape_is_told(peer: GenericPeer) -> None:
    peer.add("1", "2026-11-23T07:00:00+00:00")
    peer.tickets["1"]["id"] = "a/b"
    with serving(peer) as upstream, pytest.raises(SourceAnswerInvalid, match="no ticket"):
        asked(upstream, lambda client: client.ticket("1"))


def test_backfill_over_several_pages_passes_over_what_has_no_id(peer: GenericPeer) -> None:
    for number in range(25):
        peer.add(str(number), f"2026-11-{number + 1:02}T00:00:00+00:00")
    peer.tickets["20"]["requester"] = {"email": "no address"}
    peer.tickets["21"]["id"] = None
    pages: list[Page] = []
    with serving(peer) as upstream:
        while not pages or pages[-1].cursor:
            cursor = pages[-1].cursor if pages else ""
            pages.append(
                asked(upstream, partial(GenericClient.page, since=datetime(2026, 11, 3, tzinfo=UTC), cursor=cursor))
            )
    tickets = [ticket for page in pages for ticket in page.tickets]
    assert [ticket.external_id for ticket in tickets] == [str(number) for number in range(2, 25) if number != 21]
    assert [page.total for page in pages] == [23, 23, 23]
    assert all(ticket.is_whole and not ticket.needs_fetch for ticket in tickets)


def test_a_note_whose_answer_was_lost_is_found_and_changed() -> None:
    peer = GenericPeer(a_page=2)
    peer.add("1", "2026-11-23T07:00:00+00:00")
    peer.notes["1"] = [{"id": f"x-{number}", "text": "by hand"} for number in range(5)]
    peer.loses_answer = True
    with serving(peer) as upstream:
        assert asked(upstream, lambda client: client.find_note("1", MARKER)) == ""
        with pytest.raises(SourceUnavailable):
            asked(upstream, lambda client: client.create_note("1", NOTE))
        found = asked(upstream, lambda client: client.find_note("1", MARKER))
        asked(upstream, lambda client: client.update_note("1", found, NOTE))
    assert [note["id"] for note in peer.notes["1"]] == [*(f"x-{number}" for number in range(5)), found]
    assert peer.notes["1"][-1]["html"] == NOTE.as_html()
    assert peer.refused == []


def test_tags_fields_and_replies(peer: GenericPeer) -> None:
    peer.add("1", "2026-11-23T07:00:00+00:00", tags=["billing"], custom={"endpoint": "/v1"})
    with serving(peer) as upstream:
        asked(upstream, lambda client: client.add_tags("1", ["altor", "billing"]))
        asked(upstream, lambda client: client.set_fields("1", {"cause": "deploy"}))
        first = asked(upstream, lambda client: client.reply("1", "It is mended.", MARKER))
        again = asked(upstream, lambda client: client.reply("1", "It is mended.", MARKER))
    assert peer.tickets["1"]["tags"] == ["billing", "altor"]
    assert peer.tickets["1"]["custom"] == {"endpoint": "/v1", "cause": "deploy"}
    assert first == again == "r-1"


def test_what_the_connection_has_no_path_for_is_not_written(peer: GenericPeer) -> None:
    with serving(peer) as upstream:
        for write in (ASKED["create_note"], ASKED["add_tags"], ASKED["reply"], ASKED["find_note"]):
            with pytest.raises(SourceRefused, match="_path"):
                asked(upstream, write, options={})
    assert not upstream.asked


ASKED: dict[str, Callable[[GenericClient], Awaitable[Any]]] = {
    "ticket": lambda client: client.ticket("1"),
    "page": lambda client: client.page(NOW),
    "find_note": lambda client: client.find_note("1", MARKER),
    "create_note": lambda client: client.create_note("1", NOTE),
    "update_note": lambda client: client.update_note("1", "n-1", NOTE),
    "add_tags": lambda client: client.add_tags("1", ["x"]),
    "set_fields": lambda client: client.set_fields("1", {"a": "b"}),
    "reply": lambda client: client.reply("1", "words", MARKER),
}
#: Of the answer to these only that it was taken matters.
UNREAD = {
    (question, fault)
    for question in ("update_note", "add_tags", "set_fields")
    for fault in ("another shape", "another object", "null")
}


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


def test_a_write_is_not_repeated_and_a_read_is(peer: GenericPeer) -> None:
    peer.add("1", "2026-11-23T07:00:00+00:00")
    with serving(peer) as upstream:
        peer.faults = [Answer(503, {})]
        assert asked(upstream, lambda client: client.ticket("1")) is not None
        peer.faults = [Answer(503, {})]
        with pytest.raises(SourceUnavailable):
            asked(upstream, lambda client: client.create_note("1", NOTE))
    assert peer.notes["1"] == []


@pytest.mark.parametrize(
    "path",
    ["https://evil.example/{id}", "//evil.example/{id}", "tickets/notes", "../{id}", "tickets/{id}//x", "evil:{id}"],
)
def test_a_path_cannot_lead_elsewhere(path: str) -> None:
    with pytest.raises(InvalidInput, match="notes_path"):
        options_of(GENERIC, {"notes_path": path})


def test_options_are_checked() -> None:
    options_of(GENERIC, {**OPTIONS, "ticket_url": "https://desk.example/{id}"})
    for wrong in ({"ticket_url": "javascript:{id}"}, {"ticket_url": "https://desk.example/"}, {"unknown": 1}):
        with pytest.raises(InvalidInput):
            options_of(GENERIC, wrong)


def test_an_agent_opens_the_ticket_where_the_connection_says() -> None:
    config = connection(GENERIC, "", {"ticket_url": "https://desk.example/t/{id}?x"})
    assert GENERIC.ticket_url(config, "a/b&c") == "https://desk.example/t/a%2Fb%26c?x"
    assert GENERIC.ticket_url(connection(GENERIC, "", {}), "1") == ""


def test_the_registry_knows_them_by_name() -> None:
    known = helpdesks()
    assert {"generic", "chatwoot", "front"} <= set(known)
    assert all(known[name].name == name for name in known)
    assert len({adapter.prefix for adapter in known.values()}) == len(known)
