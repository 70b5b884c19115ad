"""The sidebar's one call: what it says, to whom, at what price."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone
from rest_framework.settings import api_settings
from rest_framework.test import APIClient

from escalations.contracts.stored import load_library
from escalations.models import Escalation
from investigations.models import HelpdeskConnection, Investigation
from investigations.services.gates import override_gate
from investigations.widget import tokens
from investigations.widget.parts import WidgetContext
from tests import factories as make
from tests.api.conftest import client_of
from tests.widget.scene import call_url, helpdesk, sidebar, ticket_of, with_token

pytestmark = pytest.mark.django_db

KEYS = {
    "state": None, "may_create": None, "lines": None, "evidence": None, "similar": None, "on_call": None,
    "incident": None,
    "escalation": {
        "state", "ref", "url", "title", "text", "severity", "missing", "verb", "may_escalate", "can_send",
    },
    "ticket": {"ref", "subject", "status", "class", "customer", "url"},
    "run": {"ref", "status", "version", "severity", "progress", "seconds", "playbook", "url", "failure"},
    "checked": {"text", "unavailable"},
    "reply": {"text", "gate"},
    "actions": {"start", "rerun", "feedback", "insert", "escalate"},
    "viewer": {"name", "is_known"},
}  # fmt: skip


def keys(document: Mapping[str, Any]) -> dict[str, set[str] | None]:
    return {name: set(value) if isinstance(value, dict) else None for name, value in document.items()}


def test_everything_about_a_diagnosed_ticket_comes_in_one_call(desk: HelpdeskConnection) -> None:
    person = make.user("priya", teams=(make.team(),))
    run = make.finished_run(ticket_of(desk, customer=make.customer(name="Northwind Freight")))
    said = sidebar(desk, person).get(call_url(desk)).json()
    assert keys(said) == KEYS
    assert (said["state"], said["run"]["severity"], said["ticket"]["customer"]) == ("done", "SEV2", "Northwind Freight")
    assert [line["key"] for line in said["lines"]] == ["cause", "scope", "since", "not", "next"]
    assert set(said["lines"][0]) == {"key", "lead", "text", "confidence", "band", "evidence"}
    cause = said["lines"][0]
    assert (cause["text"], cause["confidence"], cause["band"]) == ("A deployment changed the limiter", 0.86, "High")
    assert cause["evidence"][0]["url"] == f"http://testserver/investigations/{run.ref}/evidence/E2/"
    assert said["checked"] == {"text": "2 checks, 2 systems, 2.3 s; not checked: Linear", "unavailable": ["Linear"]}
    assert [item["ref_id"] for item in said["evidence"]] == ["E1", "E3", "E2"]  # breaches, then within, then context
    assert set(said["evidence"][0]) == {"ref_id", "summary", "verdict", "source", "url"}
    assert said["run"]["progress"] == {"done": 3, "total": 4, "current": ""}
    assert said["reply"] == {"text": make.diagnosis()["reply_draft"], "gate": {"open": True, "missing": []}}
    assert said["actions"] == {"start": False, "rerun": True, "feedback": True, "insert": True, "escalate": True}
    assert said["viewer"] == {"name": "priya", "is_known": True}


def test_at_most_four_pieces_of_evidence_breaches_first(desk: HelpdeskConnection) -> None:
    run = make.finished_run(ticket_of(desk))
    for number in (4, 5, 6):
        make.evidence(run.steps.get(step_id="issues"), f"E{number}")
    said = sidebar(desk).get(call_url(desk)).json()
    assert [item["ref_id"] for item in said["evidence"]] == ["E1", "E4", "E5", "E6"]


def test_a_ticket_without_a_run_offers_to_start_one(desk: HelpdeskConnection) -> None:
    ticket_of(desk)
    said = sidebar(desk, name="Noor").get(call_url(desk)).json()
    assert set(said) == set(KEYS)
    assert (said["state"], said["run"], said["lines"], said["checked"], said["reply"]) == ("none", None, [], None, None)
    assert said["actions"] == {"start": True, "rerun": False, "feedback": False, "insert": False, "escalate": False}
    assert said["viewer"] == {"name": "Noor", "is_known": False}


def test_a_running_run_tells_how_far_it_is_and_no_cause_yet(desk: HelpdeskConnection) -> None:
    run = make.run(ticket_of(desk), status="running", live_version=3, diagnosis=make.diagnosis())
    make.step(run, "traffic", 1)
    make.step(run, "deployments", 2, status="running")
    make.step(run, "confirm", 3, status="waiting")
    said = sidebar(desk).get(call_url(desk)).json()
    assert said["run"]["progress"] == {"done": 1, "total": 3, "current": "Deployments near the onset"}
    assert said["lines"] == [] and said["reply"] is None and said["checked"] is None
    assert not any(said["actions"].values())


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_a_run_that_did_not_end_well_can_be_run_again(desk: HelpdeskConnection, status: str) -> None:
    make.run(ticket_of(desk), status=status, failure="The worker was killed.")
    said = sidebar(desk).get(call_url(desk)).json()
    assert (said["state"], said["run"]["failure"], said["actions"]["rerun"]) == (status, "The worker was killed.", True)


def test_a_closed_gate_keeps_the_reply_from_being_inserted_until_somebody_opens_it(desk: HelpdeskConnection) -> None:
    run = make.finished_run(ticket_of(desk))
    run.steps.filter(step_id="traffic").update(status="asked")
    said = sidebar(desk).get(call_url(desk)).json()
    assert said["reply"]["gate"] == {"open": False, "missing": ["Rejections and traffic"]}
    assert said["actions"]["insert"] is False
    lead = make.user(role="lead")
    override_gate(run, "reply", "The customer waits.", actor=lead)
    assert sidebar(desk).get(call_url(desk)).json()["actions"]["insert"] is True


def test_a_person_who_may_not_reply_inserts_nothing(desk: HelpdeskConnection) -> None:
    make.finished_run(ticket_of(desk))
    reader = make.user(role="read_only", teams=(make.team(),))
    said = sidebar(desk, reader).get(call_url(desk)).json()
    assert said["actions"] == {"start": False, "rerun": False, "feedback": False, "insert": False, "escalate": False}


def similar(context: WidgetContext) -> tuple[str, Mapping[str, Any]]:
    return "similar", {"items": [{"text": context.ticket.subject}]}


def better_reply(context: WidgetContext) -> tuple[str, Mapping[str, Any]]:
    return "reply", {"text": "Better.", "gate": {"open": True, "missing": []}}


def escalation(context: WidgetContext) -> tuple[str, Mapping[str, Any]]:
    return "escalation", {"may_escalate": context.user is not None, "url": "https://altor.example/e"}


@override_settings(
    WIDGET_PARTS=[f"tests.widget.test_call.{name}" for name in ("similar", "better_reply", "escalation")]
)
def test_parts_of_other_apps_have_their_places_and_none_opens_a_gate(desk: HelpdeskConnection) -> None:
    run = make.finished_run(ticket_of(desk))
    run.steps.filter(step_id="traffic").update(status="asked")
    said = sidebar(desk, make.user(role="admin")).get(call_url(desk)).json()
    assert said["similar"] == {"items": [{"text": run.ticket.subject}]}
    assert said["reply"]["text"] == "Better." and said["reply"]["gate"]["open"] is False
    assert said["actions"]["escalate"] is True
    assert sidebar(desk).get(call_url(desk)).json()["actions"]["escalate"] is False


# --------------------------------------------------------------------------------------------------------- escalations
def test_a_complete_escalation_is_sent_from_the_sidebar_once(desk: HelpdeskConnection) -> None:
    person = make.user(teams=(make.team(),))
    run = make.finished_run(ticket_of(desk, customer=make.customer()))
    client = sidebar(desk, person)
    offered = client.get(call_url(desk)).json()["escalation"]
    assert (offered["verb"], offered["can_send"], offered["missing"]) == ("Escalate SEV2", True, [])
    sent = client.post(f"{call_url(desk)}escalate/", {}, format="json", headers={"Idempotency-Key": "click-1"})
    assert sent.status_code == 201
    again = client.post(f"{call_url(desk)}escalate/", {}, format="json", headers={"Idempotency-Key": "click-1"})
    assert again.status_code in (200, 201)
    one = Escalation.objects.get()
    assert (one.run, one.history.get().via) == (run, "widget")
    shown = client.get(call_url(desk)).json()["escalation"]
    assert (shown["ref"], shown["state"], shown["verb"]) == (one.ref, "sent", f"Open {one.ref}")


def test_an_incomplete_one_leads_to_the_page_where_it_is_filled_in(desk: HelpdeskConnection) -> None:
    person = make.user(teams=(make.team(),))
    run = make.finished_run(ticket_of(desk))
    said = sidebar(desk, person).get(call_url(desk)).json()
    assert (said["escalation"]["can_send"], said["escalation"]["missing"]) == (False, ["The customer, with its id"])
    assert said["escalation"]["url"].endswith(f"/tickets/{run.ticket.ref}/escalate/")
    assert said["actions"]["escalate"] is True
    # Where only the helpdesk vouches for whoever sits there, nothing is offered that needs a person.
    assert sidebar(desk).get(call_url(desk)).json()["actions"]["escalate"] is False


# ------------------------------------------------------------------------------------------------------- cheap polling
def test_a_poll_with_the_known_version_is_answered_with_nothing(
    desk: HelpdeskConnection, django_assert_num_queries: Any
) -> None:
    run = make.run(ticket_of(desk), status="running", live_version=3)
    client = sidebar(desk)
    version = client.get(call_url(desk)).json()["run"]["version"]
    with django_assert_num_queries(3):  # connection, ticket, run
        assert client.get(call_url(desk), {"version": version}).status_code == 204
    Investigation.objects.filter(pk=run.pk).update(live_version=4)
    assert client.get(call_url(desk), {"version": version}).status_code == 200


def test_an_unchanged_document_is_not_sent_again(desk: HelpdeskConnection) -> None:
    run = make.finished_run(ticket_of(desk))
    client = sidebar(desk)
    tag = client.get(call_url(desk))["ETag"]
    again = client.get(call_url(desk), headers={"if-none-match": tag})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag)
    Investigation.objects.filter(pk=run.pk).update(severity="SEV1", live_version=run.live_version + 1)
    assert client.get(call_url(desk), headers={"if-none-match": tag}).status_code == 200


def test_a_call_that_finds_nothing_new_costs_eight_queries(
    desk: HelpdeskConnection, django_assert_num_queries: Any
) -> None:
    person = make.user(teams=(make.team(),))
    make.finished_run(ticket_of(desk))
    load_library()
    client = sidebar(desk, person)
    client.get(call_url(desk))
    # connection, person, ticket, the run's version; the states of escalations, of incidents, of replies and of
    # rotations
    with django_assert_num_queries(8):
        client.get(call_url(desk))


# ------------------------------------------------------------------------------------------------------------ who sees
def test_a_token_opens_its_own_ticket_helpdesk_and_connection_only(desk: HelpdeskConnection) -> None:
    other = helpdesk(name="other")
    chat = helpdesk("chatwoot", "chat")
    for one in (desk, other, chat):
        make.finished_run(ticket_of(one))
    make.finished_run(ticket_of(desk, "50000"))
    client = sidebar(desk)
    assert client.get(call_url(desk)).status_code == 200
    assert client.get(call_url(desk), {"connection": "desk"}).status_code == 200
    assert client.get(call_url(desk), {"connection": "other"}).status_code == 404
    assert client.get(call_url(desk, "50000")).status_code == 404
    assert client.get(call_url(chat)).status_code == 404
    assert (
        client.get(call_url(desk)).json()["ticket"]["ref"]
        != sidebar(other).get(call_url(other)).json()["ticket"]["ref"]
    )


def test_another_teams_ticket_is_not_there_for_a_person(desk: HelpdeskConnection) -> None:
    ticket_of(desk, in_team=make.team("Elsewhere"))
    person = make.user(teams=(make.team(),))
    assert sidebar(desk, person).get(call_url(desk)).status_code == 404
    assert sidebar(desk, make.user(role="admin")).get(call_url(desk)).status_code == 200


def test_a_token_works_nowhere_else_in_the_api(desk: HelpdeskConnection) -> None:
    ticket_of(desk)
    client = sidebar(desk, make.user(role="admin"))
    for path in ("tickets/", "me/", "audit/", "investigations/"):
        assert client.get(f"/api/v1/{path}").status_code in (401, 404)


def test_a_program_and_a_logged_in_person_may_call_too(desk: HelpdeskConnection) -> None:
    ticket_of(desk)
    person = make.user(teams=(make.team(),))
    assert client_of(person).get(call_url(desk)).status_code == 200
    assert client_of(person, "customer.read").get(call_url(desk)).status_code == 403
    browser = APIClient(enforce_csrf_checks=True)
    browser.force_login(person)
    assert browser.get(call_url(desk)).status_code == 200
    assert browser.post(call_url(desk, rest="start/")).status_code == 403  # a session needs its CSRF token
    assert APIClient().get(call_url(desk)).status_code == 401


def test_to_a_program_an_unknown_ticket_and_another_teams_look_alike(desk: HelpdeskConnection) -> None:
    ticket_of(desk, in_team=make.team("Elsewhere"))
    client = client_of(make.user(teams=(make.team(),)))
    foreign, unknown = client.get(call_url(desk)), client.get(call_url(desk, "99999"))
    assert foreign.status_code == unknown.status_code == 404
    assert {**foreign.json(), "request_id": ""} == {**unknown.json(), "request_id": ""}


def test_the_connection_is_named_where_there_are_several(desk: HelpdeskConnection) -> None:
    other = helpdesk(name="other")
    ticket_of(other)
    client = client_of(make.user(role="admin"))
    assert client.get(call_url(other)).status_code == 400
    assert client.get(call_url(other), {"connection": "other"}).status_code == 200
    assert client.get(call_url(other), {"connection": "nothing"}).status_code == 404


# ------------------------------------------------------------------------------------------------------- unknown ticket
def test_an_unknown_ticket_is_told_from_a_forbidden_one_only_in_a_sidebar(desk: HelpdeskConnection) -> None:
    said = sidebar(desk).get(call_url(desk)).json()
    assert set(said) == set(KEYS) and said["ticket"] is None and said["state"] == "none"
    assert said["may_create"] is False  # nothing to read it by
    HelpdeskConnection.objects.update(base_url="https://desk.example/api", secret="obviously-fake-api-key")
    assert sidebar(desk).get(call_url(desk)).json()["may_create"] is True
    reader = make.user(role="read_only")
    assert sidebar(desk, reader).get(call_url(desk)).json()["may_create"] is False


# --------------------------------------------------------------------------------------------------------- token's end
def test_a_token_ends_with_its_time(desk: HelpdeskConnection) -> None:
    ticket_of(desk)
    begun = timezone.now() - tokens.LIFE
    old = tokens.new_token(desk, voucher=tokens.Voucher.KEY, now=begun, ticket="48213")
    young = tokens.new_token(desk, voucher=tokens.Voucher.KEY, now=begun + timedelta(seconds=30), ticket="48213")
    assert with_token(tokens.write_token(old)).get(call_url(desk)).status_code == 401
    assert with_token(tokens.write_token(young)).get(call_url(desk)).status_code == 200


@pytest.mark.parametrize("end", ["switched off", "new secret", "deactivated", "sessions ended", "removed"])
def test_a_token_ends_with_what_it_rests_on(desk: HelpdeskConnection, end: str) -> None:
    person = make.user(role="admin")
    ticket_of(desk)
    client = sidebar(desk, person)
    assert client.get(call_url(desk)).status_code == 200
    match end:
        case "switched off":
            desk.endpoint.is_active = False
            desk.endpoint.save()
        case "new secret":
            desk.launch_secret = "obviously-fake-launch-secret-0002"
            desk.save()
        case "deactivated":
            person.is_active = False
            person.save()
        case "sessions ended":
            person.sessions_valid_after = timezone.now() + timedelta(seconds=1)
            person.save()
        case "removed":
            desk.delete()
    assert client.get(call_url(desk)).status_code == 401


def test_a_changed_token_is_no_token(desk: HelpdeskConnection) -> None:
    ticket_of(desk)
    text = tokens.write_token(tokens.new_token(desk, voucher=tokens.Voucher.KEY, now=timezone.now(), ticket="48213"))
    assert with_token(text).get(call_url(desk)).status_code == 200
    body, _, signature = text.removeprefix(tokens.PREFIX).rpartition(".")
    forged = [text[:-1] + ("A" if text[-1] != "A" else "B"), f"{tokens.PREFIX}{body}x.{signature}", tokens.PREFIX, "x"]
    for bad in forged:
        assert with_token(bad).get(call_url(desk)).status_code == 401, bad
    bearer = APIClient()
    bearer.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    assert bearer.get(call_url(desk)).status_code == 200


def test_cookies_make_no_difference_to_a_sidebar(desk: HelpdeskConnection) -> None:
    ticket_of(desk, in_team=make.team("Elsewhere"))
    client = sidebar(desk, make.user(teams=(make.team(),)))
    client.force_login(make.user(role="admin"))
    answer = client.get(call_url(desk))
    assert answer.status_code == 404 and not answer.cookies


def test_a_frame_that_reads_too_often_waits_and_others_do_not(
    desk: HelpdeskConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(api_settings.DEFAULT_THROTTLE_RATES, "token", "3/day")
    ticket_of(desk)
    client = sidebar(desk)
    answers = [client.get(call_url(desk)) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert int(answers[3]["Retry-After"]) >= 1
    assert sidebar(desk).get(call_url(desk)).status_code == 200
