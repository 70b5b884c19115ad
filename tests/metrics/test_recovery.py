"""Recovery confidence: asked by a link, answered without an account, judged apart, and counted with its closing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from altor import events
from altor.errors import Conflict, InvalidInput, PermissionRefused
from altor.models import AuditEvent, PhaseEvent, Team, User
from investigations.models import Ticket
from investigations.services.lifecycle import reopen, resolve
from metrics.definitions.catalogue import METRICS
from metrics.models import Cycle, RecoverySurvey
from metrics.phases.keeping import refresh
from metrics.reading.figures import figures, only
from metrics.reading.scope import last_weeks
from metrics.recovery.asking import OPEN_FOR, answer, ask, judge, link_of, survey_by, survey_of
from tests import factories as make
from tests.api.conftest import client_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def team() -> Team:
    return make.team("Support", is_default=True)


@pytest.fixture
def ana(team: Team) -> User:
    return make.user("ana", teams=(team,))


def closed(team: Team, ana: User) -> Ticket:
    now = timezone.now()
    ticket = make.ticket(in_team=team, opened_at=now - timedelta(hours=2))
    events.record("ticket.received", ticket_ref=ticket.ref, at=ticket.opened_at)
    return resolve(ticket, actor=ana, now=now - timedelta(hours=1))


@pytest.fixture
def ticket(team: Team, ana: User) -> Ticket:
    return closed(team, ana)


def path_of(survey: RecoverySurvey) -> str:
    return link_of(survey).removeprefix("http://").partition("/")[2].join(("/", ""))


def test_the_customer_answers_by_the_link_and_may_change_it(ticket: Ticket, ana: User, client: Client) -> None:
    survey = ask(ticket, actor=ana)
    assert ask(ticket, actor=ana) == survey
    url = path_of(survey)
    shown = client.get(url)
    assert shown.status_code == 200 and "How confident are you" in shown.content.decode()
    assert ticket.subject not in shown.content.decode()
    assert RecoverySurvey.objects.get().score is None  # to open it answers nothing
    assert (shown["Cache-Control"], shown["Referrer-Policy"]) == ("no-store", "same-origin")
    for score in (2, 5):
        answered = client.post(url, {"score": score}, follow=True)
        assert f"You said {score} of 5" in answered.content.decode()
    assert client.post(url, {"score": 5}).status_code == 302
    refresh()
    assert (Cycle.objects.get().recovery, Cycle.objects.get().asked) == (5, True)
    assert PhaseEvent.objects.filter(kind="recovery.told").count() == 2
    assert PhaseEvent.objects.filter(kind="recovery.asked").count() == 1


@pytest.mark.parametrize("score", ["", "0", "6", "x", "55", "-1"])
def test_what_is_no_answer_changes_nothing(ticket: Ticket, ana: User, client: Client, score: str) -> None:
    url = path_of(ask(ticket, actor=ana))
    assert client.post(url, {"score": score}).status_code == 400
    assert RecoverySurvey.objects.get().score is None


def test_a_link_that_was_changed_opens_nothing(ticket: Ticket, ana: User, client: Client) -> None:
    url = path_of(ask(ticket, actor=ana))
    assert client.get(url[:-3] + "x/").status_code == 404
    assert client.get("/survey/1.0/").status_code == 404
    assert survey_by("") is None


def test_it_closes_after_a_month_and_when_the_case_is_open_again(ticket: Ticket, ana: User, client: Client) -> None:
    survey = ask(ticket, actor=ana)
    assert survey.asked_at is not None
    with pytest.raises(Conflict, match="closed"):
        answer(survey, 4, now=survey.asked_at + OPEN_FOR + timedelta(seconds=1))
    reopen(ticket, actor=ana)
    with pytest.raises(Conflict, match="open again"):
        answer(survey, 4, now=timezone.now())
    assert "open again" in client.get(path_of(survey)).content.decode()
    ticket.refresh_from_db()
    with pytest.raises(Conflict, match="not resolved"):
        ask(ticket, actor=ana)
    assert survey_of(ticket) is None


def test_each_closing_has_its_own_answer(ticket: Ticket, ana: User) -> None:
    first = ask(ticket, actor=ana)
    answer(first, 2, now=timezone.now())
    reopen(ticket, actor=ana)
    ticket.refresh_from_db()
    resolve(ticket, actor=ana)
    ticket.refresh_from_db()
    second = ask(ticket, actor=ana)
    assert second != first
    answer(second, 5, now=timezone.now())
    refresh()
    assert list(Cycle.objects.order_by("number").values_list("recovery", flat=True)) == [2, 5]


def test_what_the_engineer_thinks_is_kept_apart(ticket: Ticket, ana: User) -> None:
    judge(ticket, 3, actor=ana)
    judge(ticket, 3, actor=ana)
    judge(ticket, 4, actor=ana)
    refresh()
    cycle = Cycle.objects.get()
    assert (cycle.judged, cycle.recovery, cycle.asked) == (4, None, False)
    assert AuditEvent.objects.filter(action="recovery.judged").count() == 2
    with pytest.raises(InvalidInput):
        judge(ticket, 6, actor=ana)


def test_a_role_that_may_not_resolve_may_not_ask(ticket: Ticket, team: Team) -> None:
    reader = make.user("rita", role="read_only", teams=(team,))
    with pytest.raises(PermissionRefused):
        ask(ticket, actor=reader)


def test_a_mean_of_few_is_not_told(team: Team, ana: User) -> None:
    admin = make.user("root", role="admin")
    for score in (5, 4, 4, 3, 5):
        answer(ask(closed(team, ana), actor=ana), score, now=timezone.now())
    ask(closed(team, ana), actor=ana)
    refresh()
    wanted = last_weeks(admin, 4, timezone.now())
    found = figures([METRICS["recovery-confidence"], METRICS["recovery-answered"]], wanted)
    assert only(found, "recovery-confidence").value == pytest.approx(4.2)
    assert (only(found, "recovery-answered").hits, only(found, "recovery-answered").n) == (5, 6)


def test_the_panel_makes_the_link_and_takes_the_judgement(ticket: Ticket, ana: User, client: Client) -> None:
    client.force_login(ana)
    url = reverse("metrics:recovery", args=[ticket.ref])
    assert "Make a link for the customer" in client.get(url).content.decode()
    asked = client.post(reverse("metrics:recovery-ask", args=[ticket.ref]), headers={"hx-request": "true"})
    assert asked.status_code == 200 and "Link for the customer" in asked.content.decode()
    assert client.post(reverse("metrics:recovery-judge", args=[ticket.ref]), {"score": "4"}).status_code == 302
    survey = RecoverySurvey.objects.get()
    shown = client.get(url).content.decode()
    assert link_of(survey) in shown and 'value="4" aria-pressed="true"' in shown
    assert client.post(reverse("metrics:recovery-judge", args=[ticket.ref]), {"score": "9"}).status_code == 422
    other = make.user("olga", teams=(make.team("Others"),))
    client.force_login(other)
    assert client.get(url).status_code == 404


def test_over_rest_it_is_asked_and_judged(ticket: Ticket, ana: User, team: Team) -> None:
    api, path = client_of(ana), f"/api/v1/recovery/{ticket.ref}/"
    assert api.get(path).json()["asked_at"] is None
    asked = api.post(path, {}, format="json").json()
    assert asked["link"].startswith("http") and asked["score"] is None
    assert api.post(path, {"judged": 2}, format="json").json()["judged"] == 2
    assert api.post(path, {"judged": 7}, format="json").status_code == 400
    reader = client_of(make.user("eve", role="engineer", teams=(team,)))
    assert reader.get(path).status_code == 404
