"""Refused deliveries, counted: so that a wrong secret is seen on the page and a flood of them fills no table."""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from altor.models import InboundEndpoint

_COUNT = """
INSERT INTO investigations_inboundrefusal (endpoint_id, hour, reason, count, last_at) VALUES (%s, %s, %s, 1, %s)
ON CONFLICT (endpoint_id, hour, reason)
DO UPDATE SET count = investigations_inboundrefusal.count + 1, last_at = excluded.last_at
"""


def count_refusal(endpoint: InboundEndpoint, reason: str, *, now: datetime) -> None:
    """One more delivery of this hour was refused for this reason. One statement, whatever arrives at once."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [endpoint.pk, hour, reason[:200], now])
