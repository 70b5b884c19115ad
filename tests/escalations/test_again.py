"""An escalation that is sent again after it came back leads to the one before, both ways, and tells what is new."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from altor.models import Notice
from escalations.attachments.keeping import Upload, attach
from escalations.contracts.stored import load_library
from escalations.lifecycle.acting import Doer, act
from escalations.lifecycle.links import link_token
from escalations.lifecycle.sending import Wish, send
from escalations.models import Escalation
from escalations.packets.format import Packet
from tests import factories as make
from tests.api.conftest import client_of

pytestmark = pytest.mark.django_db
NOON = make.NOON
MISSING = "Which request was it? Kim Park's log would say."


@pytest.fixture
def agent() -> Any:
    return make.user("mina", teams=(make.team(),))


@pytest.fixture
def engineer() -> Any:
    return make.user("eli", role="engineer")


@pytest.fixture
def run() -> Any:
    load_library()
    return make.finished_run(make.ticket(customer=make.customer(), requester_name="Kim Park"))


def returned(run: Any, agent: Any, engineer: Any) -> Escalation:
    sent, _ = send(run, Wish(), actor=agent, now=NOON)
    later = NOON + timedelta(hours=1)
    return act(sent, "reject", Doer(engineer), now=later, text=MISSING, reason="missing_evidence")


def sent_again(run: Any, agent: Any, **wish: Any) -> Escalation:
    return send(run, Wish(**wish), actor=agent, now=NOON + timedelta(hours=2))[0]


def test_it_names_what_was_returned_and_what_is_new_on_page_rest_and_packet(
    run: Any, agent: Any, engineer: Any
) -> None:
    first = returned(run, agent, engineer)
    attach(run.ticket, "reproduction", Upload("app.log", b"req_8f3 429"), actor=agent, now=NOON)
    run.steps.filter(source="linear").update(status="done")
    step = run.steps.get(step_id="traffic")
    make.evidence(step, "E9", title="A single request", summary="req_8f3 was rejected.")
    second = sent_again(run, agent, severity="SEV1", severity_why="Nobody can order anything now.")
    again = second.packet["again"]
    assert (again["ref"], again["how"], again["reason"]) == (first.ref, "returned", "Evidence is missing")
    assert (again["by"], again["said"]) == ("eli", "Which request was it? [requester]'s log would say.")
    assert "How to see it again: file app.log." in again["new"]
    assert "Severity: SEV1, was SEV2." in again["new"]
    assert "E9 A single request: req_8f3 was rejected." in again["new"]
    assert not [text for text in again["new"] if text.startswith("E1 ")]
    Packet.model_validate(second.packet)
    client = client_of(agent)
    assert client.get(f"/api/v1/escalations/{second.ref}/").json()["after"] == first.ref
    told = client.get(f"/api/v1/escalations/{first.ref}/").json()
    assert (told["after"], told["followed_by"]) == (None, [second.ref])
    written = client.get(f"/api/v1/escalations/{second.ref}/packet/?as=markdown").json()["markdown"]
    assert f"Sent again after [{first.ref}](" in written and "was returned: Evidence is missing" in written
    pages = Client()
    pages.force_login(agent)
    shown = pages.get(reverse("escalations:escalation", args=[second.ref])).content.decode()
    assert f"{first.ref} was returned: Evidence is missing" in shown
    before = pages.get(reverse("escalations:escalation", args=[first.ref])).content.decode()
    assert "Sent again as" in before and second.ref in before
    packet = pages.get(reverse("escalations:packet", args=[second.ref])).content.decode()
    assert "New since" in packet and "req_8f3 was rejected." in packet
    by_link = Client().get(reverse("escalations:by-link", args=[link_token(second)])).content.decode()
    assert "New since" in by_link and f"/escalations/{first.ref}/" not in by_link
    notice = Notice.objects.filter(kind="escalation.sent", subject_ref=second.ref).get()
    assert f"Sent again after {first.ref} was returned: Evidence is missing" in notice.lines


def test_one_that_was_sent_unchanged_says_that_nothing_is_new(run: Any, agent: Any, engineer: Any) -> None:
    returned(run, agent, engineer)
    assert sent_again(run, agent).packet["again"]["new"] == [
        "Nothing: it rests on the same evidence and the same answers."
    ]


def test_what_was_missing_and_is_there_now_comes_first(agent: Any, engineer: Any) -> None:
    load_library()
    run = make.finished_run(make.ticket())
    lead = make.user("leo", role="lead", teams=(make.team(),))
    sent, _ = send(run, Wish(override_reason="The launch is today, they wait."), actor=lead, now=NOON)
    act(sent, "withdraw", Doer(agent), now=NOON, text="We look once more.")
    again = sent_again(run, agent, answers={"customer": "org_0042"}).packet["again"]
    assert (again["how"], again["reason"]) == ("taken back", "")
    assert again["new"][0] == "The customer, with its id: was not there, is answered now."


def test_after_one_that_was_resolved_a_new_one_stands_alone(run: Any, agent: Any, engineer: Any) -> None:
    first, _ = send(run, Wish(), actor=agent, now=NOON)
    act(first, "resolve", Doer(engineer), now=NOON)
    second = sent_again(run, agent)
    assert second != first
    assert (second.after, second.packet["again"]) == (None, None)


def test_on_the_form_stands_what_engineering_said(run: Any, agent: Any, engineer: Any) -> None:
    first = returned(run, agent, engineer)
    pages = Client()
    pages.force_login(agent)
    shown = pages.get(reverse("escalations:escalate", args=[run.ticket.ref])).content.decode()
    assert f"{first.ref} was returned: Evidence is missing" in shown
    assert "Which request was it?" in shown
