"""Deliver a notice to one place: take it, send, settle.

A place shows one message per subject (`NoticeThread`): it is taken together with the delivery, so that of two notices
of one subject the second edits what the first has posted, and an older one never overwrites a newer one.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from altor.models import Notice, NoticeChannel, NoticeDelivery, NoticeThread
from altor.notify.choices import Wishes
from altor.notify.kinds import notice_kinds
from altor.notify.message import Message, Reference, SendFailed
from altor.notify.senders import SENDERS
from altor.notify.storing import TASK
from altor.queue import enqueue

log = logging.getLogger(__name__)

DIGEST_TASK: Final = "altor.tasks.deliver_digest"
#: Waits before the second and every further try.
SCHEDULE: Final = tuple(timedelta(seconds=s) for s in (10, 60, 5 * 60, 30 * 60, 2 * 3600))
#: A try that has not ended after this long was killed: longer than a task may take.
LEASE: Final = timedelta(seconds=90)
_LONGEST_WAIT: Final = timedelta(hours=6)
#: While another notice of the subject is being sent to the same place.
_BUSY: Final = timedelta(seconds=5)
KEPT: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Taken:
    """A delivery and its thread, both held until `until` under the number of this attempt."""

    delivery: NoticeDelivery
    thread: NoticeThread
    until: datetime


def deliver(
    delivery_id: int, *, now: datetime | None = None, jitter: Callable[[], float] = random.random
) -> NoticeDelivery | None:
    """One try. Safe to call twice or at once: None when there was nothing to send, or nothing may leave."""
    if not settings.OUTBOUND:
        return None
    now = now or timezone.now()
    taken = take(delivery_id, now=now)
    if taken is None:
        return None
    delivery = taken.delivery
    try:
        if delivery.attempts > len(SCHEDULE) + 1:
            raise SendFailed("The last try ended its worker", is_final=True)
        reference = _send(delivery, taken.thread.reference)
    except SendFailed as failed:
        return _put_off(taken, failed, now=now, jitter=jitter)
    return _sent(taken, reference, now=now)


@transaction.atomic
def take(delivery_id: int, *, now: datetime) -> Taken | None:
    """Hold a due delivery until `now + LEASE`; of two workers arriving together exactly one gets it.

    None also when it was put off (quiet hours, a busy thread) or ended without being sent (nothing new, overtaken).
    """
    due = NoticeDelivery.objects.claimable(now).filter(pk=delivery_id, mode=NoticeDelivery.Mode.NOW)
    until = now + LEASE
    if not due.update(attempts=F("attempts") + 1, not_before=until, queued_at=now):
        return None
    delivery = NoticeDelivery.objects.select_related("notice", "channel", "person__notice_preference").get(
        pk=delivery_id
    )
    thread = thread_of(delivery.notice, delivery.place, now)
    if pointless := _pointless(delivery, thread):
        _end(delivery, *pointless, now)
        return None
    quiet = Wishes.of(delivery.person).quiet_until(now) if delivery.person is not None else None
    if quiet is not None:
        _release(delivery, quiet)
        return None
    free = Q(busy_until=None) | Q(busy_until__lte=now)
    if not NoticeThread.objects.filter(free, pk=thread.pk).update(busy_until=until):
        _release(delivery, now + _BUSY)
        return None
    return Taken(delivery, thread, until)


def _pointless(delivery: NoticeDelivery, thread: NoticeThread) -> tuple[NoticeDelivery.Status, str] | None:
    """Why it need not be sent any more, with the status it then has."""
    status = NoticeDelivery.Status
    if delivery.person is not None and not delivery.person.is_active:
        return status.SKIPPED, "The person has no access any more."
    if delivery.channel is not None and not delivery.channel.is_active:
        return status.SKIPPED, "The channel is switched off."
    if thread.last_notice > delivery.notice_id:
        return status.REPLACED, "A newer notice of the same subject came first."
    if thread.sha == delivery.notice.sha:
        return status.SKIPPED, "It was told already: nothing has changed."
    return None


def thread_of(notice: Notice, place: str, now: datetime) -> NoticeThread:
    """The thread, locked until the transaction ends."""
    NoticeThread.objects.bulk_create(
        [NoticeThread(place=place, kind=notice.kind, subject_ref=notice.subject_ref, updated_at=now)],
        ignore_conflicts=True,
    )
    return NoticeThread.objects.select_for_update().get(place=place, kind=notice.kind, subject_ref=notice.subject_ref)


def message_of(notice: Notice) -> Message:
    kind = notice_kinds().get(notice.kind)
    words, path = (kind.link(notice.subject_ref) if kind and kind.link else None) or ("", "")
    return Message(
        title=notice.title, lines=tuple(notice.lines), url=f"{settings.BASE_URL}{notice.url_path}",
        severity=notice.severity, thread=f"{notice.kind}:{notice.subject_ref}", link_title=words,
        link=f"{settings.BASE_URL}{path}" if path else "",
    )  # fmt: skip


def _send(delivery: NoticeDelivery, reference: Reference) -> Reference:
    message = message_of(delivery.notice)
    channel = delivery.channel
    if channel is None:
        address = delivery.person.email if delivery.person is not None else ""
        return SENDERS["mail"].send(address, "", message, {})
    return SENDERS[channel.kind].send(channel.address, channel.secret, message, reference)


def _end(delivery: NoticeDelivery, status: NoticeDelivery.Status, why: str, now: datetime) -> None:
    NoticeDelivery.objects.filter(pk=delivery.pk, attempts=delivery.attempts).update(
        status=status, why=why[:300], ended_at=now
    )


def _release(delivery: NoticeDelivery, until: datetime) -> None:
    """Not tried after all."""
    NoticeDelivery.objects.filter(pk=delivery.pk, attempts=delivery.attempts).update(
        attempts=F("attempts") - 1, not_before=until
    )


@transaction.atomic
def _sent(taken: Taken, reference: Reference, *, now: datetime) -> NoticeDelivery:
    delivery, notice = taken.delivery, taken.delivery.notice
    _end(delivery, NoticeDelivery.Status.SENT, "", now)
    NoticeThread.objects.filter(pk=taken.thread.pk, busy_until=taken.until).update(
        sha=notice.sha, last_notice=notice.pk, reference=reference, busy_until=None, updated_at=now
    )
    if delivery.channel_id is not None:
        NoticeChannel.objects.filter(pk=delivery.channel_id).update(last_ok_at=now, last_error="")
    delivery.refresh_from_db()
    return delivery


@transaction.atomic
def _put_off(taken: Taken, failed: SendFailed, *, now: datetime, jitter: Callable[[], float]) -> NoticeDelivery:
    delivery = taken.delivery
    if delivery.channel_id is not None:
        NoticeChannel.objects.filter(pk=delivery.channel_id).update(last_error=failed.message[:300])
    if failed.is_final or delivery.attempts > len(SCHEDULE):
        _end(delivery, NoticeDelivery.Status.FAILED, failed.message, now)
        log.warning("notice not delivered", extra={"delivery": delivery.pk, "reason": failed.message})
    else:
        NoticeDelivery.objects.filter(
            pk=delivery.pk, attempts=delivery.attempts, status=NoticeDelivery.Status.WAITING
        ).update(why=failed.message[:300], not_before=now + wait_after(delivery.attempts, failed.retry_after_s, jitter))
    NoticeThread.objects.filter(pk=taken.thread.pk, busy_until=taken.until).update(busy_until=None)
    delivery.refresh_from_db()
    return delivery


def wait_after(attempt: int, retry_after_s: float | None, jitter: Callable[[], float] = random.random) -> timedelta:
    """From the failed try number `attempt` (1 is the first) to the next one; up to a fifth longer than planned."""
    planned = SCHEDULE[min(attempt, len(SCHEDULE)) - 1] * (1 + 0.2 * jitter())
    return max(planned, min(timedelta(seconds=retry_after_s or 0.0), _LONGEST_WAIT))


def sweep(*, now: datetime | None = None, at_most: int = 300) -> int:
    """Queue what is due and not queued: later tries, ends of quiet hours, digests, tries that were killed."""
    if not settings.OUTBOUND:
        return 0
    now = now or timezone.now()
    due = NoticeDelivery.objects.unqueued(now, lost_after=now - LEASE).order_by("not_before")
    with transaction.atomic():
        found = list(due.select_for_update(skip_locked=True).values_list("pk", "mode", "place")[:at_most])
        NoticeDelivery.objects.filter(pk__in=[pk for pk, _, _ in found]).update(queued_at=now)
        for pk, mode, _ in found:
            if mode == NoticeDelivery.Mode.NOW:
                enqueue(TASK, pk)
        for place in sorted({place for _, mode, place in found if mode == NoticeDelivery.Mode.DIGEST}):
            enqueue(DIGEST_TASK, place)
    return len(found)


def prune(*, now: datetime) -> None:
    """Delete old notices with their deliveries, and threads that nobody adds to any more."""
    Notice.objects.filter(created_at__lt=now - KEPT).delete()
    NoticeThread.objects.filter(updated_at__lt=now - 3 * KEPT).delete()
