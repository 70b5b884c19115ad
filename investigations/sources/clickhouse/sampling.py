"""A bounded look at raw telemetry: which attributes there are, how often, with what kind of values.

For the set-up of the installation profile, before anybody has said what things are called.
"""
# ruff: noqa: S608  # statements are put together from our own words and checked table names; values are parameters

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from investigations.profile import TelemetryProfile
from investigations.sources.base import RequestRecord, SourceAnswerInvalid
from investigations.sources.clickhouse.errors import NAME
from investigations.sources.clickhouse.views import CLIENT_KINDS, SERVER_KINDS, Builder, ViewUnavailable

if TYPE_CHECKING:
    from investigations.sources.clickhouse.layout import Layout
    from investigations.sources.clickhouse.source import ClickHouseSession

#: Rows looked at for each kind of record, and rows that may be scanned to find them.
ROWS: Final = 20_000
SCANNED: Final = 3_000_000
MOST_NAMES: Final = 400
_WINDOWS_MIN: Final = (5, 30, 180, 1440, 7 * 1440)
LIMITS: Final = {"max_execution_time": 8, "max_result_rows": 5_000, "max_memory_usage": 2_000_000_000}


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute on one kind of record. Shares are between 0 and 1; `examples` are frequent values, not redacted."""

    name: str
    coverage: float  # share of the records that carry it
    distinct: int
    numeric: float  # share of the values that are numbers
    statuses: float  # ... that are HTTP status codes
    methods: float  # ... HTTP methods
    paths: float  # ... that begin with /
    addresses: float  # ... IP addresses
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """What was found. `spans` and `logs` are the numbers of records looked at."""

    window_start: datetime
    window_end: datetime
    spans: int = 0
    calls: int = 0
    logs: int = 0
    server: Mapping[str, Attribute] = field(default_factory=dict)  # attributes of requests
    resource: Mapping[str, Attribute] = field(default_factory=dict)
    log: Mapping[str, Attribute] = field(default_factory=dict)
    call_names: Mapping[str, int] = field(default_factory=dict)  # names of outgoing spans
    requests: tuple[RequestRecord, ...] = ()


async def sample(session: ClickHouseSession) -> Sample:
    """Look at the newest telemetry, three dependent queries. SourceError when the source gives no answer."""
    found = await session.layout()
    builder = Builder(session.context.profile.telemetry, found, "everyone")
    records: list[RequestRecord] = []
    try:
        traces = builder.table("traces")
        logs = builder.table("logs") if found.logs else ""
    except ViewUnavailable as missing:
        raise SourceAnswerInvalid(NAME, f"ClickHouse: {missing}") from None
    settings = LIMITS if found.may_send_settings else {}

    async def ask(sql: str, **parameters: Any) -> list[list[Any]]:
        return (await session.ask(sql, parameters, settings, records, found=found)).rows

    newest = int((await ask(f"SELECT toUnixTimestamp(max(Timestamp)) FROM {traces}"))[0][0])
    end = min(datetime.fromtimestamp(newest + 1, UTC), session.context.as_of)
    if newest <= 0:
        return Sample(end, end, requests=tuple(records))
    starts = [end - timedelta(minutes=minutes) for minutes in _WINDOWS_MIN]
    counts = (await ask(_counts_sql(traces), **_moments(end, starts)))[0]
    # The longest window that is not too much to scan, at least the shortest.
    position = max([0, *(n for n, count in enumerate(counts) if int(count) <= SCANNED)])
    share = max(1, round(int(counts[position]) / ROWS / 4))
    rows = await ask(_sample_sql(traces, logs, found), every=share, **_moments(end, [starts[position]]))
    return _read(rows, starts[position], end, tuple(records))


def _moments(end: datetime, starts: list[datetime]) -> dict[str, str]:
    named = {f"start_{n}": start.isoformat() for n, start in enumerate(starts)}
    return {"end": end.isoformat(), **named}


def _at(name: str) -> str:
    return f"parseDateTime64BestEffort({{{name}:String}}, 9)"


def _counts_sql(traces: str) -> str:
    counted = ", ".join(f"countIf(Timestamp >= {_at(f'start_{n}')})" for n in range(len(_WINDOWS_MIN)))
    oldest = f"start_{len(_WINDOWS_MIN) - 1}"
    return f"SELECT {counted} FROM {traces} WHERE Timestamp >= {_at(oldest)} AND Timestamp < {_at('end')}"


def _sample_sql(traces: str, logs: str, found: Layout) -> str:
    """Rows of (what, name, count, distinct, numeric, statuses, methods, paths, addresses, examples)."""
    window = f"Timestamp >= {_at('start_0')} AND Timestamp < {_at('end')}"
    one_in = "AND (cityHash64(SpanId, Timestamp) % {every:UInt64}) = 0"
    builder = Builder(TelemetryProfile(), found, "everyone")
    spans = builder.as_map("SpanAttributes", "traces")
    resources = builder.as_map("ResourceAttributes", "traces")
    requests = f"{traces} WHERE {window} AND SpanKind IN {SERVER_KINDS} {one_in} LIMIT {ROWS}"
    calls = f"{traces} WHERE {window} AND SpanKind IN {CLIENT_KINDS} {one_in} LIMIT {ROWS}"
    empty = "0, 0, 0, 0, 0, 0, []::Array(String)"
    parts = [
        _attributes("server", spans, requests),
        _attributes("resource", resources, requests),
        f"SELECT 'spans', '', count(), {empty} FROM (SELECT 1 FROM {requests})",
        f"SELECT 'calls', '', count(), {empty} FROM (SELECT 1 FROM {calls})",
        f"SELECT 'call', SpanName, count() AS n, {empty} FROM (SELECT SpanName FROM {calls}) GROUP BY SpanName "
        f"ORDER BY n DESC LIMIT {MOST_NAMES}",
    ]
    if logs:
        lines = f"{logs} WHERE {window} AND (cityHash64(Timestamp, Body) % {{every:UInt64}}) = 0 LIMIT {ROWS}"
        parts += [
            _attributes("log", builder.as_map("LogAttributes", "logs"), lines),
            f"SELECT 'logs', '', count(), {empty} FROM (SELECT 1 FROM {lines})",
        ]
    return "\nUNION ALL\n".join(f"SELECT * FROM ({part})" for part in parts)


def _attributes(what: str, attributes: str, source: str) -> str:
    return (
        f"SELECT '{what}' AS what, name, count() AS n, uniq(value) AS distinct_values, "
        "countIf(toFloat64OrNull(value) IS NOT NULL) AS numeric, "
        "countIf(match(value, '^[1-5][0-9][0-9]$')) AS statuses, "
        "countIf(value IN ('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS')) AS methods, "
        "countIf(startsWith(value, '/')) AS paths, "
        "countIf(isIPv4String(value) OR isIPv6String(value)) AS addresses, "
        "arrayMap(each -> substring(toString(each), 1, 120), topK(6)(value)) AS examples "
        "FROM (SELECT arrayJoin(pairs) AS pair, pair.1 AS name, pair.2 AS value "
        f"FROM (SELECT {attributes} AS pairs FROM {source})) "
        f"WHERE value != '' GROUP BY name ORDER BY n DESC LIMIT {MOST_NAMES}"
    )


def _read(rows: list[list[Any]], start: datetime, end: datetime, requests: tuple[RequestRecord, ...]) -> Sample:
    totals = {str(row[0]): int(row[2]) for row in rows if row[0] in ("spans", "calls", "logs")}
    of = {"server": totals.get("spans", 0), "resource": totals.get("spans", 0), "log": totals.get("logs", 0)}
    found: dict[str, dict[str, Attribute]] = {"server": {}, "resource": {}, "log": {}}
    for row in rows:
        what, name, count = str(row[0]), str(row[1]), int(row[2])
        if what in found and count and re.search(r"\S", name):
            numeric, statuses, methods, paths, addresses = (int(each) / count for each in row[4:9])
            found[what][name] = Attribute(
                name, count / max(1, of[what]), int(row[3]), numeric, statuses, methods, paths, addresses, tuple(row[9])
            )
    names = {str(row[1]): int(row[2]) for row in rows if row[0] == "call"}
    return Sample(
        start, end, totals.get("spans", 0), totals.get("calls", 0), totals.get("logs", 0),
        found["server"], found["resource"], found["log"], names, requests,
    )  # fmt: skip
