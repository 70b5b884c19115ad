"""What the runs learn about the connections they use: nobody needs to press "test" to see that one is down."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from investigations.engine.asking import RunTimeOver, Tally
from investigations.models import Connection
from investigations.sources.base import ConnectionConfig

_OF_KIND: Final = {
    "refused": Connection.Health.REFUSED,
    "limited": Connection.Health.DEGRADED,
    "invalid": Connection.Health.DEGRADED,
}


def keep_health(
    connections: Mapping[str, ConnectionConfig], tallies: Mapping[str, Tally], *, run_ref: str, now: datetime
) -> None:
    """Store how each stored connection behaved in a run. Rows in the order of their names: runs end together."""
    for name in sorted(tallies):
        config = connections[name]
        if config.origin != "database":
            continue
        changes = _changes(tallies[name], run_ref, now)
        if changes:
            Connection.objects.filter(source=config.source, name=config.name).update(**changes)


def _changes(tally: Tally, run_ref: str, now: datetime) -> dict[str, Any]:
    failures = [error for error in tally.failures if not isinstance(error, RunTimeOver)]
    changes: dict[str, Any] = {"checked_at": now}
    if tally.seconds:
        changes |= {"last_ok_at": now, "latency_ms": round((tally.median_s or 0.0) * 1000)}
    if not failures:
        if not tally.seconds:
            return {}
        return changes | {"health": Connection.Health.OK, "health_message": f"Answered in {run_ref}"}
    worst = next((error for error in failures if error.kind == "refused"), failures[-1])
    health = _OF_KIND.get(worst.kind, Connection.Health.DOWN)
    if tally.seconds and health is Connection.Health.DOWN:
        health = Connection.Health.DEGRADED  # some of its answers came
    return changes | {"health": health, "health_message": f"{run_ref}: {worst.message}"[:1000]}
