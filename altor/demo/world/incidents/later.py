"""What happens while the demo runs on: an incident every half hour or so for a working day."""

from __future__ import annotations

from altor.demo.world import effects as fx
from altor.demo.world.incidents.model import Deploy, Incident, Said

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
            said=(Said("stonebridge", live_s=_live(1.9), endpoint=ORDERS), Said("tangerinebay", live_s=_live(2.4))),
            scope=("endpoint", ORDERS),
            culprit=("database", "orders"),
        ),
        Incident(
            "later-limiter",
            "rl.limiter_deploy",
            "rate_limit",
            3.0,
            6.0,
            effects=(fx.Quota(3.0, 6.0, factor=0.1),),
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
            "later-declined-vellum",
            "bill.payment_failed",
            "billing",
            4.6,
            said=(Said("vellumbooks", live_s=_live(5.2)),),
            culprit=("stripe_invoice", ""),
        ),
        Incident(
            "later-timeout-mosswood",
            "wh.consumer_timeout",
            "webhook",
            5.0,
            9.5,
            effects=(
                fx.Deliveries(
                    5.0,
                    9.5,
                    "mosswood",
                    error_type="timeout",
                    message="context deadline exceeded (client timeout 10s while awaiting headers)",
                    share=0.95,
                    duration_ms=10_000.0,
                ),
            ),
            said=(Said("mosswood", live_s=_live(5.8)),),
            culprit=("customer_endpoint", ""),
        ),
        Incident(
            "later-rotation-stonebridge",
            "wh.auth_after_rotation",
            "webhook",
            8.4,
            effects=(fx.Deliveries(8.4, 10_000.0, "stonebridge", status=401),),
            audits=(fx.Audit(8.3, "stonebridge", "webhook-dispatcher", "signing secret rotated by user {email}"),),
            said=(Said("stonebridge", live_s=_live(9.3)),),
        ),
    )
