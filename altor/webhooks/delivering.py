"""Deliver: claim, post, settle. The claim counts the try before it is made, so one that kills its worker is counted.

Two transactions per try with the network between them. A try that has not settled when its lease lapses is taken again;
the number of the attempt keeps a worker that comes back late from settling what another one has taken.
"""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from standardwebhooks.webhooks import Webhook

from altor.models import OutboundAttempt, OutboundDelivery, OutboundEndpoint
from altor.outbound.posting import Posted, post_once
from altor.queue import enqueue
from altor.redaction import redact_text
from altor.webhooks.endpoints import SOURCE, disable_endpoint
from altor.webhooks.events import TEST
from altor.webhooks.publishing import TASK

log = logging.getLogger(__name__)

#: Waits before the second and every further try: with the first one eight tries within about 21 hours.
SCHEDULE: Final = tuple(
    timedelta(seconds=s) for s in (5, 60, 5 * 60, 30 * 60, 2 * 3600, 6 * 3600, 12 * 3600)
)  # fmt: skip
#: A wait is up to this share longer than planned, so that what failed together does not come back together.
_JITTER: Final = 0.2
#: The longest that an answer's Retry-After is believed.
_LONGEST_WAIT: Final = timedelta(hours=24)
#: A try that has not ended after this long was killed: longer than a task may take.
LEASE: Final = timedelta(seconds=90)
#: An endpoint without one good answer for this long is switched off.
FAILING: Final = timedelta(days=5)
KEPT: Final = timedelta(days=30)
_ANSWER: Final = 500


def deliver(
    delivery_id: int, *, now: datetime | None = None, jitter: Callable[[], float] = random.random
) -> OutboundDelivery | None:
    """One try. Safe to call twice or at once: None when there is nothing to take, or nothing may leave."""
    if not settings.OUTBOUND:
        return None
    now = now or timezone.now()
    attempt = claim(delivery_id, now=now)
    if attempt is None:
        return None
    delivery = attempt.delivery
    if delivery.tries > len(SCHEDULE) + 1:  # its last try killed its worker, too
        return settle(attempt, Posted(None, 0.0, error="The last try ended its worker"), now=now, jitter=jitter)
    posted = post(delivery, now=now)
    return settle(attempt, posted, now=now + timedelta(seconds=posted.seconds), jitter=jitter)


@transaction.atomic
def claim(delivery_id: int, *, now: datetime) -> OutboundAttempt | None:
    """Take a due delivery until `now + LEASE`; of two workers arriving together exactly one gets the attempt."""
    due = OutboundDelivery.objects.claimable(now).filter(pk=delivery_id)
    if not due.update(attempts=F("attempts") + 1, tries=F("tries") + 1, not_before=now + LEASE, queued_at=now):
        return None
    delivery = OutboundDelivery.objects.select_related("endpoint").get(pk=delivery_id)
    return OutboundAttempt.objects.create(delivery=delivery, number=delivery.attempts, started_at=now)


