"""Tickets without a fault."""

from __future__ import annotations

from datetime import timedelta

from benchmarks.diagnosis.causes.parts import NONE, Truth, cause, fail, truth
from benchmarks.diagnosis.world import World


@cause("none.customer_network")
def customer_network(world: World) -> Truth:
    return truth("none", None, NONE, None, None, acceptable=["none.customer_network", "none.no_anomaly"])


@cause("none.no_anomaly")
def no_anomaly(world: World) -> Truth:
    return truth("none", None, NONE, None, None, acceptable=["none.no_anomaly", "none.customer_network"])


@cause("none.resolved_blip")
def resolved_blip(world: World) -> Truth:
    onset = world.now - timedelta(hours=world.uniform(1.5, 6))
    end = onset + timedelta(minutes=world.uniform(15, 70))
    fail(
        world, onset, world.uniform(0.3, 0.8), int(world.pick([500, 502, 503])), "UpstreamReset", lambda item: True, end
    )
    return truth(
        "infrastructure",
        None,
        {"kind": "all", "value": None},
        onset,
        None,
        ("clickhouse", "status_5xx_share", {}),
        ended_at=f"{end:%Y-%m-%dT%H:%M:%SZ}",
    )


@cause("other.out_of_scope")
def out_of_scope(world: World) -> Truth:
    return truth("none", None, NONE, None, None)
