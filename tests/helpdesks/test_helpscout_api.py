"""Help Scout's API over a real socket, against a peer that keeps its documented rules."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from pytest_django import Settings

from altor.outbound import call_scope
from altor.outbound.state import forget_states
from investigations.helpdesks.base import Agent, Status
from investigations.helpdesks.helpscout import tokens
from investigations.helpdesks.helpscout.adapter import HelpScout
from investigations.helpdesks.helpscout.client import HelpScoutClient
from investigations.helpdesks.notes import Line, Note
from investigations.sources.base import ConnectionConfig, SourceLimited, SourceRefused, SourceUnavailable
from investigations.sources.http import CredentialRefused, ObjectUnknown
from tests.helpdesks.peers.helpscout import (
    ADA,
    APP,
    BOT,
    KIM,
    SECRET,
    START,
    HelpScoutPeer,
    conversation,
    stamp,
    thread,
)
from tests.loopback import Answer, Upstream, serving

MARKER = "0123456789abcdef"
NOTE = Note([Line("The exporter stopped", "Cause:"), Line("INV-1", url="https://altor.example/i/INV-1/")], MARKER)
T = TypeVar("T")


@pytest.fixture(autouse=True)
def loopback(settings: Settings) -> Iterator[None]:
    settings.ALLOW_LOOPBACK_UPSTREAMS = True
    forget_states()
    tokens.forget_all()
    yield
    forget_states()
    tokens.forget_all()


@pytest.fixture
def peer() -> HelpScoutPeer:
    found = HelpScoutPeer()
    found.add(conversation(9))
    return found


@pytest.fixture
def served(peer: HelpScoutPeer) -> Iterator[Upstream]:
    with serving(peer) as upstream:
        yield upstream
    assert peer.problems == []


def using(
    served: Upstream,
    work: Callable[[HelpScoutClient], Awaitable[T]],
    *,
    secret: str = f"{APP}:{SECRET}",
    path: str = "/v2",
    **options: Any,
) -> T:
    async def go() -> T:
        config = ConnectionConfig("helpscout", "inbox", served.url + path, secret, options)
        async with HelpScout().open(config) as client:
            with call_scope(5.0):
                return await work(client)

    return asyncio.run(go())


# ------------------------------------------------------------------------------------------------------------- tokens
@pytest.mark.parametrize("path", ["/v2", "/v2/", "", "/"])
def test_one_token_serves_every_client_of_the_process(served: Upstream, peer: HelpScoutPeer, path: str) -> None:
    for _ in range(3):
        assert using(served, lambda client: client.ticket("9"), path=path) is not None
    assert peer.asked_for_tokens == 1


def test_a_token_that_was_refused_is_replaced_once(served: Upstream, peer: HelpScoutPeer) -> None:
    using(served, lambda client: client.ticket("9"))
    peer.expire()
    assert using(served, lambda client: client.create_note("9", NOTE))
    assert peer.asked_for_tokens == 2
    assert len([each for each in peer.threads["9"] if each["type"] == "note"]) == 1


def test_a_token_is_not_used_after_its_time(served: Upstream, peer: HelpScoutPeer) -> None:
    using(served, lambda client: client.ticket("9"))
    key = next(iter(tokens._tokens))
    tokens.keep(key, tokens.token_of(key), 30)  # less than the minute that is kept clear
    using(served, lambda client: client.ticket("9"))
    assert peer.asked_for_tokens == 2


@pytest.mark.parametrize("secret", ["", "only-an-id", f"{APP}:", f":{SECRET}", f"{APP}:wrong", f"wrong:{SECRET}"])
def test_a_wrong_credential_is_refused_and_not_asked_again(served: Upstream, peer: HelpScoutPeer, secret: str) -> None:
    with pytest.raises(CredentialRefused):
        using(served, lambda client: client.ticket("9"), secret=secret)
    assert peer.asked_for_tokens <= 1
    report = using(served, lambda client: client.check(), secret=secret)
    assert (report.ok, report.details) == (False, {"kind": "refused"})


def test_two_credentials_do_not_share_a_token(served: Upstream, peer: HelpScoutPeer) -> None:
    using(served, lambda client: client.ticket("9"))
    with pytest.raises(CredentialRefused):
        using(served, lambda client: client.ticket("9"), secret=f"{APP}:wrong")


# ------------------------------------------------------------------------------------------------------------ reading
def test_the_check_tells_who_it_is(served: Upstream, peer: HelpScoutPeer) -> None:
    report = using(served, lambda client: client.check())
    assert (report.ok, report.identity, report.warnings) == (True, "Altor <altor@support.example>", ())
    assert report.message == "It reads conversations, 1 in all"
    peer.role = "user"
    assert "administrator" in using(served, lambda client: client.check()).warnings[0]


def test_a_conversation_with_its_threads_and_organization(served: Upstream, peer: HelpScoutPeer) -> None:
    peer.threads["9"].append(thread(6001, "message", "<p>We look.</p>", START + timedelta(hours=2), ADA))
    event = using(served, lambda client: client.ticket("9"))
    assert event is not None
    assert event.fields["description"] == "Report 9 is empty"
    assert event.fields["organization"] == {"name": "Acme", "domain": "acme.example"}
    assert event.assignee == Agent("")
    assert [message.text for message in event.messages] == ["We look."]
    assert event.at > START + timedelta(hours=2)  # open, so it is so at the time of reading


def test_what_is_over_keeps_the_time_when_it_ended(served: Upstream, peer: HelpScoutPeer) -> None:
    ended = stamp(START + timedelta(hours=5))
    peer.conversations["9"] |= {"status": "closed", "closedAt": ended, "userUpdatedAt": ended, "assignee": ADA}
    event = using(served, lambda client: client.ticket("9"))
    assert event is not None
    assert (event.status, event.at) == (Status.SOLVED, START + timedelta(hours=5))
    assert event.assignee == Agent("256", "Ada Byron", "ada@support.example")


def test_a_customer_who_may_not_be_read_costs_only_the_organization(served: Upstream, peer: HelpScoutPeer) -> None:
    peer.customer_hidden = True
    event = using(served, lambda client: client.ticket("9"))
    assert event is not None
    assert "organization" not in event.fields


def test_what_is_gone_is_none_and_what_was_merged_says_where_it_went(served: Upstream, peer: HelpScoutPeer) -> None:
    assert using(served, lambda client: client.ticket("404")) is None
    peer.merged["8"] = "9"
    when = START + timedelta(hours=3)
    entities = {"type": "merged", "associatedEntities": {"originalConversation": 8}}
    peer.threads["9"].append(thread(6002, "lineitem", "", when, ADA, action=entities))
    peer.threads["9"] += [thread(6003 + n, "note", "<p>x</p>", when, ADA) for n in range(5)]
    event = using(served, lambda client: client.ticket("8"))
    assert event is not None
    assert (event.external_id, event.merged_into, event.at, event.fields) == ("8", "9", when, {})


def test_a_backfill_reads_every_page_once_whatever_changes_meanwhile(served: Upstream, peer: HelpScoutPeer) -> None:
    peer.add(*(conversation(n) for n in range(10, 90)))

    async def walk(client: HelpScoutClient) -> list[str]:
        cursor, seen = "", []
        while True:
            page = await client.page(START + timedelta(minutes=20), cursor)
            seen += [event.external_id for event in page.tickets]
            assert all(event.is_whole and not event.needs_fetch for event in page.tickets)
            assert page.total == 70
            peer.conversations[seen[0]]["userUpdatedAt"] = stamp(peer.clock)
            if not (cursor := page.cursor):
                return seen

    assert using(served, walk) == [str(n) for n in range(20, 90)]


def test_a_backfill_of_nothing_ends_and_inboxes_can_be_named(served: Upstream, peer: HelpScoutPeer) -> None:
    page = using(served, lambda client: client.page(datetime(2027, 1, 1, tzinfo=UTC)), mailboxes=[85, 86])
    assert (page.tickets, page.cursor, page.total) == ([], "", 0)
    assert served.asked[-1].query["mailbox"] == "85,86"


# ------------------------------------------------------------------------------------------------------------ writing
def test_a_note_whose_answer_was_lost_is_found_again_and_changed(served: Upstream, peer: HelpScoutPeer) -> None:
    peer.faults.append(("POST /v2/conversations/9/notes", Answer(reset=True), True))

    async def walk(client: HelpScoutClient) -> str:
        assert await client.find_note("9", MARKER) == ""
        with pytest.raises(SourceUnavailable):
            await client.create_note("9", NOTE)
        peer.threads["9"] += [thread(6010 + n, "note", "<p>other</p>", peer.clock, ADA) for n in range(7)]
        found = await client.find_note("9", MARKER)
        await client.update_note(
            "9", found, Note([Line("Fixed"), Line("INV-2", url="https://altor.example/i/2/")], MARKER)
        )
        return found

    found = using(served, walk)
    (written,) = [each for each in peer.threads["9"] if str(each["id"]) == found]
    assert (written["type"], written["createdBy"]) == ("note", BOT)
    assert "Fixed" in written["body"]
    assert f"#altor-{MARKER}" in written["body"]
    assert using(served, lambda client: client.find_note("9", "f" * 16)) == ""


def test_a_note_is_written_in_the_name_that_the_options_give(served: Upstream, peer: HelpScoutPeer) -> None:
    made = using(served, lambda client: client.create_note("9", NOTE), own_user_id="256")
    assert (made, peer.threads["9"][-1]["createdBy"]) == (str(peer.threads["9"][-1]["id"]), ADA)


def test_what_is_gone_takes_no_note(served: Upstream) -> None:
    with pytest.raises(ObjectUnknown):
        using(served, lambda client: client.create_note("404", NOTE))
    with pytest.raises(ObjectUnknown):
        using(served, lambda client: client.update_note("9", "404", NOTE))


def test_tags_are_added_to_those_that_are_there(served: Upstream, peer: HelpScoutPeer) -> None:
    using(served, lambda client: client.add_tags("9", ["altor", "VIP", "altor"]))
    assert [each["tag"] for each in peer.conversations["9"]["tags"]] == ["vip", "altor"]
    before = len(served.asked)
    using(served, lambda client: client.add_tags("9", ["altor"]))
    assert [asked.method for asked in served.asked[before:]] == ["GET"]


def test_fields_that_are_not_named_keep_their_values(served: Upstream, peer: HelpScoutPeer) -> None:
    using(served, lambda client: client.set_fields("9", {"6700": "billing"}))
    assert {each["id"]: each["value"] for each in peer.conversations["9"]["customFields"]} == {
        6688: "33077",
        6700: "billing",
    }
    with pytest.raises(SourceRefused):
        using(served, lambda client: client.set_fields("9", {"Cause": "x"}))


def test_a_reply_whose_answer_was_lost_is_not_sent_twice(served: Upstream, peer: HelpScoutPeer) -> None:
    peer.conversations["9"]["status"] = "pending"
    peer.faults.append(("POST /v2/conversations/9/reply", Answer(502), True))
    words = "Your exports <run> again.\n\nSorry for that."

    async def walk(client: HelpScoutClient) -> str:
        with pytest.raises(SourceUnavailable):
            await client.reply("9", words, MARKER)
        return await client.reply("9", words, MARKER)

    made = using(served, walk)
    (sent,) = [each for each in peer.threads["9"] if each["type"] == "message"]
    assert made == str(sent["id"])
    assert sent["body"] == "<p>Your exports &lt;run&gt; again.</p><p>Sorry for that.</p>"
    assert peer.conversations["9"]["status"] == "pending"
    peer.clock += timedelta(seconds=1)
    peer.threads["9"].append(thread(6020, "customer", "<p>Again</p>", peer.clock, KIM))
    assert using(served, lambda client: client.reply("9", words, MARKER)) != made


# ------------------------------------------------------------------------------------------------------------- faults
@pytest.mark.parametrize("header", ["X-RateLimit-Retry-After", "Retry-After"])
def test_a_rate_limit_tells_when_it_ends(served: Upstream, peer: HelpScoutPeer, header: str) -> None:
    peer.faults.append(("GET /v2/conversations/9", Answer(429, headers={header: "40"}), False))
    with pytest.raises(SourceLimited) as limited:
        using(served, lambda client: client.ticket("9"))
    assert limited.value.retry_after_s == 40


@pytest.mark.parametrize("answer", [Answer(503), Answer(reset=True), Answer(body={"id": 9}, keep_back=3)])
def test_a_reading_is_tried_again(served: Upstream, peer: HelpScoutPeer, answer: Answer) -> None:
    peer.faults.append(("GET /v2/conversations/9", answer, False))
    assert using(served, lambda client: client.ticket("9")) is not None
