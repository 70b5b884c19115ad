"""Which known causes a ticket may have: entries whose detection query is worth a question to its source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final

from django.db.models import Count, Q
from django.utils import timezone

from investigations.engine.known import AT_MOST
from investigations.models import Ticket
from knowledge.models import Entry, Recognition, Standing
from knowledge.models.entries import EntryQuerySet
from knowledge.models.recognition import Answered
from knowledge.search.finding import find_among

#: A cause that was there a short while ago on another ticket is the likeliest of all.
JUST_NOW: Final = timedelta(hours=24)
#: How many of those, however little a ticket's words have in common with them.
_OF_TODAY: Final = 3


def candidates(ticket: Ticket) -> list[Entry]:
    """At most AT_MOST entries with a detection query, the likeliest first: seen today, near to the ticket's words, of
    its class. What lies with one team is asked for on that team's tickets only. About ten queries.
    """
    entries = askable(ticket).filter(detection__isnull=False).exclude(detection__has_key="playbook")
    if not entries.exists():
        return []  # most of the work is reading the ticket's words
    return list({entry.pk: entry for entry in _likely(ticket, entries)}.values())[:AT_MOST]


def of_labels(ticket: Ticket, labels: Sequence[str]) -> list[Entry]:
    """At most AT_MOST entries about one of these causes, in the order of the labels, the proven ones first."""
    found = (
        askable(ticket)
        .filter(label__in=labels, detection__isnull=False)
        .order_by("-reuses", "failures", "-saved_at")[: AT_MOST * 3]
    )
    return sorted(found, key=lambda entry: labels.index(entry.label))[:AT_MOST]


def _likely(ticket: Ticket, entries: EntryQuerySet) -> Iterator[Entry]:
    yield from _of_today(entries)
    text = f"{ticket.subject}\n{ticket.description}"
    yield from (one.entry for one in find_among(entries, text, limit=AT_MOST).found)
    if ticket.incident_class:
        of_class = entries.filter(incident_class=ticket.incident_class)
        yield from of_class.order_by("-reuses", "failures", "-saved_at")[:AT_MOST]


def askable(ticket: Ticket) -> EntryQuerySet:
    """Entries that a run of the ticket may name: in use, of its team or of all, for its customer's tier."""
    own = Q(team=None) | Q(team=ticket.team_id) if ticket.team_id else Q(team=None)
    found = Entry.objects.filter(own, space="").in_use()
    tier = ticket.customer.tier if ticket.customer is not None else ""
    if tier:
        found = found.filter(Q(tiers=[]) | Q(tiers__contains=[tier]))
    # What misfires is left in peace until its query changes.
    return found.exclude(pk__in=Standing.objects.filter(rests=True).values("entry"))


def _of_today(entries: EntryQuerySet) -> Sequence[Entry]:
    recent = Recognition.objects.filter(answered=Answered.FIRED, at__gt=timezone.now() - JUST_NOW)
    often = recent.values("entry").annotate(times=Count("investigation__ticket", distinct=True))
    order = [row["entry"] for row in often.order_by("-times", "entry")[: _OF_TODAY * 2]]
    by_pk = entries.in_bulk(order)
    return [by_pk[pk] for pk in order if pk in by_pk][:_OF_TODAY]
