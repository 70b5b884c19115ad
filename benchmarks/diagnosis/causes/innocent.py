"""Things that look guilty and are not."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

from benchmarks.diagnosis.causes.parts import Truth, began, fail, issue, of, popular, reject, slow
from benchmarks.diagnosis.causes.webhooks import hook_fails
from benchmarks.diagnosis.world import World, ordinary_title


def herrings(world: World, made: Truth, label: str) -> list[dict[str, Any]]:
    """Things that look guilty and are not; their references."""
    refs: list[dict[str, Any]] = []
    culprit = made["culprit"]["id"] if made["culprit"]["kind"] == "deployment" else None
    onset = (
        datetime.fromisoformat(made["onset"])
        if made["onset"] and not label.startswith("bill.")
        else world.now - timedelta(hours=world.uniform(2, 12))
    )
    service = next((d.service for d in world.deployments if d.sha == culprit), world.pick(world.routes).service)
    if world.chance(0.55):  # after the fact
        title, file = ordinary_title(world, service)
        refs.append({"ref": world.deploy(service, onset + timedelta(minutes=world.uniform(12, 120)), title, file).sha})
    if world.chance(0.4):  # another service at the same time
        other = world.pick([name for name in world.services if name != service])
        if culprit or other != "edge":
            title, file = ordinary_title(world, other)
            if culprit or label.startswith(("lat.region", "lat.noisy", "none", "err.known", "bill", "wh", "rl")):
                refs.append(
                    {"ref": world.deploy(other, onset - timedelta(minutes=world.uniform(20, 120)), title, file).sha}
                )
    if world.chance(0.3):  # it never went live
        title, file = ordinary_title(world, service)
        refs.append(
            {
                "ref": world.deploy(
                    service, onset - timedelta(minutes=world.uniform(2, 20)), title, file, state="failure"
                ).sha
            }
        )
    if world.chance(0.3):  # elsewhere
        title, file = ordinary_title(world, service)
        refs.append(
            {
                "ref": world.deploy(
                    service, onset - timedelta(minutes=world.uniform(2, 20)), title, file, environment="staging"
                ).sha
            }
        )
    words = {
        "rl": ("429", "rate limit"),
        "lat": ("slow", "latency"),
        "err": ("500", "error"),
        "wh": ("webhook", "delivery"),
        "bill": ("invoice", "billing"),
        "none": ("slow", "error"),
        "other": ("docs", "sso"),
    }[label.partition(".")[0]]
    if world.chance(0.6):
        route = world.pick(world.routes)
        title = world.pick(
            [
                f"Dashboard shows wrong {words[0]} count",
                f"Feature request: {words[1]} alerts",
                f"Improve {words[0]} docs",
                f"{route.path} {words[1]} test is flaky",
            ]
        )
        refs.append({"ref": issue(world, title, "Low priority; nothing is broken.", age_days=world.uniform(2, 90))})
    if world.chance(0.4):
        refs.append(
            {
                "ref": issue(
                    world,
                    f"{words[1].capitalize()} after release",
                    f"Customers saw {words[0]}; fixed and released.",
                    state="completed",
                    age_days=world.uniform(20, 150),
                )
            }
        )
    if world.chance(0.25) and not label.startswith(("rl.", "lat.noisy", "lat.payload")):  # yesterday's bump of traffic
        start = world.start + timedelta(hours=world.uniform(1, 4))
        world.extra.append(
            {
                "tenant": world.me,
                "start": start,
                "end": start + timedelta(hours=1),
                "times": world.uniform(1, 3),
                "mark": "bump",
            }
        )
    return refs


def unrest(world: World) -> None:
    """What goes on anyway in a system that is not quiet: old spells, other customers' troubles, a day's rhythm."""
    old = world.start + timedelta(hours=world.uniform(1, 7))  # hours before anybody would call it current
    for tenant in world.tenants:
        if world.chance(0.3):
            limited = world.uniform(0.003, 0.02)
            reject(world, world.start, limited, of(tenant))
    others = world.tenants[1:]
    if world.chance(0.5):
        hook_fails(world, world.start, world.uniform(0.3, 1.0), status=500, who=of(world.pick(others)))
    if world.chance(0.4):
        hook_fails(world, began(world), 1.0, error="timeout", ms=10_000, who=of(world.pick(others)))
    if world.chance(0.5):
        route, end = popular(world), old + timedelta(minutes=world.uniform(10, 30))
        slow(world, old, "own_ms", world.uniform(1.5, 3), lambda item: item["route"] is route, end)
    if world.chance(0.4):
        broken, end = popular(world), old + timedelta(minutes=world.uniform(10, 25))
        fail(world, old, world.uniform(0.1, 0.4), 503, "Unavailable", lambda item: item["route"] is broken, end)
    if world.chance(0.4):
        start = world.start + timedelta(hours=world.uniform(2, 26))
        grown = {"start": start, "end": start + timedelta(hours=world.uniform(1, 4)), "times": world.uniform(1, 3)}
        world.extra.append({"tenant": world.pick(others), "mark": "busy", **grown})
    if world.chance(0.3):
        other = world.pick(others)
        fail(world, began(world), 1.0, 401, "", lambda item: item["tenant"] is other and item["key"] == other.keys[0])
    swing, phase = world.uniform(0.03, 0.12), world.uniform(0, 6)

    def breathe(item: dict[str, Any]) -> None:
        hours = (item["at"] - world.start).total_seconds() / 3600
        item["own_ms"] *= 1 + swing * math.sin(hours * 2 * math.pi / 24 + phase)

    world.touch.append(breathe)
    for _ in range(int(world.rng.integers(4, 14))):
        service = world.pick(list(world.services))
        title, file = ordinary_title(world, service)
        world.deploy(service, world.now - timedelta(hours=world.uniform(0.2, 30)), title, file)
