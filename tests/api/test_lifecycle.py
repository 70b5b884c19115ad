"""Over REST: a reply waits for its gate, a ticket is resolved and opened again, each told once."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from altor.models import AuditEvent, PhaseEvent
from altor.roles import Role
from investigations.models import Investigation, Ticket
from investigations.services.gates import gate_state
from tests.api.conftest import World, client_of, ticket_of

pytestmark = pytest.mark.django_db
TICKET = "/api/v1/tickets/TK-10134/"


def told(kind: str, ref: str = "TK-10134") -> list[dict[str, Any]]:
    return list(PhaseEvent.objects.filter(kind=kind, ticket_ref=ref).order_by("pk").values_list("data", flat=True))


def close_gate(run: Investigation) -> None:
    """A step that the reply waits for has not run."""
    (required,) = [s["id"] for s in run.playbook.document["steps"] if "reply" in s.get("required_before", [])]  # type: ignore[union-attr]  # it has one
    assert run.steps.filter(step_id=required).update(status="waiting") == 1


def test_a_closed_gate_names_the_missing_steps_and_the_way_on(world: World, agent_api: APIClient) -> None:
    close_gate(world.run)
    missing = gate_state(world.run)["reply"]["missing"]
    answer = agent_api.post(f"{TICKET}reply/", {}, format="json")
    body = answer.json()
    assert (answer.status_code, body["code"], body["gate"]) == (409, "gate_closed", "reply")
    assert answer["Content-Type"] == "application/problem+json"
    assert missing and body["missing"] == missing and body["investigation"] == world.run.ref
    assert all(item["title"] in body["detail"] for item in missing) and "a lead may pass" in body["detail"]
    world.ticket.refresh_from_db()
    assert world.ticket.status == "diagnosed" and told("ticket.replied") == []


def test_a_lead_passes_the_gate_and_the_agent_replies(world: World, agent_api: APIClient) -> None:
    close_gate(world.run)
    lead = client_of(world.people["lead"])
    passed = {"reason": "The customer is down and waits."}
    url = f"/api/v1/investigations/{world.run.ref}/gates/reply/override/"
    assert agent_api.post(url, passed, format="json").status_code == 403
    assert lead.post(url, passed, format="json").status_code == 201
    answer = agent_api.post(f"{TICKET}reply/", {"text": "We found it."}, format="json")
    assert (answer.status_code, answer.json()["status"]) == (200, "replied")
    event = PhaseEvent.objects.get(kind="ticket.replied")
    assert (event.subject_ref, event.actor) == (world.run.ref, world.people["agent"])
    assert event.data == {"before_diagnosis": False, "text": "We found it."}
    row = AuditEvent.objects.get(action="ticket.replied")
    assert row.before == {"status": "diagnosed"} and row.after is not None and row.after["characters"] == 12


def test_the_gate_is_that_of_the_newest_diagnosis(world: World, agent_api: APIClient) -> None:
    close_gate(world.run)
    assert agent_api.post(f"{TICKET}reply/", {}, format="json").json()["investigation"] == world.run.ref
    Investigation.objects.filter(pk=world.run.pk).update(status="failed")
    assert agent_api.post(f"{TICKET}reply/", {}, format="json").status_code == 200


def test_the_second_click_changes_nothing(world: World, agent_api: APIClient) -> None:
    steps = [("reply/", "replied"), ("resolve/", "resolved"), ("reopen/", "reopened")]
    for verb, status in steps:
        first = agent_api.post(f"{TICKET}{verb}", {}, format="json")
        second = agent_api.post(f"{TICKET}{verb}", {}, format="json")
        assert (first.status_code, first.json()["status"]) == (200, status)
        assert second.status_code == 200 and second.json() == first.json()
        assert len(told(f"ticket.{status}")) == 1
        assert AuditEvent.objects.filter(action=f"ticket.{status}").count() == 1


def test_an_idempotency_key_repeats_the_answer(world: World, agent_api: APIClient) -> None:
    key = {"HTTP_IDEMPOTENCY_KEY": "one"}
    first = agent_api.post(f"{TICKET}resolve/", {}, format="json", **key)
    agent_api.post(f"{TICKET}reopen/", {}, format="json")
    again = agent_api.post(f"{TICKET}resolve/", {}, format="json", **key)
    assert again.json() == first.json() and again["Idempotency-Replayed"] == "true"
    assert Ticket.objects.get(ref="TK-10134").status == "reopened"


def test_before_a_diagnosis_there_is_nothing_to_gate(world: World, agent_api: APIClient) -> None:
    fresh = ticket_of(world.ours, 30001)
    Ticket.objects.filter(pk=fresh.pk).update(status="received")
    url = f"/api/v1/tickets/{fresh.ref}/reply/"
    for _ in range(2):
        answer = agent_api.post(url, {"text": "We are looking into it."}, format="json")
        assert (answer.status_code, answer.json()["status"]) == (200, "replied")
    assert [data["before_diagnosis"] for data in told("ticket.replied", fresh.ref)] == [True]


def test_the_diagnosis_that_follows_an_acknowledgement_has_its_own_reply(world: World, agent_api: APIClient) -> None:
    close_gate(world.run)
    Investigation.objects.filter(ticket=world.ticket).update(status="failed")
    assert agent_api.post(f"{TICKET}reply/", {}, format="json").status_code == 200
    Investigation.objects.filter(pk=world.run.pk).update(status="done")
    assert agent_api.post(f"{TICKET}reply/", {}, format="json").json()["code"] == "gate_closed"
    world.run.steps.update(status="done")
    assert agent_api.post(f"{TICKET}reply/", {}, format="json").status_code == 200
    assert [data["before_diagnosis"] for data in told("ticket.replied")] == [True, False]


def test_what_was_sent_is_redacted_and_cut(world: World, agent_api: APIClient) -> None:
    secret = "sk_live_" + "4eC39HqLyjWDarjtT1"
    text = f"<b>Hello</b> {secret} noor@northwind.example " + "x" * 30_000
    assert agent_api.post(f"{TICKET}reply/", {"text": text}, format="json").status_code == 200
    (kept,) = told("ticket.replied")
    assert kept["text"].startswith("<b>Hello</b> [Stripe key] [email]@northwind.example xxx")
    assert len(kept["text"]) == 20_000 and kept["text_cut"] is True
    assert secret not in str(list(AuditEvent.objects.values()))


@pytest.mark.parametrize("text", [["a"], None, "x" * 100_001])
def test_a_text_that_is_none_is_refused_at_its_field(text: Any, world: World, agent_api: APIClient) -> None:
    answer = agent_api.post(f"{TICKET}reply/", {"text": text}, format="json")
    assert answer.status_code == 400 and "text" in answer.json()["errors"] and told("ticket.replied") == []


def test_resolving_keeps_the_time_and_reopening_forgets_it(world: World, agent_api: APIClient) -> None:
    resolved = agent_api.post(f"{TICKET}resolve/", {}, format="json").json()
    assert resolved["status"] == "resolved" and resolved["resolved_at"]
    refused = agent_api.post(f"{TICKET}reply/", {}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict") and "Reopen it" in refused.json()[
        "detail"
    ]
    opened = agent_api.post(f"{TICKET}reopen/", {}, format="json").json()
    assert (opened["status"], opened["resolved_at"]) == ("reopened", None)
    assert told("ticket.resolved") == [{"from": "diagnosed"}]
    assert told("ticket.reopened")[0]["resolved_for_s"] >= 0


def test_an_open_ticket_cannot_be_reopened(world: World, agent_api: APIClient) -> None:
    answer = agent_api.post(f"{TICKET}reopen/", {}, format="json")
    assert answer.status_code == 409 and "not resolved" in answer.json()["detail"]


def test_only_those_who_talk_to_customers_may(world: World) -> None:
    for role in Role.values:
        allowed = role in ("agent", "lead", "admin")
        for verb in ("reply/", "resolve/", "reopen/"):
            status = client_of(world.people[role]).post(f"{TICKET}{verb}", {}, format="json").status_code
            assert status == (200 if allowed else 403), (role, verb)


def test_a_token_without_the_scope_may_not(world: World) -> None:
    narrow = client_of(world.people["admin"], "ticket.edit", "ticket.reply")
    assert narrow.post(f"{TICKET}resolve/", {}, format="json").status_code == 403
    assert narrow.post(f"{TICKET}reply/", {}, format="json").status_code == 200
