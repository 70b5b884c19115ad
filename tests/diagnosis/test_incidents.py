"""Status pages beside an onset, and sources that contradict each other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from investigations.diagnosis.diagnose import diagnose
from investigations.diagnosis.facts import FactSpace, plain
from investigations.diagnosis.incidents import rank, same_region
from investigations.diagnosis.steps import interpret, not_connected
from investigations.diagnosis.types import RunInputs, StepOutcome
from investigations.playbooks.format import Incidents, Playbook
from investigations.playbooks.loader import LIBRARY, parse_playbook
from investigations.sources.base import SourceAnswer

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
ONSET = NOW - timedelta(hours=2)


def at(minutes: float) -> str:
    return (ONSET + timedelta(minutes=minutes)).isoformat()


def incident(number: int, started: float, **more: Any) -> dict[str, Any]:
    return {
        "id": f"i{number}", "page": "status.example.com", "name": "Elevated latency", "status": "investigating",
        "impact": "major", "is_open": True, "started_at": at(started), "resolved_at": None,
        "url": f"https://status.example.com/incidents/i{number}", "components": [], "regions": [], "updates": [],
        **more,
    }  # fmt: skip


def ranked(*incidents: dict[str, Any], maintenances: Any = (), **values: Any) -> dict[str, Any]:
    measure = Incidents.model_validate(
        {
            "method": "incidents",
            "onset": "inputs.onset",
            "regions": ["inputs.regions"],
            "terms": ["inputs.terms"],
        }
    )
    space = FactSpace(RunInputs(NOW, {}, {}, plain({"onset": ONSET, **values}), {}))
    return rank(measure, {"incidents": list(incidents), "maintenances": list(maintenances)}, space)


def test_the_nearest_incident_that_names_the_symptom_comes_first() -> None:
    facts = ranked(
        incident(1, -100),
        incident(2, 20),
        incident(3, 20, components=["Orders API"]),
        incident(4, 20, impact="minor", components=["Orders API"]),
        terms=["Orders API"],
    )
    assert [item["id"] for item in facts["fits"]] == ["i3", "i4", "i2", "i1"]
    assert facts["best"]["terms"] == ["Orders API"]
    assert facts["best"]["minutes_before"] == -20
    assert facts["best"]["score"] == 1.0


def test_what_was_over_before_or_came_long_after_does_not_fit() -> None:
    over = incident(1, -110, resolved_at=at(-30), is_open=False)
    during = incident(2, -110, resolved_at=at(10), is_open=False)
    facts = ranked(over, during, incident(3, 130), incident(4, -130))
    assert [item["id"] for item in facts["fits"]] == ["i2"]
    assert (facts["count"], facts["open"]) == (4.0, 2.0)
    assert ranked()["best"] == {"score": 0.0}


def test_an_incident_of_other_regions_is_set_apart() -> None:
    facts = ranked(
        incident(1, 0, regions=["EU (Frankfurt)"]),
        incident(2, 0, regions=["US East (Virginia)"]),
        regions=["us-east-1"],
    )
    assert [item["id"] for item in facts["fits"]] == ["i2"]
    assert facts["best"]["in_region"] is True
    assert [item["id"] for item in facts["elsewhere"]] == ["i1"]
    without = ranked(incident(1, 0, regions=["EU (Frankfurt)"]))
    assert "in_region" not in without["best"]


def test_a_maintenance_is_told_as_one_and_a_partners_page_is_known_by_its_host() -> None:
    planned = {**incident(7, 0), "starts_at": at(-5), "ends_at": at(60), "is_active": True}
    facts = ranked(maintenances=[planned])
    assert facts["best"]["is_maintenance"]
    partner = ranked(incident(1, 0, page="status.partner.example"), terms=["api.partner.example"])
    assert partner["best"]["terms"] == ["api.partner.example"]


def test_without_an_onset_nothing_fits_or_not() -> None:
    measure = Incidents.model_validate({"method": "incidents", "onset": "inputs.onset"})
    facts = rank(measure, {"incidents": [incident(1, 0)]}, FactSpace(RunInputs(NOW, {}, {}, {}, {})))
    assert facts == {"count": 1.0, "open": 1.0}


@pytest.mark.parametrize(
    ("name", "region", "is_same"),
    [
        ("EU (Frankfurt)", "eu-central-1", True),
        ("API us-east-1", "us-east-1", True),
        ("API us-east-1", "us-east-2", False),
        ("US East (Virginia)", "us-east-1", True),
        ("US East (Virginia)", "us-west-2", False),
        ("Europe", "eu-west-1", True),
        ("Europe", "us-east-1", False),
        ("Asia", "ap-south-1", True),
        ("Webhooks", "eu-west-1", False),
        ("Checkout", "", False),
    ],
)
def test_regions_by_the_names_of_status_pages(name: str, region: str, is_same: bool) -> None:
    assert same_region(name, region) is is_same


# ------------------------------------------------------------------------------------------------ in the playbooks
@cache
def latency() -> Playbook:
    path = LIBRARY / "latency.yaml"
    return parse_playbook(path.read_text(), name=path.name)


def slow_region(**status: Any) -> dict[str, StepOutcome]:
    """A region that became slow, and what the status page says."""
    worst = {
        "key": "GET /v2/orders",
        "current": 400.0,
        "baseline": 100.0,
        "ratio": 4.0,
        "significant": True,
        "llr": 90.0,
    }
    worst |= {"onset": plain(ONSET), "ongoing": True, "n_current": 400.0}
    slow = {
        "key": "eu-central-1",
        "ratio": 4.0,
        "significant": True,
        "ongoing": True,
        "onset": plain(ONSET),
        "llr": 90.0,
    }
    speed = {"any_slow": True, "worst": worst, "routes_slow": [worst], "most_routes": 1.0, "mine_slow": True}
    speed |= {"everyone": {**worst, "groups": [worst]}, "mine": worst, "others_slow": [worst], "only_mine": False}
    facts = {
        "speed": {**speed, "all_slow": True, "cold_grew": False},
        "inside": {"db_slow": [], "host_slow": [], "cache_lost": False},
        "regions": {"alone": True, "slow": [slow], "all": {"groups": [slow], "top": slow, "affected": 1.0}},
        "parts": {"waiting_grew": False, "bodies_grew": False, "part_alone": False},
        "tenants": {"heavy": []},
        "deploys": {"rank": {"count": 0.0, "candidates": []}},
        "versions": {"rank": {"count": 3.0, "changes": 0.0, "candidates": [], "best": {"score": 0.0}}},
    }
    found = {
        key: StepOutcome(key, latency().step(key).source, "done", facts=plain(value)) for key, value in facts.items()
    }
    step = latency().step("status")
    space = FactSpace(inputs(), found)
    answer = SourceAnswer(data={"incidents": [], "maintenances": [], **status}, requests=(), fetched_at=NOW)
    return found | {"status": interpret(step, 1, answer, space)}


def inputs() -> RunInputs:
    values = {"org_id": "org_1", "opened_at": NOW, "window_start": NOW - timedelta(hours=30), "window_end": NOW}
    return RunInputs(NOW, {"text": "slow", "opened_at": plain(NOW)}, {"org_id": "org_1"}, plain(values), {})


def leader(outcomes: dict[str, StepOutcome]) -> dict[str, Any]:
    found: dict[str, Any] = diagnose(latency(), inputs(), outcomes).as_dict()["candidates"][0]
    return found


def test_an_incident_in_the_region_speaks_for_it_and_is_evidence() -> None:
    quiet = leader(slow_region())
    told = slow_region(incidents=[incident(1, 25, regions=["EU (Frankfurt)"])])
    loud = leader(told)
    assert (quiet["label"], loud["label"]) == ("lat.region", "lat.region")
    assert loud["log_odds"] > quiet["log_odds"]
    assert any("status page" in entry["says"] for entry in loud["why"])
    [evidence] = told["status"].evidence
    assert (evidence.kind, evidence.url) == ("status_incident", "https://status.example.com/incidents/i1")


def test_a_page_that_tells_of_another_region_contradicts_the_telemetry_and_caps() -> None:
    document = diagnose(
        latency(), inputs(), slow_region(incidents=[incident(1, 0, regions=["US East (Virginia)"])])
    ).as_dict()
    [found] = document["contradictions"]
    assert "eu-central-1" in found["says"]
    assert "US East (Virginia)" in found["says"]
    assert found["steps"] == ["regions", "status"]
    first = document["candidates"][0]
    assert first["label"] == "lat.region"
    assert first["confidence"] == 0.74
    assert any("contradict" in cap for cap in first["caps"])


def test_without_a_contradiction_none_is_told() -> None:
    document = diagnose(latency(), inputs(), slow_region()).as_dict()
    assert document["contradictions"] == []
    assert document["candidates"][0]["confidence"] > 0.74


def test_a_deployment_that_never_ran_caps_what_blames_it() -> None:
    outcomes = slow_region()
    best = {"sha": "abcdef1234", "short_sha": "abcdef1", "service": "core-api", "score": 0.9, "minutes_before": 4.0}
    deploys = {"rank": {"count": 1.0, "candidates": [best], "best": best}}
    outcomes["deploys"] = StepOutcome("deploys", "github", "done", facts=plain(deploys))
    document = diagnose(latency(), inputs(), outcomes).as_dict()
    [found] = document["contradictions"]
    assert "abcdef1" in found["says"]
    by_label = {item["label"]: item for item in document["candidates"]}
    assert by_label["lat.region"]["confidence"] > 0.74
    blamed = by_label.get("lat.deploy_route")
    assert blamed is None or any("contradict" in cap for cap in blamed["caps"])


def test_a_page_that_is_not_connected_is_missed_by_nobody() -> None:
    outcomes = slow_region() | {"status": not_connected(latency().step("status"))}
    document = diagnose(latency(), inputs(), outcomes).as_dict()
    assert document["unavailable"] == []
    told = [entry for item in document["candidates"] for entry in item["not_checked"]]
    assert not any("status" in entry["steps"] for entry in told)