def body_of(delivery: OutboundDelivery) -> bytes:
    """The body: the same bytes on every try."""
    return json.dumps(delivery.payload, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()


def signed_headers(delivery: OutboundDelivery, body: bytes, *, now: datetime) -> dict[str, str]:
    """Standard Webhooks. One signature per live secret; the time is this try's, so that a late try is not stale."""
    text, now = body.decode(), now.astimezone(UTC)
    signatures = [
        Webhook(secret).sign(msg_id=delivery.message_id, timestamp=now, data=text)
        for secret in delivery.endpoint.live_secrets
    ]
    return {
        "Content-Type": "application/json",
        "User-Agent": "Altor webhooks",
        "webhook-id": delivery.message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def post(delivery: OutboundDelivery, *, now: datetime) -> Posted:
    body = body_of(delivery)
    endpoint = delivery.endpoint
    return post_once(
        endpoint.url, body, signed_headers(delivery, body, now=now), source=SOURCE, key=f"webhook:{endpoint.pk}"
    )


@transaction.atomic
def settle(
    attempt: OutboundAttempt, posted: Posted, *, now: datetime, jitter: Callable[[], float]
) -> OutboundDelivery | None:
    """Keep what came of the try. None when another worker took the delivery meanwhile: then only the try is kept."""
    delivery = attempt.delivery
    # Parent before child, as everywhere: switching an endpoint off cancels its deliveries.
    OutboundEndpoint.objects.select_for_update(no_key=True).get(pk=delivery.endpoint_id)
    attempt.ended_at, attempt.status, attempt.latency_ms = now, posted.status, round(posted.seconds * 1000)
    attempt.answer = redact_text(posted.body.replace("\x00", ""))[:_ANSWER]
    attempt.error = "" if posted.is_accepted else (posted.error or f"It answered {posted.status}")[:300]
    attempt.save(update_fields=["ended_at", "status", "latency_ms", "answer", "error"])
    mine = OutboundDelivery.objects.filter(pk=delivery.pk, attempts=attempt.number)
    if posted.is_accepted:
        settled = mine.update(status=OutboundDelivery.Status.DELIVERED, reason="", ended_at=now)
        OutboundEndpoint.objects.filter(pk=delivery.endpoint_id).update(failing_since=None, last_success_at=now)
    else:
        settled = _failed(attempt, posted, now=now, jitter=jitter)
    if not settled:
        return None
    delivery.refresh_from_db()
    return delivery


def _failed(attempt: OutboundAttempt, posted: Posted, *, now: datetime, jitter: Callable[[], float]) -> int:
    delivery = attempt.delivery
    waiting = OutboundDelivery.objects.filter(
        pk=delivery.pk, attempts=attempt.number, status=OutboundDelivery.Status.WAITING
    )
    OutboundEndpoint.objects.filter(pk=delivery.endpoint_id, failing_since=None).update(failing_since=now)
    is_gone, is_test = posted.status == 410, delivery.event_type == TEST
    if not (is_gone or is_test or posted.is_refused) and delivery.tries <= len(SCHEDULE):
        return waiting.update(
            reason=attempt.error, not_before=now + wait_after(delivery.tries, posted.retry_after_s, jitter)
        )
    settled = waiting.update(status=OutboundDelivery.Status.FAILED, reason=_why_ended(attempt, posted), ended_at=now)
    log.warning("webhook not delivered", extra={"delivery": delivery.message_id, "reason": attempt.error})
    if is_gone:
        disable_endpoint(delivery.endpoint, reason="It answered 410: it wants no more events.", actor=None, now=now)
    elif not is_test:
        _disable_if_dead(delivery.endpoint, now=now)
    return settled


def _why_ended(attempt: OutboundAttempt, posted: Posted) -> str:
    tries = min(attempt.delivery.tries, len(SCHEDULE) + 1)
    return attempt.error if posted.is_refused or tries < 2 else f"{attempt.error}. Given up after {tries} tries."[:300]


def wait_after(tries: int, retry_after_s: float | None, jitter: Callable[[], float] = random.random) -> timedelta:
    """From the failed try number `tries` (1 is the first) to the next one. A longer Retry-After is honoured."""
    planned = SCHEDULE[tries - 1] * (1 + _JITTER * jitter())
    asked = timedelta(seconds=min(retry_after_s or 0.0, _LONGEST_WAIT.total_seconds()))
    return max(planned, asked)


def _disable_if_dead(endpoint: OutboundEndpoint, *, now: datetime) -> None:
    """Only when a delivery ran out of tries: one failure today after one five days ago does not condemn it."""
    since = OutboundEndpoint.objects.values_list("failing_since", flat=True).get(pk=endpoint.pk)
    if since is not None and now - since >= FAILING:
        days = (now - since).days
        disable_endpoint(
            endpoint, reason=f"No delivery has been accepted for {days} days.", actor=None, now=now
        )  # fmt: skip


def sweep(*, now: datetime | None = None, at_most: int = 500) -> int:
    """Queue what is due and not queued: later tries, tries that were killed, deliveries whose queue entry was lost."""
    if not settings.OUTBOUND:
        return 0
    now = now or timezone.now()
    due = OutboundDelivery.objects.unqueued(now, lost_after=now - LEASE).order_by("not_before")
    with transaction.atomic():
        ids = list(due.select_for_update(skip_locked=True, of=("self",)).values_list("pk", flat=True)[:at_most])
        OutboundDelivery.objects.filter(pk__in=ids).update(queued_at=now)
        for pk in ids:
            enqueue(TASK, pk)
    return len(ids)


def prune(*, now: datetime) -> int:
    """Delete deliveries that ended long ago, with their tries; how many rows went."""
    deleted, _ = OutboundDelivery.objects.filter(ended_at__lt=now - KEPT).delete()
    return deleted
