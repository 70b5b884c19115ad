"""Metrics over REST: definitions, figures by group and time zone, and bad questions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from altor.models import Team
from metrics.definitions.catalogue import METRICS
from metrics.models import Cycle
from metrics.phases.keeping import compute
from tests import factories as make
from tests.api.conftest import client_of
from tests.metrics.histories import BEGIN, make_histories

pytestmark = pytest.mark.django_db
PERIOD = {"from": BEGIN.date().isoformat(), "to": (BEGIN + timedelta(days=60)).date().isoformat()}


@pytest.fixture
def api() -> APIClient:
    teams = make.team("Berlin", timezone="Europe/Berlin"), make.team("Auckland", timezone="Pacific/Auckland")
    lives = make_histories(60, 7, teams)
    compute([life.ticket.ref for life in lives], BEGIN + timedelta(days=90))
    return client_of(make.user("root", role="admin"))


def ask(api: APIClient, name: str, **query: Any) -> dict[str, Any]:
    answer = api.get(f"/api/v1/metrics/{name}/", {**PERIOD, **query})
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def test_every_metric_tells_what_it_means(api: APIClient) -> None:
    told = api.get("/api/v1/metrics/").json()["metrics"]
    assert [one["name"] for one in told] == list(METRICS)
    assert all(one["formula"] and one["example"] and one["defined_by"] and one["version"] >= 1 for one in told)


def test_groups_add_up_to_the_whole(api: APIClient) -> None:
    for groups in ("week", "class", "team", "tier", "week,team", "class,tier"):
        found = ask(api, "escalation-rate", group_by=groups)
        assert sum(one["n"] for one in found["figures"]) == found["total"]["n"]
        assert sum(one["hits"] for one in found["figures"]) == found["total"]["hits"]
        assert set(found["figures"][0]["key"]) == set(groups.split(","))
    assert {one["key"]["team"] for one in ask(api, "coverage", group_by="team")["figures"]} == {"berlin", "auckland"}


def test_weeks_are_those_of_the_zone_that_is_asked_for(api: APIClient) -> None:
    cycle = Cycle.objects.filter(closed_at__isnull=False, gone="", team__slug="auckland", number=1).first()
    assert cycle is not None and cycle.closed_at is not None and cycle.week is not None
    # Sunday 20:00 in UTC is Monday in Auckland.
    sunday = BEGIN + timedelta(days=13, hours=14)
    Cycle.objects.filter(pk=cycle.pk).update(begun_at=BEGIN, closed_at=sunday, week=(sunday + timedelta(days=1)).date())
    cells = {"incident_class": cycle.incident_class or "-"}
    there = ask(api, "resolution-time", group_by="week", team="auckland", **{"class": cells["incident_class"]})
    utc = ask(api, "resolution-time", group_by="week", team="auckland", tz="UTC", **{"class": cells["incident_class"]})
    key = (sunday + timedelta(days=1)).date().isoformat()
    before = (sunday - timedelta(days=6)).date().isoformat()

    def of(found: dict[str, Any], week: str) -> int:
        return next((one["n"] for one in found["figures"] if one["key"]["week"] == week), 0)

    assert of(there, key) >= 1
    assert of(utc, before) >= 1
    assert utc["zone"] == "UTC" and there["zone"] == ""


@pytest.mark.parametrize(
    "query",
    [
        {"group_by": "person"}, {"group_by": "week,week"}, {"tz": "Mars/Base"}, {"team": "nobody"},
        {"fro": "2026-01-01"}, {"from": "2026-13-01"}, {"from": "2027-01-01"}, {"from": "1990-01-01"},
    ],
)  # fmt: skip
def test_a_bad_question_is_answered_with_what_is_wrong(api: APIClient, query: dict[str, str]) -> None:
    answer = api.get("/api/v1/metrics/coverage/", {**PERIOD, **query})
    assert answer.status_code == 400
    assert answer.json()


def test_a_metric_that_does_not_exist_is_not_found(api: APIClient) -> None:
    assert api.get("/api/v1/metrics/speed/").status_code == 404


def test_another_teams_figures_are_not_told(api: APIClient) -> None:
    lead = make.user("lea", role="lead", teams=(Team.objects.get(slug="berlin"),))
    theirs = client_of(lead)
    found = theirs.get("/api/v1/metrics/coverage/", {**PERIOD, "group_by": "team"}).json()
    assert {one["key"]["team"] for one in found["figures"]} == {"berlin"}
    assert theirs.get("/api/v1/metrics/coverage/", {**PERIOD, "team": "auckland"}).status_code == 400
