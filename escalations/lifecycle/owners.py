"""Who an owner named in a contract is, at this moment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from altor.models import Team, User
from altor.roles import Role
from escalations.contracts.format import Owner
from escalations.oncall.now import on_call
from investigations.models import Ticket


@dataclass(frozen=True, slots=True)
class Owners:
    """`people` are told. `missing`: names in the contract that nobody answers to, in words."""

    team: Team | None
    person: User | None
    people: tuple[User, ...]
    missing: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        if self.person is not None:
            return str(self.person)
        return str(self.team) if self.team is not None else "the leads of the ticket's team"


def owners(owner: Owner, ticket: Ticket, now: datetime) -> Owners:
    """Person before rotation before team. Where nobody is named, or nobody answers to the names: the team's leads, then
    all leads, then the administrators, so that an escalation always reaches somebody.
    """
    missing: list[str] = []
    team = Team.objects.filter(slug=owner.team).first() if owner.team else None
    if owner.team and team is None:
        missing.append(f"there is no team {owner.team!r}")
    person = User.objects.filter(username=owner.person, is_active=True).first() if owner.person else None
    if owner.person and person is None:
        missing.append(f"{owner.person!r} is nobody who is active")
    if person is None and owner.rotation:
        held = (one for one in on_call(now) if one.rotation.slug == owner.rotation)
        person = next((one.person for one in held if one.person is not None), None)
        if person is None:
            missing.append(f"nobody is on call in {owner.rotation!r}")
    people = [person] if person is not None else []
    if team is not None and person is None:
        people = list(_active(team.members.all()))
    if not people:
        people = leads(ticket.team)
    return Owners(team, person, tuple(people), tuple(missing))


def leads(team: Team) -> list[User]:
    """Of the team; where it has none, all leads; where there are none, the administrators."""
    everybody = User.objects.filter(is_active=True)
    for found in (
        everybody.filter(role=Role.LEAD, memberships__team=team), everybody.filter(role=Role.LEAD),
        everybody.filter(role=Role.ADMIN),
    ):  # fmt: skip
        people = list(found.order_by("pk"))
        if people:
            return people
    return []


def _active(people: Iterable[User]) -> Iterable[User]:
    return (one for one in people if one.is_active)
