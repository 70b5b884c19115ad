"""Practice: the diagnosis stays hidden until somebody has answered, and only the person and leads see the try."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from altor.models import Team, User
from investigations.models import Investigation, PracticeTry
from investigations.services.findings import record_finding
from investigations.services.practice import fit_for_practice
from tests import factories
from tests.engine.test_replay import everything

pytestmark = pytest.mark.django_db


@pytest.fixture
def ours() -> Team:
    return factories.team("Ours")


@pytest.fixture
def agent(ours: Team) -> User:
    return factories.user(teams=(ours,))


def closed(ours: Team, **values: Any) -> Investigation:
    ticket = factories.ticket(in_team=ours, status="resolved", **values)
    return factories.finished_run(ticket)


def as_(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def at(name: str, *args: Any) -> str:
    return reverse(f"investigations:{name}", args=args)


def answer(**given: Any) -> dict[str, Any]:
    defaults = {"token": str(uuid.uuid4()), "label": "rl.limiter_deploy", "scope": "all", "next_step": "Roll it back"}
    return {**defaults, **given}


def test_the_case_shows_ticket_and_steps_and_hides_the_diagnosis(ours: Team, agent: User) -> None:
    run = closed(ours)
    html = as_(agent).get(at("practice-case", run.ref)).content.decode()
    assert run.ticket.subject in html and "43% rejected, before 3.1%" in html
    said = run.diagnosis
    hidden = (
        said["summary"],
        said["severity_why"],
        said["next_steps"][0],
        said["culprit"]["url"],
        "0.86",
        "86%",
        "SEV 2",
    )
    assert not [text for text in hidden if text in html]
    assert at("run", run.ref) not in html and at("ticket", run.ticket.ref) not in html


def test_an_answer_is_compared_and_nothing_of_the_ticket_is_written(ours: Team, agent: User) -> None:
    run, client = closed(ours), as_(agent)
    before = everything()
    page = client.post(at("practice-case", run.ref), answer(confidence="80"), follow=True).content.decode()
    made = PracticeTry.objects.get()
    assert (made.person, made.grade, made.is_of_team, made.confidence) == (agent, "exact", False, 0.8)
    assert "A deployment went live 14 min before the onset" in page and "(as Altor)" in page
    assert "nobody has said what the team found" in page and "Roll it back" in page
    assert everything() == before


def test_what_the_team_found_counts_more_than_altors_answer(ours: Team, agent: User) -> None:
    run, client = closed(ours), as_(agent)
    record_finding(run.ticket, label="rl.retry_storm", actor=factories.user(role="lead", teams=(ours,)))
    page = client.post(at("practice-case", run.ref), answer(label="rl.retry_storm", scope="customer"), follow=True)
    html = page.content.decode()
    assert PracticeTry.objects.get().grade == "exact" and "Graded by what the team found" in html
    assert "Few requests are repeats" in html, "what spoke against it in Altor's run"
    client.post(at("practice-case", run.ref), answer())
    assert PracticeTry.objects.first().grade == "area"


def test_a_double_click_is_one_try_and_a_second_answer_another(ours: Team, agent: User) -> None:
    run, client = closed(ours), as_(agent)
    given = answer()
    first, second = (client.post(at("practice-case", run.ref), given)["Location"] for _ in range(2))
    assert first == second and PracticeTry.objects.count() == 1
    client.post(at("practice-case", run.ref), answer())
    assert PracticeTry.objects.count() == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"label": ""}, {"label": "rl.nonsense"}, {"scope": "galaxy"}, {"confidence": "101"}, {"confidence": "-1"},
        {"confidence": "nan"}, {"confidence": "sure"}, {"token": "x"}, {"next_step": "x" * 1001},
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_and_what_was_typed_stays(ours: Team, agent: User, wrong: dict[str, str]) -> None:
    run = closed(ours)
    response = as_(agent).post(at("practice-case", run.ref), answer(**wrong))
    assert response.status_code == 422 and not PracticeTry.objects.exists()
    assert "next_step" in wrong or "Roll it back" in response.content.decode()


def test_only_the_person_and_the_leads_see_a_try(ours: Team, agent: User) -> None:
    run = closed(ours)
    as_(agent).post(at("practice-case", run.ref), answer())
    made = PracticeTry.objects.get()
    colleague, lead = factories.user(teams=(ours,)), factories.user(role="lead", teams=(ours,))
    other_lead = factories.user(role="lead", teams=(factories.team("Theirs"),))
    seen = {
        person.username: as_(person).get(at("practice-try", made.pk)).status_code
        for person in (agent, colleague, lead, other_lead)
    }
    assert list(seen.values()) == [200, 404, 200, 404]
    assert str(agent) in as_(lead).get(at("practice")).content.decode()
    assert "Tries of others" not in as_(colleague).get(at("practice")).content.decode()
    assert as_(other_lead).get(at("practice-case", run.ref)).status_code == 404
    assert as_(factories.user(role="read_only", teams=(ours,))).get(at("practice")).status_code == 403


def test_fit_are_closed_tickets_that_were_decided_by_class_and_difficulty(ours: Team, agent: User) -> None:
    easy, hard = closed(ours), closed(ours, incident_class="latency")
    Investigation.objects.filter(pk=easy.pk).update(confidence=0.95)
    Investigation.objects.filter(pk=hard.pk).update(confidence=0.5)
    Investigation.objects.filter(pk=closed(ours).pk).update(top_label="inconclusive")
    factories.finished_run(factories.ticket(in_team=ours))
    closed(factories.team("Theirs"))
    assert set(fit_for_practice(agent)) == {easy, hard}
    assert list(fit_for_practice(agent, difficulty="hard")) == [hard]
    assert list(fit_for_practice(agent, incident_class="rate_limit")) == [easy]
    client = as_(agent)
    assert hard.ticket.ref not in client.get(at("practice") + "?difficulty=easy").content.decode()
    assert "No ticket fits" in client.get(at("practice") + "?difficulty=medium").content.decode()
    assert client.get(at("practice") + "?difficulty=nonsense&class=x&cursor=y").status_code == 200


def test_the_own_record_counts_and_makes_no_share_of_a_handful(ours: Team, agent: User) -> None:
    run, client = closed(ours), as_(agent)
    client.post(at("practice-case", run.ref), answer(confidence="90"))
    client.post(at("practice-case", run.ref), answer(label="rl.retry_storm", confidence="50"))
    html = client.get(at("practice")).content.decode()
    assert "1 of 2" in html and "too few for a share" in html and "70% sure" in html
