"""Rows in the OpenTelemetry tables, and questions to the source over HTTP."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from altor.embedded.otel_schema import LOGS, TRACES
from investigations.profile import Profile, TelemetryProfile
from investigations.services.connections import clickhouse_config
from investigations.sources.base import ConnectionConfig, ConnectionReport, RunContext, SourceAnswer
from investigations.sources.clickhouse.source import ClickHouseSource
from tests.clickhouse_fixtures import Database
from tests.loopback import Answer, Asked

AS_OF = datetime(2026, 5, 2, 12, 0, tzinfo=UTC)
START = AS_OF - timedelta(hours=6)
PROFILE = Profile()


def create_tables(database: Database, traces: str = TRACES, logs: str = LOGS) -> None:
    for ddl in (traces, logs):
        if ddl:
            database.run(ddl)


def text_of(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")


def server_span(
    tenant: str = "org_a",
    *,
    at: datetime = AS_OF - timedelta(minutes=5),
    ms: float = 20.0,
    attributes: Mapping[str, str] | None = None,
    **columns: Any,
) -> dict[str, Any]:
    """A request as current conventions name it; `attributes` are added, an empty value takes one away."""
    named = {
        "tenant.id": tenant,
        "http.request.method": "GET",
        "http.route": "/v2/orders",
        "http.response.status_code": "200",
        **(attributes or {}),
    }
    return {
        "Timestamp": text_of(at),
        "TraceId": "t1",
        "SpanId": "s1",
        "SpanName": "GET /v2/orders",
        "SpanKind": "Server",
        "ServiceName": "core-api",
        "ResourceAttributes": {"cloud.region": "eu-west-1", "k8s.pod.name": "pod-1", "service.version": "4556c6e"},
        "SpanAttributes": {name: value for name, value in named.items() if value},
        "Duration": int(ms * 1e6),
        "StatusCode": "Unset",
        **columns,
    }


def client_span(attributes: Mapping[str, str], *, tenant: str = "org_a", **columns: Any) -> dict[str, Any]:
    named = {"SpanAttributes": {"tenant.id": tenant, **attributes}}
    return server_span(tenant, **{"SpanKind": "Client", "SpanName": "call", **named, **columns})


def log_line(
    tenant: str = "org_a", body: str = "request failed", *, at: datetime = AS_OF - timedelta(minutes=5), **columns: Any
) -> dict[str, Any]:
    return {
        "Timestamp": text_of(at),
        "SeverityText": "ERROR",
        "SeverityNumber": 17,
        "ServiceName": "core-api",
        "Body": body,
        "ResourceAttributes": {"service.version": "4556c6e"},
        "LogAttributes": {"tenant.id": tenant, "http.route": "/v2/orders", "exception.type": "TimeoutError"},
        **columns,
    }


def insert(database: Database, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
    body = "\n".join(json.dumps(row) for row in rows)
    database.run(f"INSERT INTO {table} FORMAT JSONEachRow", body.encode())


def config_for(url: str, **options: str) -> ConnectionConfig:
    found = clickhouse_config(url)
    return ConnectionConfig(
        found.source, found.name, found.base_url, found.secret, {**found.options, **options}, found.origin
    )


def context_for(profile: Profile, tenant: str, as_of: datetime) -> RunContext:
    deadline = asyncio.get_running_loop().time() + 30
    return RunContext(as_of=as_of, profile=profile, deadline=deadline, tenant=tenant, run_ref="INV-1")


def params(sql: str, **changes: Any) -> dict[str, Any]:
    return {"sql": sql, "fence": "customer", "window_start": START, "window_end": AS_OF, **changes}


def ask(
    url: str,
    sql: str,
    *,
    tenant: str = "org_a",
    profile: Profile = PROFILE,
    as_of: datetime = AS_OF,
    timeout_s: float = 30.0,
    **changes: Any,
) -> SourceAnswer:
    async def go() -> SourceAnswer:
        async with ClickHouseSource().open(config_for(url), context_for(profile, tenant, as_of)) as session:
            return await session.call("query", params(sql, **changes), timeout_s=timeout_s)

    return asyncio.run(go())


def rows(url: str, sql: str, **kwargs: Any) -> list[list[Any]]:
    return list(ask(url, sql, **kwargs).data["rows"])


def check(url: str, *, profile: Profile = PROFILE) -> ConnectionReport:
    async def go() -> ConnectionReport:
        async with ClickHouseSource().open(config_for(url), context_for(profile, "", AS_OF)) as session:
            return await session.check()

    return asyncio.run(go())


def named(**names: str) -> Profile:
    return Profile(telemetry=TelemetryProfile(**names))  # type: ignore[arg-type]  # names only


def pass_on(url: str, *, before: Callable[[Asked], Answer | None] = lambda asked: None) -> Callable[[Asked], Answer]:
    """A behaviour that hands requests to the engine; `before` may answer instead of it."""
    parts = urlsplit(url)

    def behave(asked: Asked) -> Answer:
        early = before(asked)
        if early is not None:
            return early
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        headers = {name: value for name, value in asked.headers.items() if name in ("authorization", "content-type")}
        connection.request(asked.method, f"/?{urlencode(dict(asked.query))}", asked.body, headers)
        answer = connection.getresponse()
        kept = {name: value for name, value in answer.getheaders() if name.startswith("X-ClickHouse")}
        found = Answer(answer.status, answer.read(), kept)
        connection.close()
        return found

    return behave


def through(url: str, port: int) -> str:
    """The engine's address with another port: credentials and database stay."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{port}").geturl()
