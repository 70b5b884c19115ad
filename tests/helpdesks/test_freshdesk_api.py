"""Freshdesk's API, asked over a socket."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings

from altor.errors import InvalidInput
from investigations.helpdesks.base import Agent, Author, Page, Status
from investigations.helpdesks.freshdesk.adapter import Freshdesk
from investigations.helpdesks.freshdesk.tickets import read_conversations, read_ticket
from investigations.helpdesks.notes import Line, Note, markers
from investigations.helpdesks.reading import items, part
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
from tests.helpdesks.peers.freshdesk import ADA, KEY, KIM, OWN, START, FreshdeskPeer
from tests.loopback import Answer, serving

ADAPTER = Freshdesk()
MARKER = "0123456789abcdef"
NOTE = Note([Line("Requests were refused.", "Cause:"), Line("INV-1", url="https://altor.example/t/")], MARKER)
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)


def config(url: str, secret: str = KEY, **options: Any) -> ConnectionConfig:
    return ConnectionConfig("freshdesk", "acme", url, secret, {"own_user_id": str(OWN), **options})


@pytest.fixture
def peer() -> FreshdeskPeer:
    peer = FreshdeskPeer()
    peer.add_ticket(7)
    return peer


def test_a_connection_tells_who_it_is(peer: FreshdeskPeer) -> None:
    with serving(peer) as upstream:
        good = ask(ADAPTER, config(upstream.url), lambda client: client.check())
        assert (good.ok, good.identity, good.warnings) == (True, "Altor", ())
        other = ask(ADAPTER, config(upstream.url, own_user_id="1"), lambda client: client.check())
        assert str(OWN) in other.warnings[0]
        assert not ask(ADAPTER, config(upstream.url, "wrong"), lambda client: client.check()).ok
        peer.instead = [Answer(500, {})]
        down = ask(ADAPTER, config(upstream.url), lambda client: client.check())
        assert (down.ok, down.details["kind"]) == (False, "unavailable")


def test_a_ticket_comes_with_its_people_and_conversations(peer: FreshdeskPeer) -> None:
    peer.tell(7, ADA, "<div>Looking.</div>", private=True)
    last = peer.tell(7, KIM, "<div>Any news?</div><div>Kim</div>")
    with serving(peer) as upstream:
        event = ask(ADAPTER, config(upstream.url), lambda client: client.ticket("7"))
        assert event.fields["url"] == f"{upstream.url}/a/tickets/7"
    assert (event.status, event.fields["priority"], event.fields["channel"]) == (Status.OPEN, "high", "email")
    assert event.fields["description"] == "It fails."
    assert event.fields["requester"] == {"name": "Kim Lee", "email": "kim@acme.example"}
    assert event.fields["organization"] == {"name": "Acme", "domain": "acme.example"}
    assert event.assignee == Agent(str(ADA), "Ada Agent", "ada@helpdesk.example")
    assert event.custom == {"cf_region": "eu"}
    private, public = event.messages
    assert (private.author, private.is_public, private.author_name) == (Author.AGENT, False, "")
    assert (public.author, public.external_id, public.text) == (Author.CUSTOMER, str(last["id"]), "Any news?\nKim")
    assert public.author_email == "kim@acme.example"
    read_payload({"id": event.external_id, **event.fields}, now=NOW)


def test_an_agent_that_may_not_be_read_is_told_by_the_id(peer: FreshdeskPeer) -> None:
    peer.may_read_agents = False
    with serving(peer) as upstream:
        event = ask(ADAPTER, config(upstream.url), lambda client: client.ticket("7"))
    assert event.assignee == Agent(str(ADA))


def test_statuses_of_the_account_are_read_as_it_explained_them(peer: FreshdeskPeer) -> None:
    peer.add_ticket(8, status=9, responder_id=None)
    with serving(peer) as upstream:
        plain = ask(ADAPTER, config(upstream.url), lambda client: client.ticket("8"))
        told = ask(ADAPTER, config(upstream.url, statuses={"9": "hold"}), lambda client: client.ticket("8"))
    assert (plain.status, told.status) == (None, Status.HOLD)
    assert told.assignee == Agent("")


def test_a_long_ticket_is_read_page_by_page(peer: FreshdeskPeer) -> None:
    for number in range(230):
        peer.tell(7, KIM, f"<div>{number}</div>")
    with serving(peer) as upstream:
        event = ask(ADAPTER, config(upstream.url), lambda client: client.ticket("7"))
    assert [message.text for message in event.messages] == [str(number) for number in range(230)]


def test_a_ticket_that_is_not_there_is_none(peer: FreshdeskPeer) -> None:
    peer.add_ticket(8, deleted=True)
    with serving(peer) as upstream:
        assert ask(ADAPTER, config(upstream.url), lambda client: client.ticket("404")) is None
        assert ask(ADAPTER, config(upstream.url), lambda client: client.ticket("8")) is None
        assert ask(ADAPTER, config(upstream.url), lambda client: client.ticket("../agents/me")) is None


# ------------------------------------------------------------------------------------------------------------- the past
def walk(url: str, last_page: int, most: int = 30) -> list[Page]:
    """Pages of everything since the start, by a client that believes in so many pages of a list."""

    async def next_page(client: Any, cursor: str) -> Page:
        client.last_page = last_page
        found = await client.page(START, cursor)
        assert isinstance(found, Page)
        return found

    pages: list[Page] = []
    cursor = ""
    for _ in range(most):
        pages.append(ask(ADAPTER, config(url), lambda client, at=cursor: next_page(client, at)))
        cursor = pages[-1].cursor
        if not cursor:
            return pages
    raise AssertionError("it does not end")


def test_the_past_is_read_oldest_first_over_pages(peer: FreshdeskPeer) -> None:
    for key in range(100, 345):
        peer.add_ticket(key)
    with serving(peer) as upstream:
        pages = walk(upstream.url, 300)
    assert [len(page.tickets) for page in pages] == [100, 100, 46]
    found = [event for page in pages for event in page.tickets]
    assert [event.at for event in found] == sorted(event.at for event in found)
    assert found[0].fields["requester"]["email"] == "kim@acme.example"
    assert found[0].fields["description"] == "It fails."


def test_beyond_the_last_page_the_list_begins_anew(peer: FreshdeskPeer) -> None:
    peer.last_page = 2
    for key in range(100, 650):
        peer.add_ticket(key)
    with serving(peer) as upstream:
        pages = walk(upstream.url, 2)
    seen = [event.external_id for page in pages for event in page.tickets]
    assert set(seen) == {"7", *(str(key) for key in range(100, 650))}
    assert len(seen) <= 551 + 3  # the ticket at the seam comes twice


def test_many_tickets_of_one_second_do_not_hold_it_for_ever(peer: FreshdeskPeer) -> None:
    peer.last_page = 2
    peer.now, peer.step = START, timedelta(0)
    for key in range(100, 400):
        peer.add_ticket(key)
    with serving(peer) as upstream:
        pages = walk(upstream.url, 2)
    assert sum(len(page.tickets) for page in pages) >= 200


# --------------------------------------------------------------------------------------------------------------- writes
def test_a_note_whose_answer_was_lost_is_found_again_and_changed_in_place(peer: FreshdeskPeer) -> None:
    peer.lost = 1
    with serving(peer) as upstream:
        assert ask(ADAPTER, config(upstream.url), lambda client: client.find_note("7", MARKER)) == ""
        with pytest.raises(SourceUnavailable):
            ask(ADAPTER, config(upstream.url), lambda client: client.create_note("7", NOTE))
        found = ask(ADAPTER, config(upstream.url), lambda client: client.find_note("7", MARKER))
        changed = Note([Line("It was the release."), NOTE.lines[-1]], MARKER)
        ask(ADAPTER, config(upstream.url), lambda client: client.update_note("7", found, changed))
        assert ask(ADAPTER, config(upstream.url), lambda client: client.find_note("7", MARKER)) == found
    (note,) = peer.told[7]
    assert found == str(note["id"])
    assert note["private"] is True
    assert "It was the release." in note["body"]
    assert markers(note["body"]) == {MARKER}


def test_a_note_among_many_conversations_is_found(peer: FreshdeskPeer) -> None:
    with serving(peer) as upstream:
        made = ask(ADAPTER, config(upstream.url), lambda client: client.create_note("7", NOTE))
        for number in range(150):
            peer.tell(7, KIM, f"<div>{number}</div>")
        assert ask(ADAPTER, config(upstream.url), lambda client: client.find_note("7", MARKER)) == made


def test_tags_are_added_to_those_that_are_there(peer: FreshdeskPeer) -> None:
    with serving(peer) as upstream:
        ask(ADAPTER, config(upstream.url), lambda client: client.add_tags("7", ["altor", "rate limit", "API", "altor"]))
        ask(ADAPTER, config(upstream.url), lambda client: client.add_tags("7", ["altor"]))
    assert peer.tickets[7]["tags"] == ["api", "altor", "rate limit"]
    assert len(peer.writes) == 1


def test_fields_are_set_and_nothing_but_custom_ones(peer: FreshdeskPeer) -> None:
    with serving(peer) as upstream:
        ask(ADAPTER, config(upstream.url), lambda client: client.set_fields("7", {"cf_cause": "Rate limiting"}))
        with pytest.raises(SourceRefused):
            ask(ADAPTER, config(upstream.url), lambda client: client.set_fields("7", {"status": "5"}))
    assert peer.tickets[7]["custom_fields"]["cf_cause"] == "Rate limiting"
    assert peer.tickets[7]["status"] == 2


def test_a_reply_is_sent_once(peer: FreshdeskPeer) -> None:
    peer.now = datetime.now(UTC) - timedelta(hours=1)
    peer.add_ticket(9)
    peer.lost = 1

    def reply(url: str, text: str = "Please <try> again.\n\nAda") -> str:
        return ask(ADAPTER, config(url), lambda client: client.reply("9", text, "a" * 16))

    with serving(peer) as upstream:
        with pytest.raises(SourceUnavailable):
            reply(upstream.url)
        first = reply(upstream.url)
        other = reply(upstream.url, "It works now.")
    assert [entry["body"] for entry in peer.told[9]] == [
        "<div>Please &lt;try&gt; again.<br><br>Ada</div>", "<div>It works now.</div>",
    ]  # fmt: skip
    assert (first, other) == tuple(str(entry["id"]) for entry in peer.told[9])
    assert not any(entry["private"] or "aaaa" in entry["body"] for entry in peer.told[9])


def test_the_words_of_long_ago_are_said_again(peer: FreshdeskPeer) -> None:
    peer.tell(7, OWN, "<div>Any news?</div>")
    with serving(peer) as upstream:
        ask(ADAPTER, config(upstream.url), lambda client: client.reply("7", "Any news?", "a" * 16))
    assert len(peer.told[7]) == 2


# ------------------------------------------------------------------------------------------------------------- bad days
def test_waiting_is_told_and_a_write_is_never_repeated(peer: FreshdeskPeer) -> None:
    with serving(peer) as upstream:
        peer.instead = [Answer(429, {}, {"Retry-After": "93"})]
        with pytest.raises(SourceLimited) as told:
            ask(ADAPTER, config(upstream.url), lambda client: client.create_note("7", NOTE))
        assert told.value.retry_after_s == 93
        peer.instead = [Answer(502, {})]
        with pytest.raises(SourceUnavailable):
            ask(ADAPTER, config(upstream.url), lambda client: client.create_note("7", NOTE))
        assert len(upstream.asked) == 2
        peer.instead = [Answer(429, {}, {"Retry-After": "0"})]
        assert ask(ADAPTER, config(upstream.url), lambda client: client.ticket("7")) is not None
    assert peer.told[7] == []


@pytest.mark.parametrize("odd", [{}, [], {"id": None}, {"id": {}}, "text", None, 5])
def test_an_odd_answer_is_no_ticket_and_no_note(peer: FreshdeskPeer, odd: Any) -> None:
    with serving(peer) as upstream:
        for work in (lambda client: client.ticket("7"), lambda client: client.create_note("7", NOTE)):
            peer.instead = [Answer(200, odd)]
            with pytest.raises(SourceAnswerInvalid):
                ask(ADAPTER, config(upstream.url), work)
        if not isinstance(odd, list):
            peer.instead = [Answer(200, odd)]
            with pytest.raises(SourceAnswerInvalid):
                ask(ADAPTER, config(upstream.url), lambda client: client.page(START))


def test_only_notes_tags_fields_and_replies_are_written(peer: FreshdeskPeer) -> None:
    async def itself(client: Any) -> Any:
        return client

    names = {name for name in dir(type(ask(ADAPTER, config("https://acme.freshdesk.com"), itself))) if name[0] != "_"}
    assert names == {
        "name", "title", "last_page", "get", "send", "post", "check", "ticket", "page", "find_note", "create_note",
        "update_note", "add_tags", "set_fields", "reply",
    }  # fmt: skip


def _answer() -> dict[str, Any]:
    peer = FreshdeskPeer()
    peer.add_ticket(7)
    peer.tell(7, KIM, "<div>Any news?</div>")
    asker = {"name": "Kim Lee", "email": "kim@acme.example"}
    return {
        "ticket": {**peer.tickets[7], "description": "<div>It fails.</div>", "requester": asker},
        "company": {"name": "Acme", "domains": ["acme.example"]},
        "agent": {"contact": {"name": "Ada Agent", "email": "ada@helpdesk.example"}},
        "told": peer.told[7],
    }


@given(mutated([_answer()]))
@settings(max_examples=100, deadline=None)
def test_no_mutation_of_an_answer_breaks_the_reader(answer: dict[str, Any]) -> None:
    company, agent = part(answer, "company"), part(answer, "agent")
    try:
        event = read_ticket(part(answer, "ticket"), company, agent, "https://acme.freshdesk.com", {})
    except InvalidInput:
        return
    event = read_conversations(event, list(items(answer.get("told"))))
    read_payload({"id": event.external_id, **event.fields}, now=NOW)
