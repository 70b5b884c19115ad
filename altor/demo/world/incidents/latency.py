"""Incidents of latency: deployments, database, dependency, region, cache, payload; and slowness elsewhere."""

from __future__ import annotations

from altor.demo.world import effects as fx
from altor.demo.world.incidents.model import BATCH, CREATE, ONGOING, RATES, REPORTS, TRACKING, Deploy, Incident, Said


def latency_incidents() -> tuple[Incident, ...]:
    return (
        Incident(
            "slow-tracking",
            "lat.deploy_route",
            "latency",
            -5.1,
            effects=(fx.Slow(-5.1, ONGOING, what="own", factor=9.0, routes=(TRACKING,)),),
            deploys=(
                Deploy(
                    -5.1,
                    "tracking-api",
                    "Tracking: load carrier events eagerly for the timeline",
                    ("tracking/timeline/loader.py", "tracking/api/tracking.py"),
                    True,
                ),
            ),
            said=(
                Said("bluepine", -3.2, endpoint=TRACKING),
                Said("saffronroad", -1.9),
                Said("granitepeak", -0.8, endpoint=TRACKING),
                Said("orchardpets", live_s=48, endpoint=TRACKING),
                Said("saffronroad", live_s=215),
            ),
            scope=("endpoint", TRACKING),
            culprit=("deployment", ""),
        ),
        Incident(
            "slow-export",
            "lat.deploy_route",
            "latency",
            -131.0,
            -125.5,
            effects=(fx.Slow(-131.0, -125.5, what="own", factor=5.0, routes=(REPORTS,)),),
            deploys=(
                Deploy(
                    -131.0,
                    "reports-api",
                    "Export: compute discount columns per row",
                    ("reports/export/columns.py", "reports/export/discounts.py"),
                    True,
                ),
                Deploy(
                    -125.5, "reports-api", "Export: compute discounts once per page", ("reports/export/discounts.py",)
                ),
            ),
            said=(Said("emberandash", -128.0, endpoint=REPORTS), Said("skylarkcycles", -126.4, endpoint=REPORTS)),
            scope=("endpoint", REPORTS),
            culprit=("deployment", ""),
        ),
        Incident(
            "slow-shipment-lines",
            "lat.db_slow_query",
            "latency",
            -94.0,
            -88.5,
            effects=(fx.Slow(-94.0, -88.5, what="db", factor=9.0, table="shipment_lines"),),
            said=(
                Said("willowbyte", -91.5, endpoint=CREATE),
                Said("harvestloop", -90.2),
                Said("stonebridge", -89.0, endpoint=CREATE),
            ),
            scope=("endpoint", CREATE),
            culprit=("database", "shipment_lines"),
        ),
        Incident(
            "slow-parcelquote",
            "lat.upstream_dependency",
            "latency",
            -57.0,
            -51.5,
            effects=(fx.Slow(-57.0, -51.5, what="host", factor=11.0, routes=(RATES,)),),
            said=(Said("duskanddawn", -54.5, endpoint=RATES), Said("palmetto", -52.4, endpoint=RATES)),
            scope=("endpoint", RATES),
            culprit=("dependency", "api.parcelquote.example"),
        ),
        Incident(
            "payload-cloverfield",
            "lat.payload_growth",
            "latency",
            -22.0,
            effects=(fx.Payload(-22.0, ONGOING, "cloverfield", factor=22.0, routes=(BATCH,)),),
            said=(Said("cloverfield", -14.0, endpoint=BATCH), Said("cloverfield", live_s=112, endpoint=BATCH)),
        ),
        Incident(
            "cache-shipments",
            "lat.cache_loss",
            "latency",
            -165.0,
            -159.0,
            effects=(fx.Slow(-165.0, -159.0, what="cache", factor=5.0, routes=("GET /v1/shipments/{id}",)),),
            said=(Said("nimbusrain", -160.5, endpoint="GET /v1/shipments/{id}"),),
            scope=("endpoint", "GET /v1/shipments/{id}"),
            culprit=("infrastructure", "redis"),
        ),
        Incident(
            "blip",
            "none.resolved_blip",
            "latency",
            -19.5,
            -19.2,
            effects=(
                fx.Errors(-19.5, -19.2, share=0.55, error_type="UpstreamUnavailable"),
                fx.Slow(-19.5, -19.2, what="own", factor=8.0),
            ),
            said=(Said("tangerinebay", -18.7), Said("foxgloveclinic", -18.2)),
            scope=("none", ""),
            culprit=("infrastructure", ""),
            acceptable=("none.no_anomaly",),
        ),
        *(
            Incident(
                f"network-{slug}",
                "none.customer_network",
                "latency",
                at_h - 2.0,
                at_h,
                said=(said,),
                scope=("none", ""),
                culprit=("none", ""),
                acceptable=("none.no_anomaly",),
            )
            for slug, at_h, said in (
                ("kestrelair", -57.6, Said("kestrelair", -57.6)),
                ("oldmill", -20.9, Said("oldmill", -20.9)),
                ("bramblewine", 0.0, Said("bramblewine", live_s=140)),
            )
        ),
        Incident(
            "quiet-latency",
            "none.no_anomaly",
            "latency",
            -96.0,
            -95.0,
            said=(Said("larkspur", -94.6),),
            scope=("none", ""),
            culprit=("none", ""),
            acceptable=("none.customer_network",),
        ),
    )
