"""Spans and log records of a case, in the columns of the OpenTelemetry exporter's ClickHouse tables."""

from __future__ import annotations

import gzip
import math
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.diagnosis.world import WINDOW_H, Route, Tenant, World

TRACES: Final = (
    "Timestamp",
    "TraceId",
    "SpanId",
    "ParentSpanId",
    "TraceState",
    "SpanName",
    "SpanKind",
    "ServiceName",
    "ResourceAttributes",
    "ScopeName",
    "ScopeVersion",
    "SpanAttributes",
    "Duration",
    "StatusCode",
    "StatusMessage",
    "Events.Timestamp",
    "Events.Name",
    "Events.Attributes",
    "Links.TraceId",
    "Links.SpanId",
    "Links.TraceState",
    "Links.Attributes",
)
LOGS: Final = (
    "Timestamp",
    "TraceId",
    "SpanId",
    "TraceFlags",
    "SeverityText",
    "SeverityNumber",
    "ServiceName",
    "Body",
    "ResourceSchemaUrl",
    "ResourceAttributes",
    "ScopeSchemaUrl",
    "ScopeName",
    "ScopeVersion",
    "ScopeAttributes",
    "LogAttributes",
)
#: Deliveries per server span, about.
_HOOKS: Final = 0.5
#: Waiting times of the attempts after the first, seconds.
_ATTEMPTS: Final = (60.0, 300.0, 1800.0)


def request(world: World, tenant: Tenant, route: Route, at: datetime) -> dict[str, Any]:
    """One ordinary request; incidents change it before it is written."""
    rng = world.rng
    factor = float(rng.lognormal(0, 0.35))
    return {
        "at": at,
        "tenant": tenant,
        "route": route,
        "status": 200 if route.method == "GET" else 201,
        "error": "",
        "region": int(rng.choice(len(world.regions), p=tenant.regions)),
        "pod": world.pick(world.services[route.service]),
        "key": tenant.keys[0] if world.chance(0.75) else world.pick(tenant.keys),
        "ip": world.pick(tenant.ips),
        "agent": tenant.agent,
        "own_ms": route.ms * factor * (0.55 if route.table or route.host else 1.0),
        "db_ms": route.ms * 0.4 * float(rng.lognormal(0, 0.4)) if route.table else 0.0,
        "http_ms": route.ms * 0.5 * float(rng.lognormal(0, 0.4)) if route.host else 0.0,
        "cache_hit": world.chance(0.85) if route.cached else None,
        "queue_ms": world.uniform(5, 30) if world.chance(0.01) else 0.0,
        "cold": False,
        "body": int(float(rng.lognormal(6.2, 0.5))) if route.method == "POST" else 0,
        "resend": 0,
        "limit": tenant.limit,
        "scope": "key" if world.chance(0.15) else "",
        "weight": 1.0,
    }


def _times(world: World, expected: float, start: datetime, end: datetime, *, uneven: bool = True) -> list[datetime]:
    """Times of a Poisson process with a day and bursts; `expected` for the whole window at its mean rate."""
    hours = (end - start).total_seconds() / 3600
    count = int(world.rng.poisson(max(expected, 0.0)))
    offsets = np.sort(world.rng.uniform(0, hours, count * 3 if uneven else count))
    if uneven and count:
        swing, phase = 0.35, 0.0
        day = 1 + swing * np.sin((offsets + start.hour + phase) * 2 * math.pi / 24)
        bursts = world.rng.lognormal(-0.03, 0.25, int(hours * 6) + 2)[(offsets * 6).astype(int)]
        keep = world.rng.uniform(0, 3, len(offsets)) < day * bursts
        offsets = offsets[keep]
    return [start + timedelta(hours=float(offset)) for offset in offsets]


