"""The whole world from a seed and an anchor: every process of the demo builds the same one for itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from altor.demo.world.company import Customer, build_customers
from altor.demo.world.deployments import Deployment, build_deployments
from altor.demo.world.incidents import INCIDENTS, Incident

if TYPE_CHECKING:
    from altor.demo.world.billing import Billing
    from altor.demo.world.tickets import PlannedTicket

#: Telemetry begins this long before the anchor.
TELEMETRY_H: Final = 194
DEFAULT_SEED: Final = 20260


def iso(at: datetime) -> str:
    """`2026-05-01T10:02:00Z`, as the upstream systems write times."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class World:
    """What happened, from `anchor` - ten days to some hours after it. Deterministic in (seed, anchor)."""

    seed: int
    anchor: datetime  # aware UTC, whole minute: when the demo was set up

    @cached_property
    def customers(self) -> tuple[Customer, ...]:
        return build_customers(self.seed)

    @cached_property
    def by_slug(self) -> Mapping[str, Customer]:
        return {customer.slug: customer for customer in self.customers}

    @property
    def incidents(self) -> tuple[Incident, ...]:
        return INCIDENTS

    @cached_property
    def deployments(self) -> tuple[Deployment, ...]:
        return build_deployments(self.seed, self.anchor, self.incidents)

    @cached_property
    def billing(self) -> Billing:
        from altor.demo.world.billing import build_billing

        return build_billing(self)

    @cached_property
    def tickets(self) -> tuple[PlannedTicket, ...]:
        from altor.demo.world.tickets import build_tickets

        return build_tickets(self)

    def at(self, hours: float) -> datetime:
        """The time `hours` after the anchor (negative = before)."""
        return self.anchor + timedelta(hours=hours)

    def truth(self, incident: Incident, customer: Customer) -> dict[str, Any]:
        """The right answer for a ticket of `customer` about `incident`. For tests only."""
        kind, named = incident.culprit
        culprit: tuple[str, ...] = (named,) if named else ()
        if kind == "deployment":
            culprit = tuple(d.sha for d in self.deployments if d.incident == incident.key)
        elif kind == "customer_endpoint":
            culprit = (customer.hook_host,)
        elif kind == "api_key":
            culprit = (customer.keys[0],)
        elif kind.startswith("stripe_"):
            culprit = self.billing.culprits[incident.key]
        scope_kind, scope = incident.scope
        return {
            "incident": incident.key,
            "label": incident.label,
            "acceptable": [incident.label, *incident.acceptable],
            "class": incident.incident_class,
            "scope": {"kind": scope_kind, "value": customer.org_id if scope_kind == "customer" else scope or None},
            "culprit": {"kind": kind, "any_of": list(culprit)},
            "onset": iso(self.at(incident.start_h)),
        }
