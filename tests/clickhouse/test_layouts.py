"""Tables as different exporters write them give the same views."""

from __future__ import annotations

import re

import pytest

from altor.embedded.otel_schema import COLUMNS, LOGS, TRACES
from investigations.services.connections import clickhouse_config, faster_columns
from investigations.sources.base import SourceAnswerInvalid
from tests.clickhouse.asking import (
    ask,
    check,
    client_span,
    create_tables,
    insert,
    log_line,
    named,
    rows,
    server_span,
)
from tests.clickhouse_fixtures import Database

JSON_TRACES = re.sub(r"(\w+Attributes) Map\(LowCardinality\(String\), String\)", r"\1 JSON", TRACES)
JSON_LOGS = re.sub(r"(\w+Attributes) Map\(LowCardinality\(String\), String\)", r"\1 JSON", LOGS)
EARLY_LOGS = """CREATE TABLE otel_logs (Timestamp DateTime64(9), TraceId String, SpanId String, TraceFlags UInt32,
  SeverityText LowCardinality(String), SeverityNumber Int32, ServiceName LowCardinality(String), Body String,
  ResourceAttributes Map(LowCardinality(String), String), LogAttributes Map(LowCardinality(String), String))
  ENGINE = MergeTree PARTITION BY toDate(Timestamp)
  ORDER BY (ServiceName, SeverityText, toUnixTimestamp(Timestamp), TraceId)"""
LATE_LOGS = """CREATE TABLE otel_logs (Timestamp DateTime64(9), TraceId String, SpanId String, TraceFlags UInt8,
  SeverityText LowCardinality(String), SeverityNumber UInt8, ServiceName LowCardinality(String), Body String,
  ResourceAttributes Map(LowCardinality(String), String), LogAttributes Map(LowCardinality(String), String),
  EventName String, `__hdx_materialized_k8s.pod.name` String MATERIALIZED ResourceAttributes['k8s.pod.name'])
  ENGINE = MergeTree PARTITION BY toDate(Timestamp)
  ORDER BY (toStartOfFiveMinutes(Timestamp), ServiceName, Timestamp)"""
FULL = {
    "api.key_id": "key_1",
    "client.address": "192.0.2.7",
    "user_agent.original": "sdk/1",
    "http.request.body.size": "120",
    "http.response.body.size": "4500",
    "http.request.resend_count": "2",
    "ratelimit.limit": "300",
    "ratelimit.scope": "key",
    "server.queue_ms": "12.5",
    "faas.coldstart": "true",
    "error.type": "timeout",
    "SampleRate": "10",
}
REQUESTS = """SELECT ts, service, tenant, method, route, endpoint, status, duration_ms, weight, region, instance,
  version, api_key, client_ip, user_agent, request_bytes, response_bytes, resend_count, rate_limit, rate_limit_scope,
  queue_ms, cold_start, error_type, trace_id, span_id FROM requests"""
REQUEST = [
    "2026-05-02T11:55:00.000000Z", "core-api", "org_a", "GET", "/v2/orders", "GET /v2/orders", 200, 20, 10,
    "eu-west-1", "pod-1", "4556c6e", "key_1", "192.0.2.7", "sdk/1", 120, 4500, 2, 300, "key", 12.5, 1, "timeout",
    "t1", "s1",
]  # fmt: skip
CALLS = """SELECT ts, service, tenant, region, instance, version, trace_id, parent_span_id, duration_ms, weight, kind,
  db_system, db_table, db_operation, host, cache_hit, status, error_type, is_error FROM calls ORDER BY kind"""
DELIVERIES = """SELECT ts, service, tenant, event_type, attempt, queue_seconds, status, error_type, host, duration_ms,
  weight, region, version, instance, trace_id FROM deliveries"""
LINES = """SELECT ts, service, severity, body, tenant, route, status, exception_type, version, region, instance,
  attributes['tenant.id'], toTypeName(attributes) LIKE 'Map(%String%' FROM logs"""
LINE = [
    "2026-05-02T11:55:00.000000Z", "core-api", 17, "request failed", "org_a", "/v2/orders", 0, "TimeoutError",
    "4556c6e", "", "", "org_a", 1,
]  # fmt: skip
LINE_ATTRIBUTES = {"tenant.id": "org_a", "http.route": "/v2/orders", "exception.type": "TimeoutError"}
DELIVERY = {
    "webhook.event_type": "order.created",
    "webhook.attempt": "3",
    "webhook.queue_seconds": "4.5",
    "http.response.status_code": "500",
    "server.address": "hooks.example.com",
}


def fill(database: Database) -> None:
    insert(
        database,
        "otel_traces",
        [
            server_span(attributes=FULL),
            client_span(
                {"db.system.name": "postgresql", "db.collection.name": "orders", "db.operation.name": "SELECT"}
            ),
            client_span({"db.system.name": "redis", "cache.hit": "true"}, StatusCode="Error"),
            client_span({"server.address": "api.example.com", "http.response.status_code": "503"}),
            client_span({}, SpanKind="Internal"),
            client_span(DELIVERY, SpanName="webhook.deliver"),
        ],
    )
    insert(database, "otel_logs", [log_line()])


