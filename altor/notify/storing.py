"""Store a notice for everybody who should hear it, in the caller's transaction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from altor.models import Notice, NoticeChannel, NoticeDelivery, Team, User
from altor.notify.choices import Wishes
from altor.notify.kinds import NoticeKind, notice_kinds
from altor.notify.text import LONGEST_TITLE, MOST_LINES, clean
from altor.queue import enqueue

TASK: Final = "altor.tasks.deliver_notice"


def notify(
    kind: str, *, subject_ref: str, title: str, lines: Iterable[str], url_path: str, key: str,
    team: Team | None = None, people: Iterable[User] = (), severity: str = "", actor: User | None = None,
    now: datetime | None = None,
) -> int:  # fmt: skip
    """Tell the channels of `team` (and of the installation) and `people`; how many places will be told or asked.

    Nobody is told of what they did themselves (`actor`). Who may read the subject is for the caller to decide: `people`
    are taken as they come. Texts may be hostile: they are redacted, cut to five lines, and inert where they arrive.
    `url_path` is a path of Altor. The same `key` twice is told once; a later notice of the same kind and subject
    replaces one that still waits, and edits the message where a channel can.

    KeyError for a kind that is not in the registry, ValueError for a path that leads elsewhere and a key too long.
    """
    chosen = notice_kinds()[kind]
    if not url_path.startswith("/") or url_path.startswith("//") or "\\" in url_path or not url_path.isprintable():
        raise ValueError("url_path is a path of Altor, beginning with one slash")
    if not key or len(key) > 160 or len(subject_ref) > 80 or len(url_path) > 300:
        raise ValueError("key, subject_ref or url_path is too long or empty")
    now = now or timezone.now()
    told = [line for line in (clean(str(text)) for text in lines) if line][:MOST_LINES]
    title, severity = clean(title, LONGEST_TITLE) or chosen.title, severity[:8]
    # Without the link: a run that was repeated and found the same is nothing new.
    sha = hashlib.sha256(json.dumps([title, told, severity]).encode()).hexdigest()
    notice = Notice(
        kind=kind, subject_ref=subject_ref, title=title, lines=told, url_path=url_path, severity=severity,
        team=team, key=key, sha=sha, created_at=now,
    )  # fmt: skip
    try:
        with transaction.atomic():  # savepoint: the caller's transaction survives the clash
            notice.save(force_insert=True)
    except IntegrityError:
        return 0  # told before under this key
    return _store(notice, [*_shared(notice, now), *_personal(notice, chosen, people, actor, now)])


def _shared(notice: Notice, now: datetime) -> list[NoticeDelivery]:
    return [_delivery(notice, now, channel=one) for one in NoticeChannel.objects.hearing(notice.kind, notice.team)]


def _personal(
    notice: Notice, kind: NoticeKind, people: Iterable[User], actor: User | None, now: datetime
) -> list[NoticeDelivery]:
    ids = {one.pk for one in people} - ({actor.pk} if actor is not None else set())
    found: list[NoticeDelivery] = []
    wanted = User.objects.filter(pk__in=ids, is_active=True).order_by("pk")
    for person in wanted.select_related("notice_preference", "notice_channel"):
        wishes = Wishes.of(person)
        mail = wishes.mail(notice.kind, kind) if person.email else "off"
        if mail == "digest":
            due = wishes.next_digest(now)
            found.append(_delivery(notice, now, person=person, mode=NoticeDelivery.Mode.DIGEST, due=due))
        elif mail == "now":
            found.append(_quiet(_delivery(notice, now, person=person), wishes, now))
        own = getattr(person, "notice_channel", None)
        if own is not None and own.is_active and wishes.own(notice.kind, kind) == "now":
            found.append(_quiet(_delivery(notice, now, person=person, channel=own), wishes, now))
    return found


def _delivery(
    notice: Notice, now: datetime, *, channel: NoticeChannel | None = None, person: User | None = None,
    mode: NoticeDelivery.Mode = NoticeDelivery.Mode.NOW, due: datetime | None = None,
) -> NoticeDelivery:  # fmt: skip
    place = f"channel:{channel.pk}" if channel is not None else f"mail:{person.pk if person else 0}"
    return NoticeDelivery(
        notice=notice, channel=channel, person=person, place=place, mode=mode, not_before=due or now, queued_at=now,
        created_at=now,
    )  # fmt: skip


def _quiet(delivery: NoticeDelivery, wishes: Wishes, now: datetime) -> NoticeDelivery:
    """In quiet hours it waits for their end, or is left out, as the person wants."""
    until = wishes.quiet_until(now)
    if until is not None and wishes.leaves_out:
        delivery.status, delivery.why, delivery.ended_at = NoticeDelivery.Status.SKIPPED, "Quiet hours.", now
    elif until is not None:
        delivery.not_before = until
    return delivery


def _store(notice: Notice, wanted: list[NoticeDelivery]) -> int:
    told = [one for one in wanted if one.status == NoticeDelivery.Status.WAITING]
    overtaken = NoticeDelivery.objects.filter(
        place__in=[one.place for one in told], status=NoticeDelivery.Status.WAITING,
        notice__kind=notice.kind, notice__subject_ref=notice.subject_ref, notice_id__lt=notice.pk,
    )  # fmt: skip
    NoticeDelivery.objects.filter(pk__in=list(overtaken.values_list("pk", flat=True))).update(
        status=NoticeDelivery.Status.REPLACED, why="A newer notice of the same subject replaced it.",
        ended_at=notice.created_at,
    )  # fmt: skip
    NoticeDelivery.objects.bulk_create(wanted)
    for delivery in told:
        if delivery.not_before <= notice.created_at:
            enqueue(TASK, delivery.pk)
    return len(told)
