"""Who hears of what happens to tickets and runs: the owner, who asked, the team's leads and the team's channels."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

from altor.models import User
from altor.notify.storing import notify
from altor.roles import Role
from investigations.models import GateOverride, Investigation, Ticket
from investigations.services.summary import checked_line, five_lines

#: Runs that nobody waits for at a desk.
_SILENT = frozenset({"command", "trial"})


def run_ended(run: Investigation) -> None:
    """Tell that a diagnosis is ready. Told again for a new conclusion only; safe to call twice."""
    if run.status != Investigation.Status.DONE or run.trigger in _SILENT:
        return
    lines = five_lines(run)
    if not lines:
        return
    checked, _ = checked_line(run, list(run.steps.all()))
    ticket = run.ticket
    cause = lines[0]
    with transaction.atomic():
        notify(
            "diagnosis.ready",
            subject_ref=ticket.ref,
            title=f"{ticket.ref}: {cause.text}",
            lines=[*(f"{line.lead}: {line.text}" for line in lines[1:]), f"{cause.band} confidence; {checked}"],
            url_path=f"/investigations/{run.ref}/",
            key=f"diagnosis.ready:{run.ref}:{run.result_hash[:16]}",
            team=ticket.team,
            people=_people([ticket.owner, run.requested_by]),
            severity=run.severity,
        )


def gate_overridden(override: GateOverride) -> None:
    """Tell the owner and the team's leads that somebody went past a gate. In the caller's transaction."""
    run = override.investigation
    ticket = run.ticket
    leads = User.objects.filter(role=Role.LEAD, is_active=True, memberships__team=ticket.team)
    notify(
        "gate.overridden",
        subject_ref=run.ref,
        title=f"{ticket.ref}: {override.get_gate_display()} before the required steps",
        lines=[f"By {override.user}: {override.reason}", f"Not done: {', '.join(override.missing)}"],
        url_path=f"/investigations/{run.ref}/",
        key=f"gate.overridden:{override.pk}",
        team=ticket.team,
        people=_people([ticket.owner, *leads]),
        actor=override.user,
    )


def owner_changed(ticket: Ticket, *, before: User | None, actor: User | None, key: str) -> None:
    """Tell the new owner and the one before. In the caller's transaction; `key` names this change."""
    now_owner = str(ticket.owner) if ticket.owner else f"the queue of {ticket.team}"
    notify(
        "owner.changed",
        subject_ref=ticket.ref,
        title=f"{ticket.ref} belongs to {now_owner} now",
        lines=[ticket.subject, f"Before: {before or 'nobody'}"],
        url_path=f"/tickets/{ticket.ref}/",
        key=f"owner.changed:{key}"[:160],
        team=ticket.team,
        people=_people([ticket.owner, before]),
        actor=actor,
    )


def _people(found: Iterable[User | None]) -> list[User]:
    return list({person.pk: person for person in found if person is not None}.values())
