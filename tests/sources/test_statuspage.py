"""Status pages: incidents of a window as they stood then; one page that is down does not hide the others."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from investigations.profile import Profile
from investigations.sources.base import SourceRefused, SourceUnavailable
from tests.loopback import Answer, Asked, serving
from tests.sources.asking import AS_OF, WINDOW, ask, check, longest_chain


def at(hours_ago: float) -> str:
    return (AS_OF - timedelta(hours=hours_ago)).isoformat()


def incident(name: str, started: float, resolved: float | None) -> dict[str, Any]:
    updates = [{"status": "investigating", "body": "Looking, write to ops@acme.com", "created_at": at(started)}]
    if resolved is not None:
        updates.insert(0, {"status": "resolved", "body": "Over", "created_at": at(resolved)})
    return {
        "id": name,
        "name": name,
        "status": "resolved" if resolved is not None else "investigating",
        "impact": "major",
        "created_at": at(started),
        "started_at": at(started),
        "resolved_at": at(resolved) if resolved is not None else None,
        "shortlink": f"https://stspg.example/{name}",
        "components": [{"id": "c1", "name": "API eu-west-1"}],
        "incident_updates": updates,
    }


def page(
    incidents: list[dict[str, Any]], maintenances: list[dict[str, Any]] | None = None
) -> Callable[[Asked], Answer]:
    components = [
        {"id": "g", "name": "Europe", "group": True, "status": "operational"},
        {"id": "c1", "name": "API", "group": False, "group_id": "g", "status": "partial_outage", "updated_at": at(1)},
        {
            "id": "c2",
            "name": "Dashboard",
            "group": False,
            "group_id": None,
            "status": "operational",
            "updated_at": at(9),
        },
    ]
    documents = {
        "summary": {
            "page": {"name": "Acme", "url": "https://status.acme.example", "updated_at": at(0.5)},
            "status": {"indicator": "major", "description": "Partial outage"},
            "components": components,
        },
        "incidents": {"incidents": incidents},
        "scheduled-maintenances": {"scheduled_maintenances": maintenances or []},
    }
    return lambda asked: Answer(200, documents[asked.path.rsplit("/", 1)[1].removesuffix(".json")])


def test_incidents_of_the_window_are_told_and_others_not() -> None:
    found = [incident("open", 2, None), incident("over", 30, 20), incident("long over", 100, 90)]
    with serving(page(found)) as server:
        answer = ask("statuspage", server.url, "status", WINDOW)
    assert [each["name"] for each in answer.data["incidents"]] == ["open", "over"]
    assert answer.data["incidents"][0]["is_open"]
    assert answer.data["incidents"][0]["regions"] == ["API eu-west-1"]
    assert answer.data["incidents"][0]["updates"][0]["body"] == "Looking, write to [email]@acme.com"
    assert longest_chain(answer) == 1
    assert answer.newest_at == AS_OF - timedelta(hours=0.5)


def test_an_incident_is_told_as_it_stood_at_the_clock_of_the_run() -> None:
    with serving(page([incident("i", 5, 1)])) as server:
        answer = ask("statuspage", server.url, "status", WINDOW, as_of=AS_OF - timedelta(hours=3))
    found = answer.data["incidents"][0]
    assert found["is_open"]
    assert found["resolved_at"] is None
    assert found["status"] == "investigating"


def test_components_that_are_not_well_come_first_with_their_group() -> None:
    with serving(page([])) as server:
        components = ask("statuspage", server.url, "status", WINDOW).data["components"]
    assert [each["name"] for each in components] == ["API", "Dashboard"]
    assert components[0]["group"] == "Europe"
    assert components[0]["is_region"]


def test_maintenance_that_overlaps_the_window_is_told() -> None:
    planned = [
        {"id": "m1", "name": "Now", "status": "in_progress", "scheduled_for": at(1), "scheduled_until": at(-1)},
        {"id": "m2", "name": "Later", "status": "scheduled", "scheduled_for": at(-5), "scheduled_until": at(-6)},
    ]
    with serving(page([], planned)) as server:
        found = ask("statuspage", server.url, "status", WINDOW).data["maintenances"]
    assert [(each["name"], each["is_active"]) for each in found] == [("Now", True)]


def test_a_page_that_is_down_does_not_hide_the_others() -> None:
    with serving(page([incident("open", 2, None)])) as good, serving(lambda asked: Answer(500)) as bad:
        options = {"urls": [good.url, bad.url.replace("127.0.0.1", "localhost")]}
        answer = ask("statuspage", "", "status", WINDOW, options=options)
    assert [each["name"] for each in answer.data["incidents"]] == ["open"]
    assert [bool(each["error"]) for each in answer.data["pages"]] == [False, True]
    assert answer.truncated
    assert "localhost could not be read" in answer.truncated_why


def test_when_every_page_is_down_there_is_no_answer() -> None:
    with serving(lambda asked: Answer(500)) as bad, pytest.raises(SourceUnavailable):
        ask("statuspage", "", "status", WINDOW, options={"urls": [bad.url, f"{bad.url}/other"]})


def test_the_profiles_pages_are_read_when_the_connection_names_none() -> None:
    with serving(page([])) as server:
        profile = Profile(statuspages=[server.url])
        assert ask("statuspage", "", "status", WINDOW, profile=profile).data["pages"][0]["error"] is None
        assert check("statuspage", "", profile=profile).message == "Reads Acme"
    with pytest.raises(SourceRefused, match="No status page"):
        ask("statuspage", "", "status", WINDOW)
