"""Things that look guilty and are not."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from benchmarks.diagnosis.causes.parts import Truth, issue
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
