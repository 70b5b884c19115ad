"""The incoming side: accept, refuse, take over. Ownership moves here and nowhere else of a handoff."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.db import transaction

from altor.audit import record_event
from altor.errors import Conflict, DomainError, InvalidInput, NotFound, PermissionRefused
from altor.models import User
from escalations.handoffs.drafting import close_if_decided, locked
from escalations.handoffs.ends import hands_off
from escalations.handoffs.switching import may_lead
from escalations.handoffs.telling import item_line, tell
from escalations.lifecycle import changing
from escalations.lifecycle.acting import Doer
from escalations.lifecycle.history import clean
from escalations.lifecycle.owners import leads
from escalations.models import Escalation, Handoff, HandoffItem
from investigations.models import Ticket
from investigations.services import custody

Of = HandoffItem.Status
SHORTEST_REASON: Final = custody.SHORTEST_REASON


@dataclass(slots=True)
class Taken:
    """`refused` are sentences on what could not be moved; the rest was."""

    refs: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def is_incoming(actor: User, handoff: Handoff) -> bool:
    return handoff.is_open and actor.pk == handoff.incoming_id and hands_off(actor)


def may_take(actor: User, handoff: Handoff, now: datetime) -> bool:
    """Take over now: whoever follows, before it is theirs to accept, and at any time leads of the team."""
    early = is_incoming(actor, handoff) and not is_offered(handoff, now)
    return handoff.is_open and (early or may_lead(actor, handoff.team))


def is_offered(handoff: Handoff, now: datetime) -> bool:
    """It is signed, or its shift ended without that."""
    return handoff.is_signed or now >= handoff.ends_at


@transaction.atomic
def accept(handoff: Handoff, ref: str, *, actor: User, keeps_promise: bool = False, now: datetime) -> HandoffItem:
    """The incoming takes one item. Accepted by them already: nothing changes; also one that they refused before.

    A promise that is to be kept after the outgoing's shift is the receiver's own decision: InvalidInput unless
    `keeps_promise`. Conflict for what somebody else took, and before the handoff is signed or its shift is over.
    """
    row = locked(handoff)
    item = _item(row, ref)
    if item.status == Of.ACCEPTED and item.decided_by_id == actor.pk:
        return item
    _accepting(actor, row, now)
    _asked(row, item, keeps_promise)
    _move(row, item, actor, actor=actor, action="handoff.accepted", now=now)
    close_if_decided(row, now)
    return item


def accept_rest(handoff: Handoff, *, actor: User, now: datetime) -> Taken:
    """Everything that need not be accepted on its own, each by itself: what cannot be moved stops nothing else."""
    _accepting(actor, handoff, now)
    refs = [one.ref for one in _offered(handoff) if not one.is_single]
    return _each(refs, lambda ref: accept(handoff, ref, actor=actor, now=now))


@transaction.atomic
def refuse(handoff: Handoff, ref: str, *, actor: User, reason: str, now: datetime) -> HandoffItem:
    """It stays with the outgoing, and their leads are told. InvalidInput for a reason that says nothing."""
    row = locked(handoff)
    item = _item(row, ref)
    if item.status == Of.REFUSED and item.decided_by_id == actor.pk:
        return item
    _accepting(actor, row, now)
    said = clean(reason)[:300]
    if len(said) < SHORTEST_REASON:
        raise InvalidInput(
            f"Say in at least {SHORTEST_REASON} characters why: {row.outgoing} keeps it.",
            errors={"reason": [f"at least {SHORTEST_REASON} characters"]},
        )  # fmt: skip
    if item.status != Of.OFFERED:
        raise _decided(item)
    item.status, item.reason, item.decided_by, item.decided_at = Of.REFUSED, said, actor, now
    item.save(update_fields=["status", "reason", "decided_by", "decided_at"])
    record_event(
        actor=actor, action="handoff.refused", target=row, after={"item": item.ref, "owner": row.outgoing.username},
        reason=said,
    )  # fmt: skip
    tell(
        "handoff.refused", row, f"{actor} refused {item.ref}", people=[row.outgoing, *leads(row.team)], actor=actor,
        lines=[item_line(item), said, f"It stays with {row.outgoing}"], key=f"{item.pk}:{now.isoformat()}", now=now,
    )  # fmt: skip
    close_if_decided(row, now)
    return item


@transaction.atomic
def take_item(
    handoff: Handoff, ref: str, *, actor: User, to: User | None = None, keeps_promise: bool = False, now: datetime
) -> HandoffItem:
    """Take over one item now, before it is signed; a lead may do so later too, and for somebody else (`to`).

    `keeps_promise` as in `accept`; whoever gets it from a lead is asked by a notice.
    """
    row = locked(handoff)
    item = _item(row, ref)
    receiver = to or actor
    if item.status == Of.ACCEPTED and _holds(item, receiver):
        return item
    _taking(actor, row, receiver, now)
    if receiver.pk == actor.pk:
        _asked(row, item, keeps_promise)
    _move(row, item, receiver, actor=actor, action="handoff.taken", now=now)
    close_if_decided(row, now)
    return item


def take(handoff: Handoff, *, actor: User, to: User | None = None, now: datetime) -> Taken:
    """Take over everything that is offered now, what is urgent too, each by itself; but for promises beyond the
    outgoing's shift, which are taken one by one.
    """
    _taking(actor, handoff, to or actor, now)
    refs = [one.ref for one in _offered(handoff)]
    return _each(refs, lambda ref: take_item(handoff, ref, actor=actor, to=to, now=now))


def _each(refs: Iterable[str], move: Callable[[str], object]) -> Taken:
    done = Taken()
    for ref in refs:
        try:
            move(ref)
        except DomainError as refused:
            done.refused.append(refused.detail)
        else:
            done.refs.append(ref)
    return done


def _offered(handoff: Handoff) -> Sequence[HandoffItem]:
    return list(handoff.items.offered().select_related("ticket", "escalation"))


def _item(row: Handoff, ref: str) -> HandoffItem:
    rows = row.items.select_related("ticket", "escalation", "decided_by")
    found = next((one for one in rows if one.ref == ref), None)
    if found is None:
        raise NotFound(f"{ref[:40]} is not in {row.ref}.")
    return found


def _accepting(actor: User, row: Handoff, now: datetime) -> None:
    _is_open(row)
    if not is_incoming(actor, row):
        whose = f"{row.incoming}'s" if row.incoming is not None else "nobody's yet"
        raise PermissionRefused(f"{row.ref} is {whose} to accept.")
    if not is_offered(row, now):
        raise Conflict(f"{row.outgoing} has not signed {row.ref} yet. You may take it over now.", handoff=row.ref)


def _asked(row: Handoff, item: HandoffItem, keeps_promise: bool) -> None:
    if not item.is_beyond or keeps_promise:
        return
    due = item.promised_at
    raise InvalidInput(
        f"{item.ref}: the customer was promised something for after {row.outgoing}'s shift. Say that you keep it.",
        errors={"keeps_promise": ["is needed for this one"]}, item=item.ref, due_at=due.isoformat() if due else None,
    )  # fmt: skip


def _taking(actor: User, row: Handoff, receiver: User, now: datetime) -> None:
    _is_open(row)
    if is_incoming(actor, row) and is_offered(row, now) and not may_lead(actor, row.team):
        raise Conflict(f"{row.ref} is yours to accept: what is urgent or promised one by one.", handoff=row.ref)
    if not may_take(actor, row, now):
        raise PermissionRefused(f"Only {row.incoming or 'a lead'} or a lead of {row.team} may take over {row.ref}.")
    if receiver.pk != actor.pk and not may_lead(actor, row.team):
        raise PermissionRefused("Only a lead may hand it to somebody else.")
    if receiver.pk == row.outgoing_id:
        raise InvalidInput(f"{receiver} has it already.", errors={"to": ["is who hands it over"]})
    if not hands_off(receiver):
        raise InvalidInput(f"{receiver} cannot take tickets.", errors={"to": ["cannot take tickets"]})


def _is_open(row: Handoff) -> None:
    if not row.is_open:
        raise Conflict(f"{row.ref} is {row.get_status_display().lower()}.", handoff=row.ref)


def _move(row: Handoff, item: HandoffItem, receiver: User, *, actor: User, action: str, now: datetime) -> None:
    """The item, and what it is of, are the receiver's: with audit, events and notices of the change of owner."""
    _hold(item)
    item.refresh_from_db(fields=["status", "decided_by"])
    if item.status not in (Of.OFFERED, Of.REFUSED):
        raise _decided(item)
    item.status, item.decided_by, item.decided_at, item.reason = Of.ACCEPTED, actor, now, ""
    item.save(update_fields=["status", "decided_by", "decided_at", "reason"])
    if item.ticket is not None:
        custody.assign(item.ticket, owner=receiver, actor=actor, seen=row.outgoing.username, now=now)
    elif item.escalation is not None:
        _move_escalation(item.escalation, row, receiver, actor, now)
    record_event(
        actor=actor, action=action, target=row, before={"owner": row.outgoing.username},
        after={"item": item.ref, "owner": receiver.username},
    )  # fmt: skip
    if receiver.pk != actor.pk and item.is_beyond:
        tell(
            "handoff.promise", row, f"will you keep what was promised on {item.ref}?", people=[receiver], now=now,
            lines=[item_line(item), f"{actor} gave it to you"], key=f"{receiver.pk}:{item.pk}:given",
        )  # fmt: skip


