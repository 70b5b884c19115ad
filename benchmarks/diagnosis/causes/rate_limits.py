"""Causes of rejected requests."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from benchmarks.diagnosis.causes.parts import (
    SMALL_P,
    Truth,
    after,
    began,
    cause,
    guilty,
    mine,
    of,
    popular,
    reject,
    slow,
    truth,
)
from benchmarks.diagnosis.world import PLANS, World


@cause("rl.retry_storm")
def retry_storm(world: World) -> Truth:
    onset, me = began(world), world.me
    world.extra.append({"tenant": me, "start": onset, "times": world.uniform(1.5, 5), "mark": "retry"})
    share = world.uniform(0.7, 0.95)

    def repeat(item: dict[str, Any]) -> None:
        if item.get("extra") == "retry" and world.chance(share):
            item["resend"] = int(world.rng.integers(1, 6))

    world.touch.append(repeat)
    reject(world, onset, world.uniform(0.35, 0.85), of(me))
    return truth(
        "customer_change",
        None,
        mine(world),
        onset,
        None,
        ("clickhouse", "status_429_share", {"org": me.org}),
        ("clickhouse", "retry_share", {"org": me.org}),
    )


@cause("rl.customer_burst")
def customer_burst(world: World) -> Truth:
    onset, me = began(world), world.me
    times = world.uniform(1.2, 5)
    world.extra.append(
        {
            "tenant": me,
            "start": onset,
            "times": times,
            "mark": "job",
            "route": popular(world) if world.chance(0.8) else None,
        }
    )
    reject(world, onset, world.uniform(0.3, 0.9) * times / (1 + times), of(me))
    if world.chance(0.4):  # some repeats are ordinary

        def repeat(item: dict[str, Any]) -> None:
            if item["tenant"] is me and item["status"] == 429 and world.chance(0.3):
                item["resend"] = 1

        world.touch.append(repeat)
    return truth(
        "customer_change",
        None,
        mine(world),
        onset,
        None,
        ("clickhouse", "status_429_share", {"org": me.org}),
        ("clickhouse", "request_rate", {"org": me.org}),
    )


@cause("rl.plan_downgrade")
def plan_downgrade(world: World) -> Truth:
    onset, me = began(world), world.me
    me.plan, me.limit = "Business", PLANS["Business"][1]
    small = world.pick(["Basic", "Team"])
    limit, found = PLANS[small][1], {}

    def lower(item: dict[str, Any]) -> None:
        if item["tenant"] is me and item["at"] >= onset:
            item["limit"] = limit

    world.touch.append(lower)
    reject(world, onset, world.uniform(0.12, 0.6), of(me))
    at = onset - timedelta(minutes=world.uniform(0, 6))
    if world.chance(0.5):
        world.log(at, "edge", f"quota changed to {limit} requests per minute", me)
    world.billing.append(lambda record: found.update(record.downgrade(me, small, at)))
    made = truth(
        "stripe_event",
        None,
        mine(world),
        onset,
        None,
        ("clickhouse", "status_429_share", {"org": me.org}),
        ("clickhouse", "rate_limit_value", {"org": me.org}),
    )
    return made | {
        "later": lambda: {
            "culprit": {"kind": "stripe_event", "id": found["event"], "aliases": [found["subscription"]]},
            "evidence": [*made["evidence"], {"source": "stripe", "kind": "event", "ref": found["event"]}],
        }
    }


@cause("rl.limiter_deploy")
def limiter_deploy(world: World) -> Truth:
    onset, is_small = began(world), world.chance(SMALL_P)
    made = guilty(
        world,
        world.pick(["edge", world.routes[0].service]),
        onset,
        world.pick(
            [
                "Gateway: new token bucket",
                "Read limits from shared config",
                "Rate limiter: rewrite window",
                "Throttle per key in edge",
            ]
        ),
        "edge/limits/bucket.py",
    )
    factor = world.uniform(0.05, 0.5)

    def lower(item: dict[str, Any]) -> None:
        if item["at"] >= onset:
            item["limit"] = max(1, round(item["limit"] * factor))

    world.touch.append(lower)
    share = world.uniform(0.025, 0.05) if is_small else world.uniform(0.1, 0.6)
    loads = {tenant.org: world.uniform(0.6, 1.4) for tenant in world.tenants} | {world.me.org: world.uniform(1, 2)}
    since = after(onset)

    def refuse(item: dict[str, Any]) -> None:
        if since(item) and world.chance(min(0.9, share * loads[item["tenant"].org])):
            item |= {"status": 429, "scope": "key"}

    world.touch.append(refuse)
    return truth(
        "deployment",
        made.sha,
        {"kind": "all", "value": None},
        onset,
        "SEV3" if is_small else "SEV2",
        ("clickhouse", "status_429_share", {}),
        ("clickhouse", "rate_limit_value", {}),
        ("github", "deployment", made.sha),
        small_signal=is_small,
    )


@cause("rl.shared_ip")
def shared_ip(world: World) -> Truth:
    onset, me, other = began(world), world.me, world.tenants[int(world.rng.integers(1, len(world.tenants)))]
    ip = me.ips[0] = world.ip()
    if world.chance(0.6):
        me.ips = [ip]
    other.ips = [ip]
    world.extra.append({"tenant": other, "start": onset, "times": world.uniform(2, 8), "mark": "neighbour"})
    reject(world, onset, world.uniform(0.25, 0.8), lambda item: item["ip"] == ip, scope="ip")
    return truth(
        "other_tenant",
        other.org,
        {"kind": "ip", "value": ip},
        onset,
        "SEV3",
        ("clickhouse", "status_429_share", {"org": me.org}),
        ("clickhouse", "limit_scope", {"org": me.org}),
    )


@cause("rl.window_clock_skew")
def clock_skew(world: World) -> Truth:
    onset = began(world)
    services = {
        service
        for service, pods in world.services.items()
        if len(pods) > 1 and any(r.service == service for r in world.routes)
    }
    pod = world.pick(world.services[popular(world, where=lambda route: route.service in services).service])
    reject(world, onset, world.uniform(0.35, 0.9), lambda item: item["pod"] == pod)
    return truth(
        "instance",
        pod,
        {"kind": "instance", "value": pod},
        onset,
        "SEV3",
        ("clickhouse", "status_429_share", {}),
        ("clickhouse", "by_instance", {"pod": pod}),
    )


@cause("rl.leaked_key")
def leaked_key(world: World) -> Truth:
    onset, me = began(world), world.me
    key = world.pick(me.keys)
    strangers = [
        (
            world.ip(),
            world.pick(
                ["python-httpx/0.27", "Scrapy/2.11", "aiohttp/3.9", "Mozilla/5.0 (X11)", "curl/7.88", "libwww-perl/6.7"]
            ),
        )
        for _ in range(int(world.rng.integers(15, 70)))
    ]
    world.extra.append({"tenant": me, "start": onset, "times": world.uniform(0.8, 4), "mark": "stranger"})

    def abuse(item: dict[str, Any]) -> None:
        if item.get("extra") == "stranger":
            item["key"] = key
            item["ip"], item["agent"] = world.pick(strangers)

    world.touch.append(abuse)
    reject(world, onset, world.uniform(0.2, 0.6), lambda item: item["tenant"] is me and item["key"] == key)
    return truth(
        "api_key",
        key,
        mine(world),
        onset,
        "SEV2",
        ("clickhouse", "status_429_share", {"org": me.org}),
        ("clickhouse", "new_client_ips", {"key": key}),
    )


@cause("rl.concurrency_limit")
def concurrency_limit(world: World) -> Truth:
    onset, me = began(world), world.me
    route = popular(world)
    slow(world, onset, "own_ms", world.uniform(4, 20), lambda item: item["tenant"] is me and item["route"] is route)
    reject(world, onset, world.uniform(0.15, 0.6), of(me), scope="concurrency")
    return truth(
        "customer_change",
        None,
        mine(world),
        onset,
        None,
        ("clickhouse", "status_429_share", {"org": me.org}),
        ("clickhouse", "limit_scope", {"org": me.org}),
    )
