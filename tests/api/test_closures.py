"""A ticket closed without a word on its diagnosis is asked about, over REST and on its page, in two clicks."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from altor.models import PhaseEvent
from investigations.models import Feedback, Ticket, TicketClosure
from investigations.services.closures import closure_question, unexplained
from investigations.services.lifecycle import reopen, resolve
from tests import factories
from tests.api.conftest import World, client_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def closed() -> Ticket:
    ticket = factories.ticket(status=Ticket.Status.DIAGNOSED)
    factories.finished_run(ticket)
    Ticket.objects.filter(pk=ticket.pk).update(status="resolved", resolved_at=timezone.now())
    return Ticket.objects.get(pk=ticket.pk)


def agent(**values: Any) -> Client:
    client = Client()
    client.force_login(factories.user(teams=(factories.team(),), **values))
    return client


def say(ticket: Ticket, client: Client | None = None, **said: str) -> Any:
    return (client or agent()).post(f"/tickets/{ticket.ref}/closure/", said, follow=True)


def test_a_closed_ticket_is_asked_about_until_somebody_says(closed: Ticket) -> None:
    client = agent()
    page = client.get(f"/tickets/{closed.ref}/").content.decode()
    assert "Closed without a word on the diagnosis" in page
    assert 'value="right" checked' in page  # .86: one click is enough
    say(closed, client, how="right")
    assert "Closed without a word" not in client.get(f"/tickets/{closed.ref}/").content.decode()
    assert Feedback.objects.get().verdict == "accepted"
    assert PhaseEvent.objects.get(kind="ticket.explained").data == {"how": "right", "label": ""}


def test_another_cause_is_the_verdict_too(closed: Ticket) -> None:
    say(closed, how="other_cause", label="rl.retry_storm", reason="Their cron")
    feedback = Feedback.objects.get()
    assert (feedback.verdict, feedback.label, feedback.comment) == ("corrected", "rl.retry_storm", "Their cron")


@pytest.mark.parametrize("how", ["answered", "duplicate", "gone"])
def test_what_is_no_cause_is_no_verdict(closed: Ticket, how: str) -> None:
    say(closed, how=how)
    assert not Feedback.objects.exists()
    assert not unexplained(Ticket.objects.all()).exists()


def test_something_else_needs_saying_what(closed: Ticket) -> None:
    assert "Say what it really was" in say(closed, how="other_cause").content.decode()
    assert not TicketClosure.objects.exists()


def test_the_answer_is_counted_once(closed: Ticket) -> None:
    client = agent()
    say(closed, client, how="right")
    say(closed, client, how="gone")
    assert TicketClosure.objects.get().how == "right"
    assert Feedback.objects.count() == 1


def test_closed_again_is_asked_again(closed: Ticket) -> None:
    person = factories.user()
    say(closed, how="gone")
    reopen(closed, actor=person)
    resolve(closed, actor=person)
    assert closure_question(Ticket.objects.get(pk=closed.pk)) is not None


def test_an_unsure_or_empty_diagnosis_proposes_no_agreement() -> None:
    for label, confidence, proposed in (
        ("rl.retry_storm", 0.5, "other_cause"),
        ("inconclusive", 0.6, "other_cause"),
        ("none.no_anomaly", 0.9, "answered"),
    ):
        ticket = factories.ticket(status="resolved", resolved_at=timezone.now())
        factories.finished_run(ticket, top_label=label, confidence=confidence)
        question = closure_question(ticket)
        assert question is not None
        assert question.proposed == proposed


@pytest.mark.parametrize("how", ["judged", "never investigated", "open"])
def test_nothing_is_asked_where_nothing_is_missing(how: str) -> None:
    status = "diagnosed" if how == "open" else "resolved"
    ticket = factories.ticket(status=status, resolved_at=timezone.now() if status == "resolved" else None)
    if how != "never investigated":
        run = factories.finished_run(ticket)
        if how == "judged":
            Feedback.objects.create(investigation=run, verdict="accepted", user=factories.user())
    assert closure_question(ticket) is None


def test_the_list_and_the_first_page_tell_of_them(closed: Ticket) -> None:
    client = agent()
    assert closed.ref in client.get("/tickets/?state=unexplained").content.decode()
    assert "Closed without a word on the diagnosis" in client.get("/").content.decode()


def test_over_rest(world: World) -> None:
    api: APIClient = client_of(world.people["agent"])
    url = "/api/v1/tickets/TK-10134/"
    assert api.post(f"{url}closure/", {"how": "right"}, format="json").status_code == 409
    api.post(f"{url}resolve/", {}, format="json")
    assert api.post(f"{url}closure/", {"how": "never"}, format="json").status_code == 400
    assert api.post(f"{url}closure/", {"how": "other_cause"}, format="json").json()["code"] == "invalid_input"
    assert api.post(f"{url}closure/", {"how": "gone", "reason": "They left"}, format="json").status_code == 200
    assert TicketClosure.objects.get().reason == "They left"
