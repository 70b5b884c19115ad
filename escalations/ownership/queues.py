"""Who answers for tickets that nobody owns, and the rule that every open ticket is somebody's or in such a queue."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import QuerySet

from altor.audit import record_event
from altor.errors import InvalidInput, PermissionRefused
from altor.models import Team, User
from altor.registry import parts
from altor.roles import Role
from escalations.models import TeamQueue
from investigations.models import Ticket

_ROLES: Final = (Role.AGENT, Role.LEAD, Role.ADMIN)


def owners_of(team: Team, now: datetime) -> list[User]:
    """Whoever answers for the queue of `team`: the first of the functions in QUEUE_OWNERS (team, now) that names
    somebody, then the person that was set, then the team's leads. Empty: nobody does.
    """
    for names in parts("QUEUE_OWNERS"):
        if found := [one for one in names(team, now) if one.is_active]:
            return found
    queue = TeamQueue.objects.filter(team=team).select_related("person").first()
    if queue is not None and queue.person is not None:
        return [queue.person] if queue.person.is_active else []
    return leads_of(team)


def leads_of(team: Team) -> list[User]:
    return list(User.objects.filter(role=Role.LEAD, is_active=True, memberships__team=team).order_by("pk"))


@transaction.atomic
def set_queue(team: Team, *, person: User | None, actor: User) -> TeamQueue:
    """Who answers for the team's queue; None for its leads. InvalidInput for somebody outside of the team."""
    if not actor.may("sla.edit"):
        raise PermissionRefused("Only a lead or an administrator may say who answers for a queue.")
    if person is not None and not candidates(team).filter(pk=person.pk).exists():
        raise InvalidInput(f"{person} is not in {team}.", errors={"person": ["nobody of this team"]})
    queue, _ = TeamQueue.objects.select_for_update(of=("self",)).get_or_create(team=team)
    before = queue.person.username if queue.person else ""
    queue.person = person
    queue.save()
    record_event(
        actor=actor, action="queue.changed", object_kind="team", object_ref=team.slug, before={"person": before},
        after={"person": person.username if person else ""},
    )  # fmt: skip
    return queue


def candidates(team: Team) -> QuerySet[User]:
    found = User.objects.filter(is_active=True, role__in=_ROLES, memberships__team=team)
    return found.distinct().order_by("username")


@dataclass(frozen=True, slots=True)
class Violation:
    """`why` is a sentence for whoever mends it."""

    ticket: str
    team: str
    why: str


def violations(now: datetime) -> Iterator[Violation]:
    """Open tickets that are nobody's: without an owner who is still here, in a queue that nobody answers for."""
    answered: dict[int, bool] = {}
    tickets = Ticket.objects.exclude(status=Ticket.Status.RESOLVED).select_related("team", "owner")
    for ticket in tickets.only("ref", "status", "team", "owner").order_by("pk").iterator(chunk_size=500):
        if ticket.owner is not None and ticket.owner.is_active:
            continue
        if ticket.owner is not None:
            yield Violation(ticket.ref, ticket.team.slug, f"its owner {ticket.owner} is not active any more")
            continue
        if ticket.team_id not in answered:
            answered[ticket.team_id] = bool(owners_of(ticket.team, now))
        if not answered[ticket.team_id]:
            yield Violation(ticket.ref, ticket.team.slug, f"it has no owner, and nobody answers for {ticket.team}")


def unanswered(teams: Sequence[Team], now: datetime) -> list[Team]:
    """Teams whose queue nobody answers for."""
    return [team for team in teams if not owners_of(team, now)]
