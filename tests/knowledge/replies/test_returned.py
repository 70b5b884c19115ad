"""Tickets that come back from engineering: once each, with a draft that nobody sends but a person."""

from __future__ import annotations

from datetime import timedelta

import pytest

from altor.models import Notice
from escalations.lifecycle.acting import Doer, act
from escalations.lifecycle.sending import Wish, send
from knowledge.models import Reply
from knowledge.replies.returned import escalation_moved
from tests import factories
from tests.shipped import reply_templates

pytestmark = pytest.mark.django_db
NOON = factories.NOON


@pytest.fixture
def sent():
    reply_templates()
    agent = factories.user("mina", teams=(factories.team(),))
    other = factories.user("ole", teams=(factories.team(),))
    first, _ = send(_run(agent), Wish(), actor=agent, now=NOON)
    german = "Seit heute früh werden viele unserer Anfragen abgelehnt"
    send(_run(other, subject=german, description="Bitte helfen Sie."),
         Wish(joins=True), actor=other, now=NOON)  # fmt: skip
    return first


def _run(owner, **values):
    return factories.finished_run(factories.ticket(customer=factories.customer(), owner=owner, **values))


def resolve(escalation):
    engineer = factories.user("eli", role="engineer")
    return act(escalation, "resolve", Doer(engineer), now=NOON + timedelta(hours=2), text="Rolled back.")


def test_every_ticket_comes_back_to_its_owner_with_an_update_in_its_language(sent):
    resolve(sent)
    drafts = {reply.author.username: reply for reply in Reply.objects.drafts().select_related("author")}
    assert set(drafts) == {"mina", "ole"}
    assert "has been mended" in drafts["mina"].text
    assert "behoben" in drafts["ole"].text
    # It says what engineering said, and not that it is over.
    assert "do not call it solved before our measurements say so" in drafts["mina"].text
    assert not Reply.objects.out().exists()
    told = Notice.objects.filter(kind="escalation.back").order_by("pk")
    assert [[one.person.username for one in notice.deliveries.all()] for notice in told] == [["mina"], ["ole"]]
    assert {link.ticket.status for link in sent.links.select_related("ticket")} == {"diagnosed"}


def test_told_twice_nothing_comes_back_twice(sent):
    done = resolve(sent)
    escalation_moved(done, done.history.get(what="resolved"))
    assert Reply.objects.count() == 2
    assert Notice.objects.filter(kind="escalation.back").count() == 2


def test_what_a_person_has_begun_to_write_is_not_touched(sent):
    mine = Reply.objects.create(ticket=sent.ticket, author=sent.sent_by, text="Hello Noor, I", saved_at=NOON)
    resolve(sent)
    mine.refresh_from_db()
    assert mine.text == "Hello Noor, I"
    assert Reply.objects.filter(ticket=sent.ticket).count() == 1
    assert "your draft is still open" in Notice.objects.get(kind="escalation.back", subject_ref=sent.ticket.ref).title


def test_a_ticket_that_is_solved_meanwhile_stays_solved(sent):
    sent.ticket.status = "resolved"
    sent.ticket.save()
    resolve(sent)
    assert not Reply.objects.filter(ticket=sent.ticket).exists()
