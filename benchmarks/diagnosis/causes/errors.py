"""Causes of failing requests."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from benchmarks.diagnosis.causes.parts import (
    SMALL_P,
    Truth,
    began,
    cause,
    fail,
    guilty,
    issue,
    mine,
    popular,
    truth,
)
from benchmarks.diagnosis.world import World

ERRORS: Final = (
    "NullReferenceError",
    "KeyError",
    "TypeMismatch",
    "SerializationError",
    "AttributeError",
    "IntegrityError",
)


@cause("err.deploy_5xx")
def deploy_5xx(world: World) -> Truth:
    onset, is_small, route = began(world), world.chance(SMALL_P), popular(world)
    made = guilty(
        world,
        route.service,
        onset,
        world.pick(["Migrate to new ORM", "Refactor request parsing", "Upgrade framework", "Split handler module"]),
        f"{route.service}/handlers.py",
    )
    fail(
        world,
        onset,
        world.uniform(0.08, 0.16) if is_small else world.uniform(0.35, 0.95),
        500,
        world.pick(ERRORS),
        lambda item: item["route"] is route,
    )
    return truth(
        "deployment",
        made.sha,
        {"kind": "endpoint", "value": route.name},
        onset,
        "SEV2" if is_small else "SEV1",
        ("clickhouse", "status_5xx_share", {}),
        ("clickhouse", "by_route", {}),
        ("github", "deployment", made.sha),
        small_signal=is_small,
    )


@cause("err.key_revoked")
def key_revoked(world: World) -> Truth:
    onset, me = began(world), world.me
    if len(me.keys) < 2 and world.chance(0.7):
        me.keys.append(f"key_{world.token(8)}")
    key = me.keys[0]
    fail(world, onset, 1.0, 401, "", lambda item: item["tenant"] is me and item["key"] == key)
    world.log(
        onset - timedelta(seconds=world.uniform(1, 60)),
        "edge",
        world.pick(
            [
                f"api key {key} revoked by user admin@{me.domain}",
                f"api key revoked: {key}",
                f"key {key} was revoked in the dashboard",
            ]
        ),
        me,
    )
    return truth(
        "api_key",
        key,
        mine(world),
        onset,
        None,
        ("clickhouse", "status_401_share", {"org": me.org}),
        ("clickhouse", "by_api_key", {"key": key}),
        ("clickhouse", "audit_log", {"org": me.org}),
    )


@cause("err.validation_change")
def validation_change(world: World) -> Truth:
    onset = began(world)
    route = popular(world, where=lambda route: route.method == "POST")
    made = guilty(
        world,
        route.service,
        onset,
        world.pick(
            ["Strict schema for input", "Reject unknown fields", "Validate phone and postal codes", "Require ISO dates"]
        ),
        f"{route.service}/schemas.py",
    )
    share = world.uniform(0.12, 0.7)
    fail(world, onset, share, int(world.pick([400, 422])), "validation", lambda item: item["route"] is route)
    return truth(
        "deployment",
        made.sha,
        {"kind": "endpoint", "value": route.name},
        onset,
        "SEV2",
        ("clickhouse", "status_4xx_share", {}),
        ("clickhouse", "by_route", {}),
        ("github", "deployment", made.sha),
    )


@cause("err.known_bug")
def known_bug(world: World) -> Truth:
    me, route = world.me, popular(world)
    hit = {me.org, *(tenant.org for tenant in world.tenants[1:] if world.chance(0.12))}
    error = world.pick(["OverflowError", "UnicodeDecodeError", "TimezoneAmbiguous", "DivisionByZero", "RoundingError"])
    fail(
        world,
        world.start,
        world.uniform(0.12, 0.55),
        500,
        error,
        lambda item: item["route"] is route and item["tenant"].org in hit,
    )
    world.extra.append(
        {"tenant": me, "start": world.start, "times": world.uniform(0.1, 0.4), "mark": "bug", "route": route}
    )
    found = issue(
        world,
        world.pick(
            [
                f"{error} in {route.name}",
                f"{route.name} returns 500 ({error})",
                f"{route.path}: {error} for some accounts",
            ]
        ),
        world.pick(
            [
                f"Some tenants get {error} on {route.name} since the last quarter. Workaround: none.",
                f"Stack trace ends in {error}. Seen on {route.path} for accounts with old data.",
            ]
        ),
        state="started" if world.chance(0.4) else "backlog",
        age_days=world.uniform(10, 120),
    )
    return truth(
        "linear_issue",
        found,
        mine(world),
        None,
        "SEV3",
        ("clickhouse", "status_5xx_share", {"org": me.org}),
        ("clickhouse", "by_route", {}),
        ("linear", "issue", found),
    )
