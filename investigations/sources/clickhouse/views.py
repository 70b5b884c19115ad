"""The logical views that playbooks read, as SQL over the installation's tables.

`requests`, `calls`, `deliveries` and `logs` have the same columns everywhere; what differs between installations
(attribute names, Map or JSON columns, old semantic conventions) is resolved here. Every view is restricted to the run's
window, and to the customer where the step is fenced, in its own WHERE: a fenced query cannot see anybody else's rows.

Attribute names of Map columns go as server-side parameters. A JSON column's path is part of the SQL, so there a name
must match a strict pattern.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from investigations.profile import TelemetryProfile
from investigations.sources.clickhouse.layout import Layout

_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_PATH: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z_][A-Za-z0-9_-]*)*")
_SERVER: Final = "('Server', 'SPAN_KIND_SERVER', 'SERVER')"
_CLIENT: Final = "('Client', 'SPAN_KIND_CLIENT', 'CLIENT', 'Producer', 'SPAN_KIND_PRODUCER')"


class ViewUnavailable(Exception):
    """A view cannot be built here: its table is missing, or a name in the profile is not usable."""


@dataclass(slots=True)
class Builder:
    """Builds views for one layout and profile; `parameters` collects the attribute names it bound."""

    profile: TelemetryProfile
    layout: Layout
    fence: str
    parameters: dict[str, str] = field(default_factory=dict)

    def build(self, names: frozenset[str]) -> str:
        """`requests AS (…), logs AS (…)` for a WITH clause; ViewUnavailable when one cannot be built."""
        makers = {"requests": self._requests, "calls": self._calls, "deliveries": self._deliveries, "logs": self._logs}
        return ",\n".join(f"{name} AS ({makers[name]()})" for name in sorted(names))

    # ------------------------------------------------------------------------------------------------- the views
    def _requests(self) -> str:
        p = self.profile
        columns = [
            "Timestamp AS ts",
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
            f"toUInt64OrZero({self._span('http.request.body.size', 'http.request_content_length')}) AS request_bytes",
            f"toUInt64OrZero({self._span('http.response.body.size', 'http.response_content_length')}) AS response_bytes",
            f"toUInt32OrZero({self._span('http.request.resend_count')}) AS resend_count",
            f"toFloat64OrZero({self._span(p.rate_limit_attribute)}) AS rate_limit",
            f"{self._span(p.rate_limit_scope_attribute)} AS rate_limit_scope",
            f"toFloat64OrZero({self._span('server.queue_ms')}) AS queue_ms",
            f"toUInt8({self._span('faas.coldstart', 'faas.cold_start')} IN ('true', '1', 'True')) AS cold_start",
            f"{self._span('error.type', 'exception.type')} AS error_type",
            "TraceId AS trace_id",
            "SpanId AS span_id",
        ]
        return self._select(columns, self._table("traces"), [f"SpanKind IN {_SERVER}"], "Timestamp")

    def _calls(self) -> str:
        p = self.profile
        columns = [
            "Timestamp AS ts",
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
            f"multiIf({self._span('cache.hit')} IN ('true', '1', 'True'), 1, {self._span('cache.hit')} IN ('false', '0', 'False'), 0, -1)::Int8 AS cache_hit",
            "multiIf(cache_hit >= 0 OR db_system IN ('redis', 'memcached', 'valkey'), 'cache', db_system != '', 'db', host != '', 'http', 'other') AS kind",
            f"{self._status()} AS status",
            f"{self._span('error.type', 'exception.type')} AS error_type",
            "toUInt8(StatusCode IN ('Error', 'STATUS_CODE_ERROR', 'ERROR')) AS is_error",
        ]
        return self._select(
            columns,
            self._table("traces"),
            [f"SpanKind IN {_CLIENT}", f"SpanName != {self._name(p.webhook_span_name)}"],
            "Timestamp",
        )

    def _deliveries(self) -> str:
        p = self.profile
        columns = [
            "Timestamp AS ts",
            *self._resource(),
            f"{self._span(p.tenant_attribute)} AS tenant",
            f"{self._span('webhook.event_type')} AS event_type",
            f"toUInt32OrZero({self._span('webhook.attempt')}) AS attempt",
            f"toFloat64OrZero({self._span('webhook.queue_seconds')}) AS queue_seconds",
            f"{self._status()} AS status",
            f"{self._span('error.type', 'exception.type')} AS error_type",
            f"{self._span('server.address', 'net.peer.name', 'http.host')} AS host",
            "Duration / 1e6 AS duration_ms",
            f"{self._weight()} AS weight",
            "TraceId AS trace_id",
        ]
        return self._select(
            columns, self._table("traces"), [f"SpanName = {self._name(p.webhook_span_name)}"], "Timestamp"
        )

    def _logs(self) -> str:
        p = self.profile
        table = self._table("logs")
        columns = [
            "Timestamp AS ts",
            "ServiceName AS service",
            "toUInt8(SeverityNumber) AS severity",
            "Body AS body",
            f"{self._log(p.tenant_attribute)} AS tenant",
            f"{self._log(p.route_attribute, 'http.route')} AS route",
            f"toUInt16OrZero({self._log(p.status_attribute, 'http.response.status_code', 'http.status_code')}) AS status",
            f"{self._log('exception.type', 'error.type')} AS exception_type",
            f"{self._read('ResourceAttributes', 'logs', p.version_resource)} AS version",
            f"{self._read('ResourceAttributes', 'logs', p.region_resource)} AS region",
            f"{self._read('ResourceAttributes', 'logs', p.instance_resource)} AS instance",
            f"{self._attributes_as_map()} AS attributes",
        ]
        partition = "TimestampTime" if "TimestampTime" in self.layout.logs else ""
        extra = [f"{partition} >= toDateTime({_START}) AND {partition} <= toDateTime({_END})"] if partition else []
        return self._select(columns, table, extra, "Timestamp")

    # ------------------------------------------------------------------------------------------------- their parts
    def _select(self, columns: list[str], table: str, conditions: list[str], time: str) -> str:
        where = [f"{time} >= {_START}", f"{time} < {_END}", *conditions]
        if self.fence == "customer":
            where.append("tenant = {tenant:String}")
        return f"SELECT {', '.join(columns)} FROM {table} WHERE {' AND '.join(where)}"

    def _table(self, which: str) -> str:
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
        return f"toUInt16OrZero({self._span(self.profile.status_attribute, 'http.response.status_code', 'http.status_code')})"

    def _route(self) -> str:
        named = self._span(self.profile.route_attribute, "http.route")
        # A server span is named "{method} {route}": the route is there when no attribute holds it.
        return f"if({named} != '', {named}, if(position(SpanName, ' /') > 0, splitByString(' ', SpanName)[2], ''))"

    def _span(self, *names: str) -> str:
        return self._read("SpanAttributes", "traces", *names)

    def _log(self, *names: str) -> str:
        return self._read("LogAttributes", "logs", *names)

    def _read(self, column: str, table: str, *names: str) -> str:
        """The first of the attributes that is not empty; '' when none is named."""
        wanted = list(dict.fromkeys(name for name in names if name))
        if not wanted:
            return "''"
        values = [self._one(column, table, name) for name in wanted]
        expression = values[-1]
        for value in reversed(values[:-1]):
            expression = f"if({value} != '', {value}, {expression})"
        return expression

    def _one(self, column: str, table: str, name: str) -> str:
        if self.layout.style(column, table) == "map":
            return f"{column}[{self._name(name)}]"
        if not _PATH.fullmatch(name):
            raise ViewUnavailable(f"{name!r} is not a usable attribute name for JSON columns")
        path = ".".join(f"`{part}`" for part in name.split("."))
        return f"ifNull(toString({column}.{path}), '')"

    def _attributes_as_map(self) -> str:
        if self.layout.style("LogAttributes", "logs") == "map":
            return "LogAttributes"
        return "JSONExtractKeysAndValues(toString(LogAttributes), 'String')::Map(String, String)"

    def _name(self, name: str) -> str:
        """The name as a bound parameter, one parameter for each distinct name."""
        for parameter, bound in self.parameters.items():
            if bound == name:
                return f"{{{parameter}:String}}"
        parameter = f"attr_{len(self.parameters)}"
        self.parameters[parameter] = name
        return f"{{{parameter}:String}}"


_START: Final = "parseDateTime64BestEffort({window_start:String}, 9)"
_END: Final = "parseDateTime64BestEffort({window_end:String}, 9)"


def compose(sql: str, views: str) -> str:
    """The playbook's statement with the views in front: its own WITH, if it has one, continues ours."""
    own = re.match(r"\s*WITH\b", sql, re.IGNORECASE)
    return f"WITH {views},\n{sql[own.end() :].lstrip()}" if own else f"WITH {views}\n{sql.strip()}"
