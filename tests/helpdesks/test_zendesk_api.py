"""Zendesk's API, asked over a socket."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings

from altor.errors import InvalidInput
from investigations.helpdesks.base import Agent, Author
from investigations.helpdesks.notes import Line, Note, markers
from investigations.helpdesks.reading import items, part
from investigations.helpdesks.zendesk.adapter import Zendesk
from investigations.helpdesks.zendesk.tickets import People, read_comments, read_ticket
from investigations.intake.payload import read_payload
from investigations.sources.base import (
    ConnectionConfig,
    SourceAnswerInvalid,
    SourceLimited,
    SourceRefused,
    SourceUnavailable,
)
from tests.helpdesks.asking import ask
from tests.helpdesks.contracts import mutated
from tests.helpdesks.peers.zendesk import ADA, EMAIL, KIM, OWN, START, TOKEN, ZendeskPeer
from tests.loopback import Answer, serving

ADAPTER = Zendesk()
MARKER = "0123456789abcdef"
NOTE = Note([Line("Requests were refused.", "Cause:"), Line("INV-1", url="https://altor.example/t/")], MARKER)
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)


def config(url: str, secret: str = TOKEN, **options: Any) -> ConnectionConfig:
    return ConnectionConfig("zendesk", "acme", url, secret, {"email": EMAIL, "own_user_id": str(OWN), **options})


@pytest.fixture
def peer() -> ZendeskPeer:
    peer = ZendeskPeer()
    peer.add_ticket(7)
    return peer


def test_a_connection_tells_who_it_is(peer: ZendeskPeer) -> None:
    with serving(peer) as upstream:
        good = ask(ADAPTER, config(upstream.url), lambda client: client.check())
        assert good.ok
        assert good.identity == "Altor (agent)"
        assert good.warnings == ()
        other = ask(ADAPTER, config(upstream.url, own_user_id=""), lambda client: client.check())
        assert str(OWN) in other.warnings[0]
        peer.role = "admin"
        assert "administrator" in ask(ADAPTER, config(upstream.url), lambda client: client.check()).warnings[0]
        assert not ask(ADAPTER, config(upstream.url, "wrong"), lambda client: client.check()).ok
        assert ask(ADAPTER, config(upstream.url, email=""), lambda client: client.check()).ok  # an OAuth token
        peer.instead = [Answer(500, {})]
        down = ask(ADAPTER, config(upstream.url), lambda client: client.check())
        assert (down.ok, down.details["kind"]) == (False, "unavailable")


def test_a_ticket_comes_with_its_people_and_comments(peer: ZendeskPeer) -> None:
    peer.add_comment(7, ADA, "<p>Looking.</p>", public=False)
    last = peer.add_comment(7, KIM, "<p>Any news?</p><p>Kim</p>")
    with serving(peer) as upstream:
        event = ask(ADAPTER, config(upstream.url), lambda client: client.ticket("7"))
        assert event.fields["url"] == f"{upstream.url}/agent/tickets/7"
    assert event.is_whole
    assert event.fields["requester"] == {"name": "Kim Lee", "email": "kim@acme.example", "timezone": "Europe/Berlin"}
    assert event.fields["organization"] == {"name": "Acme", "domain": "acme.example", "external_id": "42"}
    assert event.assignee == Agent(str(ADA), "Ada Agent", "ada@helpdesk.example")
    assert event.custom == {"360": "eu"}
    private, public = event.messages
    assert (private.author, private.is_public) == (Author.AGENT, False)
    assert (public.author, public.external_id, public.text) == (Author.CUSTOMER, str(last), "Any news?\nKim")
    read_payload({"id": event.external_id, **event.fields}, now=NOW)


def test_a_long_ticket_is_read_page_by_page(peer: ZendeskPeer) -> None:
    for number in range(230):
        peer.add_comment(7, KIM, f"<p>{number}</p>")
    with serving(peer) as upstream:
        event = ask(ADAPTER, config(upstream.url), lambda client: client.ticket("7"))
    assert [message.text for message in event.messages] == [str(number) for number in range(230)]


def test_a_ticket_that_is_not_there_is_none(peer: ZendeskPeer) -> None:
    peer.add_ticket(8, status="deleted")
    with serving(peer) as upstream:
        assert ask(ADAPTER, config(upstream.url), lambda client: client.ticket("404")) is None
        assert ask(ADAPTER, config(upstream.url), lambda client: client.ticket("8")) is None
        assert ask(ADAPTER, config(upstream.url), lambda client: client.ticket("../users/me")) is None
        assert all(asked.path.startswith("/api/v2/tickets/") for asked in upstream.asked)


def test_the_past_is_read_oldest_first_over_pages(peer: ZendeskPeer) -> None:
    for key in range(100, 345):
        peer.add_ticket(key)
    peer.tickets[344]["status"] = "deleted"
    pages = []
    with serving(peer) as upstream:
        cursor = ""
        for _ in range(10):
            page = ask(ADAPTER, config(upstream.url), lambda client, at=cursor: client.page(START, at))
            pages.append(page)
            cursor = page.cursor
            if not cursor:
                break
    assert [len(page.tickets) for page in pages] == [100, 100, 46]
    found = [event for page in pages for event in page.tickets]
    assert [event.at for event in found] == sorted(event.at for event in found)
    assert found[-1].is_deleted
    assert found[0].fields["requester"]["email"] == "kim@acme.example"


def test_a_start_in_the_last_minute_is_moved_back(peer: ZendeskPeer) -> None:
    with serving(peer) as upstream:
        assert ask(ADAPTER, config(upstream.url), lambda client: client.page(datetime.now(UTC))).cursor == ""


def test_a_note_whose_answer_was_lost_is_found_again(peer: ZendeskPeer) -> None:
    peer.lost = 1
    with serving(peer) as upstream:
        assert ask(ADAPTER, config(upstream.url), lambda client: client.find_note("7", NOTE.marker)) == ""
        with pytest.raises(SourceUnavailable):
            ask(ADAPTER, config(upstream.url), lambda client: client.create_note("7", NOTE))
        found = ask(ADAPTER, config(upstream.url), lambda client: client.find_note("7", NOTE.marker))
    (note,) = peer.comments[7][1:]
    assert found == str(note["id"])
    assert note["public"] is False
    assert markers(note["html_body"]) == {NOTE.marker}
    assert len(peer.writes) == 1


def test_a_note_among_many_comments_is_found(peer: ZendeskPeer) -> None:
    with serving(peer) as upstream:
        made = ask(ADAPTER, config(upstream.url), lambda client: client.create_note("7", NOTE))
        for number in range(150):
            peer.add_comment(7, KIM, f"<p>{number}</p>")
        assert ask(ADAPTER, config(upstream.url), lambda client: client.find_note("7", NOTE.marker)) == made
        assert ask(ADAPTER, config(upstream.url), lambda client: client.find_note("7", "f" * 16)) == ""


def test_a_note_gets_its_id_without_an_audit_too(peer: ZendeskPeer) -> None:
    peer.audits_comments = False
    with serving(peer) as upstream:
        made = ask(ADAPTER, config(upstream.url), lambda client: client.create_note("7", NOTE))
    assert made == str(peer.comments[7][-1]["id"])


def test_a_written_note_cannot_be_changed(peer: ZendeskPeer) -> None:
    assert not ADAPTER.can_edit_notes
    with serving(peer) as upstream, pytest.raises(SourceRefused, match="changed"):
        ask(ADAPTER, config(upstream.url), lambda client: client.update_note("7", "1", NOTE))
    assert peer.writes == []


def test_tags_are_added_and_fields_set(peer: ZendeskPeer) -> None:
    with serving(peer) as upstream:
        ask(ADAPTER, config(upstream.url), lambda client: client.add_tags("7", ["altor", "rate limit"]))
        ask(ADAPTER, config(upstream.url), lambda client: client.set_fields("7", {"361": "Rate limiting"}))
        with pytest.raises(SourceRefused):
            ask(ADAPTER, config(upstream.url), lambda client: client.set_fields("7", {"status": "solved"}))
    assert peer.tickets[7]["tags"] == ["api", "altor", "rate_limit"]
    assert {"id": 361, "value": "Rate limiting"} in peer.tickets[7]["custom_fields"]
    assert peer.tickets[7]["status"] == "open"


@pytest.mark.parametrize("shows_metadata", [True, False])
def test_a_reply_is_sent_once_and_its_marker_stays_out_of_sight(peer: ZendeskPeer, shows_metadata: bool) -> None:
    peer.now = datetime.now(UTC) - timedelta(hours=1)
    peer.add_ticket(9)
    peer.shows_metadata = shows_metadata
    peer.lost = 1

    def reply(url: str, marker: str, text: str = "Please try again.\n\nAda") -> str:
        return ask(ADAPTER, config(url), lambda client: client.reply("9", text, marker))

    with serving(peer) as upstream:
        with pytest.raises(SourceUnavailable):
            reply(upstream.url, "a" * 16)
        first = reply(upstream.url, "a" * 16)
        assert first == str(peer.comments[9][-1]["id"])
        assert len(peer.writes) == 1
        other = reply(upstream.url, "b" * 16, "It works now.")
    assert other != first
    assert all(comment["public"] and "aaaa" not in comment["html_body"] for comment in peer.comments[9])


def test_the_same_words_under_another_marker_are_another_reply(peer: ZendeskPeer) -> None:
    peer.now = datetime.now(UTC) - timedelta(hours=1)
    peer.add_ticket(9)
    with serving(peer) as upstream:
        first = ask(ADAPTER, config(upstream.url), lambda client: client.reply("9", "Any news?", "a" * 16))
        second = ask(ADAPTER, config(upstream.url), lambda client: client.reply("9", "Any news?", "b" * 16))
    assert first != second


def test_waiting_is_told_and_a_write_is_never_repeated(peer: ZendeskPeer) -> None:
    limited = Answer(429, {}, {"Retry-After": "93"})
    with serving(peer) as upstream:
        for wait in (limited, Answer(503, {}, {"Retry-After": "93"})):
            peer.instead = [wait]
            with pytest.raises(SourceLimited) as told:
                ask(ADAPTER, config(upstream.url), lambda client: client.create_note("7", NOTE))
            assert told.value.retry_after_s == 93
        peer.instead = [Answer(502, {})]
        with pytest.raises(SourceUnavailable):
            ask(ADAPTER, config(upstream.url), lambda client: client.create_note("7", NOTE))
        assert len(upstream.asked) == 3
        peer.instead = [Answer(429, {}, {"Retry-After": "0"})]
        assert ask(ADAPTER, config(upstream.url), lambda client: client.ticket("7")) is not None
    assert len(peer.comments[7]) == 1


def test_a_closed_ticket_takes_no_note_and_an_odd_answer_is_none(peer: ZendeskPeer) -> None:
    peer.add_ticket(8, status="closed")
    with serving(peer) as upstream:
        with pytest.raises(SourceAnswerInvalid, match="422"):
            ask(ADAPTER, config(upstream.url), lambda client: client.create_note("8", NOTE))
        for odd in ({}, [], {"ticket": None}, {"ticket": {"id": {}}}, "text", {"tickets": 1, "comments": 1}):
            for work in ("ticket", "page", "find"):
                peer.instead = [Answer(200, odd)]
                with pytest.raises(SourceAnswerInvalid):
                    ask(ADAPTER, config(upstream.url), _reading(work))


def _reading(work: str) -> Any:
    return {
        "ticket": lambda client: client.ticket("7"),
        "page": lambda client: client.page(START),
        "find": lambda client: client.find_note("7", NOTE.marker),
    }[work]


def test_only_comments_tags_and_fields_are_written(peer: ZendeskPeer) -> None:
    names = {name for name in dir(type(ask(ADAPTER, config("https://acme.zendesk.com"), _itself))) if name[0] != "_"}
    assert names == {
        "name", "title", "get", "send", "post", "check", "ticket", "page", "find_note", "create_note", "update_note",
        "add_tags", "set_fields", "reply",
    }  # fmt: skip


async def _itself(client: Any) -> Any:
    return client


def _answer() -> dict[str, Any]:
    peer = ZendeskPeer()
    peer.add_ticket(7)
    peer.add_comment(7, KIM, "<p>Any news?</p>")
    people = {"users": list(peer.users.values()), "organizations": list(peer.organizations.values())}
    return {"ticket": peer.tickets[7], "comments": peer.comments[7], **people}


@given(mutated([_answer()]))
@settings(max_examples=100, deadline=None)
def test_no_mutation_of_an_answer_breaks_the_reader(answer: dict[str, Any]) -> None:
    ticket, people = part(answer, "ticket"), People.of(answer)
    try:
        event = read_ticket(ticket, people, "https://acme.zendesk.com")
    except InvalidInput:
        return
    event = read_comments(event, list(items(answer.get("comments"))), people, ticket)
    read_payload({"id": event.external_id, **event.fields}, now=NOW)
