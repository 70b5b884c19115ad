"""Helpful or not, said where an entry is read."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Count, Q
from django.utils import timezone

from altor.errors import NotFound
from altor.models import User
from altor.redaction import redact_text
from knowledge.models import Entry, EntryVote


def vote(entry: Entry, *, is_helpful: bool, actor: User, comment: str = "", now: datetime | None = None) -> EntryVote:
    """The person's word on the entry as it stands; said again, the last one counts. NotFound for what they may not
    read.
    """
    if not Entry.objects.visible_to(actor).filter(pk=entry.pk).exists():
        raise NotFound("There is no such entry.")
    said, _ = EntryVote.objects.update_or_create(
        entry=entry, version=entry.revision, by=actor,
        defaults={
            "is_helpful": is_helpful, "comment": redact_text(" ".join(comment.replace("\x00", " ").split()))[:500],
            "at": now or timezone.now(),
        },
    )  # fmt: skip
    return said


def own_vote(entry: Entry, user: User) -> EntryVote | None:
    return EntryVote.objects.filter(entry=entry, version=entry.revision, by=user).first()


def counted(entry: Entry) -> tuple[int, int]:
    """(helpful, not helpful) of the newest version. One query."""
    found = EntryVote.objects.filter(entry=entry, version=entry.revision).aggregate(
        yes=Count("pk", filter=Q(is_helpful=True)), no=Count("pk", filter=Q(is_helpful=False))
    )
    return found["yes"], found["no"]


def complaints(entry: Entry) -> list[EntryVote]:
    """What readers say is wrong with the newest version, newest first."""
    found = EntryVote.objects.filter(entry=entry, version=entry.revision, is_helpful=False).exclude(comment="")
    return list(found.select_related("by")[:20])
