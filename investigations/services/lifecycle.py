"""A ticket's life after the diagnosis: replied, resolved, reopened.

The status is what happened last: a reply to an escalated ticket makes it replied, and the escalation lives on in its
own record. A run that ends late never moves a ticket back (see `store.finish` and `start_investigation`, which name the
statuses they may leave).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from altor import events
from altor.audit import record_event
from altor.errors import Conflict, PermissionRefused
from altor.models import PhaseEvent, User
from altor.redaction import redact_text
from investigations.models import Investigation, Ticket
from investigations.services.gates import gate_state, require_open

#: Characters of a reply that are kept.
LONGEST_REPLY: Final = 20_000
_REPLIED: Final = "ticket.replied"


@dataclass(frozen=True, slots=True)
class Prospect:
    """What may happen next to a ticket as it stands. Roles are not asked here."""

    run: Investigation | None  # the newest finished one: the diagnosis that a reply rests on
    gates: Mapping[str, Mapping[str, Any]]  # its gates; {} without a diagnosis
    replied: PhaseEvent | None  # the latest reply on that diagnosis
    is_replied: bool  # and it is what happened last: another click would change nothing
    is_resolved: bool
    missing: Sequence[Mapping[str, Any]] = field(default_factory=tuple)  # steps that keep the reply waiting

    @property
    def can_reply(self) -> bool:
        return not self.is_resolved and not self.is_replied and not self.is_gated

    @property
    def is_gated(self) -> bool:
        """A reply is due, and steps that it needs have not run."""
        closed = bool(self.gates) and not self.gates["reply"]["open"]
        return closed and not self.is_resolved and not self.is_replied


def prospect(ticket: Ticket) -> Prospect:
    """Up to five queries."""
    run = _newest_diagnosis(ticket)
    gates = gate_state(run) if run is not None else {}
    last = _last_reply(ticket)
    return Prospect(
        run=run,
        gates=gates,
        replied=last if last is not None and last.subject_ref == _subject(run) else None,
        is_replied=_is_replied(ticket, run, last),
        is_resolved=ticket.status == Ticket.Status.RESOLVED,
        missing=gates["reply"]["missing"] if gates and not gates["reply"]["open"] else (),
    )


@transaction.atomic
def mark_replied(ticket: Ticket, *, actor: User, text: str = "", now: datetime | None = None) -> Ticket:
    """The customer was answered. Told once per diagnosis: the same again changes nothing.

    GateClosed while steps that the newest diagnosis needs before a reply have not run. Without any diagnosis there is
    nothing to gate: a first acknowledgement, or the answer to a ticket that is no incident, may go out and is marked
    `before_diagnosis`. The diagnosis that comes later is then replied to on its own, through its gate. `text` is
    redacted, cut and kept in the event. Conflict for a resolved ticket.
    """
    _allow(actor, "ticket.reply", "Your role may not record replies to customers.")
    now = now or timezone.now()
    locked = _locked(ticket)
    if locked.status == Ticket.Status.RESOLVED:
        raise Conflict(f"{locked.ref} is resolved. Reopen it first.", ticket=locked.ref)
    run = _newest_diagnosis(locked)
    if _is_replied(locked, run, _last_reply(locked)):
        return locked
    if run is not None:
        require_open(run, "reply")
    kept = redact_text(text.replace("\x00", "")).strip()
    data: dict[str, Any] = {"before_diagnosis": run is None}
    if kept:
        data |= {"text": kept[:LONGEST_REPLY]} | ({"text_cut": True} if len(kept) > LONGEST_REPLY else {})
    events.record(_REPLIED, ticket_ref=locked.ref, subject_ref=_subject(run), at=now, actor=actor, data=data)
    _move(
        locked,
        Ticket.Status.REPLIED,
        actor=actor,
        action=_REPLIED,
        after={"investigation": _subject(run), "characters": len(data.get("text", ""))},
    )
    return locked


@transaction.atomic
def resolve(ticket: Ticket, *, actor: User, now: datetime | None = None) -> Ticket:
    """The case is closed. A run that is under way ends by itself and leaves the status alone."""
    _allow(actor, "ticket.resolve", "Your role may not resolve tickets.")
    now = now or timezone.now()
    locked = _locked(ticket)
    if locked.status == Ticket.Status.RESOLVED:
        return locked
    events.record("ticket.resolved", ticket_ref=locked.ref, at=now, actor=actor, data={"from": locked.status})
    locked.resolved_at = now
    _move(locked, Ticket.Status.RESOLVED, actor=actor, action="ticket.resolved")
    return locked


@transaction.atomic
def reopen(ticket: Ticket, *, actor: User, now: datetime | None = None) -> Ticket:
    """Open again. How long it was resolved stays in the event, so that a slip of a minute can be told from a relapse.

    Conflict for a ticket that is open.
    """
    _allow(actor, "ticket.resolve", "Your role may not reopen tickets.")
    now = now or timezone.now()
    locked = _locked(ticket)
    if locked.status == Ticket.Status.REOPENED:
        return locked
    if locked.status != Ticket.Status.RESOLVED:
        raise Conflict(f"{locked.ref} is not resolved: there is nothing to reopen.", ticket=locked.ref)
    data = {"resolved_for_s": round((now - locked.resolved_at).total_seconds())} if locked.resolved_at else {}
    events.record("ticket.reopened", ticket_ref=locked.ref, at=now, actor=actor, data=data)
    locked.resolved_at = None
    _move(locked, Ticket.Status.REOPENED, actor=actor, action="ticket.reopened")
    return locked


def _allow(actor: User, permission: str, otherwise: str) -> None:
    if not actor.may(permission):
        raise PermissionRefused(otherwise)


def _locked(ticket: Ticket) -> Ticket:
    return Ticket.objects.select_for_update(of=("self",)).get(pk=ticket.pk)


def _newest_diagnosis(ticket: Ticket) -> Investigation | None:
    """The newest run that reached a diagnosis; failed and cancelled ones say nothing that could be told."""
    finished = Investigation.objects.filter(ticket=ticket, status=Investigation.Status.DONE)
    found = finished.select_related("playbook").defer("diagnosis", "inputs", "profile").order_by("-pk").first()
    if found is not None:
        found.ticket = ticket
    return found


def _last_reply(ticket: Ticket) -> PhaseEvent | None:
    told = PhaseEvent.objects.filter(ticket_ref=ticket.ref, kind=_REPLIED)
    return told.select_related("actor").order_by("-at", "-pk").first()


def _subject(run: Investigation | None) -> str:
    return run.ref if run is not None else ""


def _is_replied(ticket: Ticket, run: Investigation | None, last: PhaseEvent | None) -> bool:
    """Whether the reply to this diagnosis, or to the lack of one, is what happened last."""
    return ticket.status == Ticket.Status.REPLIED and (last is None or last.subject_ref == _subject(run))


def _move(
    ticket: Ticket, status: Ticket.Status, *, actor: User, action: str, after: Mapping[str, Any] | None = None
) -> None:
    before = {"status": str(ticket.status)}
    ticket.status = status
    ticket.save(update_fields=["status", "resolved_at", "updated_at"])
    record_event(
        actor=actor, action=action, target=ticket, before=before, after={"status": str(status), **(after or {})}
    )
