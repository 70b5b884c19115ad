"""Intercom's inbox: a signed request is answered by a canvas, acts once, and shows nothing to anybody else."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest
from django.test import Client

from altor.models import AuditEvent, User
from investigations.models import Feedback, HelpdeskConnection, Investigation, Ticket
from tests import factories
from tests.widget.scene import helpdesk, ticket_of

pytestmark = pytest.mark.django_db
SECRET = "obviously-fake-client-secret"
CONVERSATION = "215469840000077"


@pytest.fixture
def inbox() -> HelpdeskConnection:
    found = helpdesk("intercom", "main", launch_secret="")
    found.endpoint.secrets = SECRET
    found.endpoint.save()
    return found


@pytest.fixture
def ada() -> User:
    return factories.user("ada", teams=(factories.team(),))


@pytest.fixture
def ticket(inbox: HelpdeskConnection) -> Ticket:
    return ticket_of(inbox, CONVERSATION)


def asked(action: str = "", *, email: str = "ada@altor.example", secret: str = SECRET, **more: Any) -> Any:
    body = {
        "workspace_id": "abcd1234", "conversation": {"id": CONVERSATION},
        "admin": {"id": "991267696", "name": "Ada", "email": email}, **more,
    } | ({"component_id": action} if action else {})  # fmt: skip
    raw = json.dumps(body).encode()
    signature = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    headers = {"X-Body-Signature": signature}
    return Client().post("/widget/intercom/main/canvas/", raw, content_type="application/json", headers=headers)


def words(answer: Any) -> str:
    assert answer.status_code == 200, answer.content
    return json.dumps(answer.json()["canvas"]["content"]["components"], ensure_ascii=False)


def components(answer: Any) -> set[str]:
    return {one.get("id", "") for one in answer.json()["canvas"]["content"]["components"]}


def test_a_conversation_with_a_diagnosis_shows_its_five_lines(ticket: Ticket, ada: User) -> None:
    factories.finished_run(ticket)
    answer = asked()
    assert "A deployment changed the limiter" in words(answer)
    assert "not checked: Linear" in words(answer)
    assert {"line-0", "line-4", "rerun", "show-feedback"} <= components(answer)
    assert answer["Cache-Control"] == "no-store"


def test_it_starts_and_shows_how_far_it_is(ticket: Ticket, ada: User) -> None:
    factories.playbook()
    assert "start" in components(asked())
    answer = asked("start")
    assert "has started" in words(answer)
    assert "refresh" in components(answer)
    asked("start")  # Intercom asks again when it got no answer
    run = Investigation.objects.get()
    assert (run.trigger, run.requested_by) == ("widget", ada)
    assert AuditEvent.objects.get(action="widget.run_started").actor == ada


def test_feedback_is_recorded_once(ticket: Ticket, ada: User) -> None:
    factories.finished_run(ticket)
    assert "grade" in components(asked("show-feedback"))
    for _ in range(2):
        asked("send-feedback", input_values={"grade": "exact", "comment": ""})
    assert (Feedback.objects.get().grade, Feedback.objects.get().user) == ("exact", ada)


def test_a_teammate_whom_altor_does_not_know_may_read_and_start_and_not_judge(ticket: Ticket) -> None:
    factories.finished_run(ticket)
    answer = asked(email="noor@desk.example")
    assert "A deployment changed the limiter" in words(answer)
    assert "not known to Altor" in words(answer)
    assert "show-feedback" not in components(answer)
    assert "not open to you" in words(
        asked("send-feedback", email="noor@desk.example", input_values={"grade": "exact"})
    )
    assert not Feedback.objects.exists()


def test_another_teams_ticket_shows_nothing(ticket: Ticket) -> None:
    factories.finished_run(ticket)
    factories.user("ada", teams=(factories.team("Others"),))
    answer = asked()
    assert "another team" in words(answer)
    assert "limiter" not in words(answer)


@pytest.mark.parametrize("secret", ["another", ""])
def test_a_wrong_signature_is_refused(ticket: Ticket, secret: str) -> None:
    assert asked(secret=secret).status_code == 401
    assert Client().post("/widget/intercom/main/canvas/", b"{}", content_type="application/json").status_code == 401


def test_somebody_who_was_shut_out_does_not_come_back_as_a_stranger(ticket: Ticket, ada: User) -> None:
    User.objects.filter(pk=ada.pk).update(is_active=False)
    assert asked().status_code == 401


def test_a_conversation_that_is_not_known_says_so(inbox: HelpdeskConnection, ada: User) -> None:
    answer = asked()
    assert "Not investigated yet" in words(answer)
    assert "start" not in components(answer)  # there is no API to read it by


def test_an_unknown_or_inactive_connection_is_not_there(inbox: HelpdeskConnection) -> None:
    inbox.endpoint.is_active = False
    inbox.endpoint.save()
    assert asked().status_code == 404
    assert Client().get("/widget/intercom/main/canvas/").status_code == 405
