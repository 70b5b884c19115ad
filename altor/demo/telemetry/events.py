"""Log lines that belong to no request: service starts, account actions, reported usage, noise."""

from __future__ import annotations

from typing import Final

import numpy as np

from altor.demo.telemetry.rows import Row, RowWriter
from altor.demo.world.build import World
from altor.demo.world.company import PLANS, SERVICES, TENANT_ATTRIBUTE, token

NOISE: Final = (
    "cache warm-up finished",
    "gc pause 38ms",
    "config reload: no changes",
    "connection pool stats idle=11 used=4",
    "lease renewed",
    "slow consumer heartbeat ok",
)
NOISE_PER_HOUR: Final = 0.5  # of one service
#: Account actions that cause nothing.
_ACTIONS: Final = (
    ("core-api", "api key {key} created by user {email}"),
    ("core-api", "user {email} signed in from a new device"),
    ("core-api", "team member invited by user {email}"),
    ("billing-worker", "billing address viewed by user {email}"),
)
USAGE_DAYS: Final = 35
#: Customers billed by use: what they used of what their plan includes.
METERED: Final = {"sunmarket": 1.34, "pelicanparcel": 0.71}


class EventLog:
    def __init__(self, world: World, writer: RowWriter) -> None:
        self.world = world
        self.writer = writer
        # A customer with an incident of its own gets no chance action: it would look guilty.
        concerned = {e.customer for i in world.incidents for e in i.effects if e.customer}
        self._calm = [c for c in world.customers if c.slug not in concerned]

    def hour(self, hour: int) -> list[Row]:
        rng = np.random.default_rng([self.world.seed, 71, hour + 100_000])
        rows = [*self._audits(hour), *self._starts(hour)]
        for service in SERVICES:
            for _ in range(int(rng.poisson(NOISE_PER_HOUR))):
                at_h = hour + float(rng.random())
                rows.append(
                    self.writer.log(at_h, "INFO", service, str(rng.choice(NOISE)), "", lane=int(rng.integers(0, 2)))
                )
        if rng.random() < 0.3:
            customer = self._calm[int(rng.integers(0, len(self._calm)))]
            service, body = _ACTIONS[int(rng.integers(0, len(_ACTIONS)))]
            body = body.format(email=customer.people[0].email, key=f"key_{token(rng, 8)}")
            at_h = hour + float(rng.random())
            rows.append(self.writer.log(at_h, "INFO", service, body, f"'{TENANT_ATTRIBUTE}':'{customer.org_id}'"))
        return rows

    def _audits(self, hour: int) -> list[Row]:
        rows = []
        for incident in self.world.incidents:
            for audit in incident.audits:
                if hour <= audit.at_h < hour + 1:
                    customer = self.world.by_slug[audit.customer]
                    body = audit.body.format(
                        email=customer.people[0].email, url=f"https://{customer.hook_host}{customer.hook_path}"
                    )
                    attributes = f"'{TENANT_ATTRIBUTE}':'{customer.org_id}'"
                    rows.append(self.writer.log(audit.at_h, audit.severity, audit.service, body, attributes))
        return rows

    def _starts(self, hour: int) -> list[Row]:
        rows = []
        for service in SERVICES:
            for at_h, version in self.writer.places.starts(service):
                if hour <= at_h < hour + 1:
                    for lane in range(3):
                        body, attributes = f"service started version={version}", f"'service.version':'{version}'"
                        rows.append(
                            self.writer.log(
                                at_h + lane * 0.004, "INFO", service, body, attributes, region=lane, lane=lane
                            )
                        )
        return rows

    def usage(self) -> list[Row]:
        """The daily `usage reported` lines of the last 35 days."""
        rows = []
        for slug, share in METERED.items():
            customer = self.world.by_slug[slug]
            rng = np.random.default_rng([self.world.seed, 72, customer.index])
            included = PLANS[customer.plan].requests_per_minute * 60 * 24 * 0.35
            for day in range(USAGE_DAYS):
                at_h = -24.0 * (day + 1) - self.world.anchor.hour + 0.1
                served = int(included * share * float(rng.lognormal(0.0, 0.06)))
                attributes = (
                    f"'{TENANT_ATTRIBUTE}':'{customer.org_id}','usage.requests':'{served}','usage.metered':'{served}'"
                )
                rows.append(self.writer.log(at_h, "INFO", "billing-worker", "usage reported", attributes))
        return rows
