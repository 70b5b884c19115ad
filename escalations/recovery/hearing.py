"""Escalations that move begin and end proofs of recovery."""

from __future__ import annotations

from escalations.incidents.recovering import fixed
from escalations.models import Escalation, EscalationEvent, Incident
from escalations.recovery.starting import drop, start

W = EscalationEvent.What


def escalation_moved(escalation: Escalation, event: EscalationEvent) -> None:
    """For the setting ESCALATION_MOVED. In the caller's transaction; told twice, it does nothing the second time."""
    if event.what == W.RESOLVED:
        incident = Incident.objects.open().filter(escalation=escalation).first()
        start(escalation.run, escalation=escalation, incident=incident, fixed_at=event.at, now=event.at, key=event.key)
        if incident is not None:
            fixed(incident, at=event.at, now=event.at, text=f"{escalation.ref} was resolved. {event.text}".strip())
    elif event.what == W.REOPENED:
        drop(escalation, "The escalation is open again.", now=event.at)
