"""Tables of the OpenTelemetry ClickHouse exporter, as the embedded engine creates them (exporter's default names)."""

from __future__ import annotations

from typing import Final

TRACES: Final = """
CREATE TABLE IF NOT EXISTS otel_traces (
  Timestamp DateTime64(9) CODEC(Delta, ZSTD(1)), TraceId String, SpanId String, ParentSpanId String, TraceState String,
  SpanName LowCardinality(String), SpanKind LowCardinality(String), ServiceName LowCardinality(String),
  ResourceAttributes Map(LowCardinality(String), String), ScopeName String, ScopeVersion String,
  SpanAttributes Map(LowCardinality(String), String), Duration UInt64, StatusCode LowCardinality(String),
  StatusMessage String,
  Events Nested (Timestamp DateTime64(9), Name LowCardinality(String), Attributes Map(LowCardinality(String), String)),
  Links Nested (TraceId String, SpanId String, TraceState String, Attributes Map(LowCardinality(String), String)),
  INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1
) ENGINE = MergeTree PARTITION BY toDate(Timestamp) ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))
"""
LOGS: Final = """
CREATE TABLE IF NOT EXISTS otel_logs (
  Timestamp DateTime64(9), TimestampTime DateTime DEFAULT toDateTime(Timestamp), TraceId String, SpanId String,
  TraceFlags UInt8, SeverityText LowCardinality(String), SeverityNumber UInt8, ServiceName LowCardinality(String),
  Body String,
  ResourceSchemaUrl LowCardinality(String), ResourceAttributes Map(LowCardinality(String), String),
  ScopeSchemaUrl LowCardinality(String), ScopeName String, ScopeVersion LowCardinality(String),
  ScopeAttributes Map(LowCardinality(String), String), LogAttributes Map(LowCardinality(String), String)
) ENGINE = MergeTree PARTITION BY toDate(TimestampTime) PRIMARY KEY (ServiceName, TimestampTime)
ORDER BY (ServiceName, TimestampTime, Timestamp)
"""
#: Attributes that the views read, under the names of the semantic conventions, each in a column of its own: reading one
#: instead of the map of all attributes makes a question over millions of spans several times as fast.
_RESOURCE: Final = ("service.version", "cloud.region", "k8s.pod.name")
_SPAN: Final = (
    "tenant.id", "http.request.method", "http.method", "http.route", "http.response.status_code", "http.status_code",
    "SampleRate", "api.key_id", "client.address", "http.client_ip", "user_agent.original", "http.user_agent",
    "http.request.body.size", "http.request.size", "http.request_content_length", "http.response.body.size",
    "http.response.size", "http.response_content_length", "http.request.resend_count", "ratelimit.limit",
    "ratelimit.scope", "server.queue_ms", "faas.coldstart", "faas.cold_start", "error.type", "exception.type",
    "db.system.name", "db.system", "db.collection.name", "db.sql.table", "db.operation.name", "db.operation",
    "server.address", "net.peer.name", "http.host", "cache.hit", "webhook.event_type", "webhook.attempt",
    "webhook.queue_seconds", "webhook.event_id", "webhook.id", "messaging.message.id",
)  # fmt: skip


def materialized(attributes: str, name: str) -> str:
    """`attr_http_route LowCardinality(String) MATERIALIZED SpanAttributes['http.route']`. `name` must hold no quote."""
    column = "".join(letter if letter.isalnum() else "_" for letter in name)
    prefix = "resource" if attributes == "ResourceAttributes" else "attr"
    return f"{prefix}_{column} LowCardinality(String) MATERIALIZED {attributes}['{name}']"


#: Run after TRACES, also on tables that an earlier version made.
COLUMNS: Final = "ALTER TABLE otel_traces " + ", ".join(
    f"ADD COLUMN IF NOT EXISTS {materialized(attributes, name)}"
    for attributes, names in (("ResourceAttributes", _RESOURCE), ("SpanAttributes", _SPAN))
    for name in names
)
TABLES: Final = ("otel_traces", "otel_logs")
#: What makes them, in this order; harmless where they exist.
STATEMENTS: Final = (TRACES, COLUMNS, LOGS)
