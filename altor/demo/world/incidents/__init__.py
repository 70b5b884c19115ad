"""All incidents of the demo's world."""

from typing import Final

from altor.demo.world.incidents.billing import billing_incidents
from altor.demo.world.incidents.latency import latency_incidents
from altor.demo.world.incidents.later import later_incidents
from altor.demo.world.incidents.model import Deploy, Incident, Said
from altor.demo.world.incidents.rate_limit import rate_limit_incidents
from altor.demo.world.incidents.webhooks import webhooks_incidents

INCIDENTS: Final[tuple[Incident, ...]] = (
    *rate_limit_incidents(),
    *latency_incidents(),
    *webhooks_incidents(),
    *billing_incidents(),
    *later_incidents(),
)

__all__ = ["INCIDENTS", "Deploy", "Incident", "Said"]
