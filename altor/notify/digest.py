"""The digest: everything of one person that waits for its hour, in one mail."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from altor.models import NoticeDelivery, NoticeThread, User
from altor.notify.choices import Wishes
from altor.notify.delivering import LEASE, SCHEDULE, message_of, thread_of, wait_after
from altor.notify.kinds import notice_kinds
from altor.notify.message import SendFailed
from altor.notify.senders.mail import send_mail

#: More than this is counted, not listed.
MOST: Final = 100


def deliver_digest(place: str, *, now: datetime | None = None, jitter: Callable[[], float] = random.random) -> int:
    """One mail with all that is due at `place` ("mail:5"); how many notices it held. Safe to call twice or at once."""
    if not settings.OUTBOUND:
        return 0
    now = now or timezone.now()
    rows = take(place, now=now)
    if not rows:
        return 0
    try:
        person = rows[0].person
        if person is None:
            raise SendFailed("It has no recipient", is_final=True)
        send_mail([person.email], _subject(rows), body_of(rows))
    except SendFailed as failed:
        _put_off(rows, failed, now=now, jitter=jitter)
        return 0
    _sent(rows, now=now)
    return len(rows)


@transaction.atomic
def take(place: str, *, now: datetime) -> list[NoticeDelivery]:
    """Hold everything due until `now + LEASE`, oldest first. What was told already in the meantime is left out."""
    due = NoticeDelivery.objects.claimable(now).filter(place=place, mode=NoticeDelivery.Mode.DIGEST)
    ids = list(due.select_for_update(skip_locked=True).order_by("pk").values_list("pk", flat=True))
    person = User.objects.select_related("notice_preference").filter(pk=_person_id(place)).first()
    mine = NoticeDelivery.objects.filter(pk__in=ids)
    if not ids or person is None or not person.is_active:
        mine.update(status=NoticeDelivery.Status.SKIPPED, why="The person has no access any more.", ended_at=now)
        return []
    quiet = Wishes.of(person).quiet_until(now)
    if quiet is not None:
        mine.update(not_before=quiet)
        return []
    mine.update(attempts=F("attempts") + 1, not_before=now + LEASE, queued_at=now)
    rows = list(mine.select_related("notice", "person").order_by("pk"))
    told = [row for row in rows if thread_of(row.notice, place, now).sha == row.notice.sha]
    NoticeDelivery.objects.filter(pk__in=[row.pk for row in told]).update(
        status=NoticeDelivery.Status.SKIPPED, why="It was told already: nothing has changed.", ended_at=now
    )
    return [row for row in rows if row not in told]


def _person_id(place: str) -> int:
    number = place.removeprefix("mail:")
    return int(number) if number.isdigit() else 0


def _subject(rows: Sequence[NoticeDelivery]) -> str:
    return rows[0].notice.title if len(rows) == 1 else f"{len(rows)} notices"


def body_of(rows: Sequence[NoticeDelivery]) -> str:
    """Grouped by kind, in the registry's order; each with its lines and its link."""
    kinds = notice_kinds()
    shown = rows[:MOST]
    parts: list[str] = []
    for kind in sorted({row.notice.kind for row in shown}, key=[*kinds, *(r.notice.kind for r in shown)].index):
        parts += [kinds[kind].title if kind in kinds else kind, ""]
        for row in shown:
            if row.notice.kind == kind:
                message = message_of(row.notice)
                second = [f"  {message.link_title}: {message.link}"] if message.link else []
                parts += [f"* {message.heading}", *(f"  {line}" for line in message.lines), *second]
                parts += [f"  {message.url}", ""]
    if len(rows) > MOST:
        parts += [f"And {len(rows) - MOST} more.", ""]
    return "\n".join([*parts, f"What you are told of, and when: {settings.BASE_URL}/account/notifications/", ""])


@transaction.atomic
def _sent(rows: Sequence[NoticeDelivery], *, now: datetime) -> None:
    for row in rows:
        NoticeDelivery.objects.filter(pk=row.pk, attempts=row.attempts).update(
            status=NoticeDelivery.Status.SENT, why="", ended_at=now
        )
        NoticeThread.objects.filter(
            place=row.place, kind=row.notice.kind, subject_ref=row.notice.subject_ref, last_notice__lt=row.notice_id
        ).update(sha=row.notice.sha, last_notice=row.notice_id, updated_at=now)


@transaction.atomic
def _put_off(rows: Sequence[NoticeDelivery], failed: SendFailed, *, now: datetime, jitter: Callable[[], float]) -> None:
    for row in rows:
        mine = NoticeDelivery.objects.filter(pk=row.pk, attempts=row.attempts, status=NoticeDelivery.Status.WAITING)
        if failed.is_final or row.attempts > len(SCHEDULE):
            mine.update(status=NoticeDelivery.Status.FAILED, why=failed.message[:300], ended_at=now)
        else:
            mine.update(
                why=failed.message[:300], not_before=now + wait_after(row.attempts, failed.retry_after_s, jitter)
            )
