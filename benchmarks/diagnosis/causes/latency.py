"""Causes of slow requests."""

from __future__ import annotations

from typing import Any

from benchmarks.diagnosis.causes.parts import (
    SMALL_P,
    Truth,
    after,
    began,
    cause,
    guilty,
    mine,
    popular,
    slow,
    truth,
)
from benchmarks.diagnosis.world import World


@cause("lat.deploy_route")
def deploy_route(world: World) -> Truth:
    onset, is_small, route = began(world), world.chance(SMALL_P), popular(world)
    made = guilty(
        world,
        route.service,
        onset,
        world.pick(
            [
                "Load related records eagerly",
                "Validate payload twice",
                "New serializer",
                "Compute totals per request",
                "Switch JSON library",
            ]
        ),
        f"{route.service}/{route.path.split('/')[2]}.py",
    )
    slow(
        world,
        onset,
        "own_ms",
        world.uniform(1.9, 2.4) if is_small else world.uniform(3.2, 9),
        lambda item: item["route"] is route,
    )
    return truth(
        "deployment",
        made.sha,
        {"kind": "endpoint", "value": route.name},
        onset,
        "SEV3" if is_small else "SEV2",
        ("clickhouse", "latency_p95", {}),
        ("clickhouse", "by_route", {}),
        ("github", "deployment", made.sha),
        small_signal=is_small,
    )


@cause("lat.region")
def region(world: World) -> Truth:
    onset = began(world)
    number = int(max(range(len(world.regions)), key=lambda index: world.me.regions[index]))
    factor = world.uniform(1.7, 4)
    for part in ("own_ms", "db_ms", "http_ms"):
        slow(world, onset, part, factor, lambda item: item["region"] == number)
    name = str(world.regions[number])
    return truth(
        "infrastructure",
        name,
        {"kind": "region", "value": name},
        onset,
        "SEV2",
        ("clickhouse", "latency_p95", {}),
        ("clickhouse", "by_region", {"region": name}),
    )


@cause("lat.db_slow_query")
def db_slow_query(world: World) -> Truth:
    onset, is_small = began(world), world.chance(SMALL_P)
    table = popular(world, where=lambda route: bool(route.table)).table
    slow(
        world,
        onset,
        "db_ms",
        world.uniform(2.2, 3) if is_small else world.uniform(4, 25),
        lambda item: item["route"].table == table,
    )
    hit = [route.name for route in world.routes if route.table == table]
    return truth(
        "database",
        table,
        {"kind": "endpoint", "value": None, "any_of": hit},
        onset,
        "SEV2",
        ("clickhouse", "latency_p95", {}),
        ("clickhouse", "db_latency", {"table": table}),
        small_signal=is_small,
    )


@cause("lat.upstream_dependency")
def upstream_dependency(world: World) -> Truth:
    onset = began(world)
    route = popular(world, where=lambda route: bool(route.host))
    slow(world, onset, "http_ms", world.uniform(3, 15), lambda item: item["route"].host == route.host)
    return truth(
        "dependency",
        route.host,
        {"kind": "endpoint", "value": route.name},
        onset,
        "SEV3",
        ("clickhouse", "latency_p95", {}),
        ("clickhouse", "upstream_latency", {"host": route.host}),
    )


@cause("lat.payload_growth")
def payload_growth(world: World) -> Truth:
    onset, me = began(world), world.me
    route = popular(world, where=lambda route: route.method == "POST")
    factor = world.uniform(4, 20)
    world.extra.append(
        {"tenant": me, "start": world.start, "times": world.uniform(0.3, 0.8), "mark": "posts", "route": route}
    )
    since = after(onset)

    def grow(item: dict[str, Any]) -> None:
        if item["tenant"] is me and item["route"] is route and since(item):
            item["body"] = int(item["body"] * factor)
            item["own_ms"] *= 1 + 0.35 * factor

    world.touch.append(grow)
    return truth(
        "customer_change",
        None,
        mine(world),
        onset,
        None,
        ("clickhouse", "latency_p95", {"org": me.org}),
        ("clickhouse", "request_size", {"org": me.org}),
    )


@cause("lat.cold_start")
def cold_start(world: World) -> Truth:
    onset, route = began(world), popular(world)
    made = guilty(
        world,
        route.service,
        onset,
        world.pick(["Scale to zero when idle", "Lower min replicas to 0", "Autoscaling: save idle instances"]),
        "deploy/values.yaml",
    )
    share, wait = world.uniform(0.12, 0.4), world.uniform(1200, 5000)
    since = after(onset)

    def chill(item: dict[str, Any]) -> None:
        if item["route"] is route and since(item) and world.chance(share):
            item["cold"] = True
            item["own_ms"] += wait * float(world.rng.lognormal(0, 0.2))

    world.touch.append(chill)
    return truth(
        "deployment",
        made.sha,
        {"kind": "endpoint", "value": route.name},
        onset,
        "SEV3",
        ("clickhouse", "cold_start_share", {}),
        ("github", "deployment", made.sha),
    )


@cause("lat.noisy_tenant")
def noisy_tenant(world: World) -> Truth:
    onset, other = began(world), world.tenants[int(world.rng.integers(1, len(world.tenants)))]
    other.weight = max(other.weight, sum(tenant.weight for tenant in world.tenants) / len(world.tenants))
    world.extra.append({"tenant": other, "start": onset, "times": world.uniform(3, 9), "mark": "noise"})
    share, wait, since = world.uniform(0.35, 0.85), world.uniform(120, 900), after(onset)

    def queue(item: dict[str, Any]) -> None:
        if since(item) and world.chance(share):
            item["queue_ms"] += wait * float(world.rng.lognormal(0, 0.5))

    world.touch.append(queue)
    return truth(
        "other_tenant",
        other.org,
        {"kind": "all", "value": None},
        onset,
        "SEV2",
        ("clickhouse", "latency_p95", {}),
        ("clickhouse", "queue_time", {}),
        ("clickhouse", "request_rate", {"org": other.org}),
    )


@cause("lat.cache_loss")
def cache_loss(world: World) -> Truth:
    onset, since = began(world), None
    since, share, factor = after(onset), world.uniform(0.75, 1.0), world.uniform(1.2, 3)

    def miss(item: dict[str, Any]) -> None:
        if item["cache_hit"] is not None and since(item) and world.chance(share):
            item["cache_hit"] = False
            item["own_ms"] *= factor

    world.touch.append(miss)
    hit = [route.name for route in world.routes if route.cached]
    return truth(
        "infrastructure",
        "redis",
        {"kind": "endpoint", "value": None, "any_of": hit},
        onset,
        "SEV3",
        ("clickhouse", "latency_p95", {}),
        ("clickhouse", "cache_hit_ratio", {}),
    )
