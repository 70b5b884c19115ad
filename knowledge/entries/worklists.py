"""What asks for somebody's attention among the entries: lists that a team works off, each with the reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import connection
from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from knowledge.models import Entry, EntryVote, Recognition
from knowledge.models.entries import Confidence, EntryQuerySet

#: A review that is due so soon is named beforehand.
SOON: Final = timedelta(days=14)
#: How long work in progress may lie, an entry may stay without proof, and without any use.
LYING, UNPROVEN, UNUSED = timedelta(days=14), timedelta(days=30), timedelta(days=180)
#: A detection query that failed so often within so long is mended.
FAILED, RECENT = 2, timedelta(days=14)
#: Entries as near as this say the same, a cosine.
SAME: Final = 0.85
#: Entries whose nearest neighbour is looked for, those saved last.
LOOKED_AT: Final = 500
MOST: Final = 200


@dataclass(frozen=True, slots=True)
class WorkList:
    key: str
    title: str
    why: str  # what is to be done
    rows: Callable[[EntryQuerySet, datetime], EntryQuerySet]


def _review(entries: EntryQuerySet, now: datetime) -> EntryQuerySet:
    ready = entries.filter(confidence=Confidence.NOT_VALIDATED).exclude(root_cause="").exclude(remediation="")
    return ready.order_by("-reuses", "saved_at")


def _stale(entries: EntryQuerySet, now: datetime) -> EntryQuerySet:
    due = entries.in_use().filter(review_on__lte=(now + SOON).date())
    return due.order_by("review_on", "pk")


def _lying(entries: EntryQuerySet, now: datetime) -> EntryQuerySet:
    return entries.filter(confidence=Confidence.WIP, saved_at__lte=now - LYING).order_by("saved_at")


def _unproven(entries: EntryQuerySet, now: datetime) -> EntryQuerySet:
    old = entries.filter(confidence=Confidence.NOT_VALIDATED, created_at__lte=now - UNPROVEN, reuses=0)
    return old.order_by("created_at")


def _unused(entries: EntryQuerySet, now: datetime) -> EntryQuerySet:
    never = Q(last_used_at=None) | Q(last_used_at__lte=now - UNUSED)
    return entries.in_use().filter(never, created_at__lte=now - UNUSED).order_by("last_used_at", "created_at")


def _failing(entries: EntryQuerySet, now: datetime) -> EntryQuerySet:
    return entries.in_use().filter(failures__gt=0).order_by("-failures", "-last_used_at")


def _broken(entries: EntryQuerySet, now: datetime) -> EntryQuerySet:
    """Queries that could not be asked: on their schedule, or the last times in investigations though the source was
    there.
    """
    recent = Recognition.objects.filter(entry=OuterRef("pk"), version=OuterRef("revision"), at__gte=now - RECENT)
    refused = recent.filter(error_kind__in=("invalid", "refused", "limited", "timeout")).order_by()
    times = refused.values("entry").annotate(n=Count("pk")).values("n")
    failed = entries.in_use().filter(detection__isnull=False).annotate(times=Subquery(times))
    is_broken = Q(watch__failures__gte=FAILED) & ~Q(watch__every_hours=0) | Q(times__gte=FAILED)
    return failed.filter(is_broken).order_by("-watch__failures", "-times", "pk")


def _misfiring(entries: EntryQuerySet, now: datetime) -> EntryQuerySet:
    return entries.in_use().filter(standing__wrong__gt=0).order_by("-standing__rests", "-standing__wrong", "pk")


def _disliked(entries: EntryQuerySet, now: datetime) -> EntryQuerySet:
    said = EntryVote.objects.filter(entry=OuterRef("pk"), version=OuterRef("revision"), is_helpful=False).order_by()
    times = Coalesce(Subquery(said.values("entry").annotate(n=Count("pk")).values("n")), 0)
    return entries.in_use().annotate(dislikes=times).filter(dislikes__gt=0).order_by("-dislikes", "pk")


def _ownerless(entries: EntryQuerySet, now: datetime) -> EntryQuerySet:
    return entries.in_use().filter(Q(owner=None) | Q(owner__is_active=False)).order_by("saved_at")


LISTS: Final = (
    WorkList("review", "To review", "Has a cause and a remedy: try it, and validate it or say what is wrong.", _review),
    WorkList("stale", "Review due", "Look whether it still holds, and set the next date.", _stale),
    WorkList("failing", "Did not hold", "Somebody used it and it was not so: mend it, or narrow it.", _failing),
    WorkList("disliked", "Not helpful", "Readers say so of its newest version: see why, and mend it.", _disliked),
    WorkList("broken", "Query fails", "Its detection query could not be asked: mend it.", _broken),
    WorkList("misfiring", "Recognised wrongly", "The cause was another: narrow it.", _misfiring),
    WorkList("lying", "Lying", "Work in progress for two weeks: finish it or archive it.", _lying),
    WorkList("unproven", "Unproven", "A month old and of no help to anybody yet: is it found?", _unproven),
    WorkList("unused", "Unused", "Half a year without use: archive it?", _unused),
    WorkList("ownerless", "Without owner", "Nobody is told when it needs something: take it over.", _ownerless),
)


def counted(readable: EntryQuerySet, now: datetime) -> dict[str, int]:
    """List -> how many entries it has, of those that may be read. A query for each."""
    return {one.key: one.rows(readable, now).count() for one in LISTS}


@dataclass(frozen=True, slots=True)
class Twins:
    """Two entries that say much the same. `alike`: cosine of their vectors."""

    one: Entry
    other: Entry
    alike: float


_NEAREST: Final = """
SELECT a.entry_id, b.entry_id, b.alike FROM (
  SELECT r.entry_id, r.whole, r.model FROM knowledge_searchrow r JOIN knowledge_entry e ON e.id = r.entry_id
  WHERE r.space = '' AND r.whole IS NOT NULL AND e.id = ANY(%s)
) a CROSS JOIN LATERAL (
  SELECT n.entry_id, -(n.whole <#> a.whole) AS alike FROM knowledge_searchrow n
  WHERE n.space = '' AND n.model = a.model AND n.entry_id <> a.entry_id ORDER BY n.whole <#> a.whole LIMIT 3
) b WHERE b.alike >= %s
"""


def twins(readable: EntryQuerySet, *, alike: float = SAME) -> Sequence[Twins]:
    """Pairs among the entries that may be read, the likest first: of those saved last with everything else. Without
    the model none are found.
    """
    newest = list(readable.in_use().order_by("-saved_at").values_list("pk", flat=True)[:LOOKED_AT])
    with connection.cursor() as cursor:
        cursor.execute(_NEAREST, [newest, alike])
        found = {(min(one, other), max(one, other)): float(share) for one, other, share in cursor.fetchall()}
    entries = readable.in_use().with_context().in_bulk({pk for pair in found for pk in pair})
    pairs = [
        Twins(entries[one], entries[other], share)
        for (one, other), share in found.items()
        if one in entries and other in entries
    ]
    return sorted(pairs, key=lambda pair: (-pair.alike, pair.one.pk))[:MOST]
