"""Rows of `otel_traces` and `otel_logs` as tab-separated text, made from the drawn requests and deliveries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from altor.demo.telemetry.deliveries import Delivery
from altor.demo.telemetry.places import Places
from altor.demo.telemetry.requests import Requests
from altor.demo.world.build import World
from altor.demo.world.company import PLANS, ROUTES, TENANT_ATTRIBUTE, USER_AGENTS, Route

TRACE_COLUMNS: Final = (
    "Timestamp, TraceId, SpanId, ParentSpanId, SpanName, SpanKind, ServiceName, ResourceAttributes, ScopeName, "
    "ScopeVersion, SpanAttributes, Duration, StatusCode, StatusMessage"
)
LOG_COLUMNS: Final = "Timestamp, TraceId, SpanId, SeverityText, SeverityNumber, ServiceName, Body, ResourceAttributes, ScopeName, LogAttributes"
SEVERITY: Final = {"INFO": 9, "WARN": 13, "ERROR": 17}
SCOPE: Final = "otel\t1.27.0"
#: (hours after the anchor, line): rows are cut by time after they were made.
Row = tuple[float, str]


class RowWriter:
    """Turns arrays into lines. Values never hold tabs, quotes or backslashes: all text is our own."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.places = Places(world)
        self._epoch_ns = int(world.anchor.timestamp()) * 1_000_000_000
        self._tenant = TENANT_ATTRIBUTE
        self._limits = [PLANS[c.plan].sample_rate for c in world.customers]

    def stamp(self, at_h: float) -> str:
        """`2026-05-01 10:02:00.123456000` in UTC."""
        at = self.world.anchor + timedelta(microseconds=round(at_h * 3_600_000_000))
        return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f") + "000"

    def log(
        self,
        at_h: float,
        severity: str,
        service: str,
        body: str,
        attributes: str,
        *,
        region: int = 0,
        lane: int = 0,
        trace: str = "",
    ) -> Row:
        line = (
            f"{self.stamp(at_h)}\t{trace}\t\t{severity}\t{SEVERITY[severity]}\t{service}\t{body}\t"
            f"{self.places.resource(service, at_h, region, lane)}\totel\t{{{attributes}}}\n"
        )
        return at_h, line

    def requests(self, hour: int, drawn: Requests) -> tuple[list[Row], list[Row]]:
        """Server spans with their children, and the log lines that belong to them."""
        rng = np.random.default_rng([self.world.seed, 51, hour + 100_000])
        size = len(drawn)
        ids = rng.bytes(size * 48).hex()
        chance = rng.random((size, 4)).tolist()
        answer_bytes = (1800.0 * rng.lognormal(0.0, 0.7, size)).astype(int).tolist()
        spans: list[Row] = []
        logs: list[Row] = []
        columns = zip(
            drawn.at_h.tolist(), drawn.customer.tolist(), drawn.route.tolist(), drawn.region.tolist(), drawn.key.tolist(),
            drawn.address.tolist(), drawn.agent, drawn.status.tolist(), drawn.limit.tolist(), drawn.resend.tolist(),
            drawn.own_ms.tolist(), drawn.db_ms.tolist(), drawn.host_ms.tolist(), drawn.cached.tolist(), drawn.body.tolist(),
            strict=True,
        )  # fmt: skip
        for i, (
            at_h,
            who,
            route_index,
            region,
            key,
            address,
            agent,
            status,
            limit,
            resend,
            own,
            db,
            host,
            cached,
            body,
        ) in enumerate(columns):
            customer, route = self.world.customers[who], ROUTES[route_index]
            trace, span = ids[i * 96 : i * 96 + 32], ids[i * 96 + 32 : i * 96 + 48]
            resource = self.places.resource(route.service, at_h, region, int(chance[i][0] * 2))
            source = customer.addresses[address] if address >= 0 else _foreign_address(ids[i * 96 + 80 : i * 96 + 88])
            client = agent or (customer.agent if address >= 0 else USER_AGENTS[int(chance[i][1] * 6)])
            attributes = (
                f"'http.request.method':'{route.method}','http.route':'{route.path}','http.response.status_code':'{status}',"
                f"'{self._tenant}':'{customer.org_id}','api.key_id':'{customer.keys[key]}','client.address':'{source}',"
                f"'user_agent.original':'{client}','SampleRate':'{self._limits[who]}','http.response.body.size':'{answer_bytes[i]}'"
            )
            if body:
                attributes += f",'http.request.body.size':'{body}'"
            if status == 429 or chance[i][2] < 0.28:
                attributes += f",'ratelimit.limit':'{limit}','ratelimit.scope':'key'"
            if resend:
                attributes += f",'http.request.resend_count':'{resend}'"
            code, message = "Unset", ""
            if status >= 500:
                code, message = "Error", "InternalError"
                attributes += ",'error.type':'InternalError'"
            total_ms = own + db + host
            spans.append(
                (
                    at_h,
                    self._span(
                        at_h,
                        trace,
                        span,
                        "",
                        route.name,
                        "Server",
                        route.service,
                        resource,
                        attributes,
                        total_ms,
                        code,
                        message,
                    ),
                )
            )
            if status != 429:
                spans.extend(
                    self._children(
                        at_h,
                        trace,
                        span,
                        ids[i * 96 + 48 : i * 96 + 96],
                        route,
                        resource,
                        customer.org_id,
                        own,
                        db,
                        host,
                        cached,
                        chance[i][3],
                    )
                )
            logs.extend(self._request_logs(at_h, trace, route, customer.org_id, region, status, limit, chance[i][1]))
        return spans, logs

    def _request_logs(
        self, at_h: float, trace: str, route: Route, org_id: str, region: int, status: int, limit: int, chance: float
    ) -> list[Row]:
        attributes = f"'{self._tenant}':'{org_id}','http.route':'{route.path}','http.response.status_code':'{status}'"
        if status == 429 and chance < 0.3:
            attributes += f",'ratelimit.limit':'{limit}','ratelimit.scope':'key'"
            return [
                self.log(
                    at_h,
                    "WARN",
                    route.service,
                    "request rejected by rate limiter",
                    attributes,
                    region=region,
                    trace=trace,
                )
            ]
        if status >= 500:
            attributes += ",'exception.type':'InternalError'"
            body = f"unhandled exception in {route.name}: InternalError"
            return [self.log(at_h, "ERROR", route.service, body, attributes, region=region, trace=trace)]
        return []

    def _children(
        self, at_h: float, trace: str, parent: str, ids: str, route: Route, resource: str, org_id: str,
        own: float, db: float, host: float, cached: bool, chance: float,
    ) -> list[Row]:  # fmt: skip
        """Client spans inside the request. Of the fast ones only half were sampled."""
        out: list[Row] = []
        begun = at_h + own * 0.4 / 3_600_000
        tenant = f"'{self._tenant}':'{org_id}'"

        def add(at: float, span: str, name: str, attributes: str, milliseconds: float) -> None:
            line = self._span(
                at, trace, span, parent, name, "Client", route.service, resource, attributes, milliseconds
            )
            out.append((at, line))

        if cached and chance < 0.5:
            add(begun, ids[:16], "GET", f"'db.system.name':'redis','cache.hit':'true',{tenant}", 0.8)
        if db and (db > 15.0 or chance < 0.5):
            miss = ",'cache.hit':'false'" if route.cached else ""
            table = f"'db.collection.name':'{route.table}','db.operation.name':'SELECT'"
            add(begun, ids[16:32], f"SELECT {route.table}", f"'db.system.name':'postgresql',{table}{miss},{tenant}", db)
        if host and (host > 40.0 or chance < 0.5):
            address = f"'server.address':'{route.host}','url.full':'https://{route.host}{_HOST_PATH[route.host]}'"
            attributes = f"'http.request.method':'POST',{address},'http.response.status_code':'200',{tenant}"
            add(begun + db / 3_600_000, ids[32:48], "POST", attributes, host)
        return out

    def _span(
        self, at_h: float, trace: str, span: str, parent: str, name: str, kind: str, service: str, resource: str,
        attributes: str, milliseconds: float, code: str = "Unset", message: str = "",
    ) -> str:  # fmt: skip
        return (
            f"{self.stamp(at_h)}\t{trace}\t{span}\t{parent}\t{name}\t{kind}\t{service}\t{resource}\t{SCOPE}\t{{{attributes}}}\t"
            f"{int(milliseconds * 1_000_000)}\t{code}\t{message}\n"
        )

    def deliveries(self, hour: int, drawn: list[Delivery]) -> tuple[list[Row], list[Row]]:
        """Delivery spans, and a log line for each failed one."""
        rng = np.random.default_rng([self.world.seed, 61, hour + 100_000])
        ids = rng.bytes(len(drawn) * 24).hex()
        lanes = rng.integers(0, 2, len(drawn)).tolist()
        spans: list[Row] = []
        logs: list[Row] = []
        service = "webhook-dispatcher"
        for i, delivery in enumerate(drawn):
            customer, at_h = delivery.customer, delivery.at_h
            trace = ids[i * 48 : i * 48 + 32]
            attributes = (
                f"'http.request.method':'POST','url.full':'https://{customer.hook_host}{customer.hook_path}',"
                f"'server.address':'{customer.hook_host}','{self._tenant}':'{customer.org_id}','webhook.event_type':'{delivery.event_type}',"
                f"'webhook.event_id':'{delivery.event_id}','webhook.attempt':'{delivery.attempt}','webhook.queue_seconds':'{delivery.queue_s:.1f}'"
            )
            if delivery.status:
                attributes += f",'http.response.status_code':'{delivery.status}'"
            error = delivery.error_type or (str(delivery.status) if delivery.status >= 400 else "")
            if error:
                attributes += f",'error.type':'{error}'"
            message = delivery.message or (f"HTTP {delivery.status}" if delivery.status >= 400 else "")
            spans.append((at_h, self._span(
                at_h, trace, ids[i * 48 + 32 : i * 48 + 48], "", "webhook.deliver", "Client", service,
                self.places.resource(service, at_h, 0, lanes[i]), attributes, delivery.duration_ms, "Error" if error else "Unset", message,
            )))  # fmt: skip
            if error:
                told = f"'{self._tenant}':'{customer.org_id}','webhook.event_type':'{delivery.event_type}','server.address':'{customer.hook_host}'"
                told += (
                    f",'http.response.status_code':'{delivery.status}'"
                    if delivery.status
                    else f",'error.type':'{error}'"
                )
                logs.append(
                    self.log(
                        at_h, "WARN", service, f"webhook delivery failed: {message}", told, lane=lanes[i], trace=trace
                    )
                )
        return spans, logs


_HOST_PATH: Final = {"api.parcelquote.example": "/v3/quotes", "api.geocheck.example": "/v1/verify"}


def _foreign_address(digits: str) -> str:
    """One of very many client addresses, from eight hexadecimal digits."""
    parts = [int(digits[i : i + 2], 16) for i in (0, 2, 4, 6)]
    return f"{parts[0] % 180 + 31}.{parts[1]}.{parts[2]}.{parts[3] % 250 + 2}"


def moment(world: World, at: datetime) -> float:
    """Hours after the anchor."""
    return (at - world.anchor).total_seconds() / 3600.0
