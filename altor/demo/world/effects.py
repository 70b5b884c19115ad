"""What an incident does to the telemetry: small declarations that the generator applies to its arrays.

Times are hours relative to the world's anchor (negative = before it). `customer` is a slug; "" means everybody.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Effect:
    start_h: float
    end_h: float  # exclusive; a large number while it goes on
    customer: str = ""


@dataclass(frozen=True, slots=True)
class Traffic(Effect):
    """More (or fewer) requests; `routes` limits the surplus to some routes."""

    factor: float = 1.0
    routes: tuple[str, ...] = ()
    agent: str = ""  # user agent of the surplus


@dataclass(frozen=True, slots=True)
class Retries(Effect):
    """This share of the requests repeats an earlier one at once."""

    share: float = 0.0


@dataclass(frozen=True, slots=True)
class Quota(Effect):
    """The limit in force is multiplied."""

    factor: float = 1.0


@dataclass(frozen=True, slots=True)
class Slow(Effect):
    """A part of the work takes `factor` times as long. `what`: own, db, host, cache (a miss instead of a hit)."""

    what: str = "own"
    factor: float = 1.0
    routes: tuple[str, ...] = ()  # empty = all
    table: str = ""
    region: str = ""


@dataclass(frozen=True, slots=True)
class Payload(Effect):
    """Request bodies of some routes grow, and the work with them."""

    factor: float = 1.0
    routes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Errors(Effect):
    """This share of the requests fails with a 5xx."""

    share: float = 0.0
    error_type: str = "InternalError"
    routes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Foreign(Effect):
    """A key used from elsewhere: additional requests from many unknown addresses and clients."""

    per_hour: float = 0.0


@dataclass(frozen=True, slots=True)
class Deliveries(Effect):
    """What the customer's webhook endpoint answers: a status, or no answer at all (`error_type`)."""

    status: int = 0  # 0 = no HTTP answer
    error_type: str = ""
    message: str = ""
    share: float = 1.0
    duration_ms: float = 180.0


@dataclass(frozen=True, slots=True)
class Backlog(Effect):
    """Deliveries wait this long (seconds, median) before they are sent."""

    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class NoDeliveries(Effect):
    """Nothing is sent (the endpoint is switched off)."""


@dataclass(frozen=True, slots=True)
class Audit:
    """One account action in the logs."""

    at_h: float
    customer: str
    service: str
    body: str
    severity: str = "INFO"
