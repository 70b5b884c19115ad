"""Begin a proof when a fix is said to be there, once for each fix."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import Q

from altor.models import User
from escalations.models import (
    Escalation,
    EscalationTicket,
    Incident,
    IncidentTicket,
    IssuePull,
    Recovery,
    RecoveryReading,
)
from escalations.packets.material import moment
from escalations.recovery.symptom import symptom_of_run
from escalations.recovery.whom import affected
from investigations.models import Investigation, Ticket

S = Recovery.Status
#: The first bucket after the fix has to be over.
SETTLES: Final = timedelta(minutes=12)
#: A fix that was called done and has not shipped is waited for this long, then it is measured all the same.
_PATIENCE: Final = timedelta(hours=24)
_NO_MEASURE: Final = "The diagnosis rests on nothing that can be measured over time again: look for yourself."


def start(
    run: Investigation,
    *,
    escalation: Escalation | None = None,
    incident: Incident | None = None,
    fixed_at: datetime,
    now: datetime,
    key: str,
) -> Recovery | None:
    """The proof of this fix, in the caller's transaction; None when the same `key` began one, or one is under way.

    Whoever is affected is fixed here: the customers of all tickets, and those that were measured or named.
    """
    symptom = symptom_of_run(run)
    waits = escalation is not None and _is_on_its_way(escalation)
    recovery = Recovery(
        escalation=escalation, incident=incident, run=run, fixed_at=fixed_at, onset_at=_onset(run), began_at=now,
        key=key[:120], symptom=symptom.as_dict() if symptom is not None else {},
    )  # fmt: skip
    if symptom is None or recovery.onset_at is None:
        recovery.status, recovery.why, recovery.ended_at = S.UNPROVEN, _NO_MEASURE, now
    elif waits:
        recovery.status, recovery.next_at = S.WAITING, now + _PATIENCE
        recovery.why = "The issue is done, and its pull requests have not shipped yet."
    else:
        recovery.next_at = max(now, fixed_at + SETTLES)
    try:
        with transaction.atomic():
            recovery.save(force_insert=True)
    except IntegrityError:
        return None
    named = list(incident.customers.select_related("customer")) if incident is not None else []
    found = affected(run, tickets_of(recovery), [(one.org_id, one.customer) for one in named])
    RecoveryReading.objects.bulk_create(
        RecoveryReading(recovery=recovery, customer=one.customer, org_id=one.org_id, ticket=one.ticket, position=place)
        for place, one in enumerate(found)
    )
    return recovery


def shipped(escalation: Escalation, *, at: datetime, now: datetime) -> None:
    """The fix is live since `at`: a proof under way counts from then."""
    Recovery.objects.filter(escalation=escalation, status__in=[S.WAITING, S.MEASURING, S.FAILED]).update(
        status=S.MEASURING, why="", fixed_at=at, next_at=max(now, at + SETTLES)
    )


def drop(of: Escalation | Incident, why: str, *, now: datetime) -> None:
    """What happened since makes the proof pointless."""
    mine = Q(escalation=of) if isinstance(of, Escalation) else Q(incident=of)
    Recovery.objects.under_way().filter(mine).update(status=S.DROPPED, why=why[:300], next_at=None, ended_at=now)


def measure_now(recovery: Recovery, *, actor: User, now: datetime) -> bool:
    """Whether it is measured with the next sweep: not where it is over."""
    return bool(Recovery.objects.under_way().filter(pk=recovery.pk).update(next_at=now))


def _is_on_its_way(escalation: Escalation) -> bool:
    """Whether pull requests of its issue are not closed and not shipped."""
    if escalation.issue_id is None:
        return False
    live = [IssuePull.State.OPEN, IssuePull.State.DRAFT, IssuePull.State.MERGED]
    return IssuePull.objects.filter(issue=escalation.issue_id, state__in=live, shipped_at=None).exists()


def _onset(run: Investigation) -> datetime | None:
    return moment((run.diagnosis or {}).get("onset"))


def tickets_of(recovery: Recovery) -> list[Ticket]:
    """Those of the escalation and of the incident, each once; the run's own where there are none. Up to two queries."""
    with_all = ("ticket__customer", "ticket__owner", "ticket__team")
    links: list[EscalationTicket | IncidentTicket] = []
    if recovery.escalation is not None:
        links += recovery.escalation.links.select_related(*with_all).order_by("pk")
    if recovery.incident is not None:
        links += recovery.incident.links.filter(unlinked_at=None).select_related(*with_all).order_by("pk")
    return list({one.ticket_id: one.ticket for one in links}.values()) or [recovery.run.ticket]
