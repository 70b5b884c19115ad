"""What declaring an incident would do, as things stand: said before it is done, and then done just so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from django.utils.dateparse import parse_datetime

from altor.errors import InvalidInput
from altor.models import NoticeChannel, Team, User
from escalations.contracts.format import ContractForm
from escalations.contracts.spans import said
from escalations.contracts.stored import form_of
from escalations.incidents.affected import Measured, is_own, measured_by, spread_of
from escalations.incidents.telling import hearing
from escalations.incidents.terms import Terms, contract_of, severities
from escalations.lifecycle.causes import cause_of, title_of
from escalations.lifecycle.proposing import proposed_severity
from escalations.models import ContractVersion, Escalation, Incident, IncidentSuggestion
from escalations.oncall.now import on_call
from investigations.models import Investigation, Ticket

#: Where neither an escalation nor the diagnosis says how bad it is.
_FALLBACK: Final = "SEV3"
_NAMED: Final = 8


@dataclass(frozen=True, slots=True)
class Origin:
    """From where an incident is declared: one of these."""

    ticket: Ticket | None = None
    escalation: Escalation | None = None
    suggestion: IncidentSuggestion | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """`like` is the open incident of the same cause, which is joined instead. `why`: of the severity."""

    origin: Origin
    run: Investigation | None
    escalation: Escalation | None
    cause: str
    title: str
    severity: str
    why: str
    severities: Sequence[str]
    team: Team
    version: ContractVersion | None
    form: ContractForm | None
    commander: User
    tickets: Sequence[Ticket]
    measured: Sequence[Measured]
    began_at: datetime | None
    like: Incident | None

    def terms(self, severity: str = "") -> Terms:
        return Terms(self.form, severity or self.severity)

    @property
    def silent(self) -> list[Measured]:
        """Measured customers that have no ticket among these."""
        wrote = {one.customer.org_id for one in self.tickets if one.customer is not None}
        return [one for one in self.measured if one.org_id not in wrote]

    def does(self, now: datetime, *, severity: str = "", commander: User | None = None) -> list[str]:
        """Each thing it does, in a sentence."""
        terms = self.terms(severity)
        at, leads_it = severity or self.severity, commander or self.commander
        told = [str(one) for one in hearing(self.team, leads_it, now)]
        channels = [str(one) for one in NoticeChannel.objects.hearing("incident.declared", self.team)]
        refs = [one.ref for one in self.tickets]
        due = terms.next_update(now, terms.every_min)
        n = len(self.silent)
        return [
            f"Declares an incident at {at} with {leads_it} as commander, and opens its timeline.",
            f"Tells {_listed(told)}" + (f", and {_listed(channels)}" if channels else "") + ".",
            f"Marks {_listed(refs)} as part of it." if refs else "Marks no ticket.",
            f"Lists {n:,} customer{'' if n == 1 else 's'} that {'has' if n == 1 else 'have'} not written.",
            f"Promises the first update for customers by {due.astimezone(UTC):%H:%M UTC on %-d %B}"
            f" (every {said(terms.every)}).",
            "Sends nothing to any customer.",
        ]


def propose(origin: Origin, *, actor: User, now: datetime) -> Proposal:
    """Stores nothing. InvalidInput when the origin names nothing."""
    escalation, ticket = origin.escalation, origin.ticket
    if origin.suggestion is not None:
        run: Investigation | None = origin.suggestion.run
        cause = origin.suggestion.cause
    elif escalation is not None:
        run, cause = escalation.run, escalation.cause
    elif ticket is not None:
        run = Investigation.objects.filter(ticket=ticket, status=Investigation.Status.DONE).order_by("-pk").first()
        cause = cause_of(run) if run is not None else f"undiagnosed|ticket|{ticket.ref}"[:200]
    else:
        raise InvalidInput("Say from which ticket, escalation or suggestion.")
    if escalation is None:
        escalation = Escalation.objects.open().filter(cause=cause).select_related("owner_team").first()
    tickets = _tickets(ticket, escalation, run, cause, now)
    team = tickets[0].team
    version, form = (escalation.version, form_of(escalation.version)) if escalation is not None else contract_of(run)
    severity, why = _severity(run, escalation, severities(form))
    # Of the newest run that measured others; of the one it is declared from where the last day holds none.
    measured = [] if is_own(cause) else list(spread_of(cause, now).measured)
    return Proposal(
        origin=origin, run=run, escalation=escalation, cause=cause, title=_title(run, escalation, ticket),
        severity=severity, why=why, severities=severities(form), team=team, version=version, form=form,
        commander=_commander(team, actor, now), tickets=tickets, measured=measured or measured_by(run),
        began_at=_onset(run), like=Incident.objects.open().filter(cause=cause).first(),
    )  # fmt: skip


def _tickets(
    ticket: Ticket | None, escalation: Escalation | None, run: Investigation | None, cause: str, now: datetime
) -> list[Ticket]:
    """The one it is declared from first; then the escalation's and those of the same cause, none that is resolved."""
    first = ticket or (escalation.ticket if escalation is not None else None) or (run.ticket if run else None)
    found: dict[int, Ticket] = {first.pk: first} if first is not None else {}
    if escalation is not None:
        for link in escalation.links.select_related("ticket__team", "ticket__customer", "ticket__owner"):
            found.setdefault(link.ticket_id, link.ticket)
    if not is_own(cause):
        for one in spread_of(cause, now).tickets:
            found.setdefault(one.pk, one)
    rest = [one for one in list(found.values())[1:] if one.status != Ticket.Status.RESOLVED]
    return [*list(found.values())[:1], *rest]


def _title(run: Investigation | None, escalation: Escalation | None, ticket: Ticket | None) -> str:
    if escalation is not None:
        return escalation.title
    if run is not None:
        return title_of(run)
    return (ticket.subject or f"Ticket {ticket.ref}")[:300] if ticket is not None else ""


def _severity(run: Investigation | None, escalation: Escalation | None, known: Sequence[str]) -> tuple[str, str]:
    proposed, why = proposed_severity(run) if run is not None else ("", "Nothing has been investigated yet.")
    if escalation is not None:
        proposed, why = escalation.severity, f"As {escalation.ref} has it."
    if proposed in known:
        return proposed, why
    return (_FALLBACK if _FALLBACK in known else known[-1]), why


def _commander(team: Team, actor: User, now: datetime) -> User:
    """Whoever is on call for the team and may run an incident, else the one who declares it."""
    held = (one.person for one in on_call(now, team) if one.person is not None)
    return next((one for one in held if one.may("incident.work")), actor)


def _onset(run: Investigation | None) -> datetime | None:
    return parse_datetime(str(((run.diagnosis or {}) if run is not None else {}).get("onset") or ""))


def _listed(names: Sequence[str]) -> str:
    shown = list(names[:_NAMED])
    more = len(names) - len(shown)
    if more > 0:
        return f"{', '.join(shown)} and {more} more"
    return f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else (shown[0] if shown else "nobody")
