"""Intercom's API over a real socket, against a peer that holds every request to Intercom's own description."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest
from pytest_django import Settings

from altor.outbound import call_scope
from altor.outbound.state import forget_states
from investigations.helpdesks.base import Agent
from investigations.helpdesks.intercom.adapter import Intercom
from investigations.helpdesks.intercom.client import IntercomClient
from investigations.helpdesks.notes import Line, Note
from investigations.sources.base import ConnectionConfig, SourceLimited, SourceRefused, SourceUnavailable
from investigations.sources.http import CredentialRefused, ObjectUnknown
from tests.helpdesks.peers.intercom import ADA, BOT, KIM, T0, TOKEN, IntercomPeer, conversation, ticket
from tests.loopback import Answer, Upstream, serving

MARKER = "0123456789abcdef"
NOTE = Note([Line("Card was declined", "Cause:"), Line("INV-1", url="https://altor.example/i/INV-1/")], MARKER)
T = TypeVar("T")


@pytest.fixture(autouse=True)
def loopback(settings: Settings) -> Iterator[None]:
    settings.ALLOW_LOOPBACK_UPSTREAMS = True
    forget_states()
    yield
    forget_states()


@pytest.fixture
def peer() -> IntercomPeer:
    found = IntercomPeer()
    found.add(conversation(1))
    return found


@pytest.fixture
def served(peer: IntercomPeer) -> Iterator[Upstream]:
    with serving(peer) as upstream:
        yield upstream
    assert peer.problems == []


def using(served: Upstream, work: Callable[[IntercomClient], Awaitable[T]], *, token: str = TOKEN, **options: Any) -> T:
    async def go() -> T:
        config = ConnectionConfig("intercom", "inbox", served.url, token, options)
        async with Intercom().open(config) as client:
            with call_scope(5.0):
                return await work(client)

    return asyncio.run(go())


def test_the_check_tells_who_it_is_and_what_is_missing(served: Upstream) -> None:
    report = using(served, lambda client: client.check())
    assert report.ok
    assert (report.identity, report.message) == ("Altor <altor@support.example>", "It reads conversations of Acme")
    assert report.warnings == ("For links into the inbox set workspace_id to abcd1234",)
    assert using(served, lambda client: client.check(), workspace_id="abcd1234").warnings == ()


def test_the_check_reports_a_refused_token(served: Upstream) -> None:
    report = using(served, lambda client: client.check(), token="wrong")
    assert not report.ok
    assert report.details == {"kind": "refused"}
    with pytest.raises(CredentialRefused):
        using(served, lambda client: client.ticket("2154698401"), token="wrong")


def test_a_conversation_with_its_customer_company_and_assignee(served: Upstream, peer: IntercomPeer) -> None:
    peer.conversations["2154698401"]["admin_assignee_id"] = int(ADA["id"])
    peer.parts["2154698401"] = [
        {"id": 1, "part_type": "comment", "body": "<p>Still</p>", "created_at": T0 + 5, "author": KIM}
    ]
    event = using(served, lambda client: client.ticket("2154698401"))
    assert event is not None
    assert event.fields["requester"] == {"name": "Kim Lee", "email": "kim@acme.example"}
    assert event.fields["organization"] == {"name": "Acme", "external_id": "org_7", "domain": "acme.example"}
    assert event.assignee == Agent(ADA["id"], "Ada", "ada@support.example")
    assert [message.text for message in event.messages] == ["Still"]
    assert (event.is_whole, event.needs_fetch) == (True, False)


def test_what_is_open_is_so_when_it_was_read_and_what_is_over_since_it_ended(
    served: Upstream, peer: IntercomPeer
) -> None:
    opened = using(served, lambda client: client.ticket("2154698401"))
    peer.conversations["2154698401"] |= {"state": "closed", "open": False}
    ended = using(served, lambda client: client.ticket("2154698401"))
    assert opened is not None
    assert ended is not None
    assert opened.at > ended.at == datetime.fromtimestamp(T0 + 1, UTC)


def test_a_contact_that_is_gone_and_hidden_teammates_cost_only_their_names(
    served: Upstream, peer: IntercomPeer
) -> None:
    peer.contact_gone = peer.admins_hidden = True
    peer.conversations["2154698401"]["admin_assignee_id"] = 5
    event = using(served, lambda client: client.ticket("2154698401"))
    assert event is not None
    assert "organization" not in event.fields
    assert event.assignee == Agent("5")


def test_what_is_gone_is_none_and_a_ticket_is_found_where_it_lives(served: Upstream, peer: IntercomPeer) -> None:
    peer.add(ticket(627))
    found = using(served, lambda client: client.ticket("627"))
    assert found is not None
    assert found.fields["subject"] == "Export is empty"
    assert using(served, lambda client: client.ticket("404")) is None


def test_a_note_whose_answer_was_lost_is_found_again(served: Upstream, peer: IntercomPeer) -> None:
    peer.faults.append((r"POST /conversations/\d+/reply", Answer(reset=True), True))

    async def walk(client: IntercomClient) -> tuple[str, str]:
        assert await client.find_note("2154698401", MARKER) == ""
        with pytest.raises(SourceUnavailable):
            await client.create_note("2154698401", NOTE)
        return await client.find_note("2154698401", MARKER), await client.find_note("2154698401", "f" * 16)

    found, other = using(served, walk)
    (written,) = peer.parts["2154698401"]
    assert (found, other) == (written["id"], "")
    assert (written["part_type"], written["author"]) == ("note", BOT)
    assert f"#altor-{MARKER}" in written["body"]


def test_a_note_is_written_in_the_name_that_the_options_give(served: Upstream, peer: IntercomPeer) -> None:
    peer.add(ticket(627))

    async def walk(client: IntercomClient) -> list[str]:
        return [await client.create_note(each, NOTE) for each in ("2154698401", "627")]

    made = using(served, walk, own_user_id=ADA["id"])
    assert made == [peer.parts["2154698401"][0]["id"], peer.parts["627"][0]["id"]]
    assert peer.parts["627"][0]["author"] == ADA
    assert not any(asked.path == "/me" for asked in served.asked)


def test_a_marker_in_what_the_customer_can_see_is_no_note(served: Upstream, peer: IntercomPeer) -> None:
    quoted = {"id": "1", "part_type": "comment", "body": NOTE.as_html(), "created_at": T0 + 9, "author": ADA}
    peer.parts["2154698401"] = [quoted]
    assert using(served, lambda client: client.find_note("2154698401", MARKER)) == ""


def test_a_note_cannot_be_changed_nor_written_on_what_is_gone(served: Upstream) -> None:
    with pytest.raises(SourceRefused):
        using(served, lambda client: client.update_note("2154698401", "1", NOTE))
    with pytest.raises(ObjectUnknown):
        using(served, lambda client: client.create_note("404", NOTE))


def test_tags_are_found_or_made(served: Upstream, peer: IntercomPeer) -> None:
    using(served, lambda client: client.add_tags("2154698401", ["BILLING", "altor-cause", "altor-cause"]))
    assert [tag["name"] for tag in peer.conversations["2154698401"]["tags"]["tags"]] == ["Billing", "altor-cause"]
    assert sorted(peer.tags.values()) == ["Billing", "altor-cause"]


def test_fields_are_set_where_the_id_lives(served: Upstream, peer: IntercomPeer) -> None:
    peer.add(ticket(627))

    async def walk(client: IntercomClient) -> None:
        await client.set_fields("2154698401", {"Cause": "card_declined"})
        await client.set_fields("627", {"Cause": "card_declined"})

    using(served, walk)
    assert peer.conversations["2154698401"]["custom_attributes"] == {"Cause": "card_declined"}
    assert peer.tickets["627"]["ticket_attributes"]["Cause"] == "card_declined"


def test_a_reply_whose_answer_was_lost_is_not_sent_twice(served: Upstream, peer: IntercomPeer) -> None:
    peer.faults.append((r"POST /conversations/\d+/reply", Answer(502), True))
    words = "Your card <was> declined.\n\nPlease use another one."

    async def walk(client: IntercomClient) -> str:
        with pytest.raises(SourceUnavailable):
            await client.reply("2154698401", words, MARKER)
        return await client.reply("2154698401", words, MARKER)

    made = using(served, walk)
    (written,) = peer.parts["2154698401"]
    assert (made, written["part_type"]) == (written["id"], "comment")
    assert written["body"] == "<p>Your card &lt;was&gt; declined.</p><p>Please use another one.</p>"
    assert MARKER not in written["body"]
    peer.parts["2154698401"][0]["author"] = ADA  # the same words of somebody else are not ours
    assert using(served, lambda client: client.reply("2154698401", words, MARKER)) != made
    customer = {"id": "1", "part_type": "comment", "body": "<p>Again</p>", "created_at": peer.clock + 1, "author": KIM}
    peer.parts["2154698401"].append(customer)
    peer.clock += 1
    assert using(served, lambda client: client.reply("2154698401", words, MARKER)) != made


def test_a_backfill_reads_every_page_once_and_then_the_tickets(served: Upstream, peer: IntercomPeer) -> None:
    peer.add(*(conversation(n) for n in range(2, 121)), ticket(627))

    async def walk(client: IntercomClient) -> tuple[list[str], list[int | None]]:
        cursor, seen, totals = "", [], []
        while True:
            page = await client.page(datetime.fromtimestamp(T0 + 11, UTC), cursor)
            seen += [event.external_id for event in page.tickets]
            totals.append(page.total)
            assert all(event.needs_fetch for event in page.tickets)
            if not (cursor := page.cursor):
                return seen, totals

    seen, totals = using(served, walk)
    assert seen == [str(2154698400 + n) for n in range(11, 121)]
    assert totals == [110, 110, 110]
    assert using(served, walk, tickets=True)[0] == [*seen, "627"]


def test_a_rate_limit_tells_when_it_ends(served: Upstream, peer: IntercomPeer) -> None:
    peer.faults.append(
        (r"GET /conversations/\d+", Answer(429, headers={"X-RateLimit-Reset": str(int(time.time()) + 60)}), False)
    )
    with pytest.raises(SourceLimited) as limited:
        using(served, lambda client: client.ticket("2154698401"))
    assert limited.value.retry_after_s is not None
    assert 50 < limited.value.retry_after_s <= 60


@pytest.mark.parametrize("answer", [Answer(503), Answer(reset=True), Answer(body={"id": "2154698401"}, keep_back=3)])
def test_a_reading_is_tried_again(served: Upstream, peer: IntercomPeer, answer: Answer) -> None:
    peer.faults.append((r"GET /conversations/\d+", answer, False))
    assert using(served, lambda client: client.ticket("2154698401")) is not None


def test_a_search_is_tried_again_because_it_only_reads(served: Upstream, peer: IntercomPeer) -> None:
    peer.faults.append((r"POST /conversations/search", Answer(503), False))
    page = using(served, lambda client: client.page(datetime.fromtimestamp(T0, UTC)))
    assert [event.external_id for event in page.tickets] == ["2154698401"]
