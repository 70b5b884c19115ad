"""The logical views that playbooks read, as SQL over the installation's tables.

`requests`, `calls`, `deliveries`, `logs` and `spans` have the same columns everywhere; what differs between
installations (attribute names, Map or JSON columns, old semantic conventions) is resolved here. Every view is
restricted to the run's window, and to the customer where the step is fenced, in its own WHERE: a fenced query cannot
see anybody else's rows.

Attribute names of Map columns go as server-side parameters. A JSON column's path is part of the SQL, so there a name
must match a strict pattern.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from investigations.profile import TelemetryProfile
from investigations.sources.clickhouse.guard import VIEWS, Statement
from investigations.sources.clickhouse.layout import Layout

Which = Literal["traces", "logs"]

_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_PATH: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z_][A-Za-z0-9_-]*)*")
_STATUS: Final = ("http.response.status_code", "http.status_code")
_REQUEST_BYTES: Final = ("http.request.body.size", "http.request.size", "http.request_content_length")
_RESPONSE_BYTES: Final = ("http.response.body.size", "http.response.size", "http.response_content_length")
_YES: Final = "('true', '1', 'True')"
_NO: Final = "('false', '0', 'False')"
_CACHES: Final = "('redis', 'memcached', 'valkey')"
SERVER_KINDS: Final = "('Server', 'SPAN_KIND_SERVER', 'SERVER')"
CLIENT_KINDS: Final = "('Client', 'SPAN_KIND_CLIENT', 'CLIENT', 'Producer', 'SPAN_KIND_PRODUCER')"


class ViewUnavailable(Exception):
    """A view cannot be built here: its table is missing, or a name in the profile is not usable."""


#: Parameters of the views begin so; a playbook's own may not.
RESERVED: Final = ("attr_", "fence_")


def view_columns() -> dict[str, list[str]]:
    """View -> its columns, which are the same in every installation."""
    known = {"Timestamp": "DateTime64(9)"}
    builder = Builder(TelemetryProfile(), Layout(traces=known, logs=known), "everyone")
    built = {name: builder.build(frozenset({name})) for name in VIEWS}
    return {name: re.findall(r"\bAS (\w+)(?=, | FROM )", sql.partition("AS (")[2]) for name, sql in built.items()}


@dataclass(slots=True)
class Builder:
    """Builds views for one layout and profile; `parameters` collects the attribute names it bound."""

    profile: TelemetryProfile
    layout: Layout
    fence: str
    parameters: dict[str, str] = field(default_factory=dict)
    #: What was read: (table, attributes' column, attribute).
    reads: set[tuple[str, str, str]] = field(default_factory=set)

    def build(self, names: frozenset[str]) -> str:
        """`requests AS (…), logs AS (…)` for a WITH clause; ViewUnavailable when one cannot be built."""
        makers = {
            "requests": self._requests,
            "calls": self._calls,
            "deliveries": self._deliveries,
            "logs": self._logs,
            "spans": self._spans,
        }
        return ",\n".join(f"{name} AS ({makers[name]()})" for name in sorted(names))

    # ------------------------------------------------------------------------------------------------- the views
    def _requests(self) -> str:
        p = self.profile
        columns = [
            "toTimeZone(Timestamp, 'UTC') AS ts",
            *self._resource(),
            f"{self._span(p.tenant_attribute)} AS tenant",
            f"{self._span(p.method_attribute, 'http.request.method', 'http.method')} AS method",
            f"{self._route()} AS route",
            "concat(method, ' ', route) AS endpoint",
            f"{self._status()} AS status",
            "Duration / 1e6 AS duration_ms",
            f"{self._weight()} AS weight",
            f"{self._span(p.api_key_attribute)} AS api_key",
            f"{self._span(p.client_ip_attribute, 'client.address', 'http.client_ip')} AS client_ip",
            f"{self._span('user_agent.original', 'http.user_agent')} AS user_agent",
            f"toUInt64OrZero({self._span(*_REQUEST_BYTES)}) AS request_bytes",
            f"toUInt64OrZero({self._span(*_RESPONSE_BYTES)}) AS response_bytes",
            f"toUInt32OrZero({self._span('http.request.resend_count')}) AS resend_count",
            f"toFloat64OrZero({self._span(p.rate_limit_attribute)}) AS rate_limit",
            f"{self._span(p.rate_limit_scope_attribute)} AS rate_limit_scope",
            f"toFloat64OrZero({self._span('server.queue_ms')}) AS queue_ms",
            f"toUInt8({self._span('faas.coldstart', 'faas.cold_start')} IN ('true', '1', 'True')) AS cold_start",
            f"{self._span('error.type', 'exception.type')} AS error_type",
            "TraceId AS trace_id",
            "SpanId AS span_id",
        ]
        return self._select(columns, "traces", [f"SpanKind IN {SERVER_KINDS}"])

    def _calls(self) -> str:
        p = self.profile
        hit = self._span("cache.hit")
        columns = [
            "toTimeZone(Timestamp, 'UTC') AS ts",
            *self._resource(),
            f"{self._span(p.tenant_attribute)} AS tenant",
            "TraceId AS trace_id",
            "ParentSpanId AS parent_span_id",
            "Duration / 1e6 AS duration_ms",
            f"{self._weight()} AS weight",
            f"{self._span('db.system.name', 'db.system')} AS db_system",
            f"{self._span('db.collection.name', 'db.sql.table')} AS db_table",
            f"{self._span('db.operation.name', 'db.operation')} AS db_operation",
            f"{self._span('server.address', 'net.peer.name', 'http.host')} AS host",
            f"multiIf({hit} IN {_YES}, 1, {hit} IN {_NO}, 0, -1)::Int8 AS cache_hit",
            f"multiIf(cache_hit >= 0 OR db_system IN {_CACHES}, 'cache', db_system != '', 'db', host != '', 'http',"
            " 'other') AS kind",
            f"{self._status()} AS status",
            f"{self._span('error.type', 'exception.type')} AS error_type",
            "toUInt8(StatusCode IN ('Error', 'STATUS_CODE_ERROR', 'ERROR')) AS is_error",
        ]
        is_delivery = [f"SpanName != {self._name(p.webhook_span_name)}"] if p.webhook_span_name else []
        return self._select(columns, "traces", [f"SpanKind IN {CLIENT_KINDS}", *is_delivery])

    def _spans(self) -> str:
        """Every span, of whatever kind: for what happens inside a request, across services."""
        columns = [
            "toTimeZone(Timestamp, 'UTC') AS ts",
            "ServiceName AS service",
            "TraceId AS trace_id",
            "SpanId AS span_id",
            "ParentSpanId AS parent_span_id",
            "Duration / 1e6 AS duration_ms",
            f"toUInt8(StatusCode IN ('Error', 'STATUS_CODE_ERROR', 'ERROR') OR {self._status()} >= 500) AS is_failed",
        ]
        return self._select(columns, "traces", [])

    def _deliveries(self) -> str:
        p = self.profile
        if not p.webhook_span_name:
            raise ViewUnavailable("the profile names no webhook span: deliveries cannot be told from other calls")
        columns = [
            "toTimeZone(Timestamp, 'UTC') AS ts",
            *self._resource(),
            f"{self._span(p.tenant_attribute)} AS tenant",
            f"{self._span('webhook.event_type')} AS event_type",
            f"{self._span('webhook.event_id', 'webhook.id', 'messaging.message.id')} AS event_id",
            f"toUInt32OrZero({self._span('webhook.attempt')}) AS attempt",
            f"toFloat64OrZero({self._span('webhook.queue_seconds')}) AS queue_seconds",
            f"{self._status()} AS status",
            f"{self._span('error.type', 'exception.type')} AS error_type",
            f"{self._span('server.address', 'net.peer.name', 'http.host')} AS host",
            "Duration / 1e6 AS duration_ms",
            f"{self._weight()} AS weight",
            "TraceId AS trace_id",
        ]
        return self._select(columns, "traces", [f"SpanName = {self._name(p.webhook_span_name)}"])

    def _logs(self) -> str:
        p = self.profile
        columns = [
            "toTimeZone(Timestamp, 'UTC') AS ts",
            "ServiceName AS service",
            "toUInt8(SeverityNumber) AS severity",
            "Body AS body",
            f"{self._log(p.tenant_attribute)} AS tenant",
            f"{self._log(p.route_attribute, 'http.route')} AS route",
            f"toUInt16OrZero({self._log(p.status_attribute, *_STATUS)}) AS status",
            f"{self._log('exception.type', 'error.type')} AS exception_type",
            f"{self._read('ResourceAttributes', 'logs', p.version_resource)} AS version",
            f"{self._read('ResourceAttributes', 'logs', p.region_resource)} AS region",
            f"{self._read('ResourceAttributes', 'logs', p.instance_resource)} AS instance",
            f"{self.as_map('LogAttributes', 'logs')} AS attributes",
        ]
        has_seconds = "TimestampTime" in self.layout.logs  # partitions and the primary key are on it then
        extra = (
            [f"TimestampTime >= toDateTime({_START})", f"TimestampTime <= toDateTime({_END})"] if has_seconds else []
        )
        return self._select(columns, "logs", extra)

    # ------------------------------------------------------------------------------------------------- their parts
    def _select(self, columns: list[str], which: Which, conditions: list[str]) -> str:
        where = [f"Timestamp >= {_START}", f"Timestamp < {_END}", *conditions]
        if self.fence == "customer":
            where.append(f"{self._tenant(which)} = {{fence_tenant:String}}")
        # Names are bound or checked; nothing of the playbook's is in here.
        return f"SELECT {', '.join(columns)} FROM {self.table(which)} WHERE {' AND '.join(where)}"  # noqa: S608

    def _tenant(self, which: Which) -> str:
        """The attribute itself, not the view's `tenant`: a name can be shadowed, and indexes serve attributes."""
        if not self.profile.tenant_attribute:
            raise ViewUnavailable("the profile names no tenant attribute: one customer cannot be told from another")
        column = "SpanAttributes" if which == "traces" else "LogAttributes"
        self.reads.add((which, column, self.profile.tenant_attribute))
        if held := self.layout.column_of(column, which, self.profile.tenant_attribute):
            return held
        if self.layout.style(column, which) == "json":
            return self._from_json(column, [self.profile.tenant_attribute])
        return f"{column}[{self._name(self.profile.tenant_attribute)}]"

    def table(self, which: Which) -> str:
        """The table's name as SQL; ViewUnavailable when it is not there or not usable as a name."""
        name = self.profile.traces_table if which == "traces" else self.profile.logs_table
        if not (self.layout.traces if which == "traces" else self.layout.logs):
            raise ViewUnavailable(f"the table {name} does not exist or may not be read")
        parts = [part for part in (self.profile.database, name) if part]
        for part in parts:
            if not _IDENTIFIER.fullmatch(part):
                raise ViewUnavailable(f"{part!r} is not a usable name of a table or database")
        return ".".join(parts)

    def _resource(self) -> list[str]:
        p = self.profile
        named = (("region", p.region_resource), ("instance", p.instance_resource), ("version", p.version_resource))
        return [
            "ServiceName AS service",
            *(f"{self._read('ResourceAttributes', 'traces', name)} AS {column}" for column, name in named),
        ]

    def _weight(self) -> str:
        rate = f"toFloat64OrZero({self._span(self.profile.sample_rate_attribute)})"
        return f"if({rate} > 0, {rate}, 1.)"

    def _status(self) -> str:
        return f"toUInt16OrZero({self._span(self.profile.status_attribute, *_STATUS)})"

    def _route(self) -> str:
        named = self._span(self.profile.route_attribute, "http.route")
        # A server span is named "{method} {route}": the route is there when no attribute holds it.
        return f"if({named} != '', {named}, if(position(SpanName, ' /') > 0, splitByString(' ', SpanName)[2], ''))"

    def _span(self, *names: str) -> str:
        return self._read("SpanAttributes", "traces", *names)

    def _log(self, *names: str) -> str:
        return self._read("LogAttributes", "logs", *names)

    def _read(self, column: str, table: str, *names: str) -> str:
        """The first of the attributes that a record carries; '' when it carries none or none is named."""
        wanted = list(dict.fromkeys(name for name in names if name))
        if not wanted:
            return "''"
        self.reads |= {(table, column, name) for name in wanted}
        if self.layout.style(column, table) == "json":
            return self._from_json(column, wanted)
        # A single attribute that has no column of its own makes the server read the map of all attributes.
        held = [self.layout.column_of(column, table, name) for name in wanted]
        if all(held):
            first, *others = (str(name) for name in reversed(held))
            for name in others:
                first = f"if({name} != '', {name}, {first})"
            return first
        # The place is looked for among the names only and the value read once: several times as fast as `column[name]`
        # for each name, which compares texts, and the names are numbers of a dictionary.
        places = [f"indexOf({column}.keys, {self._name(name)})" for name in wanted]
        place = places[-1]
        for earlier in reversed(places[:-1]):
            place = f"if({earlier} > 0, {earlier}, {place})"
        return f"{column}.values[{place}]"

    def _from_json(self, column: str, names: list[str]) -> str:
        for name in names:
            if not _PATH.fullmatch(name):
                raise ViewUnavailable(f"{name!r} is not a usable attribute name for JSON columns")
        paths = (".".join(f"`{part}`" for part in name.split(".")) for name in names)
        values = [f"nullIf(toString({column}.{path}), '')" for path in paths]
        return f"coalesce({', '.join(values)}, '')"

    def as_map(self, column: str, which: Which) -> str:
        """An attribute column as Map(String, String), whatever it is."""
        if self.layout.style(column, which) == "map":
            return column
        return _FLAT_JSON.replace("COLUMN", column)

    def _name(self, name: str) -> str:
        """The name as a bound parameter that reads like it, one parameter for each distinct name."""
        parameter = stem = "attr_" + re.sub(r"[^A-Za-z0-9]+", "_", name)[:60]
        number = 1
        while self.parameters.get(parameter, name) != name:
            number += 1
            parameter = f"{stem}_{number}"
        self.parameters[parameter] = name
        return f"{{{parameter}:String}}"


