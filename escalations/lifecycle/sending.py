"""Send an escalation, or refuse it with what is missing. Every door comes through here."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db import IntegrityError, transaction

from altor.audit import record_event
from altor.errors import Conflict, InvalidInput, PermissionRefused
from altor.models import User
from escalations.clocks.format import hours_of
from escalations.contracts.checklist import Checked
from escalations.lifecycle.again import predecessor_of, said_of
from escalations.lifecycle.answers import store_answers
from escalations.lifecycle.filing import file
from escalations.lifecycle.history import W, clean, keep_clocks, tell
from escalations.lifecycle.joining import link
from escalations.lifecycle.owners import owners
from escalations.lifecycle.proposing import GATE, Proposal, propose
from escalations.lifecycle.telling import tell_owner
from escalations.models import Escalation, EscalationDraft, GapTask
from escalations.packets.frozen import freeze
from investigations.models import Investigation, Ticket
from investigations.services.gates import override_gate

#: Characters of a reason, so that it says something.
SHORTEST_REASON: Final = 10


class ContractUnmet(Conflict):
    """`missing`: the items as `Checked.as_dict`, each with the ways to supply it."""

    code = "contract_unmet"
    title = "The escalation does not meet its contract"


class AlreadyEscalated(Conflict):
    """`escalation`: the reference of the open one of the same cause, which the ticket may join."""

    code = "already_escalated"
    title = "This cause is escalated already"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the sender wants. `token` names the page or call: the same one sends once.

    `override_reason` sends it past its contract, `is_provisional` before its gaps are closed; `joins` accepts to become
    part of an open escalation of the same cause.
    """

    severity: str = ""
    severity_why: str = ""
    note: str = ""
    answers: Mapping[str, str] = field(default_factory=dict)
    override_reason: str = ""
    is_provisional: bool = False
    joins: bool = False
    token: uuid.UUID | None = None
    via: str = "page"


def send(run: Investigation, wish: Wish, *, actor: User, now: datetime) -> tuple[Escalation, bool]:
    """The escalation, and whether this call made it; a ticket that joins one gets that one.

    ContractUnmet with what is missing. AlreadyEscalated for an open escalation of the same cause that the wish does not
    join. InvalidInput for a severity other than the proposed one without a reason. PermissionRefused by role and by the
    contract. Conflict and NoContract as `propose`.
    """
    if not actor.may("escalation.send"):
        raise PermissionRefused("Your role may not escalate.")
    try:
        with transaction.atomic():
            return _send(run, wish, actor, now)
    except IntegrityError:
        # Somebody was faster with the same cause, or with the same token: now theirs is there to be found.
        with transaction.atomic():
            return _send(run, wish, actor, now)


def _send(run: Investigation, wish: Wish, actor: User, now: datetime) -> tuple[Escalation, bool]:
    # One at a time for a ticket: a double click finds what the first click made.
    ticket = Ticket.objects.select_for_update(of=("self",)).get(pk=run.ticket_id)
    if wish.token is not None:
        known = Escalation.objects.filter(token=wish.token).first()
        if known is not None:
            return known, False
    run = Investigation.objects.with_context().get(pk=run.pk)
    store_answers(ticket, wish.answers, actor=actor, now=now)
    wanted = propose(run, severity=wish.severity)
    if wanted.like is not None:
        return _join(wanted, wish, actor, now), False
    _hold_severity(wanted, wish)
    completeness = _hold_contract(wanted, wish, actor)
    to = owners(wanted.form.owner_at(wanted.severity), run.ticket, now)
    escalation = Escalation(
        ticket=run.ticket, run=run, version=wanted.version, cause=wanted.cause, title=wanted.title,
        severity=wanted.severity, proposed_severity=wanted.proposed, severity_why=_why(wanted, wish),
        completeness=completeness, checklist=[item.as_dict() for item in wanted.items],
        override_reason=clean(wish.override_reason) if completeness == Escalation.Completeness.OVERRIDDEN else "",
        note=clean(wish.note), token=wish.token or uuid.uuid4(), owner_team=to.team, owner_person=to.person,
        sent_by=actor, sent_at=now, after=predecessor_of(run.ticket),
    )  # fmt: skip
    escalation.save(force_insert=True)
    link(escalation, run.ticket, run, actor=actor, now=now)
    if completeness == Escalation.Completeness.PROVISIONAL:
        _gaps(escalation, wanted, now)
    escalation.packet = freeze(escalation, wanted, now=now)
    escalation.issue = file(escalation)
    tell(
        escalation, W.SENT, at=now, by=actor, via=wish.via, text=wish.note,
        data={
            "severity": escalation.severity, "completeness": str(completeness), "contract": str(wanted.version),
            **({"after": escalation.after.ref} if escalation.after is not None else {}),
        },
        key=f"{escalation.pk}:sent",
    )  # fmt: skip
    keep_clocks(escalation, now)
    escalation.save()
    Ticket.objects.filter(pk=ticket.pk).exclude(status=Ticket.Status.RESOLVED).update(status=Ticket.Status.ESCALATED)
    EscalationDraft.objects.filter(ticket=ticket).delete()
    record_event(
        actor=actor, action="escalation.sent", target=escalation, reason=escalation.override_reason,
        after={
            "ticket": run.ticket.ref, "run": run.ref, "severity": escalation.severity, "contract": str(wanted.version),
            "completeness": str(completeness), "missing": [item.id for item in wanted.missing], "via": wish.via,
        },
    )  # fmt: skip
    _tell_owner(escalation, wanted, to.people, to.missing, actor, now)
    return escalation, True


