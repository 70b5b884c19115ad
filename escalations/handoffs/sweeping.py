"""What the supervisor does with handoffs every few seconds: cheap while nothing ends."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils import timezone

from altor.audit import record_event
from escalations.handoffs.drafting import close_if_decided, draft_due, read_again, to_read
from escalations.handoffs.following import follow
from escalations.handoffs.switching import terms_of
from escalations.handoffs.telling import clock, item_line, tell
from escalations.lifecycle.owners import leads
from escalations.models import Handoff

_AT_MOST: Final = 100
_LINES: Final = 3


def sweep(now: datetime | None = None) -> int:
    """Draft what ends soon, read drafts again, follow rotations, tell of what nobody accepts; how many were seen."""
    now = now or timezone.now()
    new = draft_due(now)
    ids = list(to_read(now).values_list("pk", flat=True)[:_AT_MOST])
    return new + sum(look(pk, now) for pk in ids)


@transaction.atomic
def look(pk: int, now: datetime) -> bool:
    """Whether it was there to be looked at: what somebody else holds is left for the next time."""
    held = Handoff.objects.select_for_update(skip_locked=True, of=("self",)).only("pk").filter(pk=pk).first()
    handoff = Handoff.objects.open().with_context().filter(pk=pk).first() if held is not None else None
    if handoff is None:
        return False
    follow(handoff, now)
    if not handoff.is_open:
        return True
    read_again(handoff, now)
    if not close_if_decided(handoff, now):
        _climb(handoff, now)
    return True


def _climb(handoff: Handoff, now: datetime) -> None:
    """Nobody accepted it: the leads are told, once. Everything stays with the outgoing."""
    due = handoff.due_from + terms_of(handoff.team).escalate_after
    if handoff.unaccepted_at is not None or now < due:
        return
    waiting = list(handoff.items.offered().select_related("ticket", "escalation"))
    handoff.unaccepted_at = now
    handoff.save(update_fields=["unaccepted_at"])
    record_event(actor=None, action="handoff.unaccepted", target=handoff, after={"items": len(waiting)})
    signed = "signed" if handoff.is_signed else "not signed"
    lines = [f"It is {signed}; {handoff.outgoing} has everything until somebody takes it"]
    tell(
        "handoff.unaccepted", handoff,
        f"{len(waiting)} not accepted by {handoff.incoming or 'anybody'} since {clock(handoff, handoff.due_from)}",
        people=[*leads(handoff.team), handoff.outgoing, handoff.incoming], now=now, key="once",
        lines=[*lines, *(item_line(one) for one in waiting[:_LINES])],
    )  # fmt: skip
