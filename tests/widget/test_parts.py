"""What parts of the escalations app say of a ticket in the sidebar: its handoff, and its questions to engineering."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from altor.models import Team, User
from escalations.handoffs.giving import sign
from escalations.handoffs.taking import accept, refuse
from escalations.interruptions.asking import Audience, answer, ask, withdraw
from escalations.lifecycle.acting import Doer
from escalations.models import Question
from investigations.models import HelpdeskConnection, Investigation, Ticket
from knowledge.entries.saving import create_entry
from knowledge.models import Entry, Recognition
from tests import factories as make
from tests.escalations import handoff_scene as handoffs
from tests.widget.scene import call_url, sidebar, ticket_of

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def said(desk: HelpdeskConnection, user: User | None, part: str) -> Any:
    return sidebar(desk, user).get(call_url(desk)).json()[part]


# ------------------------------------------------------------------------------------------------------------ handoffs
def test_a_handoff_is_told_from_its_draft_until_somebody_has_the_ticket(desk: HelpdeskConnection) -> None:
    _, ana, ben, _, _ = handoffs.team_with_shifts()
    ticket = ticket_of(desk, owner=ana, in_team=make.team(), opened_at=handoffs.NOW)
    handoffs.promise(ticket, handoffs.END + 2 * handoffs.HOUR)
    with time_machine.travel(handoffs.END - 20 * MINUTE, tick=False):
        assert said(desk, ben, "handoff") is None
        made = handoffs.drafted()
        draft = said(desk, ben, "handoff")
        assert draft == {
            "ref": made.ref,
            "url": f"http://testserver/handoffs/{made.ref}/",
            "title": f"Handoff {made.ref}",
            "text": (
                "From Ana Example to Ben Example, a draft until Mon 2 Mar 17:00 CET."
                " Accept by Mon 2 Mar 17:30 CET. Promise due Mon 2 Mar 19:00 CET."
            ),
            "state": "drafted",
            "accept_by": "2026-03-02T16:30:00+00:00",
            "promise_due": "2026-03-02T18:00:00+00:00",
        }
        sign(made, actor=ana, now=handoffs.END - 10 * MINUTE)
        signed = said(desk, None, "handoff")
        assert signed["state"] == "signed"
        assert signed["text"].startswith("From Ana Example to Ben Example, signed. Accept by")
        accept(made, ticket.ref, actor=ben, keeps_promise=True, now=handoffs.END)
        assert said(desk, ben, "handoff") is None


def test_what_was_refused_stays_with_whoever_gave_it(desk: HelpdeskConnection) -> None:
    _, ana, ben, _, _ = handoffs.team_with_shifts()
    ticket = ticket_of(desk, owner=ana, in_team=make.team(), opened_at=handoffs.NOW)
    handoffs.ticket_of(ana)  # another one, so that the handoff stays open
    with time_machine.travel(handoffs.END, tick=False):
        made = handoffs.drafted()
        sign(made, actor=ana, now=handoffs.END)
        refuse(made, ticket.ref, actor=ben, reason="I am on leave from tonight.", now=handoffs.END)
        found = said(desk, ben, "handoff")
    assert (found["state"], found["accept_by"]) == ("refused", None)
    assert found["text"] == "Ben Example refused it, Ana Example keeps it: I am on leave from tonight."


# ----------------------------------------------------------------------------------------------------------- questions
@pytest.fixture
def asked(desk: HelpdeskConnection) -> tuple[Ticket, User, User]:
    mina = make.user("mina", teams=(make.team(),))
    team = make.team("Platform", timezone="Europe/Berlin")
    eli = make.user("eli", role="engineer", teams=(team,), first_name="Eli", last_name="Example")
    ticket = ticket_of(desk)
    ask(
        ticket,
        "Does the limiter count retries\ntwice? " + "Really? " * 40,
        Audience(team=team),
        actor=mina,
        now=make.NOON,
    )
    return ticket, mina, eli


def test_an_open_question_says_to_whom_and_by_when(desk: HelpdeskConnection, asked: tuple[Ticket, User, User]) -> None:
    question = Question.objects.get()
    found = said(desk, None, "questions")
    (item,) = found["items"]
    assert found["title"] == "Questions to engineering"
    assert (item["text"], item["is_open"]) == (f"{question.ref} to Platform", True)
    assert item["note"] == f"due {question.due_at:%-d %b %H:%M} UTC"
    assert item["url"] == f"http://testserver/questions/{question.ref}/"
    assert item["said"].startswith("Does the limiter count retries twice? Really?") and len(item["said"]) == 160


def test_open_ones_come_first_then_the_newest_answers_three_in_all(
    desk: HelpdeskConnection, asked: tuple[Ticket, User, User]
) -> None:
    ticket, mina, eli = asked
    for number in range(4):
        found, _ = ask(ticket, f"What about case {number}?", Audience(person=eli), actor=mina, now=make.NOON)
        answer(found, f"It is so {number}.", Doer(eli), now=make.NOON)
    one, two, three = said(desk, mina, "questions")["items"]
    assert (one["is_open"], two["said"], three["said"]) == (True, "It is so 3.", "It is so 2.")
    assert two["text"].endswith("answered by Eli Example") and two["note"] == ""


def test_what_was_taken_back_is_not_told(desk: HelpdeskConnection, asked: tuple[Ticket, User, User]) -> None:
    withdraw(Question.objects.get(), actor=asked[1], now=make.NOON)
    assert said(desk, None, "questions") is None


# ----------------------------------------------------------------------------------------------------------- knowledge
def _known(run: Investigation, title: str, state: str, *, team: Team | None = None) -> Recognition:
    entry = create_entry({"title": title, "root_cause": "x", "remediation": "Do **this**"}, actor=None, team=team)
    return Recognition.objects.create(
        entry=entry, investigation=run, version=1, query="x", answered="fired", state=state, seconds=0.1, at=make.NOON
    )


def test_known_causes_are_told_the_recognised_one_first(desk: HelpdeskConnection) -> None:
    team = make.team()
    ana = make.user("ana", teams=(team,))
    run = make.run(ticket_of(desk, in_team=team), status="done")
    assert said(desk, ana, "similar") is None
    _known(run, "Near", "near")
    _known(run, "Another", "elsewhere")
    _known(run, "Not there", "quiet")
    assert said(desk, ana, "similar")["title"] == "Similar solved cases"
    found = _known(run, "This", "recognised")
    part = said(desk, ana, "similar")
    assert part["title"] == f"This is {found.entry.ref}"
    assert [one["title"].split()[-1] for one in part["items"]] == ["This", "Near"]
    assert part["items"][0]["url"] == f"http://testserver/knowledge/{found.entry.ref}/"
    assert said(desk, None, "similar") is None  # only the helpdesk vouches for them: entries are for known people


def test_an_entry_that_may_no_longer_be_read_is_gone_at_the_next_call(desk: HelpdeskConnection) -> None:
    team = make.team()
    ana = make.user("ana", teams=(team,))
    run = make.run(ticket_of(desk, in_team=team), status="done")
    of_team, of_all = _known(run, "Of the team", "recognised", team=team), _known(run, "Of all", "near")
    assert len(said(desk, ana, "similar")["items"]) == 2
    Entry.objects.filter(pk=of_all.entry_id).update(confidence="archived")
    assert [one["ref"] for one in said(desk, ana, "similar")["items"]] == [of_team.entry.ref]
    Entry.objects.filter(pk=of_team.entry_id).update(team=make.team("Elsewhere"))
    assert said(desk, ana, "similar") is None