@pytest.mark.parametrize(
    ("traces", "logs", "name"),
    [
        (TRACES, LOGS, "Map attributes, logs with TimestampTime"),
        (TRACES, EARLY_LOGS, "Map attributes, early logs"),
        (TRACES, LATE_LOGS, "Map attributes, logs with EventName, ClickStack, columns of their own for 1 attribute"),
        (JSON_TRACES, JSON_LOGS, "JSON attributes, logs with TimestampTime"),
        (TRACES.replace("Duration UInt64", "Duration Int64"), LOGS, "Map attributes, logs with TimestampTime"),
    ],
    ids=["middle", "early", "clickstack", "json", "signed duration"],
)
def test_every_layout_gives_the_same_views(clickhouse_database: Database, traces: str, logs: str, name: str) -> None:
    create_tables(clickhouse_database, traces, logs)
    fill(clickhouse_database)
    url = clickhouse_database.url
    assert rows(url, REQUESTS) == [REQUEST]
    calls = rows(url, CALLS)
    kinds = {row[10]: row for row in calls}
    assert sorted(kinds) == ["cache", "db", "http"]
    assert kinds["db"][11:16] == ["postgresql", "orders", "SELECT", "", -1]
    assert kinds["cache"][15:19] == [1, 0, "", 1]
    assert kinds["http"][14:19] == ["api.example.com", -1, 503, "", 0]
    assert rows(url, DELIVERIES) == [
        ["2026-05-02T11:55:00.000000Z", "core-api", "org_a", "order.created", 3, 4.5, 500, "", "hooks.example.com",
         20, 1, "eu-west-1", "4556c6e", "pod-1", "t1"]
    ]  # fmt: skip
    assert rows(url, LINES) == [LINE]
    assert rows(url, "SELECT attributes FROM logs") == [[LINE_ATTRIBUTES]]
    assert check(url).message.endswith(name)


def test_attributes_in_columns_of_their_own_give_the_same_views(clickhouse_database: Database) -> None:
    """Columns that were there first, and columns that came after the rows."""
    create_tables(clickhouse_database)
    fill(clickhouse_database)
    clickhouse_database.run(COLUMNS)
    url = clickhouse_database.url
    assert rows(url, REQUESTS) == [REQUEST]
    fill(clickhouse_database)
    assert rows(url, REQUESTS) == [REQUEST, REQUEST]
    kinds = sorted(row[10] for row in rows(url, CALLS))
    assert kinds == ["cache", "cache", "db", "db", "http", "http"]
    assert check(url).message.endswith("columns of their own for 45 attributes")
    answer = ask(url, "SELECT endpoint, tenant, status, weight FROM requests")
    assert "SpanAttributes" not in answer.requests[-1].target
    assert ask(url, "SELECT 1 FROM requests", fence="customer").data["rows"] == [[1], [1]]


def test_what_is_no_plain_attribute_is_not_taken_for_its_column(clickhouse_database: Database) -> None:
    """A default can be overwritten, a number is no text, and an expression is something else."""
    create_tables(clickhouse_database)
    clickhouse_database.run(
        "ALTER TABLE otel_traces ADD COLUMN a String DEFAULT SpanAttributes['tenant.id'],"
        " ADD COLUMN b UInt16 MATERIALIZED toUInt16OrZero(SpanAttributes['http.response.status_code']),"
        " ADD COLUMN c String MATERIALIZED lower(SpanAttributes['http.route']),"
        " ADD COLUMN `d.e` String MATERIALIZED SpanAttributes['api.key_id']"
    )
    fill(clickhouse_database)
    sql = ask(clickhouse_database.url, "SELECT tenant, status, route, api_key FROM requests").requests[-1].target
    assert "`d.e` AS api_key" in sql
    assert sql.count("`") == 2
    assert rows(clickhouse_database.url, REQUESTS) == [REQUEST]


def test_an_operator_is_told_which_columns_would_make_it_faster(
    clickhouse_database: Database, transactional_db: None
) -> None:
    create_tables(clickhouse_database)
    fill(clickhouse_database)
    config = clickhouse_config(clickhouse_database.url)
    statements = faster_columns(config)
    assert [statement.split()[2] for statement in statements] == ["otel_traces", "otel_logs"]
    assert "attr_http_route LowCardinality(String) MATERIALIZED SpanAttributes['http.route']" in statements[0]
    for statement in statements:
        clickhouse_database.run(statement.rstrip(";"))
    assert faster_columns(config) == []
    assert rows(clickhouse_database.url, REQUESTS) == [REQUEST]
    assert rows(clickhouse_database.url, LINES) == [LINE]


