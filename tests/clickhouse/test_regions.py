"""The shipped question for a slow region, over requests to several endpoints in two regions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from investigations.diagnosis import changes
from investigations.diagnosis.frames import Frame, seconds
from investigations.playbooks.format import LevelChange
from investigations.playbooks.loader import LIBRARY, parse_playbook
from tests.clickhouse.asking import AS_OF, ask, create_tables, insert, server_span
from tests.clickhouse_fixtures import Database

ONSET = AS_OF - timedelta(hours=2)
ENDPOINTS = ("/v2/orders", "/v2/items", "/v2/reports", "/v2/customers", "/v2/search")


def fill(database: Database, times: Callable[[str, str], float]) -> None:
    """A request a minute in each region, to the endpoints in turn; after the onset it takes `times` as long."""
    rng = np.random.default_rng(5)
    spans = []
    for minute in range(5, 355):
        at = AS_OF - timedelta(minutes=minute)
        for region in ("eu-west-1", "us-east-1"):
            route = ENDPOINTS[int(rng.integers(len(ENDPOINTS)))]
            usual = 40.0 * (1 + ENDPOINTS.index(route)) * float(np.exp(rng.normal(0, 0.25)))
            spans.append(
                server_span(
                    at=at,
                    ms=usual * (times(region, route) if at >= ONSET else 1.0),
                    attributes={"http.route": route},
                    SpanName=f"GET {route}",
                    ResourceAttributes={"cloud.region": region, "k8s.pod.name": "pod-1"},
                )
            )
    insert(database, "otel_traces", spans)


def asked(database: Database) -> dict[str, Any]:
    path = LIBRARY / "latency.yaml"
    step = parse_playbook(path.read_text(), name=path.name).step("regions")
    answer = ask(database.url, step.query, fence="everyone")
    rows = [dict(zip(answer.data["columns"], row, strict=True)) for row in answer.data["rows"]]
    measure = step.measure["all"]
    assert isinstance(measure, LevelChange)
    return changes.level_change(measure, Frame(rows))


@pytest.fixture
def database(clickhouse_database: Database) -> Database:
    create_tables(clickhouse_database)
    return clickhouse_database


def test_a_region_in_which_every_endpoint_is_slower_is_found(database: Database) -> None:
    fill(database, lambda region, route: 2.0 if region == "us-east-1" else 1.0)
    facts = asked(database)
    assert facts["affected_keys"] == ["us-east-1"]
    assert facts["top"]["ratio"] == pytest.approx(2.0, rel=0.2)
    assert abs(seconds(facts["top"]["onset"]) - ONSET.timestamp()) <= 900


def test_one_endpoint_that_is_six_times_as_slow_in_one_region_is_no_slow_region(database: Database) -> None:
    fill(database, lambda region, route: 6.0 if (region, route) == ("us-east-1", "/v2/reports") else 1.0)
    assert asked(database)["affected"] == 0.0
