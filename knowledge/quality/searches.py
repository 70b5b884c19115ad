"""The log of searches: which found nothing, and which people gave up for other words.

A search is written down as it ended: what is typed letter by letter, or mended within a moment, is one search. Words go
through redaction first; who searched is kept to tell one search from the next, and shown nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count, Max, Q
from django.utils import timezone

from altor.models import User
from altor.redaction import redact_text
from knowledge.models import Entry, SearchLog
from knowledge.search.finding import Answer, Filters, find

#: Two searches of one person so close, the one beginning as the other, are one that is still typed.
TYPING: Final = timedelta(seconds=60)
#: Other words so soon after a search of which nothing was opened: it was given up.
REFINED: Final = timedelta(minutes=3)
#: Longer texts are whole tickets, no searches.
LONGEST: Final = 300
#: Searches are kept so long.
KEPT: Final = timedelta(days=180)
#: Searches of a list.
MOST: Final = 50


def search(
    user: User, text: str, filters: Filters | None = None, *, limit: int = 10, door: str = SearchLog.Door.PAGE,
    now: datetime | None = None,
) -> tuple[Answer, SearchLog | None]:  # fmt: skip
    """`find`, written down. The log's row is None for a text that is too long to be a search."""
    answer = find(user, text, filters, limit=limit)
    if len(text) > LONGEST or not text.strip():
        return answer, None
    return answer, _write(user, text, len(answer.found), bool(filters), door, now or timezone.now())


def _write(user: User, text: str, found: int, is_filtered: bool, door: str, now: datetime) -> SearchLog:
    words = redact_text(" ".join(text.replace("\x00", " ").split()))[:LONGEST]
    folded = words.casefold()
    last = SearchLog.objects.filter(by=user, door=door, at__gt=now - REFINED).order_by("-pk").first()
    if last is not None and last.opened_id is None:
        if last.at > now - TYPING and _is_typed_on(last.folded, folded):
            last.words, last.folded, last.found, last.is_filtered, last.at = words, folded, found, is_filtered, now
            last.save(update_fields=["words", "folded", "found", "is_filtered", "at"])
            return last
        if last.folded != folded:
            SearchLog.objects.filter(pk=last.pk).update(is_refined=True)
    return SearchLog.objects.create(
        words=words, folded=folded, door=door, found=found, is_filtered=is_filtered, by=user, at=now
    )


def _is_typed_on(before: str, after: str) -> bool:
    return before.startswith(after) or after.startswith(before)


def opened(user: User, log_id: str, entry: Entry) -> None:
    """The person opened this entry of their search. What is no search of theirs is passed over."""
    if log_id.isdecimal() and len(log_id) < 18:
        SearchLog.objects.filter(pk=int(log_id), by=user, opened=None).update(opened=entry)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What people looked for in vain, newest words first."""

    words: str
    times: int
    people: int
    last_at: datetime


def found_nothing(since: datetime) -> Sequence[Wanted]:
    """Searches without any result, those asked for most first. Filtered ones may find nothing for their filters."""
    return _wanted(since, Q(found=0, is_filtered=False))


def given_up(since: datetime) -> Sequence[Wanted]:
    """Searches of which nothing was opened before other words were tried, though something was found."""
    return _wanted(since, Q(is_refined=True, found__gt=0, opened=None))


def _wanted(since: datetime, which: Q) -> Sequence[Wanted]:
    rows = (
        SearchLog.objects.filter(which, at__gte=since)
        .values("folded")
        .annotate(words=Max("words"), times=Count("pk"), people=Count("by", distinct=True), last=Max("at"))
        .order_by("-times", "-last")
    )
    return [Wanted(row["words"], row["times"], row["people"], row["last"]) for row in rows[:MOST]]


@dataclass(frozen=True, slots=True)
class Searches:
    total: int
    nothing: int
    refined: int
    opened: int


def searches(since: datetime) -> Searches:
    """How the searches since then ended. One query."""
    counts = SearchLog.objects.filter(at__gte=since).aggregate(
        total=Count("pk"), nothing=Count("pk", filter=Q(found=0)), refined=Count("pk", filter=Q(is_refined=True)),
        opened=Count("pk", filter=Q(opened__isnull=False)),
    )  # fmt: skip
    return Searches(**counts)


def forget_old(now: datetime | None = None) -> int:
    """Delete what is older than KEPT; how many."""
    return SearchLog.objects.filter(at__lt=(now or timezone.now()) - KEPT).delete()[0]