def requests(world: World) -> list[dict[str, Any]]:
    """All server requests in order of time, with what happened to them."""
    shares = np.array([tenant.weight for tenant in world.tenants])
    weights = np.array([route.weight for route in world.routes])
    made = []
    for tenant, share in zip(world.tenants, shares / shares.sum(), strict=True):
        liking = weights * world.rng.lognormal(0, 0.4, len(weights))
        liking /= liking.sum()
        made += [
            request(world, tenant, world.routes[int(world.rng.choice(len(weights), p=liking))], at)
            for at in _times(world, world.spans * float(share), world.start, world.now)
        ]
    for extra in world.extra:
        tenant, start, end = extra["tenant"], extra["start"], extra.get("end") or world.now
        share = tenant.weight / shares.sum()
        expected = world.spans * float(share) * extra["times"] * (end - start).total_seconds() / 3600 / WINDOW_H
        for at in _times(world, expected, max(start, world.start), end, uneven=False):
            route = extra.get("route") or world.routes[int(world.rng.choice(len(weights), p=weights / weights.sum()))]
            made.append(request(world, tenant, route, at) | {"extra": extra["mark"]})
    for item in made:
        if world.chance(0.002):
            item |= {"status": 500, "error": "InternalError"}
        elif item["route"].method == "POST" and world.chance(0.006):
            item |= {"status": 422, "error": "validation"}
        for touch in world.touch:
            touch(item)
    return sorted((item for item in made if world.start <= item["at"] < world.now), key=lambda item: item["at"])


def deliveries(world: World) -> list[dict[str, Any]]:
    """All delivery attempts in order of time; failed ones are tried again."""
    shares = np.array([tenant.hook_weight for tenant in world.tenants])
    queue: list[dict[str, Any]] = []
    for tenant, share in zip(world.tenants, shares / shares.sum(), strict=True):
        queue += [
            {
                "at": at,
                "tenant": tenant,
                "event": world.pick(tenant.events),
                "id": f"evt_{world.token(12).lower()}",
                "attempt": 1,
                "queue_s": float(world.rng.gamma(2.0, 0.5)),
                "status": 200,
                "error": "",
                "ms": tenant.hook_ms * float(world.rng.lognormal(0, 0.3)),
                "pod": world.pick(world.services["hook-dispatcher"]),
                "sent": True,
            }
            for at in _times(world, world.spans * _HOOKS * float(share), world.start, world.now)
        ]
    made = []
    while queue:
        item = queue.pop()
        if world.chance(0.006):
            item |= {"status": int(world.pick([500, 502, 503]))}
        for touch in world.hook_touch:
            touch(item)
        if not item["sent"] or item["at"] >= world.now:
            continue
        made.append(item)
        if (item["status"] >= 300 or item["error"]) and item["attempt"] <= len(_ATTEMPTS):
            wait = _ATTEMPTS[item["attempt"] - 1]
            queue.append(
                item
                | {
                    "at": item["at"] + timedelta(seconds=wait),
                    "attempt": item["attempt"] + 1,
                    "queue_s": wait + float(world.rng.gamma(2.0, 0.5)),
                    "status": 200,
                    "error": "",
                }
            )
    return sorted(made, key=lambda item: item["at"])


def _map(values: Mapping[str, Any]) -> str:
    text = ",".join(
        f"'{key}':'{str(value).translate(_QUOTE)}'" for key, value in values.items() if value not in ("", None)
    )
    return "{" + text + "}"


_QUOTE: Final = str.maketrans({"\\": "\\\\", "'": "\\'", "\t": " ", "\n": " "})