def _flat_json() -> str:
    """A JSON column as Map(String, String) with dotted paths as keys; text for every value that is not text."""
    levels = []
    for depth in range(1, 7):
        path = ", ".join(f"parts[{level}]" for level in range(1, depth + 1))
        text, raw = f"JSONExtractString(toString(COLUMN), {path})", f"JSONExtractRaw(toString(COLUMN), {path})"
        levels.append(f"length(parts) = {depth}, if({text} != '', {text}, if({raw} = '\"\"', '', {raw}))")
    paths = "arrayMap(path -> splitByChar('.', path), JSONAllPaths(COLUMN))"
    values = f"arrayMap(parts -> multiIf({', '.join(levels)}, ''), {paths})"
    return f"mapFromArrays(JSONAllPaths(COLUMN), {values})"


_FLAT_JSON: Final = _flat_json()
_START: Final = "parseDateTime64BestEffort({fence_start:String}, 9)"
_END: Final = "parseDateTime64BestEffort({fence_end:String}, 9)"


def compose(statement: Statement, views: str, max_rows: int) -> str:
    """The playbook's statement with the views in front, cut one row after `max_rows` so that more can be noticed."""
    text = statement.text
    begins_with = re.match(r"WITH\b", text, re.IGNORECASE)
    if statement.is_combined or (statement.has_limit and (statement.limit is None or statement.limit > max_rows)):
        front = f"WITH {views}\n" if views else ""
        return f"{front}SELECT * FROM (\n{text}\n)\nLIMIT {max_rows + 1}"  # noqa: S608  # checked by the guard
    end = "" if statement.has_limit else f"\nLIMIT {max_rows + 1}"
    if not views:
        return text + end
    # The statement's own WITH, if it has one, continues ours.
    return (f"WITH {views},\n{text[begins_with.end() :].lstrip()}" if begins_with else f"WITH {views}\n{text}") + end


def freshness_sql(builder: Builder) -> str:
    """The newest moment of each table: rows of ("traces" | "logs", microseconds since 1970). "" without tables."""
    parts = []
    tables: tuple[tuple[Which, Mapping[str, str]], ...] = (
        ("traces", builder.layout.traces),
        ("logs", builder.layout.logs),
    )
    for which, columns in tables:
        column = "TimestampTime" if "TimestampTime" in columns else "Timestamp"
        if column in columns:
            newest = f"toUnixTimestamp64Micro(toDateTime64(max({column}), 6))"
            parts.append(f"SELECT '{which}' AS which, {newest} AS newest FROM {builder.table(which)}")  # noqa: S608
    return "\nUNION ALL ".join(parts)
