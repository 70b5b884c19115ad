"""Send by hand: what did not arrive once more, under the same id; a test."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import QuerySet

from altor.audit import record_event
from altor.errors import Conflict
from altor.models import OutboundDelivery, OutboundEndpoint, User
from altor.queue import enqueue
from altor.webhooks.publishing import TASK, publish_test

#: How many are queued at once; the sweep queues the rest.
_AT_ONCE: Final = 200


@transaction.atomic
def replay_delivery(delivery: OutboundDelivery, *, actor: User | None, now: datetime) -> OutboundDelivery:
    """Deliver it from the start, also one that arrived. Conflict while it waits, or its endpoint is off."""
    _active(delivery.endpoint_id)
    delivery = OutboundDelivery.objects.select_for_update(of=("self",)).select_related("endpoint").get(pk=delivery.pk)
    if delivery.status == OutboundDelivery.Status.WAITING:
        raise Conflict("The delivery is still being tried.")
    before = {"status": delivery.status, "reason": delivery.reason}
    _again(OutboundDelivery.objects.filter(pk=delivery.pk), now=now)
    record_event(
        actor=actor, action="outbound.replayed", object_kind="delivery", object_ref=delivery.message_id, before=before
    )
    enqueue(TASK, delivery.pk)
    delivery.refresh_from_db()
    return delivery


@transaction.atomic
def replay_undelivered(endpoint: OutboundEndpoint, *, since: datetime, actor: User | None, now: datetime) -> int:
    """Deliver again whatever failed or was cancelled and was published at `since` or later; how many that is.

    Conflict while the endpoint is off.
    """
    _active(endpoint.pk)
    missed = endpoint.deliveries.undelivered().filter(created_at__gte=since)
    ids = list(missed.select_for_update().order_by("pk").values_list("pk", flat=True))
    _again(OutboundDelivery.objects.filter(pk__in=ids[:_AT_ONCE]), now=now)
    # As if queued before they became due: the sweep takes them in turn.
    _again(OutboundDelivery.objects.filter(pk__in=ids[_AT_ONCE:]), now=now, queued_at=since)
    for pk in ids[:_AT_ONCE]:
        enqueue(TASK, pk)
    record_event(
        actor=actor, action="outbound.replayed_all", object_kind="outbound", object_ref=endpoint.slug,
        after={"since": since.isoformat(), "deliveries": len(ids)},
    )  # fmt: skip
    return len(ids)


@transaction.atomic
def send_test(endpoint: OutboundEndpoint, *, actor: User | None, now: datetime) -> OutboundDelivery:
    """An `endpoint.test` event, tried once. Conflict while the endpoint is off."""
    delivery = publish_test(_active(endpoint.pk), now=now)
    record_event(actor=actor, action="outbound.tested", object_kind="outbound", object_ref=endpoint.slug)
    return delivery


def _active(pk: int) -> OutboundEndpoint:
    """The endpoint, locked: it cannot be switched off between our look and our write."""
    endpoint = OutboundEndpoint.objects.select_for_update(no_key=True).get(pk=pk)
    if not endpoint.is_active:
        raise Conflict("The endpoint is disabled. Enable it first.")
    return endpoint


def _again(rows: QuerySet[OutboundDelivery], *, now: datetime, queued_at: datetime | None = None) -> None:
    rows.update(
        status=OutboundDelivery.Status.WAITING,
        reason="",
        tries=0,
        not_before=now,
        queued_at=queued_at or now,
        ended_at=None,
    )
