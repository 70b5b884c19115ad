"""Whether an entry helped on a ticket, and what that does to it: proven entries are validated and gain weight in the
search, those that did not hold lose both.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from altor.audit import record_event
from altor.errors import InvalidInput, NotFound, PermissionRefused
from altor.models import User
from investigations.models import Ticket
from knowledge.entries.changes import PROVEN_BY, REVIEW_AFTER, locked, move
from knowledge.models import Entry, EntryUse, SearchRow, Standing
from knowledge.models.entries import Confidence

Verdict = EntryUse.Verdict
#: An entry counts as if it had helped so often before anybody said a word.
_BEFOREHAND: Final = 3
#: The weight in the search of an entry that never held, and what each success adds to one that always did.
_LEAST, _GAIN, _MOST_GAINS = 0.5, 0.02, 5


@transaction.atomic
def use_entry(entry: Entry, ticket: Ticket, *, verdict: str, actor: User, now: datetime | None = None) -> EntryUse:
    """Say that the entry helped on the ticket, or that it did not hold. Said again, the last word counts.

    NotFound for a ticket that the person may not open; PermissionRefused for who may only read.
    """
    if not actor.may("knowledge.write"):
        raise PermissionRefused("Your role may not say whether an entry helped.")
    if verdict not in (Verdict.HELPED, Verdict.FAILED):
        raise InvalidInput("An entry helped, or it did not hold.", errors={"verdict": ["helped or failed"]})
    if not Ticket.objects.visible_to(actor).filter(pk=ticket.pk).exists():
        raise NotFound(f"There is no ticket {ticket.ref!r} that you may see.")
    now = now or timezone.now()
    found = locked(entry)
    use, is_new = EntryUse.objects.get_or_create(
        entry=found, ticket=ticket,
        defaults={"verdict": verdict, "by": actor, "at": now, "is_own": _wrote(found, actor)},
    )  # fmt: skip
    if not is_new and use.verdict == verdict:
        return use
    if not is_new:
        use.verdict, use.by, use.at, use.is_own = verdict, actor, now, _wrote(found, actor)
        use.save(update_fields=["verdict", "by", "at", "is_own"])
    _count(found, now)
    _follow(found, verdict, actor, now)
    record_event(
        actor=actor, action="knowledge.used", object_kind="entry", object_ref=found.ref,
        after={"ticket": ticket.ref, "verdict": verdict},
    )  # fmt: skip
    return use


def _wrote(entry: Entry, person: User) -> bool:
    return entry.created_by_id == person.pk or entry.history.filter(created_by=person).exists()


def _count(entry: Entry, now: datetime) -> None:
    uses = EntryUse.objects.filter(entry=entry).exclude(verdict=Verdict.NONE)
    entry.reuses = uses.filter(verdict=Verdict.HELPED, is_own=False).count()
    entry.failures = uses.filter(verdict=Verdict.FAILED).count()
    entry.last_used_at = uses.aggregate(last=Max("at"))["last"] or now
    entry.save(update_fields=["reuses", "failures", "last_used_at"])
    weigh(entry)


def weigh(entry: Entry) -> None:
    """Its weight in the search, as it is used and recognised now."""
    standing = Standing.objects.filter(entry=entry).first()
    unsaid = standing.unsaid if standing is not None else 0
    SearchRow.objects.filter(entry=entry).update(weight=weight_of(entry.reuses, entry.failures + unsaid))


def weight_of(helped: int, failed: int) -> float:
    """From 0.5 for an entry that never held to 1.1 for one that always did; 1 at the beginning.

    The share of successes with three beforehand, so that one failure alone does not bury an entry.
    """
    share = (helped + _BEFOREHAND) / (helped + failed + _BEFOREHAND)
    gain = _GAIN * min(helped, _MOST_GAINS) if not failed else 0.0
    return _LEAST + (1 - _LEAST) * share + gain


def _follow(entry: Entry, verdict: str, actor: User, now: datetime) -> None:
    """Proof since the confidence last changed validates; a failed reuse takes the validation back."""
    if verdict == Verdict.FAILED and entry.confidence == Confidence.VALIDATED:
        move(
            entry, {"confidence": Confidence.NOT_VALIDATED}, why="failed", actor=actor, now=now,
            reason="It did not hold on a ticket.",
        )  # fmt: skip
        return
    if verdict != Verdict.HELPED or entry.confidence != Confidence.NOT_VALIDATED:
        return
    since = entry.changes.filter(field="confidence").aggregate(last=Max("at"))["last"]
    proof = EntryUse.objects.filter(entry=entry, verdict=Verdict.HELPED, is_own=False)
    proof = proof.filter(at__gt=since) if since is not None else proof
    if proof.count() >= PROVEN_BY and entry.root_cause and entry.remediation:
        changed = {"confidence": Confidence.VALIDATED, "review_on": (now + REVIEW_AFTER).date()}
        move(entry, changed, why="reuse", actor=actor, now=now, reason=f"It helped others on {proof.count()} tickets.")