class _Writer:
    """Rows of both tables, gathered and written sorted by time."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.traces: list[tuple[datetime, list[str]]] = []
        self.logs: list[tuple[datetime, list[str]]] = []
        live = sorted(
            (d for d in world.deployments if d.environment == "production" and d.state == "success"), key=lambda d: d.at
        )
        self.versions = {
            service: [(d.at, d.sha[:7]) for d in live if d.service == service] for service in world.services
        }
        self.first = {service: world.sha()[:7] for service in world.services}

    def resource(self, service: str, at: datetime, region: str, pod: str) -> str:
        version = next((v for since, v in reversed(self.versions[service]) if since <= at), self.first[service])
        return _map(
            {
                "service.name": service,
                "service.version": version,
                self.world.names["environment"]: "production",
                "cloud.region": region,
                "k8s.pod.name": pod,
            }
        )

    def hexes(self, length: int) -> str:
        return self.world.rng.bytes(length // 2).hex()

    def span(
        self,
        at: datetime,
        trace: str,
        parent: str,
        name: str,
        kind: str,
        service: str,
        resource: str,
        attributes: Mapping[str, Any],
        ms: float,
        error: str = "",
        *,
        failed: bool = False,
    ) -> str:
        own = self.hexes(16)
        row = [
            f"{at:%Y-%m-%d %H:%M:%S.%f}000",
            trace,
            own,
            parent,
            "",
            name,
            kind,
            service,
            resource,
            "otel",
            "1.27.0",
            _map(attributes),
            str(max(int(ms * 1e6), 1000)),
            "Error" if failed else "Unset",
            error,
            *["[]"] * 7,
        ]
        self.traces.append((at, row))
        return own

    def log(
        self,
        at: datetime,
        service: str,
        body: str,
        attributes: Mapping[str, Any],
        *,
        trace: str = "",
        span: str = "",
        level: str = "INFO",
    ) -> None:
        pod, region = self.world.services[service][0], self.world.regions[0]
        number = {"INFO": "9", "WARN": "13", "ERROR": "17"}[level]
        row = [
            f"{at:%Y-%m-%d %H:%M:%S.%f}000",
            trace,
            span,
            "1" if trace else "0",
            level,
            number,
            service,
            body.translate(_QUOTE),
            "",
            self.resource(service, at, region, pod),
            "",
            "otel",
            "1.27.0",
            "{}",
            _map(attributes),
        ]
        self.logs.append((at, row))

    def write(self, folder: Path) -> None:
        for name, columns, rows in (("otel_traces", TRACES, self.traces), ("otel_logs", LOGS, self.logs)):
            rows.sort(key=lambda row: row[0])
            lines: Iterable[str] = ("\t".join(row) for _, row in rows)
            with gzip.open(folder / f"{name}.tsv.gz", "wt", compresslevel=3) as file:
                file.write("\t".join(columns) + "\n")
                file.writelines(f"{line}\n" for line in lines)


def write_telemetry(world: World, folder: Path) -> list[datetime]:
    """Writes the tables; when something was sent to the customer's endpoint, in order."""
    writer, names = _Writer(world), world.names
    sent = []
    for item in requests(world):
        _write_request(writer, item)
    for item in deliveries(world):
        tenant, at = item["tenant"], item["at"]
        sent += [at] if tenant is world.me else []
        failed = item["status"] >= 300 or bool(item["error"])
        attributes = {
            names["method"]: "POST",
            names["url"]: f"https://{tenant.hook}/in",
            names["host"]: tenant.hook,
            names["tenant"]: tenant.org,
            "webhook.event_type": item["event"],
            "webhook.event_id": item["id"],
            "webhook.attempt": item["attempt"],
            "webhook.queue_seconds": f"{item['queue_s']:.1f}",
            "error.type": item["error"],
            names["status"]: "" if item["error"] else item["status"],
        }
        resource = writer.resource("hook-dispatcher", at, world.regions[0], item["pod"])
        trace = writer.hexes(32)
        span = writer.span(
            at,
            trace,
            "",
            "webhook.deliver",
            "Client",
            "hook-dispatcher",
            resource,
            attributes,
            item["ms"],
            item["error"],
            failed=failed,
        )
        if failed and world.chance(0.5):
            told = {
                names["tenant"]: tenant.org,
                "webhook.event_type": item["event"],
                names["host"]: tenant.hook,
                names["status"]: "" if item["error"] else item["status"],
            }
            writer.log(
                at,
                "hook-dispatcher",
                f"webhook delivery failed: {item['error'] or 'HTTP ' + str(item['status'])}",
                told,
                trace=trace,
                span=span,
                level="WARN",
            )
    for deployment in world.deployments:
        if (
            deployment.environment == "production"
            and deployment.state == "success"
            and world.start <= deployment.at < world.now
        ):
            version = deployment.sha[:7]
            for pod in range(len(world.services[deployment.service])):
                writer.log(
                    deployment.at + timedelta(seconds=5 + 20 * pod),
                    deployment.service,
                    f"service started version={version}",
                    {"service.version": version},
                )
    for at, service, body, attributes in world.logs:
        writer.log(at, service, body, attributes)
    writer.write(folder)
    return sent


