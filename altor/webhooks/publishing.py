"""Publish an event: one delivery for each endpoint that wants it, in the transaction of the change it tells of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from django.utils import timezone

from altor.models import OutboundDelivery, OutboundEndpoint
from altor.models.outbound import message_id
from altor.queue import enqueue
from altor.redaction import redact
from altor.webhooks.events import TEST, event_types

TASK: Final = "altor.tasks.deliver_webhook"
_LONGEST_TEXT: Final = 200
_MOST_ITEMS: Final = 50


def publish(
    event_type: str, data: Mapping[str, Any], *, key: str, at: datetime | None = None, now: datetime | None = None
) -> int:
    """Tell every active endpoint that subscribed to `event_type`; how many were told. Call it inside the transaction.

    `data` holds references and figures: names of fields -> text (cut at 200 characters), number, boolean, None, lists
    of these, or one more level of names. Ticket text, evidence and personal data stay out of it; secrets are redacted
    all the same. `at` is when it happened (default: now). The same `key` twice is sent once.

    KeyError for a type that is not in the registry, TypeError for other values.
    """
    if event_type not in event_types():
        raise KeyError(event_type)
    endpoints = list(OutboundEndpoint.objects.filter(is_active=True, event_types__contains=[event_type]))
    return len(store(endpoints, event_type, data, key=key, at=at, now=now or timezone.now()))


def publish_test(endpoint: OutboundEndpoint, *, now: datetime) -> OutboundDelivery:
    """An `endpoint.test` to this endpoint alone."""
    key = f"test:{message_id()}"
    return store([endpoint], TEST, {"endpoint": endpoint.slug}, key=key, at=now, now=now)[0]


def store(
    endpoints: Sequence[OutboundEndpoint], event_type: str, data: Mapping[str, Any], *, key: str,
    at: datetime | None, now: datetime,
) -> list[OutboundDelivery]:  # fmt: skip
    """Write one delivery per endpoint and queue it; those that are there already under `key` are left out."""
    if not key or len(key) > 160:
        raise ValueError("a key has 1 to 160 characters")
    payload = {
        "type": event_type,
        "timestamp": (at or now).astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "data": redact(_checked(data, depth=2), ips=True),
    }
    told = {"event_type": event_type, "key": key, "payload": payload}
    wanted = [
        OutboundDelivery(endpoint=endpoint, not_before=now, queued_at=now, created_at=now, **told)
        for endpoint in endpoints
    ]
    OutboundDelivery.objects.bulk_create(wanted, ignore_conflicts=True)
    stored = list(OutboundDelivery.objects.filter(message_id__in=[one.message_id for one in wanted]))
    for delivery in stored:
        enqueue(TASK, delivery.pk)
    return stored


def _checked(value: Any, *, depth: int) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return value[:_LONGEST_TEXT].replace("\x00", "")
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Mapping) and depth:
        return {str(name): _checked(item, depth=depth - 1) for name, item in value.items()}
    if isinstance(value, list | tuple) and depth:
        return [_checked(item, depth=0) for item in value[:_MOST_ITEMS]]
    raise TypeError(f"a webhook carries references and figures, not {type(value).__name__} at this depth")
