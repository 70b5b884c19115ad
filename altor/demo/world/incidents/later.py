"""What happens while the demo runs on: an incident every half hour or so for a working day."""

from __future__ import annotations

from altor.demo.world import effects as fx
from altor.demo.world.incidents.model import BATCH, Deploy, Incident, Said

VERIFY = "POST /v1/addresses/verify"
ORDERS = "GET /v1/orders"


def _live(hours: float) -> int:
    return int(hours * 3600)


def later_incidents() -> tuple[Incident, ...]:
    """Their tickets arrive live, at least twenty minutes after the beginning."""
    return (
        Incident(
            "later-retries-cobaltkite",
            "rl.retry_storm",
            "rate_limit",
            0.2,
            7.0,
            effects=(
                fx.Traffic(0.2, 7.0, "cobaltkite", factor=6.0),
                fx.Retries(0.2, 7.0, "cobaltkite", share=0.72),
            ),
            said=(Said("cobaltkite", live_s=_live(0.62)),),
        ),
        Incident(
            "later-gone-fernandfig",
            "wh.endpoint_gone",
            "webhook",
            0.4,
            effects=(fx.Deliveries(0.4, 10_000.0, "fernandfig", status=410),),
            said=(Said("fernandfig", live_s=_live(1.1)),),
            culprit=("customer_endpoint", ""),
        ),
        Incident(
            "later-duplicate-hazelworks",
            "bill.duplicate_charge",
            "billing",
            0.9,
            said=(Said("hazelworks", live_s=_live(1.5)),),
            culprit=("stripe_charge", ""),
        ),
        Incident(
            "later-orders-table",
            "lat.db_slow_query",
            "latency",
            1.3,
            4.5,
            effects=(fx.Slow(1.3, 4.5, what="db", factor=10.0, table="orders"),),
            said=(Said("maplegate", live_s=_live(1.9), endpoint=ORDERS), Said("hazelworks", live_s=_live(2.4))),
            scope=("endpoint", ORDERS),
            culprit=("database", "orders"),
        ),
        Incident(
            "later-limiter",
            "rl.limiter_deploy",
            "rate_limit",
            3.0,
            6.0,
            effects=(fx.Quota(3.0, 6.0, factor=0.2),),
            deploys=(
                Deploy(
                    3.0,
                    "edge-gateway",
                    "Limiter: count batch calls by their lines",
                    ("gateway/limiter/cost.go", "gateway/limiter/config.yaml"),
                    True,
                ),
                Deploy(6.0, "edge-gateway", "Revert: limiter cost of batch calls", ("gateway/limiter/cost.go",)),
            ),
            said=(Said("kestrelair", live_s=_live(3.6)), Said("mosswood", live_s=_live(4.1))),
            scope=("all", ""),
            culprit=("deployment", ""),
        ),
        Incident(
            "later-geocheck",
            "lat.upstream_dependency",
            "latency",
            5.2,
            8.0,
            effects=(fx.Slow(5.2, 8.0, what="host", factor=12.0, routes=(VERIFY,)),),
            said=(Said("peppermill", live_s=_live(5.9), endpoint=VERIFY),),
            scope=("endpoint", VERIFY),
            culprit=("dependency", "api.geocheck.example"),
        ),
        Incident(
            "later-dns-larkspur",
            "wh.dns_failure",
            "webhook",
            7.2,
            9.0,
            effects=(
                fx.Deliveries(
                    7.2,
                    9.0,
                    "larkspur",
                    error_type="dns_failure",
                    message="dial tcp: lookup {host}: no such host",
                    duration_ms=20.0,
                ),
            ),
            said=(Said("larkspur", live_s=_live(7.8)),),
            culprit=("customer_endpoint", ""),
        ),
        Incident(
            "later-batch-deploy",
            "lat.deploy_route",
            "latency",
            8.0,
            12.0,
            effects=(fx.Slow(8.0, 12.0, what="own", factor=5.0, routes=(BATCH,)),),
            deploys=(
                Deploy(8.0, "core-api", "Batch: validate every line twice", ("core/shipments/batch.py",), True),
                Deploy(12.0, "core-api", "Batch: validate lines once", ("core/shipments/batch.py",)),
            ),
            said=(Said("willowbyte", live_s=_live(8.6), endpoint=BATCH), Said("ironquill", live_s=_live(9.2))),
            scope=("endpoint", BATCH),
            culprit=("deployment", ""),
        ),
    )
