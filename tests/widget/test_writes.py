"""What a sidebar does: start, run again, judge. Under whose name, how often, and what it may not."""

from __future__ import annotations

import pytest
from django.contrib.sessions.models import Session

from altor.models import AuditEvent
from investigations.models import Feedback, HelpdeskConnection, Investigation
from tests import factories as make
from tests.widget.scene import call_url, sidebar, ticket_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _playbook(db: None) -> None:
    make.playbook()


def test_a_helpdesk_alone_may_start_a_run_which_is_told_under_the_name_it_gave(desk: HelpdeskConnection) -> None:
    ticket = ticket_of(desk)
    answer = sidebar(desk, name="Noor\nroot").post(call_url(desk, rest="start/"))
    assert answer.status_code == 202 and answer.json()["state"] == "queued"
    run = Investigation.objects.get(ticket=ticket)
    assert (run.trigger, run.requested_by) == ("widget", None)
    event = AuditEvent.objects.get(action="widget.run_started")
    assert (event.actor, event.actor_kind, event.object_ref) == (None, "widget", ticket.ref)
    assert event.actor_label == "Noor\\x0aroot (generic/desk)" and event.after == {"run": run.ref}
    assert not Session.objects.exists()


def test_a_person_in_the_sidebar_starts_runs_as_themselves(desk: HelpdeskConnection) -> None:
    person = make.user("priya", teams=(make.team(),))
    ticket = ticket_of(desk)
    sidebar(desk, person).post(call_url(desk, rest="start/"))
    assert Investigation.objects.get(ticket=ticket).requested_by == person
    assert AuditEvent.objects.get(action="run.started").actor == person


def test_a_run_under_way_is_the_answer_to_a_start(desk: HelpdeskConnection) -> None:
    running = make.run(ticket_of(desk), status="running")
    answer = sidebar(desk).post(call_url(desk, rest="start/"))
    assert answer.status_code == 202 and answer.json()["run"]["ref"] == running.ref
    assert Investigation.objects.count() == 1 and not AuditEvent.objects.filter(action="widget.run_started").exists()


def test_a_run_again_remembers_the_one_before(desk: HelpdeskConnection) -> None:
    first = make.finished_run(ticket_of(desk))
    answer = sidebar(desk).post(call_url(desk, rest="rerun/"))
    assert answer.status_code == 202
    again = Investigation.objects.exclude(pk=first.pk).get()
    assert again.previous == first and answer.json()["run"]["ref"] == again.ref
    assert sidebar(desk).post(call_url(desk, rest="rerun/")).status_code == 409  # that one is under way


def test_there_is_nothing_to_run_again_without_a_run(desk: HelpdeskConnection) -> None:
    ticket_of(desk)
    answer = sidebar(desk).post(call_url(desk, rest="rerun/"))
    assert answer.status_code == 409 and "Start an investigation" in answer.json()["detail"]


@pytest.mark.parametrize("by", ["person", "helpdesk"])
@pytest.mark.parametrize("rest", ["start/", "rerun/"])
def test_the_same_write_told_twice_is_carried_out_once(desk: HelpdeskConnection, by: str, rest: str) -> None:
    ticket = ticket_of(desk)
    if rest == "rerun/":
        make.finished_run(ticket)
    client = sidebar(desk, make.user(role="admin") if by == "person" else None)
    before = Investigation.objects.count()
    for _ in range(2):
        assert client.post(call_url(desk, rest=rest), headers={"idempotency-key": "once"}).status_code == 202
        # Without the key, the run being over, the second would be another one.
        Investigation.objects.filter(status="queued").update(status="done")
    assert Investigation.objects.count() == before + 1


def test_a_person_judges_the_newest_run(desk: HelpdeskConnection) -> None:
    person = make.user("priya", teams=(make.team(),))
    run = make.finished_run(ticket_of(desk))
    client = sidebar(desk, person)
    assert client.post(call_url(desk, rest="feedback/"), {"verdict": "accepted"}).status_code == 201
    corrected = {"verdict": "corrected", "label": "rl.retry_storm", "comment": "A new job."}
    assert client.post(call_url(desk, rest="feedback/"), corrected).status_code == 201
    verdicts = Feedback.objects.filter(investigation=run, user=person).order_by("pk")
    assert [(one.verdict, one.label) for one in verdicts] == [
        ("accepted", "rl.limiter_deploy"), ("corrected", "rl.retry_storm"),
    ]  # fmt: skip
    assert AuditEvent.objects.filter(action="widget.judged", actor=person).count() == 2
    assert client.post(call_url(desk, rest="feedback/"), {"verdict": "corrected"}).status_code == 400
    assert client.post(call_url(desk, rest="feedback/"), {}).status_code == 400


def test_only_a_diagnosis_is_judged(desk: HelpdeskConnection) -> None:
    make.run(ticket_of(desk), status="failed")
    answer = sidebar(desk, make.user(role="admin")).post(call_url(desk, rest="feedback/"), {"verdict": "accepted"})
    assert answer.status_code == 409 and not Feedback.objects.exists()


@pytest.mark.parametrize(
    ("who", "rest", "status"),
    [
        ("read_only", "start/", 403), ("read_only", "rerun/", 403), ("read_only", "feedback/", 403),
        ("nobody", "feedback/", 403), ("agent", "feedback/", 201), ("outsider", "start/", 404),
        ("outsider", "rerun/", 404), ("outsider", "feedback/", 404),
    ],
)  # fmt: skip
def test_roles_and_teams_hold_in_the_sidebar_too(desk: HelpdeskConnection, who: str, rest: str, status: int) -> None:
    make.finished_run(ticket_of(desk))
    person = None
    if who == "outsider":
        person = make.user(teams=(make.team("Elsewhere"),))
    elif who != "nobody":
        person = make.user(role=who, teams=(make.team(),))
    body = {"verdict": "accepted"}
    assert sidebar(desk, person).post(call_url(desk, rest=rest), body).status_code == status
    assert Investigation.objects.count() == 1


def test_only_the_named_methods_are_answered(desk: HelpdeskConnection) -> None:
    ticket_of(desk)
    for client in (sidebar(desk), sidebar(desk, make.user(role="admin"))):
        assert client.delete(call_url(desk)).status_code == 405
        assert client.get(call_url(desk, rest="start/")).status_code == 405


def test_a_ticket_that_cannot_be_read_is_answered_clearly(desk: HelpdeskConnection) -> None:
    answer = sidebar(desk).post(call_url(desk, rest="start/"))
    assert answer.status_code == 409 and answer.json()["code"] == "ticket_not_readable"
    reader = make.user(role="engineer")  # may start a run, but not create a ticket
    assert sidebar(desk, reader).post(call_url(desk, rest="start/")).status_code == 404
