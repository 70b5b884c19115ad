"""Writes the demo's telemetry to a ClickHouse over HTTP: tables as the OpenTelemetry exporter creates them, then rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qs, urlsplit, urlunsplit

import httpx

from altor.demo.telemetry.rows import LOG_COLUMNS, TRACE_COLUMNS

BATCH_BYTES: Final = 24_000_000
TRACES_DDL: Final = """CREATE TABLE IF NOT EXISTS otel_traces (
 Timestamp DateTime64(9) CODEC(Delta, ZSTD(1)), TraceId String, SpanId String, ParentSpanId String, TraceState String,
 SpanName LowCardinality(String), SpanKind LowCardinality(String), ServiceName LowCardinality(String),
 ResourceAttributes Map(LowCardinality(String), String), ScopeName String, ScopeVersion String,
 SpanAttributes Map(LowCardinality(String), String), Duration UInt64, StatusCode LowCardinality(String), StatusMessage String,
 Events Nested (Timestamp DateTime64(9), Name LowCardinality(String), Attributes Map(LowCardinality(String), String)),
 Links Nested (TraceId String, SpanId String, TraceState String, Attributes Map(LowCardinality(String), String))
) ENGINE = MergeTree PARTITION BY toDate(Timestamp) ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))"""
LOGS_DDL: Final = """CREATE TABLE IF NOT EXISTS otel_logs (
 Timestamp DateTime64(9) CODEC(Delta, ZSTD(1)), TimestampTime DateTime DEFAULT toDateTime(Timestamp), TraceId String, SpanId String,
 TraceFlags UInt8, SeverityText LowCardinality(String), SeverityNumber UInt8, ServiceName LowCardinality(String), Body String,
 ResourceSchemaUrl LowCardinality(String), ResourceAttributes Map(LowCardinality(String), String), ScopeSchemaUrl LowCardinality(String),
 ScopeName String, ScopeVersion LowCardinality(String), ScopeAttributes Map(LowCardinality(String), String),
 LogAttributes Map(LowCardinality(String), String)
) ENGINE = MergeTree PARTITION BY toDate(TimestampTime) PRIMARY KEY (ServiceName, TimestampTime) ORDER BY (ServiceName, TimestampTime, Timestamp)"""


class StoreError(RuntimeError):
    """The engine refused a statement; the message is its own first line."""


@dataclass(frozen=True, slots=True)
class Address:
    """`http://user:password@127.0.0.1:8123/?database=otel` in parts."""

    url: str
    user: str
    password: str
    database: str

    @classmethod
    def parse(cls, text: str) -> Address:
        parts = urlsplit(text)
        host = parts.hostname or "127.0.0.1"
        netloc = f"{host}:{parts.port}" if parts.port else host
        url = urlunsplit((parts.scheme, netloc, parts.path or "/", "", ""))
        database = parse_qs(parts.query).get("database", ["otel"])[0]
        return cls(url, parts.username or "default", parts.password or "", database)


class TelemetryStore:
    """One connection for writing. Not for use from several threads."""

    def __init__(self, address: Address) -> None:
        self._database = address.database
        self._client = httpx.Client(
            base_url=address.url,
            auth=(address.user, address.password),
            timeout=httpx.Timeout(60.0, connect=5.0),
            trust_env=False,
        )

    def close(self) -> None:
        self._client.close()

    def _send(self, query: str, body: bytes = b"", *, database: bool = True) -> str:
        params = {"query": query} | ({"database": self._database} if database else {})
        answer = self._client.post("", params=params, content=body)
        if answer.status_code != httpx.codes.OK:
            raise StoreError(answer.text.strip().splitlines()[0][:300] if answer.text else f"HTTP {answer.status_code}")
        return answer.text

    def create(self, *, reset: bool = False) -> None:
        """The database and its tables; `reset` empties them first."""
        name = self._database.replace("`", "")
        if reset:
            self._send(f"DROP DATABASE IF EXISTS `{name}`", database=False)
        self._send(f"CREATE DATABASE IF NOT EXISTS `{name}`", database=False)
        self._send(TRACES_DDL)
        self._send(LOGS_DDL)

    def newest(self) -> datetime | None:
        """Time of the newest span, None when there is none."""
        text = self._send(
            "SELECT toUnixTimestamp64Micro(max(Timestamp)), count() FROM otel_traces FORMAT TabSeparated"
        ).split()
        return datetime.fromtimestamp(int(text[0]) / 1e6, UTC) if int(text[1]) else None

    def write(self, spans: str, logs: str) -> None:
        """Insert rows as the generator gives them."""
        for table, columns, text in (("otel_traces", TRACE_COLUMNS, spans), ("otel_logs", LOG_COLUMNS, logs)):
            for batch in _batches(text):
                self._send(f"INSERT INTO {table} ({columns}) FORMAT TabSeparated", batch)


def _batches(text: str) -> Iterator[bytes]:
    """Pieces of whole lines, none much longer than BATCH_BYTES."""
    at = 0
    while at < len(text):
        end = len(text) if len(text) - at <= BATCH_BYTES else text.rindex("\n", at, at + BATCH_BYTES) + 1
        yield text[at:end].encode()
        at = end
