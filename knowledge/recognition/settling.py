"""What a fired detection query is worth: beside the run's own diagnosis, and in the light of what the team found.

A query shows the signs of a cause. That the cause is this one is said where the diagnosis names it too, or names none
and no other entry's signs are there; everything else is told as what it is, and counts as no recognition.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from investigations.diagnosis.signals import wilson_interval
from investigations.engine.known import AT_MOST
from investigations.engine.store import CAUSE_FROM, NO_CAUSE
from investigations.models import Investigation
from investigations.services.causes import UNDECIDED, Causes, known_causes
from investigations.services.findings import findings_of
from knowledge.entries.detection import PlaybookDetection, stored_detection
from knowledge.entries.reuse import weigh
from knowledge.models import Entry, EntryUse, Recognition, Standing
from knowledge.models.recognition import Answered, State
from knowledge.recognition.asking import outcome_of
from knowledge.recognition.candidates import askable
from knowledge.recognition.recogniser import answered, digest
from knowledge.search.finding import Filters, Found, find_among

#: So many wrong recognitions, and more than right ones: it is not asked for any more.
RESTS_FROM: Final = 2
#: Entries near to a ticket's words that are kept with its run, and how near, a cosine.
NEAR_KEPT, _NEAR = 3, 0.35
#: Recognitions that still count: a system changes.
LOOKBACK: Final = timedelta(days=180)
#: Entries that are looked at again by one sweep, and how long a look holds.
_BATCH: Final = 20
_EVERY: Final = timedelta(minutes=5)


_UNFIRED: Final = {
    Answered.QUIET: State.QUIET, Answered.UNKNOWN: State.UNKNOWN, Answered.UNASKED: State.NEAR,
}  # fmt: skip


def is_undecided(run: Investigation) -> bool:
    """The diagnosis names nothing, or too unsurely. That nothing is wrong is an answer too."""
    return run.top_label in ("", UNDECIDED) or (run.confidence or 0.0) < CAUSE_FROM


def same_cause(label: str, other: str, causes: Causes) -> bool:
    """Equal labels, and those that are the same answer in other words."""
    return label == other or (label in causes and other in causes[label].kin)


def states(run: Investigation, found: Sequence[Recognition], causes: Causes) -> dict[int, State]:
    """Entry -> what it is worth. `found` are all of the finished run, with their entries."""
    fired = {one.entry.label for one in found if one.answered == Answered.FIRED and one.entry.label}
    return {one.entry_id: _state(run, one, fired, causes) for one in found}


def _state(run: Investigation, one: Recognition, fired: set[str], causes: Causes) -> State:
    if one.answered != Answered.FIRED:
        return _UNFIRED[Answered(one.answered)]
    label = one.entry.label
    if not label:
        return State.POSSIBLE
    if same_cause(run.top_label, label, causes):
        return State.RECOGNISED
    if not is_undecided(run):
        return State.ELSEWHERE
    return State.RECOGNISED if all(same_cause(other, label, causes) for other in fired) else State.POSSIBLE


def by_diagnosis(run: Investigation) -> list[Recognition]:
    """What the diagnosis itself says of entries about its cause that have no query of their own, or one by this
    playbook: rows that are not stored. One or two queries.
    """
    if run.diagnosis is None or run.playbook is None or run.top_label in NO_CAUSE:
        return []
    by_playbook = Q(detection__playbook=run.playbook.key, detection__label=run.top_label)
    entries = askable(run.ticket).filter(Q(label=run.top_label, detection__isnull=True) | by_playbook)
    found = []
    for entry in entries.order_by("-reuses", "failures", "-saved_at")[:AT_MOST]:
        detection = stored_detection(entry.detection) if entry.detection else None
        at_least = detection.at_least if isinstance(detection, PlaybookDetection) else CAUSE_FROM
        outcome = outcome_of(run.top_label, at_least, run.diagnosis)
        found.append(
            Recognition(
                entry=entry, investigation=run, version=entry.revision, query=digest(entry.detection),
                answered=answered(outcome), says=outcome.result, error_kind=outcome.error_kind,
                facts=dict(outcome.facts), seconds=0.0, at=run.finished_at or timezone.now(),
            )
        )  # fmt: skip
    return found


def run_ended(run: Investigation) -> None:
    """Settle what the run's recognitions are worth. Safe to be told twice."""
    if run.status != Investigation.Status.DONE:
        return
    kept = ("version", "query", "answered", "says", "error_kind", "facts", "seconds", "at")
    for one in by_diagnosis(run):
        Recognition.objects.update_or_create(
            entry=one.entry, investigation=run, defaults={name: getattr(one, name) for name in kept}
        )
    _keep_near(run)
    found = list(Recognition.objects.filter(investigation=run).select_related("entry"))
    if not found:
        return
    settled = states(run, found, known_causes())
    for one in found:
        one.state = settled[one.entry_id]
    Recognition.objects.bulk_update(found, ["state"])


