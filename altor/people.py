"""Writes about people and teams, each with its audit row. Sessions end where access does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from altor.audit import record_event
from altor.errors import Conflict
from altor.models import Membership, Team, User
from altor.roles import Role


def _told(person: User) -> dict[str, Any]:
    return {
        "email": person.email,
        "role": person.role,
        "is_active": person.is_active,
        "teams": sorted(person.teams.values_list("slug", flat=True)),
    }


@transaction.atomic
def save_person(*, person: User | None, data: Mapping[str, Any], actor: User) -> User:
    """Create or change a person. Conflict when this would leave the installation without an administrator.

    A new person has no password: they set one through "Forgotten password", or come by single sign-on.
    """
    before = None
    if person is None:
        person = User(username=data["username"])
        person.set_unusable_password()
    else:
        person = User.objects.select_for_update().get(pk=person.pk)
        before = _told(person)
        loses = person.role == Role.ADMIN and (data["role"] != Role.ADMIN or not data["is_active"])
        if loses and not User.objects.filter(role=Role.ADMIN, is_active=True).exclude(pk=person.pk).exists():
            raise Conflict("This is the only administrator who can sign in. Make somebody else one first.")
    ended = person.pk is not None and person.is_active and not data["is_active"]
    for name in ("email", "first_name", "last_name", "role", "is_active"):
        setattr(person, name, data[name])
    person.is_staff = person.role == Role.ADMIN
    if ended:
        person.sessions_valid_after = timezone.now()
    person.save()
    _set_teams(person, data["teams"])
    record_event(
        actor=actor, action="person.changed" if before else "person.created",
        object_kind="person", object_ref=person.username, before=before, after=_told(person),
    )  # fmt: skip
    return person


def _set_teams(person: User, teams: Iterable[Team]) -> None:
    wanted = {team.pk for team in teams}
    have = set(person.memberships.values_list("team_id", flat=True))
    person.memberships.filter(team_id__in=have - wanted).delete()
    Membership.objects.bulk_create([Membership(user=person, team_id=pk) for pk in sorted(wanted - have)])


@transaction.atomic
def save_team(*, team: Team, actor: User) -> Team:
    """Store a team; at most one is the default, the last one chosen wins."""
    is_new = team.pk is None
    if is_new:
        team.slug = slugify(team.name)[:60] or f"team-{Team.objects.count() + 1}"
    if team.is_default:
        Team.objects.filter(is_default=True).exclude(pk=team.pk).update(is_default=False)
    team.save()
    record_event(
        actor=actor, action="team.created" if is_new else "team.changed", object_kind="team", object_ref=team.slug,
        after={"name": team.name, "timezone": team.timezone, "is_default": team.is_default},
    )  # fmt: skip
    return team


@transaction.atomic
def end_all_sessions(*, person: User, actor: User) -> None:
    """Every session of the person that exists now is over at its next request."""
    person.sessions_valid_after = timezone.now()
    person.save(update_fields=["sessions_valid_after"])
    record_event(actor=actor, action="person.sessions_ended", object_kind="person", object_ref=person.username)
