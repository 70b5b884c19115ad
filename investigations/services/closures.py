"""Closing an investigated ticket without a word on its diagnosis is noticed, asked about and counted, never refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, F, OuterRef
from django.utils import timezone

from altor import events
from altor.audit import record_event
from altor.errors import Conflict, InvalidInput, PermissionRefused
from altor.models import User
from altor.redaction import redact_text
from investigations.models import Feedback, Investigation, Ticket, TicketClosure
from investigations.models.tickets import TicketQuerySet
from investigations.services.causes import known_causes
from investigations.services.runs import record_feedback

How = TicketClosure.How
#: A diagnosis this sure is proposed as the answer.
_SURE = 0.75
#: Labels that say that nothing was wrong.
_NOTHING = frozenset({"none.no_anomaly", "other.out_of_scope"})
LONGEST_REASON = 2000


@dataclass(frozen=True, slots=True)
class ClosureQuestion:
    """What to ask about a closed ticket: the run it rests on, and the answer that is proposed."""

    run: Investigation
    proposed: TicketClosure.How
    title: str  # of the leading candidate
    causes: Mapping[str, str]  # label -> title, of the run's candidates first


def unexplained(tickets: TicketQuerySet) -> TicketQuerySet:
    """Those of the tickets that were closed after a diagnosis about which nobody said a word."""
    finished = Investigation.objects.filter(ticket=OuterRef("pk"), status=Investigation.Status.DONE)
    judged = Feedback.objects.filter(investigation__ticket=OuterRef("pk"))
    said = TicketClosure.objects.filter(ticket=OuterRef("pk"), resolved_at=OuterRef("resolved_at"))
    closed = tickets.filter(status=Ticket.Status.RESOLVED).exclude(resolved_at=None)
    return closed.filter(Exists(finished), ~Exists(judged), ~Exists(said))


def closure_question(ticket: Ticket) -> ClosureQuestion | None:
    """What to ask, None when nothing is open. One query for a ticket that is not closed, up to four else."""
    if ticket.status != Ticket.Status.RESOLVED or not unexplained(Ticket.objects.filter(pk=ticket.pk)).exists():
        return None
    run = _newest(ticket)
    if run is None:
        return None
    candidates = (run.diagnosis or {}).get("candidates") or []
    first = {str(item["label"]): str(item["title"]) for item in candidates if item["label"] != "inconclusive"}
    others = {label: cause.title for label, cause in known_causes().items() if label not in first}
    title = first.get(run.top_label, "")
    return ClosureQuestion(run, _proposed(run), title, {**first, **others})


def _proposed(run: Investigation) -> TicketClosure.How:
    if run.top_label in _NOTHING:
        return How.ANSWERED
    return How.RIGHT if (run.confidence or 0.0) >= _SURE and run.top_label != "inconclusive" else How.OTHER_CAUSE


@transaction.atomic
def explain_closure(
    ticket: Ticket, *, how: str, actor: User, label: str = "", reason: str = "", now: datetime | None = None
) -> TicketClosure:
    """Say how the closed ticket ended. Told again, the answer before stays: nothing is counted twice.

    `right` and `other_cause` are also the verdict on the newest diagnosis. InvalidInput when the other cause is neither
    chosen nor described, Conflict for a ticket that is open or was never investigated.
    """
    if not (actor.may("ticket.resolve") and actor.may("run.feedback")):
        raise PermissionRefused("Your role may not say how tickets ended.")
    if how not in How.values:
        raise InvalidInput(f"How is one of {', '.join(How.values)}.", errors={"how": ["choose one"]})
    reason = redact_text(reason.replace("\x00", "").strip())[:LONGEST_REASON]
    if how == How.OTHER_CAUSE and not (label or reason):
        raise InvalidInput(
            "Say what it really was: a cause, or a few words.", errors={"label": ["choose a cause, or describe it"]}
        )
    locked = Ticket.objects.select_for_update(of=("self",)).get(pk=ticket.pk)
    run = _newest(locked)
    if locked.status != Ticket.Status.RESOLVED or locked.resolved_at is None or run is None:
        raise Conflict(f"{locked.ref} is not a closed ticket with a diagnosis.", ticket=locked.ref)
    known = TicketClosure.objects.filter(ticket=locked, resolved_at=locked.resolved_at).first()
    if known is not None:
        return known
    now = now or timezone.now()
    closure = TicketClosure.objects.create(
        ticket=locked, resolved_at=locked.resolved_at, how=how, label=label[:60], reason=reason, user=actor, at=now
    )
    if how == How.RIGHT:
        record_feedback(run, verdict="accepted", comment=reason, actor=actor)
    elif how == How.OTHER_CAUSE:
        record_feedback(run, verdict="corrected", label=label, comment=reason, actor=actor)
    events.record(
        "ticket.explained", ticket_ref=locked.ref, subject_ref=run.ref, at=now, actor=actor,
        data={"how": how, "label": closure.label},
        key=f"ticket.explained:{locked.ref}:{locked.resolved_at.isoformat()}",
    )  # fmt: skip
    record_event(
        actor=actor, action="ticket.explained", target=locked, reason=reason, after={"how": how, "label": closure.label}
    )
    Investigation.objects.filter(pk=run.pk).update(live_version=F("live_version") + 1)
    return closure


def _newest(ticket: Ticket) -> Investigation | None:
    finished = Investigation.objects.filter(ticket=ticket, status=Investigation.Status.DONE)
    return finished.select_related("ticket", "playbook").order_by("-pk").first()
