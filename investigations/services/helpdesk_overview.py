"""What a page tells of helpdesk connections: what came in lately, what was refused, what is being read."""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db.models import Count, Max, Sum

from altor.models import InboundEndpoint, InboundEvent
from investigations.helpdesks.base import Helpdesk
from investigations.helpdesks.registry import helpdesks
from investigations.models import Backfill, HelpdeskConnection, InboundRefusal

DAY: Final = timedelta(days=1)
_TEMPLATES: Final = frozenset({".json", ".txt", ".liquid", ".md"})


@dataclass(slots=True)
class Line:
    """One connection and its last day. `events`: status -> number; `refused`: (reason, number, last), newest first."""

    row: HelpdeskConnection
    title: str
    events: dict[str, int] = field(default_factory=dict)
    last_event_at: datetime | None = None
    refused: list[tuple[str, int, datetime]] = field(default_factory=list)
    backfill: Backfill | None = None  # the newest

    @property
    def endpoint(self) -> InboundEndpoint:
        return self.row.endpoint

    @property
    def total(self) -> int:
        return sum(self.events.values())

    @property
    def dead(self) -> int:
        return self.events.get(InboundEvent.Status.DEAD, 0)

    @property
    def refused_total(self) -> int:
        return sum(count for _, count, _ in self.refused)

    @property
    def address(self) -> str:
        return address_of(self.endpoint)


def address_of(endpoint: InboundEndpoint) -> str:
    """What is pasted into the helpdesk."""
    return f"{settings.BASE_URL}/api/v1/hooks/{endpoint.source}/{endpoint.connection}/"


def overview(rows: Iterable[HelpdeskConnection], *, now: datetime) -> list[Line]:
    """Three queries for all of them together."""
    known = helpdesks()
    lines = {
        row.endpoint_id: Line(row, row.endpoint.title or getattr(known.get(row.endpoint.source), "title", ""))
        for row in rows
    }
    recent = InboundEvent.objects.filter(endpoint__in=lines, received_at__gt=now - DAY).order_by()
    for endpoint_id, status, count, last in recent.values_list("endpoint_id", "status").annotate(
        n=Count("pk"), last=Max("received_at")
    ):
        line = lines[endpoint_id]
        line.events[status] = count
        line.last_event_at = max(filter(None, (line.last_event_at, last)))
    refused = InboundRefusal.objects.filter(endpoint__in=lines, last_at__gt=now - DAY).order_by()
    summed = refused.values_list("endpoint_id", "reason").annotate(n=Sum("count"), last=Max("last_at"))
    for endpoint_id, reason, count, last in summed.order_by("-last"):
        lines[endpoint_id].refused.append((reason, count, last))
    newest = (
        Backfill.objects.filter(connection__endpoint__in=lines)
        .order_by("connection_id", "-pk")
        .distinct("connection_id")
    )
    for backfill in newest.select_related("connection"):
        lines[backfill.connection.endpoint_id].backfill = backfill
    return list(lines.values())


@dataclass(frozen=True, slots=True)
class Template:
    """A text that is pasted into the helpdesk: the body of a webhook or of a trigger."""

    name: str
    text: str


def templates_of(adapter: Helpdesk) -> Sequence[Template]:
    """The texts that lie beside the adapter's code, in the order of their names."""
    folder = Path(inspect.getfile(type(adapter))).parent
    files = sorted(path for path in folder.iterdir() if path.suffix in _TEMPLATES)
    return [Template(path.name, path.read_text(encoding="utf-8")) for path in files]


def grouped_problems(backfill: Backfill) -> list[tuple[str, list[str]]]:
    """(why, tickets) of a reading, the most frequent reason first."""
    found: dict[str, list[str]] = defaultdict(list)
    for item in backfill.problems:
        found[str(item.get("why", ""))].append(str(item.get("ticket", "")))
    return sorted(found.items(), key=lambda pair: -len(pair[1]))
