"""A cancelled run over REST and on its page: what had not run says so, and opens no gate."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.test import Client
from rest_framework.test import APIClient

from investigations.models import Investigation, StepResult
from tests import factories
from tests.api.conftest import World

pytestmark = pytest.mark.django_db
REQUIRED = {"required_before": ["reply", "escalation"]}
STEPS = [
    {"id": "traffic", "title": "Traffic", "question": "?", "source": "clickhouse", "query": "SELECT 1", **REQUIRED},
    {"id": "slow", "title": "Slow", "question": "?", "source": "clickhouse", "query": "SELECT 2", **REQUIRED},
    {"id": "confirm", "title": "Job", "question": "?", "source": "manual", "manual": {"ask": "A job?"}, **REQUIRED},
    {"id": "late", "title": "Late", "question": "?", "source": "clickhouse", "query": "SELECT 3", **REQUIRED},
]  # fmt: skip


@pytest.fixture
def running(world: World) -> Investigation:
    """A run with a step in every state that a cancel may meet."""
    ticket = factories.ticket(in_team=world.ours, status="investigating")
    run = factories.run(ticket, status="running", playbook=factories.playbook("gated", steps=STEPS))
    for position, (step, status) in enumerate(
        [("traffic", "done"), ("slow", "running"), ("confirm", "asked"), ("late", "waiting")], 1
    ):
        factories.step(run, step, position, status=status)
    return run


def cancelled(api: APIClient, run: Investigation) -> dict[str, Any]:
    answer = api.post(f"/api/v1/investigations/{run.ref}/cancel/")
    assert answer.status_code == 200
    return dict(answer.json())


def test_a_cancel_opens_no_gate_and_its_steps_say_that_they_were_cancelled(
    running: Investigation, agent_api: APIClient
) -> None:
    body = cancelled(agent_api, running)
    assert {step["step_id"]: step["status"] for step in body["steps"]} == {
        "traffic": "done", "slow": "cancelled", "confirm": "cancelled", "late": "cancelled",
    }  # fmt: skip
    for gate in ("reply", "escalation"):
        assert not body["gates"][gate]["open"]
        assert [item["step"] for item in body["gates"][gate]["missing"]] == ["slow", "confirm", "late"]


@pytest.mark.parametrize("status", ["skipped", "unavailable"])
def test_only_in_a_finished_run_a_step_without_an_answer_is_enough(
    running: Investigation, agent_api: APIClient, status: str
) -> None:
    running.steps.exclude(step_id="traffic").update(status=status)
    assert not cancelled(agent_api, running)["gates"]["reply"]["open"]
    Investigation.objects.filter(pk=running.pk).update(status="failed")
    assert not agent_api.get(f"/api/v1/investigations/{running.ref}/gates/").json()["reply"]["open"]
    Investigation.objects.filter(pk=running.pk).update(status="done")
    assert agent_api.get(f"/api/v1/investigations/{running.ref}/gates/").json()["reply"]["open"]


def test_the_page_of_a_cancelled_run_says_so_and_asks_nothing(
    world: World, running: Investigation, agent_api: APIClient, client: Client
) -> None:
    cancelled(agent_api, running)
    client.force_login(world.people["agent"])
    html = client.get(f"/investigations/{running.ref}/").content.decode()
    assert html.count("al-step--cancelled") == 3 and "al-step--skipped" not in html
    assert "1 of 4 steps finished" in html and "Still needed" in html
    assert 'id="answer-confirm"' not in html


def test_steps_that_were_cancelled_before_this_version_are_told_apart(running: Investigation) -> None:
    rows = StepResult.objects.filter(investigation=running)
    rows.filter(step_id="slow").update(status="skipped", result="The run was cancelled")
    rows.filter(step_id="late").update(status="skipped", result="Not needed: its condition does not hold")
    Investigation.objects.filter(pk=running.pk).update(status="cancelled")
    import_module("investigations.migrations.0004_step_cancelled").tell_apart(apps, None)
    assert dict(rows.values_list("step_id", "status")) == {
        "traffic": "done", "slow": "cancelled", "confirm": "cancelled", "late": "skipped",
    }  # fmt: skip
