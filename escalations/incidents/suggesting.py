"""One cause that spreads over several customers is suggested as an incident: once, to those who may declare one.

What was dismissed is suggested again only after it has grown by the contract's threshold once more.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from altor.audit import record_event
from altor.errors import InvalidInput
from altor.models import User
from altor.notify.storing import notify
from altor.roles import PERMISSIONS
from escalations.contracts.format import SEVERITIES
from escalations.incidents import linking
from escalations.incidents.affected import WITHIN, Spread, is_own, spread_of
from escalations.incidents.history import SHORTEST, allow
from escalations.incidents.terms import contract_of
from escalations.lifecycle.causes import cause_of, title_of
from escalations.lifecycle.history import clean
from escalations.lifecycle.owners import leads
from escalations.models import Incident, IncidentSuggestion
from investigations.models import Investigation

_KEPT: Final = 100  # references of tickets


def run_ended(run: Investigation) -> None:
    """For the setting RUN_ENDED: link it to the open incident of its cause, or look whether one is to be suggested.
    Safe to call twice.
    """
    now = timezone.now()
    if run.status == Investigation.Status.DONE and not linking.run_ended(run, now):
        consider(run, now)


def consider(run: Investigation, now: datetime) -> IncidentSuggestion | None:
    """The suggestion of the run's cause where there is one now, made or grown by this call."""
    cause = cause_of(run)
    if is_own(cause) or Incident.objects.open().filter(cause=cause).exists():
        return None
    closed = Incident.objects.filter(cause=cause).order_by("-closed_at").values_list("closed_at", flat=True).first()
    spread = spread_of(cause, now, after=closed)
    newest = spread.run
    if newest is None:
        return None
    _, form = contract_of(newest)
    terms = form.incident if form is not None else None
    if terms is None or spread.total < terms.customers or not _is_severe(newest.severity, terms.severity):
        return None
    return _suggest(spread, newest, terms.customers, now)


def _is_severe(severity: str, least: str | None) -> bool:
    if least is None:
        return True
    return severity in SEVERITIES and SEVERITIES.index(severity) <= SEVERITIES.index(least)


@transaction.atomic
def _suggest(spread: Spread, run: Investigation, threshold: int, now: datetime) -> IncidentSuggestion | None:
    known = IncidentSuggestion.objects.open().select_for_update(of=("self",)).filter(cause=spread.cause).first()
    values = {
        "run": run, "title": title_of(run), "severity": run.severity, "customers": spread.total, "wrote": spread.wrote,
        "threshold": threshold, "tickets": [one.ref for one in spread.tickets][:_KEPT],
    }  # fmt: skip
    if known is not None:  # it was told of: only its figures follow
        for name, value in values.items():
            setattr(known, name, value)
        known.save(update_fields=list(values))
        return known
    last = IncidentSuggestion.objects.filter(cause=spread.cause, dismissed_at__gt=now - WITHIN).first()
    if last is not None and spread.total < last.customers + threshold:
        return None
    try:
        with transaction.atomic():
            made = IncidentSuggestion.objects.create(cause=spread.cause, team=run.ticket.team, found_at=now, **values)
    except IntegrityError:  # another run of the same cause ended at the same time
        return None
    notify(
        "incident.suggested", subject_ref=run.ref, title=f"An incident? {made.figures}",
        lines=[made.title, f"The same cause within a day, from {threshold} customers on", f"Tickets: {_refs(made)}"],
        url_path=f"/incidents/declare/?suggestion={made.pk}", key=f"incident.suggested:{made.pk}", team=made.team,
        people=declarers(made), severity=made.severity, now=now,
    )  # fmt: skip
    return made


def declarers(suggestion: IncidentSuggestion) -> list[User]:
    """Those of the team who may declare; where there are none, the leads or administrators."""
    roles = list(PERMISSIONS["incident.declare"][0])
    people = User.objects.filter(is_active=True, role__in=roles, memberships__team=suggestion.team)
    return list(people.order_by("pk")) or leads(suggestion.team)


def _refs(suggestion: IncidentSuggestion) -> str:
    shown = suggestion.tickets[:5]
    more = len(suggestion.tickets) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


@transaction.atomic
def dismiss(suggestion: IncidentSuggestion, why: str, *, actor: User, now: datetime) -> IncidentSuggestion:
    """It is none, with the reason. What was dismissed or declared already stays as it is."""
    allow(actor, "incident.declare")
    said = clean(why)
    if len(said) < SHORTEST:
        raise InvalidInput("Say in a few words why it is no incident.", errors={"why": ["Say why it is none."]})
    locked = IncidentSuggestion.objects.select_for_update(of=("self",)).get(pk=suggestion.pk)
    if locked.dismissed_at is not None or locked.became_id is not None:
        return locked
    locked.dismissed_at, locked.dismissed_by, locked.dismissed_why = now, actor, said
    locked.save(update_fields=["dismissed_at", "dismissed_by", "dismissed_why"])
    record_event(
        actor=actor, action="incident.suggestion_dismissed", object_kind="incident suggestion",
        object_ref=str(locked.pk), reason=said[:300],
        after={"cause": locked.cause, "customers": locked.customers, "wrote": locked.wrote},
    )  # fmt: skip
    return locked


def of_cause(cause: str) -> IncidentSuggestion | None:
    return IncidentSuggestion.objects.open().filter(cause=cause).select_related("run", "team").first()
