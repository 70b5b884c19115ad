"""What the causes are built of; `CAUSES` maps a label to what changes its world and tells its truth."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from benchmarks.diagnosis.world import Deployment, Route, Tenant, World

Truth = dict[str, Any]
CAUSES: Final[dict[str, Callable[[World], Truth]]] = {}
NONE: Final = {"kind": "none", "value": None}
SMALL_P: Final = 0.3


def cause(label: str) -> Callable[[Callable[[World], Truth]], Callable[[World], Truth]]:
    def keep(make: Callable[[World], Truth]) -> Callable[[World], Truth]:
        CAUSES[label] = make
        return make

    return keep


def began(world: World) -> datetime:
    """An onset some time in the last day, whole seconds."""
    return (world.now - timedelta(hours=world.uniform(0.6, 18))).replace(microsecond=0)


def mine(world: World) -> dict[str, Any]:
    return {"kind": "customer", "value": world.me.org}


def truth(
    kind: str,
    culprit: str | None,
    scope: dict[str, Any],
    onset: datetime | None,
    severity: str | None,
    *evidence: tuple[str, str, Any],
    **more: Any,
) -> Truth:
    return {
        "culprit": {"kind": kind, "id": culprit},
        "scope": scope,
        "onset": f"{onset:%Y-%m-%dT%H:%M:%SZ}" if onset else None,
        "escalate": severity is not None,
        "severity": severity,
        "evidence": [{"source": source, "kind": what, "ref": ref} for source, what, ref in evidence],
        "small_signal": False,
        **more,
    }


def guilty(world: World, service: str, onset: datetime, title: str, *files: str) -> Deployment:
    """The deployment to blame: live at the onset."""
    return world.deploy(service, onset, f"{title} (#{int(world.rng.integers(200, 2000))})", *files)


def popular(world: World, *, where: Callable[[Route], bool] = lambda route: True) -> Route:
    """A route with enough traffic to be noticed."""
    found = [route for route in world.routes if where(route)]
    weights = [route.weight**0.5 for route in found]
    return found[int(world.rng.choice(len(found), p=[weight / sum(weights) for weight in weights]))]


def after(onset: datetime, end: datetime | None = None) -> Callable[[dict[str, Any]], bool]:
    return lambda item: item["at"] >= onset and (end is None or item["at"] < end)


def reject(
    world: World, onset: datetime, share: float, who: Callable[[dict[str, Any]], bool], scope: str = "key", **more: Any
) -> None:
    since = after(onset)

    def touch(item: dict[str, Any]) -> None:
        if since(item) and who(item) and world.chance(world.softened(share)):
            item |= {"status": 429, "scope": scope, "error": "", **more}

    world.touch.append(touch)


def slow(
    world: World,
    onset: datetime,
    part: str,
    factor: float,
    which: Callable[[dict[str, Any]], bool],
    end: datetime | None = None,
) -> None:
    since = after(onset, end)

    def touch(item: dict[str, Any]) -> None:
        if since(item) and which(item):
            item[part] *= 1 + world.softened(factor - 1)

    world.touch.append(touch)


def of(tenant: Tenant) -> Callable[[dict[str, Any]], bool]:
    return lambda item: item["tenant"] is tenant


def fail(
    world: World,
    onset: datetime,
    share: float,
    status: int,
    error: str,
    which: Callable[[dict[str, Any]], bool],
    end: datetime | None = None,
) -> None:
    since = after(onset, end)

    def touch(item: dict[str, Any]) -> None:
        if since(item) and which(item) and (share == 1.0 or world.chance(world.softened(share))):
            item |= {"status": status, "error": error}

    world.touch.append(touch)


def issue(world: World, title: str, description: str, *, state: str = "backlog", age_days: float = 30) -> str:
    identifier = f"ENG-{int(world.rng.integers(100, 4000))}"
    world.issues.append(
        {"identifier": identifier, "title": title, "description": description, "state": state, "age_days": age_days}
    )
    return identifier
