"""The shipped questions for other customers, asked of a ClickHouse engine: who shows it, how strongly, and how many."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from investigations.diagnosis.measures import affected
from investigations.playbooks.format import Affected
from tests.clickhouse.asking import AS_OF, ask, create_tables, insert, server_span
from tests.clickhouse_fixtures import Database
from tests.shipped import playbooks

ONSET = AS_OF - timedelta(hours=1)
BOOKS = playbooks()
WITH_LIST = sorted(key for key, book in BOOKS.items() if any(step.id == "affected" for step in book.steps))


def spans(
    tenant: str, *, bad: int, good: int, before: int, status: str = "503", ms: float = 20.0
) -> list[dict[str, Any]]:
    """`bad` and `good` requests after the onset, `before` good ones before it."""
    after, earlier = ONSET + timedelta(minutes=10), ONSET - timedelta(hours=1)
    failed = {"http.response.status_code": status}
    return [
        *(server_span(tenant, at=after, attributes=failed) for _ in range(bad)),
        *(server_span(tenant, at=after, ms=ms) for _ in range(good)),
        *(server_span(tenant, at=earlier) for _ in range(before)),
    ]


def found(database: Database, key: str, **params: Any) -> dict[str, Any]:
    step = BOOKS[key].step("affected")
    measure = next(iter(step.measure.values()))
    assert isinstance(measure, Affected)
    given = {"onset": ONSET.isoformat(), **params}
    answer = ask(database.reader_url, step.query, fence="everyone", parameters=given)
    rows = [dict(zip(answer.data["columns"], row, strict=True)) for row in answer.data["rows"]]
    return affected(measure, rows)


def test_the_playbooks_of_shared_faults_ask_it():
    assert WITH_LIST == ["api_error", "authentication", "latency", "rate_limit", "webhook"]


@pytest.mark.parametrize(
    ("key", "status", "params"),
    [
        ("api_error", "503", {"route": "GET /v2/orders", "kind": "failed"}),
        ("api_error", "422", {"route": "", "kind": "rejected"}),
        ("rate_limit", "429", {}),
        ("authentication", "401", {}),
    ],
)
def test_who_shows_the_fault_is_measured_against_its_own_past(clickhouse_database: Database, key, status, params):
    create_tables(clickhouse_database)
    insert(clickhouse_database, "otel_traces", [
        *spans("org_a", bad=9, good=1, before=5, status=status),  # the ticket's own customer
        *spans("org_half", bad=5, good=5, before=10, status=status),
        *spans("org_new", bad=3, good=1, before=0, status=status),
        *spans("org_fine", bad=0, good=20, before=20),
        *spans("org_once", bad=1, good=9, before=10, status=status),
        *spans("org_other", bad=8, good=2, before=10, status="404" if status == "503" else "503"),
        *spans("", bad=8, good=0, before=0, status=status),
    ])  # fmt: skip
    facts = found(clickhouse_database, key, **params)
    assert [(one["key"], one["value"], one["before"], one["n"]) for one in facts["customers"]] == [
        ("org_half", 0.5, 0.0, 10.0),
        ("org_new", 0.75, None, 4.0),
    ]
    assert facts["count"] == 2


def test_slowness_is_the_customers_own_95th_percentile(clickhouse_database: Database):
    create_tables(clickhouse_database)
    insert(clickhouse_database, "otel_traces", [
        *spans("org_slow", bad=0, good=12, before=12, ms=90.0),
        *spans("org_same", bad=0, good=12, before=12),
        *spans("org_few", bad=0, good=3, before=12, ms=90.0),
        *spans("org_unknown", bad=0, good=12, before=2, ms=90.0),
    ])  # fmt: skip
    facts = found(clickhouse_database, "latency", route="GET /v2/orders")
    (one,) = facts["customers"]
    assert (one["key"], round(one["value"]), round(one["before"])) == ("org_slow", 90, 20)


def test_the_count_is_of_all_where_the_list_is_cut_off(clickhouse_database: Database):
    create_tables(clickhouse_database)
    many = [span for n in range(215) for span in spans(f"org_{n:03}", bad=2, good=0, before=0, status="429")]
    insert(clickhouse_database, "otel_traces", many)
    facts = found(clickhouse_database, "rate_limit")
    assert (facts["shown"], facts["count"]) == (200, 215)
