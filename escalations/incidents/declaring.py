"""Declare an incident, once for one cause. Every door comes through here."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from django.db import IntegrityError, transaction

from altor.audit import record_event
from altor.errors import Conflict, InvalidInput
from altor.models import User
from escalations.incidents.history import W, allow, lock, tell
from escalations.incidents.linking import How, add_measured, link
from escalations.incidents.proposing import Origin, Proposal, propose
from escalations.incidents.telling import tell_team
from escalations.incidents.terms import LONGEST_EVERY, SHORTEST_EVERY, terms_of
from escalations.lifecycle.history import clean
from escalations.models import Incident, IncidentSuggestion
from investigations.models import Ticket

#: Tickets that are linked at once.
MOST_TICKETS = 200


class IncidentOpen(Conflict):
    """`incident`: the reference of the open one of the same cause, which the ticket may join."""

    code: ClassVar[str] = "incident_open"
    title: ClassVar[str] = "This cause is an incident already"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the declarer wants; what is empty is taken as proposed. `tickets`: references of the proposed ones that
    are linked, None for all. `joins`: become part of an open incident of the same cause. `token` names the page or
    call: the same one declares once.
    """

    title: str = ""
    severity: str = ""
    severity_why: str = ""
    commander: User | None = None
    channel: str = ""
    note: str = ""
    tickets: Sequence[str] | None = None
    update_every_min: int = 0
    joins: bool = False
    token: uuid.UUID = field(default_factory=uuid.uuid4)
    via: str = "page"


def declare(origin: Origin, wish: Wish, *, actor: User, now: datetime) -> tuple[Incident, bool]:
    """The incident, and whether this call declared it.

    IncidentOpen when one of the same cause is open, unless `wish.joins`. InvalidInput with `errors` for a severity, a
    commander, an interval or a channel that cannot be.
    """
    allow(actor, "incident.declare")
    known = Incident.objects.filter(token=wish.token).first()
    if known is not None:
        return known, False
    wanted = propose(origin, actor=actor, now=now)
    if wanted.like is not None:
        return _join(wanted.like, wanted, wish, actor, now), False
    check(wanted, wish)
    try:
        with transaction.atomic():
            return _declare(wanted, wish, actor, now), True
    except IntegrityError:  # somebody else, or the same page once more, was first
        first = Incident.objects.filter(token=wish.token).first()
        if first is not None:
            return first, False
        like = Incident.objects.open().filter(cause=wanted.cause).first()
        if like is None:
            raise
        return _join(like, wanted, wish, actor, now), False


def check(wanted: Proposal, wish: Wish) -> None:
    errors: dict[str, list[str]] = {}
    if wish.severity and wish.severity not in wanted.severities:
        errors["severity"] = [f"One of {', '.join(wanted.severities)}."]
    errors |= check_commander(wish.commander) | check_channel(wish.channel) | check_every(wish.update_every_min)
    strangers = sorted(set(wish.tickets or ()) - {one.ref for one in wanted.tickets})
    if strangers:
        errors["tickets"] = [f"{strangers[0]} is not among those of this cause: link it afterwards."]
    if errors:
        raise InvalidInput(f"{next(iter(errors)).capitalize()}: {next(iter(errors.values()))[0]}", errors=errors)


def check_commander(person: User | None) -> dict[str, list[str]]:
    if person is not None and not person.may("incident.work"):
        return {"commander": [f"{person} may not run an incident."]}
    return {}


def check_channel(channel: str) -> dict[str, list[str]]:
    said = channel.strip()
    if len(said) > 300:
        return {"channel": ["At most 300 characters."]}
    if "://" in said and not said.startswith("https://"):
        return {"channel": ["An address begins with https://."]}
    return {}


def check_every(minutes: int) -> dict[str, list[str]]:
    """0 stands for the contract's."""
    if minutes and not SHORTEST_EVERY <= minutes <= LONGEST_EVERY:
        return {"update_every_min": [f"{SHORTEST_EVERY} to {LONGEST_EVERY} minutes."]}
    return {}


def _join(like: Incident, wanted: Proposal, wish: Wish, actor: User, now: datetime) -> Incident:
    if not wish.joins:
        raise IncidentOpen(f"{like.ref} is open for the same cause: join it.", incident=like.ref)
    with transaction.atomic():
        locked = lock(like)
        if not locked.is_open:
            raise Conflict(f"{locked.ref} was closed meanwhile: look again.", incident=locked.ref)
        ticket = wanted.tickets[0]
        link(locked, ticket, how=How.PERSON, actor=actor, now=now, via=wish.via)
        _settle(wanted.cause, locked)
    return locked


def _declare(wanted: Proposal, wish: Wish, actor: User, now: datetime) -> Incident:
    severity = wish.severity or wanted.severity
    terms = wanted.terms(severity)
    every = wish.update_every_min or terms.every_min
    incident = Incident.objects.create(
        title=clean(wish.title)[:300] or wanted.title, severity=severity, cause=wanted.cause, run=wanted.run,
        escalation=wanted.escalation, team=wanted.team, version=wanted.version,
        commander=wish.commander or wanted.commander, channel=clean(wish.channel)[:300], declared_by=actor,
        declared_at=now, began_at=wanted.began_at, update_every_min=every, next_update_at=terms.next_update(now, every),
        token=wish.token,
    )  # fmt: skip
    tickets = _chosen(wanted, wish)
    for ticket in tickets:
        link(incident, ticket, how=How.DECLARED, actor=actor, now=now, via=wish.via, tells=False)
    measured = add_measured(incident, wanted.silent, now=now)
    incident = Incident.objects.with_context().get(pk=incident.pk)
    tell(
        incident, W.DECLARED, at=now, by=actor, via=wish.via, text=wish.note, key=f"{incident.pk}:declared",
        data={
            "severity": severity, "why": clean(wish.severity_why or wanted.why)[:500],
            "commander": str(incident.commander), "tickets": [one.ref for one in tickets], "measured": measured,
            "escalation": incident.escalation.ref if incident.escalation else "",
        },
    )  # fmt: skip
    record_event(
        actor=actor, action="incident.declared", target=incident, reason=clean(wish.note)[:300],
        after={
            "severity": severity, "cause": incident.cause, "commander": str(incident.commander), "via": wish.via,
            "tickets": [one.ref for one in tickets][:50],
        },
    )  # fmt: skip
    _settle(wanted.cause, incident)
    silent = f", {measured} customers have not written" if measured else ""
    tell_team(
        "incident.declared", incident, f"is declared at {severity} by {actor}", actor=actor, now=now,
        key=f"incident.declared:{incident.pk}", people=[one.owner for one in tickets],
        lines=[
            clean(wish.note), f"Commander: {incident.commander}",
            f"Channel: {incident.channel}" if wish.channel else "",
            f"{len(tickets)} ticket{'' if len(tickets) == 1 else 's'}{silent}",
        ],
    )  # fmt: skip
    return incident


def _chosen(wanted: Proposal, wish: Wish) -> list[Ticket]:
    if wish.tickets is None:
        return list(wanted.tickets[:MOST_TICKETS])
    return [one for one in wanted.tickets if one.ref in set(wish.tickets)][:MOST_TICKETS]


def _settle(cause: str, incident: Incident) -> None:
    """What was suggested of this cause has become this incident."""
    IncidentSuggestion.objects.open().filter(cause=cause).update(became=incident)


def next_update(incident: Incident, now: datetime) -> datetime:
    """When customers are to hear next, counted from now."""
    return terms_of(incident).next_update(now, incident.update_every_min)
