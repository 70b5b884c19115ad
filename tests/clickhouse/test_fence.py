"""A fenced question cannot see other customers, on the real engine."""

from __future__ import annotations

from datetime import timedelta

import pytest

from investigations.sources.base import SourceAnswerInvalid
from tests.clickhouse.asking import (
    AS_OF,
    START,
    ask,
    client_span,
    create_tables,
    insert,
    log_line,
    named,
    rows,
    server_span,
)
from tests.clickhouse_fixtures import Database

NASTY = "org_'; DROP TABLE otel_traces; --"


@pytest.fixture
def telemetry(clickhouse_database: Database) -> Database:
    create_tables(clickhouse_database)
    insert(
        clickhouse_database,
        "otel_traces",
        [
            *[server_span("org_a", ms=10 + n) for n in range(5)],
            *[server_span("org_b", ms=900) for _ in range(7)],
            server_span(NASTY),
            server_span("", attributes={"tenant.id": ""}),
            client_span({"db.system.name": "postgresql", "db.collection.name": "orders"}, tenant="org_a"),
            client_span({"db.system.name": "postgresql"}, tenant="org_b"),
            client_span({"webhook.event_type": "a"}, tenant="org_b", SpanName="webhook.deliver"),
        ],
    )
    insert(clickhouse_database, "otel_logs", [log_line("org_a"), log_line("org_b", "secret of b")])
    return clickhouse_database


def test_every_view_shows_the_customer_only(telemetry: Database) -> None:
    for view, count in (("requests", 5), ("calls", 1), ("deliveries", 0), ("logs", 1)):
        found = rows(telemetry.url, f"SELECT count(), groupUniqArray(tenant) FROM {view}")
        assert found == [[count, ["org_a"] if count else []]], view
    assert rows(telemetry.url, "SELECT count(), uniq(tenant) FROM requests", fence="everyone") == [[14, 4]]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count() FROM requests WHERE tenant = 'org_b' OR 1 = 1",
        "SELECT count() FROM (SELECT 'org_b' AS tenant, ts FROM requests)",
        "WITH 'org_b' AS tenant SELECT count() FROM requests",
        "SELECT count() FROM requests UNION ALL SELECT count() FROM requests WHERE tenant != 'org_a'",
        "SELECT count(), 'org_b' AS tenant FROM requests GROUP BY tenant",
        "SELECT count() FROM requests AS a JOIN requests AS b ON a.service = b.service WHERE a.tenant != b.tenant",
    ],
)
def test_no_condition_or_name_widens_the_fence(telemetry: Database, sql: str) -> None:
    assert sum(row[0] for row in rows(telemetry.url, sql)) <= 5


def test_a_name_with_quotes_is_a_value(telemetry: Database) -> None:
    assert rows(telemetry.url, "SELECT count(), any(tenant) FROM requests", tenant=NASTY) == [[1, NASTY]]
    assert telemetry.run("SELECT count() FROM otel_traces") == "17\n"


def test_a_playbook_cannot_bind_another_customer(telemetry: Database) -> None:
    given = {"tenant": "org_b", "fence_tenant": "org_b", "attr_tenant_id": "service.name", "fence_start": "1970-01-01"}
    assert rows(telemetry.url, "SELECT count(), any(tenant) FROM requests", parameters=given) == [[5, "org_a"]]
    for name in ("fence_tenant", "attr_tenant_id"):
        with pytest.raises(SourceAnswerInvalid, match="are taken"):
            ask(telemetry.url, f"SELECT {{{name}:String}} FROM requests", parameters=given)


def test_without_a_customer_a_fenced_question_is_not_asked_and_nobody_is_counted_as_the_customer(
    telemetry: Database,
) -> None:
    with pytest.raises(SourceAnswerInvalid, match="one customer"):
        ask(telemetry.url, "SELECT count() FROM requests", tenant="")
    sql = "SELECT countIf(tenant = {tenant:String}), count() FROM requests"
    assert rows(telemetry.url, sql, tenant="", fence="everyone") == [[0, 14]]


def test_without_a_tenant_attribute_the_fence_is_refused(telemetry: Database) -> None:
    with pytest.raises(SourceAnswerInvalid, match="no tenant attribute"):
        ask(telemetry.url, "SELECT count() FROM requests", profile=named(tenant_attribute=""))


def test_a_column_named_tenant_does_not_move_the_fence(telemetry: Database) -> None:
    telemetry.run("ALTER TABLE otel_traces ADD COLUMN tenant String DEFAULT 'org_a'")
    assert rows(telemetry.url, "SELECT count() FROM requests WHERE duration_ms > 800") == [[0]]


def test_nothing_outside_the_window_or_after_the_clock_is_read(telemetry: Database) -> None:
    late, early = AS_OF + timedelta(seconds=1), START - timedelta(microseconds=1)
    insert(telemetry, "otel_traces", [server_span("org_a", at=at) for at in (late, early, START, AS_OF)])
    found = rows(telemetry.url, "SELECT count(), min(ts) FROM requests", window_end=AS_OF + timedelta(days=1))
    assert found == [[6, "2026-05-02T06:00:00.000000Z"]]