def _move_escalation(escalation: Escalation, row: Handoff, receiver: User, actor: User, now: datetime) -> None:
    current = Escalation.objects.select_related("accepted_by", "owner_person", "owner_team").get(pk=escalation.pk)
    holder = current.accepted_by or current.owner_person
    if holder != row.outgoing:
        raise Conflict(f"{current.ref} is {holder or 'nobody'}'s now.", escalation=current.ref)
    if current.owner_person_id == receiver.pk:  # named, while the outgoing had accepted it
        Escalation.objects.filter(pk=current.pk).update(accepted_by=receiver)
        return
    why = f"Handed over with {row.ref}"
    changing.change_owner(
        current, team=current.owner_team, person=receiver, why=why, doer=Doer(actor), now=now
    )  # fmt: skip


def _hold(item: HandoffItem) -> None:
    """What is moved, then the item: in this order everywhere."""
    if item.ticket_id is not None:
        Ticket.objects.select_for_update(of=("self",)).only("pk").get(pk=item.ticket_id)
    elif item.escalation_id is not None:
        Escalation.objects.select_for_update(of=("self",)).only("pk").get(pk=item.escalation_id)
    HandoffItem.objects.select_for_update(of=("self",)).only("pk").get(pk=item.pk)


def _holds(item: HandoffItem, person: User) -> bool:
    if item.ticket_id is not None:
        return Ticket.objects.filter(pk=item.ticket_id, owner=person).exists()
    found = item.escalation
    return found is not None and person.pk in (found.accepted_by_id, found.owner_person_id)


def _decided(item: HandoffItem) -> Conflict:
    words = {
        Of.ACCEPTED: f"{item.decided_by} took it already", Of.REFUSED: f"{item.decided_by} refused it already",
    }.get(Of(item.status), "it is resolved or somebody else's")  # fmt: skip
    return Conflict(f"{item.ref}: {words}.", item=item.ref, status=item.status)