def _join(wanted: Proposal, wish: Wish, actor: User, now: datetime) -> Escalation:
    open_one, ticket = wanted.like, wanted.run.ticket
    assert open_one is not None  # noqa: S101  # asked by the caller
    is_linked = open_one.links.filter(ticket=ticket).exists()
    if not (is_linked or wish.joins):
        raise AlreadyEscalated(
            f"{open_one.ref} is open for the same cause ({open_one.title}). Join it: engineering hears of it once.",
            escalation=open_one.ref, ticket=open_one.ticket.ref, severity=open_one.severity,
        )  # fmt: skip
    link(open_one, ticket, wanted.run, actor=actor, now=now, via=wish.via, note=wish.note)
    return open_one


def _hold_severity(wanted: Proposal, wish: Wish) -> None:
    if wish.severity and wish.severity not in wanted.form.levels:
        raise InvalidInput(
            f"{wanted.form.title} has no {wish.severity}: {', '.join(wanted.form.levels)}.", severity=wish.severity
        )
    if wanted.severity != wanted.proposed and len(wish.severity_why.strip()) < SHORTEST_REASON:
        said = f"proposes {wanted.proposed}" if wanted.proposed else "asks for no escalation"
        raise InvalidInput(
            f"The diagnosis {said}. Say in a few words why it is {wanted.severity}.",
            errors={"severity_why": ["Give the reason in a few words: engineering reads it."]},
        )


def _hold_contract(wanted: Proposal, wish: Wish, actor: User) -> Escalation.Completeness:
    if wanted.is_complete:
        return wanted.completeness
    if wish.is_provisional:
        if not wanted.may_be_provisional:
            raise ContractUnmet(
                f"{wanted.severity} may not be sent provisionally under {wanted.form.title}.",
                missing=[item.as_dict() for item in wanted.missing],
            )
        return Escalation.Completeness.PROVISIONAL
    if wish.override_reason.strip():
        if not wanted.may_override(actor):
            who = ", ".join(wanted.form.overridden_by) or "nobody"
            raise PermissionRefused(f"Under {wanted.form.title} these roles may send it incomplete: {who}.")
        if len(wish.override_reason.strip()) < SHORTEST_REASON:
            raise InvalidInput(
                "Give the reason in a few words: it is shown to engineering.",
                errors={"override_reason": ["Give the reason in a few words: it is shown to engineering."]},
            )
        if any(item.id.startswith(GATE) for item in wanted.missing):
            override_gate(wanted.run, "escalation", wish.override_reason, actor=actor)
        return Escalation.Completeness.OVERRIDDEN
    names = ", ".join(f"“{item.title}”" for item in wanted.missing)
    raise ContractUnmet(
        f"Before it can be sent at {wanted.severity}, {wanted.form.title} asks for: {names}.",
        missing=[item.as_dict() for item in wanted.missing], severity=wanted.severity, contract=str(wanted.version),
    )  # fmt: skip


def _why(wanted: Proposal, wish: Wish) -> str:
    own = clean(wish.severity_why)
    return own if own and wanted.severity != wanted.proposed else own or wanted.why


def _gaps(escalation: Escalation, wanted: Proposal, now: datetime) -> None:
    within = wanted.level.gaps_within
    assert within is not None  # noqa: S101  # the format asks for it where provisional sending is allowed
    due = hours_of(wanted.form.hours_at(wanted.severity)).add(now, within)
    GapTask.objects.bulk_create(
        [GapTask(escalation=escalation, item=one.id, title=one.title, due_at=due) for one in wanted.missing]
    )


def _tell_owner(
    escalation: Escalation, wanted: Proposal, people: tuple[User, ...], missing: tuple[str, ...], actor: User,
    now: datetime,
) -> None:  # fmt: skip
    lines: list[Any] = [escalation.severity_why]
    if escalation.after is not None:
        lines.append(f"Sent again after {said_of(escalation.after)}")
    if escalation.acknowledge_by is not None:
        lines.append(f"Acknowledge by {escalation.acknowledge_by:%H:%M UTC on %-d %B}")
    if escalation.completeness == Escalation.Completeness.PROVISIONAL:
        lines.append(f"Sent provisionally; still open: {', '.join(one.title for one in wanted.missing)}")
    elif escalation.completeness == Escalation.Completeness.OVERRIDDEN:
        lines.append(f"Sent past its contract by {actor}: {escalation.override_reason}")
    lines += [f"The contract needs care: {said}" for said in missing]
    tell_owner(
        "escalation.sent", escalation, f"came in as {escalation.severity}", people=people, lines=lines,
        key=f"escalation.sent:{escalation.pk}", actor=actor, now=now,
    )  # fmt: skip


def unmet(items: list[Checked]) -> list[str]:
    return [item.title for item in items if not item.is_enough]
