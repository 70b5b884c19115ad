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
            -84.0,
            -76.5,
            effects=(fx.Slow(-84.0, -76.5, what="own", factor=5.0, routes=(REPORTS,)),),
            deploys=(
                Deploy(
                    -84.0,
                    "reports-api",
                    "Export: compute discount columns per row",
                    ("reports/export/columns.py", "reports/export/discounts.py"),
                    True,
                ),
                Deploy(
                    -76.5, "reports-api", "Export: compute discounts once per page", ("reports/export/discounts.py",)
                ),
            ),
            said=(Said("emberandash", -81.0, endpoint=REPORTS), Said("skylarkcycles", -78.2, endpoint=REPORTS)),
            scope=("endpoint", REPORTS),
            culprit=("deployment", ""),
        ),
        Incident(
            "slow-shipment-lines",
            "lat.db_slow_query",
            "latency",
            -38.0,
            -29.5,
            effects=(fx.Slow(-38.0, -29.5, what="db", factor=9.0, table="shipment_lines"),),
            said=(
                Said("willowbyte", -35.2, endpoint=CREATE),
                Said("harvestloop", -33.6),
                Said("stonebridge", -31.0, endpoint=CREATE),
            ),
            scope=("endpoint", CREATE),
            culprit=("database", "shipment_lines"),
        ),
        Incident(
            "slow-parcelquote",
            "lat.upstream_dependency",
            "latency",
            -15.0,
            -9.0,
            effects=(fx.Slow(-15.0, -9.0, what="host", factor=11.0, routes=(RATES,)),),
            said=(Said("duskanddawn", -12.6, endpoint=RATES), Said("palmetto", -10.2, endpoint=RATES)),
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
            "slow-singapore",
            "lat.region",
            "latency",
            -126.0,
            -118.0,
            effects=(fx.Slow(-126.0, -118.0, what="own", factor=6.0, region="ap-southeast-1"),),
            said=(Said("jadeharbor", -122.5), Said("riverstitch", -119.6)),
            scope=("region", "ap-southeast-1"),
            culprit=("infrastructure", "ap-southeast-1"),
        ),
        Incident(
            "cache-shipments",
            "lat.cache_loss",
            "latency",
            -66.0,
            -58.5,
            effects=(fx.Slow(-66.0, -58.5, what="cache", factor=5.0, routes=("GET /v1/shipments/{id}",)),),
            said=(Said("nimbusrain", -61.5, endpoint="GET /v1/shipments/{id}"),),
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
                ("kestrelair", -47.0, Said("kestrelair", -47.0)),
                ("oldmill", -8.3, Said("oldmill", -8.3)),
                ("bramblewine", 0.0, Said("bramblewine", live_s=140)),
            )
        ),
        Incident(
            "quiet-latency",
            "none.no_anomaly",
            "latency",
            -109.0,
            -108.0,
            said=(Said("larkspur", -107.5),),
            scope=("none", ""),
            culprit=("none", ""),
            acceptable=("none.customer_network",),
        ),
    )
