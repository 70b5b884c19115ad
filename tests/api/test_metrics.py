"""Diagnosis quality over REST."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from investigations.models import Feedback, Investigation
from tests.api.conftest import World, client_of, run_of

pytestmark = pytest.mark.django_db
AT = "/api/v1/metrics/diagnosis/"


def judge(run: Investigation, world: World, verdict: str = "accepted", **values: Any) -> None:
    Feedback.objects.create(investigation=run, verdict=verdict, user=world.people["lead"], **values)


def test_without_a_verdict_it_counts_and_says_nothing(world: World, agent_api: APIClient) -> None:
    answer = agent_api.get(f"{AT}?period=all").json()
    assert (answer["finished"], answer["judged"], answer["stated"], answer["brier"]) == (2, 0, None, None)
    assert answer["right"] == {"hits": 0, "n": 0, "share": None, "low": None, "high": None}
    assert (answer["bins"], answer["playbooks"], answer["period_days"]) == ([], [], None)
    assert answer["calibration"] == {"version": "a240d01e9c4d", "fitted_on": "2026-11-28", "cases": 337}


def test_the_figures_of_the_runs_that_the_caller_may_see(world: World, agent_api: APIClient) -> None:
    for number in range(10, 14):
        judge(run_of(world.ticket, number), world, grade="exact")
    judge(world.run, world, "corrected", label="lat.pool", grade="one_hop")
    judge(world.foreign_run, world, grade="exact")
    answer = agent_api.get(f"{AT}?period=all&playbook=latency").json()
    assert (answer["judged"], answer["finished"], answer["playbook"]) == (5, 6, "latency")
    assert answer["right"] == {"hits": 4, "n": 5, "share": 0.8, "low": 0.3755, "high": 0.9638}
    assert (answer["stated"], answer["expected_calibration_error"], answer["brier"]) == (0.8, 0.0, 0.16)
    assert answer["grades"] == {"exact": 4, "one_hop": 1, "area": 0, "wrong": 0}
    assert answer["corrections"] == [{"said": "lat.deploy_route", "found": "lat.pool", "n": 1}]
    assert [(one["low"], one["right"]["n"]) for one in answer["bins"]] == [(0.8, 5)]
    assert [one["playbook"] for one in answer["playbooks"]] == ["latency"]
    assert client_of(world.people["admin"]).get(f"{AT}?period=all").json()["judged"] == 6
    assert client_of(world.people["outsider"]).get(f"{AT}?period=all").json()["judged"] == 1


def test_a_period_is_one_of_four_and_other_parameters_are_refused(world: World, agent_api: APIClient) -> None:
    assert agent_api.get(AT).json()["period_days"] == 90
    for query in ("period=7", "perlod=30", "playbook=no%20slug"):
        answer = agent_api.get(f"{AT}?{query}")
        assert answer.status_code == 400 and answer["Content-Type"] == "application/problem+json", query


def test_it_costs_the_same_however_many(world: World, agent_api: APIClient, django_assert_max_num_queries: Any) -> None:
    for number in range(10, 30):
        judge(run_of(world.ticket, number), world, grade="exact")
    agent_api.get(AT)  # the token's last use is noted now
    with django_assert_max_num_queries(8):
        agent_api.get(f"{AT}?period=all")
