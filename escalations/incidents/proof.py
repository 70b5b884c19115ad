"""Incidents and proofs of recovery: a fix begins one, and how it ends moves the incident."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from altor.models import User
from escalations.incidents import recovering
from escalations.models import Incident, Recovery, RecoveryReading
from escalations.recovery.starting import drop, start
from escalations.recovery.words import for_engineering

S = Recovery.Status


@transaction.atomic
def fixed_by(incident: Incident, *, now: datetime, actor: User, text: str, via: str) -> Incident:
    """A person says that it is fixed: everybody affected is measured from now on, where a run says what to measure."""
    found = recovering.fixed(incident, now=now, actor=actor, text=text, via=via)
    run = incident.run or (incident.escalation.run if incident.escalation is not None else None)
    if found.status == Incident.Status.FIXED and run is not None:
        start(
            run, escalation=None, incident=incident, fixed_at=found.fixed_at or now, now=now,
            key=f"{incident.ref}:fixed:{found.revision}",
        )  # fmt: skip
    return found


@transaction.atomic
def gone_again(incident: Incident, text: str, *, now: datetime, actor: User, via: str) -> Incident:
    """A person says that it is not gone: what is being measured is of no use any more."""
    found = recovering.not_recovered(incident, text, now=now, actor=actor, via=via)
    drop(incident, "The incident is worked on again.", now=now)
    return found


def recovery_moved(recovery: Recovery, readings: Sequence[RecoveryReading]) -> None:
    """For the setting RECOVERY_MOVED. In the caller's transaction; told twice, it does nothing the second time."""
    incident = recovery.incident
    if incident is None or recovery.measured_at is None:
        return
    text = for_engineering(recovery, readings)
    if recovery.status == S.PROVED and recovery.back_since is not None:
        recovering.recovered(incident, recovery.back_since, now=recovery.measured_at, text=text)
    elif recovery.status == S.FAILED:
        recovering.not_recovered(incident, text, now=recovery.measured_at)
