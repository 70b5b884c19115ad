"""The incidents: when, whom, what it did to the telemetry, which deployment or account action belongs to it.

The truth (label, culprit, scope) stays here, for tests; no part of the product reads it. Times are hours relative to
the world's anchor. Incidents of one class keep clear of each other's customers, routes or hours.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from altor.demo.world import effects as fx

ONGOING: Final = 10_000.0
TRACKING: Final = "GET /v1/tracking/{number}"
REPORTS: Final = "GET /v1/reports/export"
RATES: Final = "POST /v1/rates"
BATCH: Final = "POST /v1/shipments/batch"
CREATE: Final = "POST /v1/shipments"


@dataclass(frozen=True, slots=True)
class Deploy:
    """A production deployment that belongs to an incident: its cause, or the one that put it right."""

    at_h: float
    service: str
    title: str
    files: tuple[str, ...]
    is_culprit: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """A ticket about an incident: `at_h` before the anchor, or `live_s` seconds after the demo opened."""

    customer: str
    at_h: float = 0.0
    live_s: int | None = None
    endpoint: str = ""  # named in the text


@dataclass(frozen=True, slots=True)
class Incident:
    key: str
    label: str
    incident_class: str
    start_h: float
    end_h: float = ONGOING
    effects: tuple[fx.Effect, ...] = ()
    deploys: tuple[Deploy, ...] = ()
    audits: tuple[fx.Audit, ...] = ()
    said: tuple[Said, ...] = ()
    scope: tuple[str, str] = ("customer", "")  # kind, value; "" = the customer's id where the kind is customer
    culprit: tuple[str, str] = ("customer_change", "")
    acceptable: tuple[str, ...] = field(default=())