def test_old_attribute_names_and_kinds_are_read_too(clickhouse_database: Database) -> None:
    create_tables(clickhouse_database)
    old = {
        "http.request.method": "",
        "http.response.status_code": "",
        "http.method": "POST",
        "http.status_code": "429",
        "http.client_ip": "192.0.2.9",
        "http.user_agent": "old/1",
        "http.request_content_length": "7",
        "exception.type": "Boom",
    }
    insert(
        clickhouse_database,
        "otel_traces",
        [
            server_span(attributes=old, SpanKind="SPAN_KIND_SERVER"),
            client_span(
                {"db.system": "mysql", "db.sql.table": "t", "net.peer.name": "db-1", "http.status_code": "500"},
                SpanKind="SPAN_KIND_CLIENT",
                StatusCode="STATUS_CODE_ERROR",
            ),
        ],
    )
    sql = "SELECT method, endpoint, status, client_ip, user_agent, request_bytes, error_type FROM requests"
    assert rows(clickhouse_database.url, sql) == [
        ["POST", "POST /v2/orders", 429, "192.0.2.9", "old/1", 7, "Boom"],
    ]
    sql = "SELECT kind, db_system, db_table, host, status, is_error FROM calls"
    assert rows(clickhouse_database.url, sql) == [["db", "mysql", "t", "db-1", 500, 1]]


def test_the_route_is_taken_from_the_spans_name_where_no_attribute_holds_it(clickhouse_database: Database) -> None:
    create_tables(clickhouse_database)
    insert(
        clickhouse_database,
        "otel_traces",
        [
            server_span(attributes={"http.route": ""}, SpanName="GET /v1/a/{id}"),
            server_span(attributes={"http.route": ""}, SpanName="GET"),
        ],
    )
    assert rows(clickhouse_database.url, "SELECT route FROM requests ORDER BY route") == [[""], ["/v1/a/{id}"]]


def test_the_profiles_names_are_used(clickhouse_database: Database) -> None:
    create_tables(clickhouse_database)
    odd = {"tenant.id": "", "app.account_id": "org_a", "app.key": "k1", "we'ird \\ name": "x"}
    insert(clickhouse_database, "otel_traces", [server_span(attributes=odd)])
    profile = named(
        tenant_attribute="app.account_id",
        api_key_attribute="app.key",
        rate_limit_scope_attribute="we'ird \\ name",
        region_resource="k8s.pod.name",
    )
    sql = "SELECT tenant, api_key, rate_limit_scope, region FROM requests"
    found = ask(clickhouse_database.url, sql, profile=profile)
    assert found.data["rows"] == [["org_a", "k1", "x", "pod-1"]]
    request = found.requests[0]
    assert "we'ird" not in request.target  # names go beside the statement, never into it
    assert request.params["attr_app_account_id"] == "app.account_id"


def test_names_that_differ_only_in_signs_are_kept_apart(clickhouse_database: Database) -> None:
    create_tables(clickhouse_database)
    both = {"tenant.id": "org_a", "a.b": "dot", "a_b": "line"}
    insert(clickhouse_database, "otel_traces", [server_span(attributes=both)])
    profile = named(api_key_attribute="a.b", rate_limit_scope_attribute="a_b")
    found = rows(clickhouse_database.url, "SELECT api_key, rate_limit_scope FROM requests", profile=profile)
    assert found == [["dot", "line"]]


def test_what_is_missing_is_said_and_the_rest_goes_on(clickhouse_database: Database) -> None:
    create_tables(clickhouse_database, TRACES, "")
    fill_traces = [server_span()]
    insert(clickhouse_database, "otel_traces", fill_traces)
    assert rows(clickhouse_database.url, "SELECT count() FROM requests") == [[1]]
    with pytest.raises(SourceAnswerInvalid, match="the table otel_logs does not exist or may not be read"):
        ask(clickhouse_database.url, "SELECT count() FROM logs")
    report = check(clickhouse_database.url)
    assert report.ok
    assert any("otel_logs was not found: account actions cannot be checked" in each for each in report.warnings)


def test_an_empty_database_is_no_working_connection(clickhouse_database: Database) -> None:
    report = check(clickhouse_database.url)
    assert not report.ok
    assert "no OpenTelemetry tables found" in report.message


def test_other_tables_and_databases_can_be_named_but_not_smuggled(clickhouse_database: Database) -> None:
    create_tables(clickhouse_database, TRACES.replace("otel_traces", "spans"), "")
    insert(clickhouse_database, "spans", [server_span()])
    profile = named(traces_table="spans", database=clickhouse_database.name)
    assert rows(clickhouse_database.url, "SELECT count() FROM requests", profile=profile) == [[1]]
    with pytest.raises(SourceAnswerInvalid):
        ask(
            clickhouse_database.url,
            "SELECT count() FROM requests",
            profile=named(traces_table="spans WHERE 1 UNION ALL SELECT 1"),
        )


def test_an_attribute_name_that_is_no_path_is_refused_for_json_columns(clickhouse_database: Database) -> None:
    create_tables(clickhouse_database, JSON_TRACES, "")
    with pytest.raises(SourceAnswerInvalid, match="not a usable attribute name"):
        ask(clickhouse_database.url, "SELECT 1 FROM requests", profile=named(tenant_attribute="a`) OR (1=1"))


def test_deliveries_need_the_span_name(clickhouse_database: Database) -> None:
    create_tables(clickhouse_database)
    with pytest.raises(SourceAnswerInvalid, match="names no webhook span"):
        ask(clickhouse_database.url, "SELECT count() FROM deliveries", profile=named(webhook_span_name=""))
