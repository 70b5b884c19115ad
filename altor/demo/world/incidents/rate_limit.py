"""Incidents of rate limiting, and quiet customers who complain of it."""

from __future__ import annotations

from altor.demo.world import effects as fx
from altor.demo.world.incidents.model import CREATE, ONGOING, Deploy, Incident, Said


def rate_limit_incidents() -> tuple[Incident, ...]:
    return (
        Incident(
            "limiter-deploy",
            "rl.limiter_deploy",
            "rate_limit",
            -98.0,
            -91.5,
            effects=(fx.Quota(-98.0, -91.5, factor=0.1),),
            deploys=(
                Deploy(
                    -98.0,
                    "edge-gateway",
                    "Limiter: read bucket size from the new config key",
                    ("gateway/limiter/bucket.go", "gateway/limiter/config.yaml"),
                    True,
                ),
                Deploy(
                    -91.5,
                    "edge-gateway",
                    "Revert: limiter bucket size",
                    ("gateway/limiter/bucket.go", "gateway/limiter/config.yaml"),
                ),
            ),
            said=(
                Said("fernandfig", -95.9),
                Said("quarrylane", -94.9),
                Said("heronbay", -94.1),
                Said("copperkettle", -92.6),
            ),
            scope=("all", ""),
            culprit=("deployment", ""),
        ),
        Incident(
            "retry-storm-brightoak",
            "rl.retry_storm",
            "rate_limit",
            -6.2,
            effects=(
                fx.Traffic(-6.2, ONGOING, "brightoak", factor=6.5),
                fx.Retries(-6.2, ONGOING, "brightoak", share=0.74),
            ),
            said=(Said("brightoak", -3.4), Said("brightoak", live_s=170)),
        ),
        Incident(
            "retry-storm-cobaltkite",
            "rl.retry_storm",
            "rate_limit",
            -45.0,
            -37.5,
            effects=(
                fx.Traffic(-45.0, -37.5, "cobaltkite", factor=5.5),
                fx.Retries(-45.0, -37.5, "cobaltkite", share=0.7),
            ),
            said=(Said("cobaltkite", -41.2),),
        ),
        Incident(
            "downgrade-lumenridge",
            "rl.plan_downgrade",
            "rate_limit",
            -21.0,
            effects=(fx.Quota(-21.0, ONGOING, "lumenridge", factor=0.2),),
            audits=(
                fx.Audit(
                    -21.0,
                    "lumenridge",
                    "billing-worker",
                    "quota changed from 300 to 60 requests per minute (plan Starter)",
                ),
            ),
            said=(Said("lumenridge", -16.5), Said("lumenridge", live_s=20)),
            culprit=("stripe_event", ""),
        ),
        Incident(
            "downgrade-jadeharbor",
            "rl.plan_downgrade",
            "rate_limit",
            -70.0,
            effects=(fx.Quota(-70.0, ONGOING, "jadeharbor", factor=0.25),),
            audits=(
                fx.Audit(
                    -70.0,
                    "jadeharbor",
                    "billing-worker",
                    "quota changed from 1200 to 300 requests per minute (plan Growth)",
                ),
            ),
            said=(Said("jadeharbor", -63.0),),
            culprit=("stripe_event", ""),
        ),
        Incident(
            "burst-pelicanparcel",
            "rl.customer_burst",
            "rate_limit",
            -3.6,
            effects=(
                fx.Traffic(
                    -3.6,
                    ONGOING,
                    "pelicanparcel",
                    factor=6.0,
                    routes=("GET /v1/shipments", "GET /v1/orders"),
                    agent="pelican-backfill/0.3",
                ),
            ),
            said=(Said("pelicanparcel", -1.6), Said("pelicanparcel", live_s=80)),
        ),
        Incident(
            "burst-northfjord",
            "rl.customer_burst",
            "rate_limit",
            -58.0,
            -50.0,
            effects=(
                fx.Traffic(
                    -58.0, -50.0, "northfjord", factor=5.0, routes=(CREATE, "GET /v1/orders"), agent="okhttp/4.12.0"
                ),
            ),
            said=(Said("northfjord", -53.5),),
        ),
        Incident(
            "burst-orchardpets",
            "rl.customer_burst",
            "rate_limit",
            -122.0,
            -115.0,
            effects=(
                fx.Traffic(
                    -122.0,
                    -115.0,
                    "orchardpets",
                    factor=5.5,
                    routes=("GET /v1/shipments/{id}",),
                    agent="python-requests/2.32.3",
                ),
            ),
            said=(Said("orchardpets", -117.4),),
        ),
        Incident(
            "leaked-key-ironquill",
            "rl.leaked_key",
            "rate_limit",
            -10.0,
            effects=(fx.Foreign(-10.0, ONGOING, "ironquill", per_hour=70.0),),
            said=(Said("ironquill", -5.2),),
            culprit=("api_key", ""),
        ),
        Incident(
            "quiet-maplegate",
            "none.no_anomaly",
            "rate_limit",
            -31.0,
            -30.0,
            said=(Said("maplegate", -29.0),),
            scope=("none", ""),
            culprit=("none", ""),
        ),
        Incident(
            "quiet-larkspur",
            "none.no_anomaly",
            "rate_limit",
            -8.0,
            -7.0,
            said=(Said("larkspur", -6.4),),
            scope=("none", ""),
            culprit=("none", ""),
        ),
    )
