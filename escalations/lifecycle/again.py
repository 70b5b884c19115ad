"""An escalation that is sent again: which one of the ticket was returned or taken back before it."""

from __future__ import annotations

from escalations.models import Escalation, EscalationEvent
from investigations.models import Ticket

W = EscalationEvent.What
ENDED: dict[str, str] = {Escalation.Status.REJECTED: "returned", Escalation.Status.WITHDRAWN: "taken back"}


def predecessor_of(ticket: Ticket) -> Escalation | None:
    """The newest escalation of the ticket, where that came back. One that was resolved is the predecessor of none."""
    last = Escalation.objects.filter(ticket=ticket).order_by("-pk").first()
    return last if last is not None and last.status in ENDED else None


def ending_of(escalation: Escalation) -> EscalationEvent | None:
    """What was said when it was returned or taken back."""
    return escalation.history.filter(what__in=[W.REJECTED, W.WITHDRAWN]).select_related("by").last()


def said_of(escalation: Escalation) -> str:
    """`ESC-12 was returned: Evidence is missing`."""
    reason = f": {escalation.get_rejection_display()}" if escalation.rejection else ""
    return f"{escalation.ref} was {ENDED.get(escalation.status, 'ended')}{reason}"
