"""Inbound events at a glance: what came in a day, what waits, what was given up, what was refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count, Max, Min, Q, Sum

from altor.models import InboundEvent
from investigations.models import InboundRefusal

DAY: Final = timedelta(days=1)
_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Refused:
    """Deliveries of one endpoint that were refused for one reason in the last 24 hours."""

    endpoint: str
    reason: str
    count: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Overview:
    """`received` in the last 24 hours; `waiting` now, the oldest since `waiting_since`; `dead` in all."""

    received: int
    waiting: int
    waiting_since: datetime | None
    dead: int
    refused: tuple[Refused, ...]

    @property
    def refused_count(self) -> int:
        return sum(one.count for one in self.refused)


def overview(*, now: datetime) -> Overview:
    """Two queries."""
    is_waiting = Q(status__in=[InboundEvent.Status.RECEIVED, InboundEvent.Status.RETRY])
    row = InboundEvent.objects.aggregate(
        received=Count("pk", filter=Q(received_at__gt=now - DAY)),
        waiting=Count("pk", filter=is_waiting),
        waiting_since=Min("received_at", filter=is_waiting),
        dead=Count("pk", filter=Q(status=InboundEvent.Status.DEAD)),
    )
    rows = (
        InboundRefusal.objects.filter(last_at__gt=now - DAY)
        .values("endpoint__source", "endpoint__connection", "reason")
        .annotate(n=Sum("count"), last=Max("last_at"))
        .order_by("-last")[:_SHOWN]
    )
    refused = tuple(
        Refused(f"{one['endpoint__source']}/{one['endpoint__connection']}", one["reason"], one["n"], one["last"])
        for one in rows
    )
    return Overview(refused=refused, **row)
