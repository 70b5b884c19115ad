"""A ticket starts its investigation without anybody asking, and again when something new is known.

At most one run per state of what the ticket claims: the same event twice, or an event that adds nothing, starts
nothing. What comes while a run is under way waits for its end, and is then looked at once.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from altor.models import InboundEvent, User
from investigations.models import Investigation, Ticket, TicketMirror
from investigations.services.automation import admit, decide, note_run
from investigations.services.claims import facts_of
from investigations.services.runs import NoPlaybook, RunAlreadyActive, start_investigation
from investigations.services.tickets import tell_received

#: A ticket whose opening has not arrived is not investigated before this long: events overtake each other.
WAITS_FOR_OPENING: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Considered:
    """`run` is the run of this state of the ticket, started now or before; `why` says why there is none."""

    run: Investigation | None = None
    why: str = ""


@transaction.atomic
def consider(ticket: Ticket, *, now: datetime | None = None, actor: User | None = None) -> Considered:
    """Start the investigation that the ticket as it stands asks for, if it asks for one."""
    now = now or timezone.now()
    # One at a time for a ticket, so that a run that ends and an event that comes never both start one.
    ticket = Ticket.objects.select_for_update(of=("self",)).select_related("customer").get(pk=ticket.pk)
    mirror = TicketMirror.objects.filter(ticket=ticket).first()
    if ticket.status == Ticket.Status.RESOLVED:
        return Considered(why="The ticket is resolved.")
    if mirror is not None and _waits_for_opening(mirror, ticket, now):
        _wish(mirror)
        return Considered(why="Waiting for the ticket's opening.")
    facts = facts_of(ticket)
    runs = Investigation.objects.filter(ticket=ticket).exclude(status=Investigation.Status.CANCELLED)
    last = runs.order_by("-pk").first()
    if last is not None and not set(facts) - set(last.claims):
        return Considered(last if last.event_key == _key(ticket, facts) else None, "Nothing new to look at.")
    if last is not None and last.status == Investigation.Status.QUEUED:
        # It has not begun: it reads the ticket as it then is.
        Investigation.objects.filter(pk=last.pk).update(claims=facts)
        return Considered(last, f"{last.ref}, which has not begun yet, takes it up.")
    if last is not None and last.is_active:
        if mirror is not None:
            _wish(mirror)
        return Considered(why=f"{last.ref} is under way: looked at again when it ends.")
    decision = decide(ticket, now=now)
    if not admit(ticket, decision, now):
        return Considered(why=f"{decision.reason}.")
    try:
        previous = last if last is not None and last.status == Investigation.Status.DONE else None
        run = start_investigation(
            ticket=ticket, actor=actor, trigger="ticket", event_key=_key(ticket, facts), previous=previous
        )
    except (RunAlreadyActive, NoPlaybook) as error:
        return Considered(why=error.detail)
    note_run(ticket, run)
    return Considered(run)


def look_again(run: Investigation) -> None:
    """A run has ended: what came meanwhile is looked at. Safe to call twice."""
    with transaction.atomic():
        wished = TicketMirror.objects.filter(ticket=run.ticket_id, wants_run=True).update(wants_run=False)
        if wished:
            consider(run.ticket)


def sweep(*, now: datetime | None = None, at_most: int = 100) -> int:
    """Look again at tickets that wait for their opening for too long, or whose run ended without telling."""
    now = now or timezone.now()
    waiting = TicketMirror.objects.filter(wants_run=True).select_related("ticket").order_by("pk")
    busy = Investigation.objects.unfinished().values("ticket")
    started = 0
    for mirror in waiting.exclude(ticket__in=busy)[:at_most]:
        if _waits_for_opening(mirror, mirror.ticket, now):
            continue
        with transaction.atomic():
            if TicketMirror.objects.filter(pk=mirror.pk, wants_run=True).update(wants_run=False):
                tell_received(mirror.ticket, now=now)  # once: of an opening that never came it is not told yet
                started += consider(mirror.ticket, now=now).run is not None
    return started


def _waits_for_opening(mirror: TicketMirror, ticket: Ticket, now: datetime) -> bool:
    """It may still come, or lie among what came by then and was not worked off yet: a burst takes longer than that."""
    if mirror.is_whole:
        return False
    until = ticket.received_at + WAITS_FOR_OPENING
    if now < until:
        return True
    unread = InboundEvent.objects.filter(status=InboundEvent.Status.RECEIVED, received_at__lte=until)
    return unread.filter(endpoint__source=ticket.helpdesk, endpoint__connection=ticket.connection).exists()


def _wish(mirror: TicketMirror) -> None:
    TicketMirror.objects.filter(pk=mirror.pk, wants_run=False).update(wants_run=True)


def _key(ticket: Ticket, facts: list[str]) -> str:
    digest = hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]
    return f"ticket:{ticket.ref}:{digest}"