def _write_request(writer: _Writer, item: Mapping[str, Any]) -> None:
    world, names, route, tenant = writer.world, writer.world.names, item["route"], item["tenant"]
    at, refused = item["at"], item["status"] in (401, 403, 429)
    db_ms, http_ms = (0.0, 0.0) if refused else (item["db_ms"], item["http_ms"])
    if item["cache_hit"]:
        db_ms *= 0.15
    total = world.uniform(2, 6) if refused else item["own_ms"] + db_ms + http_ms + item["queue_ms"]
    limited = item["status"] == 429
    attributes = {
        names["method"]: route.method,
        names["route"]: route.path,
        names["status"]: item["status"],
        names["tenant"]: tenant.org,
        "api.key_id": item["key"],
        names["ip"]: item["ip"],
        names["agent"]: item["agent"],
        "SampleRate": world.sample_rate,
        names["response_bytes"]: int(world.rng.lognormal(7.6, 0.6)),
        names["request_bytes"]: item["body"] or "",
        "http.request.resend_count": item["resend"] or "",
        "error.type": item["error"],
        "server.queue_ms": f"{item['queue_ms']:.0f}" if item["queue_ms"] else "",
        "faas.coldstart": "true" if item["cold"] else "",
        "ratelimit.limit": item["limit"] if limited or item["scope"] else "",
        "ratelimit.scope": (item["scope"] or "key") if limited or item["scope"] else "",
    }
    region = world.regions[item["region"]]
    resource = writer.resource(route.service, at, region, item["pod"])
    trace = writer.hexes(32)
    failed = item["status"] >= 500
    span = writer.span(
        at,
        trace,
        "",
        route.name,
        "Server",
        route.service,
        resource,
        attributes,
        total,
        item["error"] if failed else "",
        failed=failed,
    )
    own = {names["tenant"]: tenant.org}
    inner = at + timedelta(milliseconds=min(item["queue_ms"] + 2, total / 3))
    if not refused and route.cached and world.chance(0.5):
        writer.span(
            inner,
            trace,
            span,
            "GET",
            "Client",
            route.service,
            resource,
            {names["db_system"]: "redis", "cache.hit": str(bool(item["cache_hit"])).lower(), **own},
            0.8,
        )
    if db_ms and (db_ms > 25 or world.chance(0.5)):
        table = {
            names["db_system"]: "postgresql",
            names["db_table"]: route.table,
            names["db_operation"]: "SELECT",
            **own,
        }
        writer.span(inner, trace, span, f"SELECT {route.table}", "Client", route.service, resource, table, db_ms)
    if http_ms and (http_ms > 25 or world.chance(0.5)):
        call = {
            names["method"]: "GET",
            names["url"]: f"https://{route.host}/v1",
            names["host"]: route.host,
            names["status"]: 200,
            **own,
        }
        writer.span(inner, trace, span, "GET", "Client", route.service, resource, call, http_ms)
    told = {**own, names["route"]: route.path, names["status"]: item["status"]}
    if limited and world.chance(0.4):
        told |= {"ratelimit.limit": item["limit"], "ratelimit.scope": item["scope"] or "key"}
        writer.log(at, route.service, "request rejected by rate limiter", told, trace=trace, span=span, level="WARN")
    elif failed:
        told["exception.type"] = item["error"]
        writer.log(
            at,
            route.service,
            f"unhandled exception in {route.name}: {item['error']}",
            told,
            trace=trace,
            span=span,
            level="ERROR",
        )
