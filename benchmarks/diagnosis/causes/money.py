"""Causes that show in the Stripe record or in the count of use."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from benchmarks.diagnosis.causes.parts import Truth, cause, guilty, issue, mine, truth
from benchmarks.diagnosis.world import World


def money(label: str, kind: str, severity: str | None, resource: str, make: str) -> None:
    """A cause that shows in the Stripe record: `make` is the record's method, which answers with the ids."""

    @cause(label)
    def build(world: World) -> Truth:
        found: dict[str, Any] = {}
        world.billing.append(lambda record: found.update(getattr(record, make)(world.me)))

        def later() -> Truth:
            evidence = [{"source": "stripe", "kind": resource, "ref": found["id"]}]
            if found.get("decline_code"):
                evidence.append({"source": "stripe", "kind": resource, "ref": found["decline_code"]})
            return {
                "culprit": {"kind": kind, "id": found["id"], "aliases": found.get("aliases", [])},
                "onset": found.get("onset"),
                "evidence": evidence,
            }

        return truth(kind, None, mine(world), None, severity) | {"later": later}


money("bill.duplicate_charge", "stripe_charge", "SEV3", "charge", "duplicate")
money("bill.double_subscription", "stripe_subscription", None, "subscription", "second_subscription")
money("bill.proration", "stripe_invoice", None, "invoice", "proration")
money("bill.payment_failed", "stripe_invoice", None, "invoice", "failed_payment")
money("bill.refund_pending", "stripe_refund", None, "refund", "refund")
money("bill.dispute", "stripe_dispute", "SEV3", "dispute", "dispute")
money("bill.tax_change", "stripe_invoice", None, "invoice", "tax")
money("bill.currency", "stripe_invoice", None, "invoice", "currency")


def usage_logs(world: World, double_from: int | None, ratio: float) -> None:
    """Daily usage of the last 35 days; from day `double_from` on the meter counts `ratio` times as much."""
    for tenant in world.tenants[: int(world.rng.integers(2, 5))]:
        base = world.uniform(20_000, 400_000)
        for day in range(35, 0, -1):
            at = (world.now - timedelta(days=day)).replace(hour=23, minute=55, second=0)
            served = int(base * float(world.rng.lognormal(0, 0.12)))
            over = tenant is world.me and double_from is not None and day <= double_from
            metered = int(served * (ratio if over else 1.0))
            world.log(
                at,
                "billing-worker",
                f"usage reported requests={served}",
                tenant,
                **{"usage.requests": str(served), "usage.metered": str(metered)},
            )


@cause("bill.usage_double_count")
def usage_double_count(world: World) -> Truth:
    day = int(world.rng.integers(4, 25))
    usage_logs(world, day, world.uniform(1.08, 2.0))
    at = (world.now - timedelta(days=day)).replace(hour=int(world.rng.integers(1, 20)), minute=30)
    by_issue = world.chance(0.4)
    if by_issue:
        culprit, kind = (
            issue(
                world,
                "Usage counted twice after a retry",
                "Metering: retried batches are metered twice for some accounts.",
                state="started",
                age_days=day + 1,
            ),
            "linear_issue",
        )
    else:
        culprit, kind = (
            guilty(
                world,
                "billing-worker",
                at,
                world.pick(["Metering: batch usage reports", "Count usage per region", "Aggregate usage hourly"]),
                "billing-worker/metering.py",
            ).sha,
            "deployment",
        )
    found: dict[str, Any] = {}
    world.billing.append(lambda record: found.update(record.overage(world.me)))
    source = ("linear", "issue", culprit) if by_issue else ("github", "deployment", culprit)
    return truth(
        kind, culprit, mine(world), at, "SEV3", ("clickhouse", "metered_vs_served", {"org": world.me.org}), source
    )


@cause("bill.overage_valid")
def overage_valid(world: World) -> Truth:
    usage_logs(world, None, 1.0)
    found: dict[str, Any] = {}
    world.billing.append(lambda record: found.update(record.overage(world.me)))
    made = truth(
        "stripe_invoice", None, mine(world), None, None, ("clickhouse", "metered_vs_served", {"org": world.me.org})
    )
    return made | {
        "later": lambda: {
            "culprit": {"kind": "stripe_invoice", "id": found["id"]},
            "onset": found["onset"],
            "evidence": [*made["evidence"], {"source": "stripe", "kind": "invoice", "ref": found["id"]}],
        }
    }
