"""Escalations that move begin and end proofs of recovery."""

from __future__ import annotations

from escalations.models import Escalation, EscalationEvent
from escalations.recovery.starting import drop, start

W = EscalationEvent.What


def escalation_moved(escalation: Escalation, event: EscalationEvent) -> None:
    """For the setting ESCALATION_MOVED. In the caller's transaction; told twice, it does nothing the second time."""
    if event.what == W.RESOLVED:
        start(escalation.run, escalation=escalation, fixed_at=event.at, now=event.at, key=event.key)
    elif event.what == W.REOPENED:
        drop(escalation, "The escalation is open again.", now=event.at)
