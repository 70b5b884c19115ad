"""Causes of deliveries that fail, come late or do not come."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from benchmarks.diagnosis.causes.parts import SMALL_P, Truth, began, cause, guilty, mine, of, truth
from benchmarks.diagnosis.world import World


def hook_fails(
    world: World,
    onset: datetime,
    share: float,
    *,
    status: int = 0,
    error: str = "",
    ms: float | None = None,
    who: Callable[[dict[str, Any]], bool] | None = None,
) -> None:
    who = who or of(world.me)

    def touch(item: dict[str, Any]) -> None:
        if item["at"] >= onset and who(item) and (share == 1.0 or world.chance(world.softened(share))):
            item |= {"status": status or 0, "error": error}
            if ms is not None:
                item["ms"] = ms * float(world.rng.lognormal(0, 0.05))

    world.hook_touch.append(touch)


def endpoint(world: World, onset: datetime, kind: str = "customer_endpoint") -> Truth:
    me = world.me
    return truth(
        kind,
        me.hook if kind == "customer_endpoint" else None,
        mine(world),
        onset,
        None,
        ("clickhouse", "webhook_success_rate", {"org": me.org}),
        ("clickhouse", "webhook_error", {"org": me.org}),
    )


@cause("wh.tls_expired")
def tls_expired(world: World) -> Truth:
    onset = began(world)
    hook_fails(
        world,
        onset,
        1.0,
        error=world.pick(
            [
                "x509: certificate has expired or is not yet valid",
                "tls: certificate expired",
                "CERT_HAS_EXPIRED",
                "ssl.SSLCertVerificationError",
            ]
        ),
        ms=45,
    )
    return endpoint(world, onset)


@cause("wh.endpoint_gone")
def endpoint_gone(world: World) -> Truth:
    onset = began(world)
    hook_fails(world, onset, 1.0, status=410)
    return endpoint(world, onset)


@cause("wh.consumer_timeout")
def consumer_timeout(world: World) -> Truth:
    onset = began(world)
    hook_fails(
        world,
        onset,
        world.uniform(0.4, 1.0),
        error=world.pick(["timeout", "ReadTimeout", "context deadline exceeded", "ETIMEDOUT"]),
        ms=world.pick([5000, 10000, 15000, 30000]),
    )
    return endpoint(world, onset)


@cause("wh.dns_failure")
def dns_failure(world: World) -> Truth:
    onset = began(world)
    hook_fails(
        world,
        onset,
        1.0,
        error=world.pick(["getaddrinfo ENOTFOUND", "dns: NXDOMAIN", "no such host", "NameResolutionError"]),
        ms=12,
    )
    return endpoint(world, onset)


@cause("wh.endpoint_5xx")
def endpoint_5xx(world: World) -> Truth:
    onset = began(world)
    hook_fails(world, onset, world.uniform(0.4, 1.0), status=int(world.pick([500, 502, 503])))
    return endpoint(world, onset)


@cause("wh.auth_after_rotation")
def auth_after_rotation(world: World) -> Truth:
    onset, me = began(world), world.me
    world.log(
        onset - timedelta(seconds=world.uniform(1, 90)),
        "hook-dispatcher",
        world.pick(
            [
                f"signing secret rotated by user ops@{me.domain}",
                "webhook signing secret was rotated",
                f"rotated webhook secret of {me.hook}",
            ]
        ),
        me,
    )
    hook_fails(world, onset, 1.0, status=int(world.pick([401, 401, 403])))
    made = endpoint(world, onset, "customer_change")
    return made | {
        "evidence": [*made["evidence"], {"source": "clickhouse", "kind": "audit_log", "ref": {"org": me.org}}]
    }


@cause("wh.endpoint_disabled")
def endpoint_disabled(world: World) -> Truth:
    onset, me = began(world), world.me
    failing = onset - timedelta(hours=world.uniform(0.5, 4))
    hook_fails(world, failing, world.uniform(0.8, 1.0), status=int(world.pick([500, 404, 502])))

    def silence(item: dict[str, Any]) -> None:
        if item["tenant"] is me and item["at"] >= onset:
            item["sent"] = False

    world.hook_touch.append(silence)
    world.log(
        onset,
        "hook-dispatcher",
        world.pick(
            [
                f"endpoint https://{me.hook}/in disabled after 50 consecutive failures",
                "webhook endpoint disabled automatically: too many failures",
                f"endpoint {me.hook} was switched off",
            ]
        ),
        me,
    )
    return truth(
        "customer_endpoint",
        me.hook,
        mine(world),
        onset,
        None,
        ("clickhouse", "webhook_volume", {"org": me.org}),
        ("clickhouse", "audit_log", {"org": me.org}),
    )


@cause("wh.queue_backlog_deploy")
def queue_backlog(world: World) -> Truth:
    onset, is_small = began(world), world.chance(SMALL_P)
    made = guilty(
        world,
        "hook-dispatcher",
        onset,
        world.pick(["Dispatcher: smaller batches", "Send events from one queue", "Dispatch workers: new pool"]),
        "hook-dispatcher/queue.py",
    )
    wait = world.uniform(40, 90) if is_small else world.uniform(180, 1500)

    def late(item: dict[str, Any]) -> None:
        if item["at"] >= onset and item["attempt"] == 1:
            grown = min(1.0, (item["at"] - onset).total_seconds() / 1200)
            item["queue_s"] += wait * (0.25 + 0.75 * grown) * float(world.rng.lognormal(0, 0.2))

    world.hook_touch.append(late)
    return truth(
        "deployment",
        made.sha,
        {"kind": "all", "value": None},
        onset,
        "SEV3" if is_small else "SEV2",
        ("clickhouse", "webhook_delay", {}),
        ("github", "deployment", made.sha),
        small_signal=is_small,
    )


@cause("wh.signature_change")
def signature_change(world: World) -> Truth:
    onset = began(world)
    made = guilty(
        world,
        "hook-dispatcher",
        onset,
        world.pick(
            ["Sign the raw body", "New signature header", "Canonical JSON for events", "Webhook payload: add version"]
        ),
        "hook-dispatcher/signing.py",
    )
    hit = {world.me.org, *(tenant.org for tenant in world.tenants if world.chance(0.7))}
    hook_fails(
        world, onset, 1.0, status=int(world.pick([400, 401, 401, 403])), who=lambda item: item["tenant"].org in hit
    )
    return truth(
        "deployment",
        made.sha,
        {"kind": "all", "value": None},
        onset,
        "SEV2",
        ("clickhouse", "webhook_success_rate", {}),
        ("clickhouse", "webhook_error", {}),
        ("github", "deployment", made.sha),
    )


@cause("wh.event_not_subscribed")
def event_not_subscribed(world: World) -> Truth:
    me = world.me
    missing = world.pick(world.event_types)
    me.events = [event for event in world.event_types if event != missing][
        : max(1, int(world.rng.integers(1, len(world.event_types))))
    ]
    for tenant in world.tenants[1:]:
        if missing not in tenant.events and world.chance(0.7):
            tenant.events.append(missing)
    world.tenants[1].events = list({*world.tenants[1].events, missing})
    return truth(
        "customer_change",
        None,
        mine(world),
        None,
        None,
        ("clickhouse", "webhook_volume", {"org": me.org}),
        event=missing,
    )
