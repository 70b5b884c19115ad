"""Writes the demo's telemetry to a ClickHouse over HTTP: tables as the OpenTelemetry exporter creates them, then rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qs, urlsplit, urlunsplit

import httpx

from altor.demo.telemetry.rows import LOG_COLUMNS, TRACE_COLUMNS
from altor.embedded.otel_schema import STATEMENTS

BATCH_BYTES: Final = 24_000_000


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
        for ddl in STATEMENTS:
            self._send(ddl)

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