def _keep_near(run: Investigation) -> None:
    """Entries near to the ticket's words, for those who show them often: the sidebar does not search."""
    ticket, readable = run.ticket, askable(run.ticket)
    if not readable.exists():
        return
    filters = Filters(tier=ticket.customer.tier if ticket.customer is not None else "")
    found = find_among(readable, f"{ticket.subject}\n{ticket.description}", filters, limit=NEAR_KEPT)
    for one in found.found:
        if is_near(one):
            Recognition.objects.get_or_create(
                entry=one.entry, investigation=run,
                defaults={
                    "version": one.entry.revision, "query": digest(one.entry.detection),
                    "answered": Answered.UNASKED, "seconds": 0.0, "at": timezone.now(),
                },
            )  # fmt: skip


def is_near(one: Found) -> bool:
    """Less near than this to a ticket, and with few of its words, an entry is not offered beside it."""
    return (one.match.whole or 0.0) >= _NEAR or bool(one.match.names) or one.match.title >= 0.5


# ------------------------------------------------------------------------------------------------ precision
@dataclass(frozen=True, slots=True)
class Precision:
    """Tickets on which a cause was recognised: rightly, wrongly, and not judged yet."""

    right: int = 0
    wrong: int = 0
    open: int = 0
    unsaid: int = 0

    @property
    def share(self) -> float | None:
        """Right ones of those that were judged, 0 to 1; None without any."""
        judged = self.right + self.wrong
        return self.right / judged if judged else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Of the share, 95 % (Wilson)."""
        judged = self.right + self.wrong
        return wilson_interval(self.right, judged) if judged else None

    def __add__(self, other: Precision) -> Precision:
        return Precision(
            self.right + other.right, self.wrong + other.wrong, self.open + other.open, self.unsaid + other.unsaid
        )


def precision(recognitions: Iterable[Recognition], causes: Causes | None = None) -> dict[int, Precision]:
    """Entry -> how its recognitions turned out, a ticket once. Of `with_context` rows in the state RECOGNISED.

    The word of a person on the entry counts before the cause that the team found. Two queries.
    """
    causes = known_causes() if causes is None else causes
    tickets: dict[tuple[int, int], Recognition] = {
        (one.entry_id, one.investigation.ticket_id): one for one in recognitions
    }
    ids = {ticket for _, ticket in tickets}
    said = {
        (use.entry_id, use.ticket_id): use.verdict
        for use in EntryUse.objects.filter(ticket__in=ids).exclude(verdict="")
    }
    causes_found = {ticket: finding.label for ticket, finding in findings_of(ids).items()}
    found: dict[int, Precision] = {}
    for (entry, ticket), one in tickets.items():
        told = _told(said.get((entry, ticket), ""), causes_found.get(ticket, ""), one.entry.label, causes)
        found[entry] = found.get(entry, Precision()) + told
    return found


def _told(verdict: str, cause: str, label: str, causes: Causes) -> Precision:
    if verdict == EntryUse.Verdict.HELPED:
        return Precision(right=1)
    if verdict == EntryUse.Verdict.FAILED:
        return Precision(wrong=1)
    if cause and label:
        return Precision(right=1) if same_cause(cause, label, causes) else Precision(wrong=1, unsaid=1)
    return Precision(open=1)


def recognised_since(since: datetime) -> Mapping[int, Precision]:
    """Entry -> precision of its present query since then."""
    rows = Recognition.objects.filter(state=State.RECOGNISED, at__gte=since).with_context()
    return precision(one for one in rows if one.query == digest(one.entry.detection))


def settle(entry: Entry, causes: Causes | None = None, *, now: datetime | None = None) -> Standing | None:
    """Bring an entry's standing and its weight in the search up to date; None for one that was never recognised."""
    now = now or timezone.now()
    query = digest(entry.detection)
    rows = Recognition.objects.filter(entry=entry, state=State.RECOGNISED, query=query, at__gte=now - LOOKBACK)
    found = precision(rows.with_context(), causes).get(entry.pk)
    with transaction.atomic():
        if found is None:
            Standing.objects.filter(entry=entry).delete()
            weigh(entry)
            return None
        standing, _ = Standing.objects.update_or_create(
            entry=entry,
            defaults={
                "query": query, "right": found.right, "wrong": found.wrong, "open": found.open,
                "unsaid": found.unsaid, "rests": found.wrong >= RESTS_FROM and found.wrong > found.right, "at": now,
            },
        )  # fmt: skip
        weigh(entry)
    return standing


def settle_recent(*, now: datetime | None = None) -> int:
    """Settle the entries that were recognised lately and not looked at for a while; how many."""
    now = now or timezone.now()
    lately = Recognition.objects.filter(state=State.RECOGNISED, at__gte=now - LOOKBACK)
    lying = Q(standing=None) | Q(standing__at__lt=now - _EVERY)
    entries = Entry.objects.filter(lying, space="", pk__in=lately.values("entry"))
    ordered = list(entries.order_by("standing__at", "pk")[:_BATCH])
    if not ordered:
        return 0
    causes = known_causes()
    for entry in ordered:
        settle(entry, causes, now=now)
    return len(ordered)
