"""Incidents of webhook deliveries."""

from __future__ import annotations

from altor.demo.world import effects as fx
from altor.demo.world.incidents.model import ONGOING, Deploy, Incident, Said


def webhooks_incidents() -> tuple[Incident, ...]:
    return (
        Incident(
            "rotation-tidewater",
            "wh.auth_after_rotation",
            "webhook",
            -7.4,
            effects=(fx.Deliveries(-7.4, ONGOING, "tidewatertackle", status=401),),
            audits=(fx.Audit(-7.5, "tidewatertackle", "webhook-dispatcher", "signing secret rotated by user {email}"),),
            said=(Said("tidewatertackle", -4.6), Said("tidewatertackle", live_s=6)),
        ),
        Incident(
            "hook-500-vellum",
            "wh.endpoint_5xx",
            "webhook",
            -43.0,
            -34.0,
            effects=(fx.Deliveries(-43.0, -34.0, "vellumbooks", status=502, share=0.94),),
            said=(Said("vellumbooks", -38.7),),
            culprit=("customer_endpoint", ""),
        ),
        Incident(
            "hook-500-marlin",
            "wh.endpoint_5xx",
            "webhook",
            -4.4,
            effects=(fx.Deliveries(-4.4, ONGOING, "marlinmarine", status=503, share=0.96),),
            said=(Said("marlinmarine", -2.1), Said("marlinmarine", live_s=255)),
            culprit=("customer_endpoint", ""),
        ),
        Incident(
            "tls-alpenhof",
            "wh.tls_expired",
            "webhook",
            -17.0,
            effects=(
                fx.Deliveries(
                    -17.0,
                    ONGOING,
                    "alpenhof",
                    error_type="tls_certificate_expired",
                    message="x509: certificate has expired or is not yet valid",
                    duration_ms=64.0,
                ),
            ),
            said=(Said("alpenhof", -13.2), Said("alpenhof", live_s=310)),
            culprit=("customer_endpoint", ""),
        ),
        Incident(
            "backlog",
            "wh.queue_backlog_deploy",
            "webhook",
            -112.0,
            -106.0,
            effects=(fx.Backlog(-112.0, -106.0, seconds=1900.0),),
            deploys=(
                Deploy(
                    -112.0,
                    "webhook-dispatcher",
                    "Dispatcher: one consumer per partition",
                    ("webhooks/dispatcher/consumer.go", "webhooks/dispatcher/config.yaml"),
                    True,
                ),
                Deploy(
                    -106.0,
                    "webhook-dispatcher",
                    "Dispatcher: restore the number of consumers",
                    ("webhooks/dispatcher/config.yaml",),
                ),
            ),
            said=(Said("sunmarket", -110.0), Said("hazelworks", -108.6), Said("quarrylane", -107.0)),
            scope=("all", ""),
            culprit=("deployment", ""),
        ),
        Incident(
            "timeout-peppermill",
            "wh.consumer_timeout",
            "webhook",
            -9.5,
            effects=(
                fx.Deliveries(
                    -9.5,
                    ONGOING,
                    "peppermill",
                    error_type="timeout",
                    message="context deadline exceeded (client timeout 10s while awaiting headers)",
                    share=0.93,
                    duration_ms=10_000.0,
                ),
            ),
            said=(Said("peppermill", -6.9),),
            culprit=("customer_endpoint", ""),
        ),
        Incident(
            "dns-larkspur",
            "wh.dns_failure",
            "webhook",
            -28.5,
            -23.0,
            effects=(
                fx.Deliveries(
                    -28.5,
                    -23.0,
                    "larkspur",
                    error_type="dns_failure",
                    message="dial tcp: lookup {host}: no such host",
                    duration_ms=22.0,
                ),
            ),
            said=(Said("larkspur", -25.4),),
            culprit=("customer_endpoint", ""),
        ),
        Incident(
            "gone-heronbay",
            "wh.endpoint_gone",
            "webhook",
            -49.0,
            effects=(fx.Deliveries(-49.0, ONGOING, "heronbay", status=410),),
            said=(Said("heronbay", -44.8),),
            culprit=("customer_endpoint", ""),
        ),
        Incident(
            "disabled-copperkettle",
            "wh.endpoint_disabled",
            "webhook",
            -55.6,
            effects=(
                fx.Deliveries(-55.6, -55.0, "copperkettle", status=500),
                fx.NoDeliveries(-55.0, ONGOING, "copperkettle"),
            ),
            audits=(
                fx.Audit(
                    -55.0,
                    "copperkettle",
                    "webhook-dispatcher",
                    "endpoint {url} disabled after 25 consecutive failures",
                    "WARN",
                ),
            ),
            said=(Said("copperkettle", -49.5),),
            culprit=("customer_endpoint", ""),
        ),
        *(
            Incident(
                f"quiet-webhook-{slug}",
                "none.no_anomaly",
                "webhook",
                at_h - 1.0,
                at_h,
                said=(Said(slug, at_h),),
                scope=("none", ""),
                culprit=("none", ""),
            )
            for slug, at_h in (("fernandfig", -16.1), ("nimbusrain", -118.0))
        ),
    )
