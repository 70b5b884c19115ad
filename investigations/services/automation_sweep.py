"""Tickets that the quota refused get their run when a place frees within the hour.

The newest first. Once refusals pile up, somebody waits too long whatever the order. The agent of the oldest ticket has
read it meanwhile and can start the run with one click; the newest is about to be opened, and its run is still of use.
Oldest first would make every run come an hour late for as long as the rush lasts.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from investigations.models import AutomationDecision, Ticket
from investigations.models.automation import HOUR
from investigations.services.automatic import consider
from investigations.services.automation import Decision, Loaded, Outcome, admit, decide, load, note_run


def catch_up(*, now: datetime | None = None, at_most: int = 50) -> int:
    """Start what waits and may run now; what has waited for an hour, or is resolved, is given up. Runs started.

    Safe beside itself: a place is taken by one, and a ticket's state has one run.
    """
    now = now or timezone.now()
    waiting = AutomationDecision.objects.waiting()
    waiting.filter(at__lte=now - HOUR).update(
        outcome=Outcome.LAPSED, reason="The quota was used up for an hour; start it by hand if it is still wanted"
    )
    rows = list(waiting.order_by("-ticket__opened_at", "-pk")[:at_most])
    if not rows:
        return 0
    loaded = load()
    if loaded.stopped:
        return 0
    return sum(_once_more(row, loaded, now) for row in rows)


@transaction.atomic
def _once_more(row: AutomationDecision, loaded: Loaded, now: datetime) -> bool:
    """Whether the ticket's run has started. The ticket is held first, as `automatic.consider` holds it."""
    tickets = Ticket.objects.select_for_update(of=("self",)).select_related("customer", "team")
    ticket = tickets.get(pk=row.ticket_id)
    if ticket.status == Ticket.Status.RESOLVED:
        _give_up(row, "The ticket was resolved while it waited for the quota")
        return False
    if not admit(ticket, _late(decide(ticket, now=now, loaded=loaded)), now):
        return False
    found = consider(ticket, now=now)
    if found.run is None:
        _give_up(row, found.why)
        return False
    note_run(ticket, found.run)
    return True


def _late(decision: Decision) -> Decision:
    return replace(decision, reason=f"{decision.reason}; run later, because the quota was used up")


def _give_up(row: AutomationDecision, reason: str) -> None:
    AutomationDecision.objects.filter(pk=row.pk).update(outcome=Outcome.LAPSED, reason=reason[:400])
