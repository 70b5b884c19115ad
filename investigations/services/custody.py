"""Who has a ticket: take it, give it to somebody, return it to its queue. Every door comes through here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from altor import events
from altor.audit import record_event
from altor.errors import Conflict, InvalidInput, PermissionRefused
from altor.models import PhaseEvent, Team, User
from altor.roles import Role
from investigations.models import Ticket
from investigations.services.announcing import owner_changed

SHORTEST_REASON: Final = 5
_ASSIGNED: Final = "ticket.assigned"


class AlreadyTaken(Conflict):
    code = "already_taken"
    title = "Somebody else has this ticket"


def owners_for(ticket: Ticket) -> QuerySet[User]:
    """Who may be given the ticket: colleagues of its team, administrators, and engineers (they see what they own)."""
    of_team = Q(memberships__team_id=ticket.team_id) | Q(role__in=[Role.ADMIN, Role.ENGINEER])
    return User.objects.filter(of_team, is_active=True).exclude(role=Role.READ_ONLY).distinct().order_by("username")


@transaction.atomic
def take(ticket: Ticket, *, actor: User, now: datetime | None = None) -> Ticket:
    """The ticket is the actor's; taking one's own again changes nothing.

    AlreadyTaken, which says who has it, when somebody else does: of two people who take it at once one wins. A ticket
    of a person who has left may be taken.
    """
    _allow(actor)
    locked = _locked(ticket)
    if locked.owner_id == actor.pk:
        return locked
    if locked.owner is not None and locked.owner.is_active:
        raise _taken(locked)
    _open(locked)
    return _hand(locked, actor, actor=actor, action="ticket.taken", now=now)


@transaction.atomic
def assign(ticket: Ticket, *, owner: User, actor: User, seen: str | None = None, now: datetime | None = None) -> Ticket:
    """Give the ticket to `owner`, whoever has it. `seen` is the user name of the owner as the caller saw it ("" for
    nobody): AlreadyTaken when it has changed since. InvalidInput for somebody who cannot own it.
    """
    _allow(actor)
    locked = _locked(ticket)
    if locked.owner_id == owner.pk:
        return locked
    if not owners_for(locked).filter(pk=owner.pk).exists():
        raise InvalidInput(f"{owner} cannot own {locked.ref}.", errors={"owner": ["nobody of this ticket's team"]})
    if seen is not None and seen != (locked.owner.username if locked.owner else ""):
        raise _taken(locked)
    _open(locked)
    return _hand(locked, owner, actor=actor, action="ticket.assigned", now=now)


@transaction.atomic
def give_back(
    ticket: Ticket, *, actor: User, reason: str, team: Team | None = None, now: datetime | None = None
) -> Ticket:
    """Return the ticket to its queue, or to that of another `team`, with the reason. In the queue already: nothing
    changes. InvalidInput for a reason that says nothing.
    """
    _allow(actor)
    said = reason.strip()
    if len(said) < SHORTEST_REASON:
        raise InvalidInput(
            f"Say in at least {SHORTEST_REASON} characters why: whoever takes it next reads it.",
            errors={"reason": [f"at least {SHORTEST_REASON} characters"]},
        )
    locked = _locked(ticket)
    moves = team is not None and team.pk != locked.team_id
    if locked.owner_id is None and not moves:
        return locked
    _open(locked)
    data: dict[str, Any] = {"reason": said[:300]}
    if team is not None and moves:
        data["team"], locked.team = team.slug, team
    return _hand(locked, None, actor=actor, action="ticket.returned", data=data, now=now)


def change_owner(
    locked: Ticket, owner: User | None, *, at: datetime, actor: User | None, data: Mapping[str, Any] | None = None,
    tells: bool = True,
) -> None:  # fmt: skip
    """Set owner and team, record it, tell those concerned. In the caller's transaction, with the row locked; the audit
    log is the caller's.
    """
    former, locked.owner = User.objects.filter(pk=locked.owner_id).first() if locked.owner_id else None, owner
    locked.save(update_fields=["owner", "team", "updated_at"])
    name = owner.username if owner else ""
    key = f"{locked.ref}:{at.isoformat()}:{name}"
    events.record(
        _ASSIGNED, ticket_ref=locked.ref, at=at, actor=actor, data={"owner": name, **(data or {})},
        key=f"{_ASSIGNED}:{key}"[:160],
    )  # fmt: skip
    if tells:
        owner_changed(locked, before=former, actor=actor, key=key)


def owned_since(ticket: Ticket) -> datetime | None:
    told = PhaseEvent.objects.filter(ticket_ref=ticket.ref, kind=_ASSIGNED).order_by("-at", "-pk").first()
    return told.at if told is not None else None


def _hand(
    locked: Ticket, owner: User | None, *, actor: User, action: str, now: datetime | None,
    data: Mapping[str, Any] | None = None,
) -> Ticket:  # fmt: skip
    before = {"owner": locked.owner.username if locked.owner else ""}
    after = {"owner": owner.username if owner else "", **({"team": data["team"]} if data and "team" in data else {})}
    change_owner(locked, owner, at=now or timezone.now(), actor=actor, data=data)
    record_event(
        actor=actor, action=action, target=locked, before=before, after=after,
        reason=str((data or {}).get("reason", "")),
    )  # fmt: skip
    return locked


def _taken(locked: Ticket) -> AlreadyTaken:
    if locked.owner is None:
        return AlreadyTaken(f"{locked.ref} is back in the queue of {locked.team}.", owner="", since=None)
    since = owned_since(locked)
    at = f" since {timezone.localtime(since):%H:%M on %-d %B}" if since else ""
    return AlreadyTaken(
        f"{locked.owner} has {locked.ref}{at}.", owner=locked.owner.username, since=since.isoformat() if since else None
    )


def _locked(ticket: Ticket) -> Ticket:
    # Without joins: whoever waited for the lock would get the row as it is now beside an owner as he was before.
    return Ticket.objects.select_for_update().get(pk=ticket.pk)


def _open(locked: Ticket) -> None:
    if locked.status == Ticket.Status.RESOLVED:
        raise Conflict(f"{locked.ref} is resolved. Reopen it first.", ticket=locked.ref)


def _allow(actor: User) -> None:
    if not actor.may("ticket.edit"):
        raise PermissionRefused("Your role may not take or assign tickets.")
