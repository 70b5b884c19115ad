"""Making and changing rotations: each change is a version, checked against what its editor has seen, told to whom it
moves. All or nothing, with its audit row.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils.text import slugify

from altor.audit import record_event
from altor.errors import Conflict, InvalidInput, PermissionRefused
from altor.models import Team, User
from altor.roles import Role
from escalations.models import Rotation, RotationVersion
from escalations.oncall.format import RotationForm, document_of, form_of, ids_in
from escalations.oncall.moves import Move, moved, tell_moves
from escalations.oncall.rotations import AHEAD, Plan, VersionPlan, load_one, seats_of
from escalations.oncall.schedule import Shift

#: An edit reaches no further back: the past is what it was.
_GRACE: Final = timedelta(minutes=5)
_FURTHEST: Final = timedelta(days=366)


def may_edit(actor: User | None, team: Team) -> bool:
    """None is the machine itself: configuration files, the demo."""
    if actor is None:
        return True
    return actor.may("oncall.edit") and (actor.role == Role.ADMIN or actor.memberships.filter(team_id=team.pk).exists())


def allow_edit(actor: User | None, team: Team) -> None:
    if not may_edit(actor, team):
        raise PermissionRefused("Only a lead of the rotation's team or an administrator may edit it.")


def locked(rotation: Rotation) -> Rotation:
    """The row, held to the end of the transaction. Every writer takes it first, and tells readers by `touched`."""
    return Rotation.objects.select_for_update(of=("self",), no_key=True).select_related("team").get(pk=rotation.pk)


def touched(rotation: Rotation) -> None:
    """What decides who holds its seats has changed."""
    rotation.stamp, rotation.checked_at = uuid.uuid4(), None
    Rotation.objects.filter(pk=rotation.pk).update(stamp=rotation.stamp, checked_at=None)


def usernames(document: Mapping[str, Any]) -> RotationForm:
    """A stored document as it is written, with user names."""
    return form_of(document, User.objects.in_bulk(ids_in(document)))


def _team(slug: str) -> Team:
    """Held to the end of the transaction: which rotation is its default, and their names, are decided one by one."""
    team = Team.objects.select_for_update(no_key=True).filter(slug=slug).first()
    if team is None:
        raise InvalidInput(f"There is no team {slug!r}.", errors={"team": [f"There is no team {slug!r}."]})
    return team


def _document(form: RotationForm) -> dict[str, Any]:
    return document_of(form, {one.username: one for one in User.objects.filter(username__in=form.usernames)})


def weekly(
    *, name: str, team: Team, people: Sequence[User], begins: datetime, zone: str, owns: str, default: bool = False
) -> RotationForm:
    """One seat, a week each in the given order. `begins` is a time of the zone's wall clock."""
    layer = {"people": [one.username for one in people], "begins": begins.isoformat(sep=" ", timespec="minutes")}
    seat = {"key": "primary", "name": "Primary", "layers": [layer]}
    return RotationForm.model_validate(
        {"name": name, "team": team.slug, "owns": owns, "zone": zone, "default": default, "seats": [seat]}
    )


@transaction.atomic
def create_rotation(
    form: RotationForm, *, actor: User | None, now: datetime, slug: str = "", comment: str = "", origin: str = "editor",
    in_force_from: datetime | None = None,
) -> Rotation:  # fmt: skip
    """A rotation with its first version, in force from now or, for a past that is to be told too, from before."""
    team = _team(form.team)
    allow_edit(actor, team)
    document = _document(form)
    if slug and (slug in RESERVED or not SLUG.fullmatch(slug)):
        raise InvalidInput(
            f"{slug!r} cannot be the short name of a rotation: small letters, digits, - and no page's name."
        )
    if Rotation.objects.active().filter(team=team, name=form.name).exists():
        raise Conflict(f"{team} has a rotation {form.name} already.")
    if form.default:
        Rotation.objects.filter(team=team, is_default=True).update(is_default=False)
    has_default = Rotation.objects.active().filter(team=team, is_default=True).exists()
    rotation = Rotation.objects.create(
        slug=slug or _free_slug(form.name), name=form.name, team=team, owns=form.owns, zone=form.zone,
        is_default=form.default or not has_default,
    )  # fmt: skip
    since = in_force_from or now
    rotation.versions.create(
        number=1, in_force_from=since, document=document, comment=comment[:300], origin=origin, created_at=now,
        created_by=actor,
    )  # fmt: skip
    record_event(
        actor=actor, action="rotation.created", object_kind="rotation", object_ref=rotation.slug,
        after=form.model_dump(mode="json", exclude_defaults=True), reason=comment[:300],
    )  # fmt: skip
    plan = load_one(rotation, now=now)
    nothing = replace(plan, versions=(replace(plan.newest, seats=()),), overrides={})
    moves = moved(nothing, plan, now)
    tell_moves(
        rotation, moves, why=f"{actor or 'Altor'} started the rotation {rotation.name}.", key=f"{rotation.slug}:1",
        actor=actor, now=now,
    )  # fmt: skip
    return rotation


def _free_slug(name: str) -> str:
    base = slugify(name)[:50] or "rotation"
    if base in RESERVED:
        base = f"{base}-rotation"
    taken = set(Rotation.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    return next(slug for n in range(1, len(taken) + 2) if (slug := base if n == 1 else f"{base}-{n}") not in taken)


SLUG: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")
#: Words that stand in addresses where a rotation's short name does.
RESERVED: Final = frozenset({"new", "import", "swaps", "feeds", "now", "schedule", "shares"})


@dataclass(frozen=True, slots=True)
class Preview:
    """What an edit would do in the weeks ahead."""

    moves: Sequence[Move]
    gaps: Sequence[tuple[str, Shift]]  # (seat's name, time)


def preview(rotation: Rotation, form: RotationForm, *, now: datetime, in_force_from: datetime | None = None) -> Preview:
    """Stores nothing. InvalidInput as in `save_rotation`."""
    before = load_one(rotation, now=now)
    after = _with(before, _document(form), _since(in_force_from, now))
    gaps = [(seat.name, one) for seat in after.seats for one in after.gaps(seat.key, now, now + AHEAD)]
    return Preview(moved(before, after, now), gaps)


def _with(plan: Plan, document: dict[str, Any], since: datetime) -> Plan:
    people = {**plan.people, **User.objects.in_bulk(ids_in(document) - set(plan.people))}
    version = VersionPlan(plan.newest.number + 1, since, seats_of(document, plan.calendars), document)
    return replace(plan, versions=(*plan.versions, version), people=people)


def _since(in_force_from: datetime | None, now: datetime) -> datetime:
    since = in_force_from or now
    if since < now - _GRACE:
        raise InvalidInput("An edit changes what comes, never who was on call: choose a time from now on.")
    if since > now + _FURTHEST:
        raise InvalidInput("That is more than a year away.")
    return max(since, now)


@transaction.atomic
def save_rotation(
    rotation: Rotation, form: RotationForm, *, actor: User | None, now: datetime, based_on: int | None,
    in_force_from: datetime | None = None, comment: str = "", origin: str = "editor",
) -> RotationVersion:  # fmt: skip
    """A new version, in force from `in_force_from` (now). The same words give the version they already are.

    Conflict when somebody stored a version since `based_on` (its number). People whose shifts move are told, accepted
    swaps follow the shifts that moved.
    """
    from escalations.oncall.swaps import follow

    rotation = locked(rotation)
    allow_edit(actor, rotation.team)
    team = _team(form.team)
    allow_edit(actor, team)
    newest = rotation.versions.order_by("-number")[0]
    if based_on is not None and based_on != newest.number:
        who = newest.created_by or "somebody"
        raise Conflict(
            f"{who} stored version {newest.number} of {rotation.name} meanwhile: look at it first.",
            latest=newest.number,
        )
    document, since = _document(form), _since(in_force_from, now)
    if form.default and not rotation.is_default:
        _make_default(rotation, team, actor)
    if document == newest.document:
        return newest
    if team.pk != rotation.team_id and not form.default:
        rotation.is_default = False
    before = load_one(rotation, now=now)
    calendars = {layer.calendar for seat in form.seats for layer in seat.layers if layer.calendar}
    unknown = sorted(calendars - set(before.calendars))
    if unknown:
        raise InvalidInput(f"There is no imported calendar {unknown[0]!r} in this rotation.")
    version = rotation.versions.create(
        number=newest.number + 1, in_force_from=since, document=document, comment=comment[:300], origin=origin,
        created_at=now, created_by=actor,
    )  # fmt: skip
    rotation.name, rotation.team, rotation.owns, rotation.zone = form.name, team, form.owns, form.zone
    rotation.save(update_fields=["name", "team", "owns", "zone", "is_default"])
    record_event(
        actor=actor, action="rotation.changed", object_kind="rotation", object_ref=rotation.slug,
        before=usernames(newest.document).model_dump(mode="json", exclude_defaults=True),
        after=form.model_dump(mode="json", exclude_defaults=True), reason=comment[:300],
    )  # fmt: skip
    touched(rotation)
    follow(rotation, before, load_one(rotation, now=now), actor=actor, now=now)
    why = f"{actor or 'Altor'} changed the rotation {rotation.name}" + (f": {comment}" if comment else ".")
    moves = moved(before, load_one(rotation, now=now), now)
    tell_moves(rotation, moves, why=why, key=f"{rotation.slug}:{version.number}", actor=actor, now=now)
    return version


def _make_default(rotation: Rotation, team: Team, actor: User | None) -> None:
    Rotation.objects.filter(team=team, is_default=True).exclude(pk=rotation.pk).update(is_default=False)
    rotation.is_default = True
    Rotation.objects.filter(pk=rotation.pk).update(is_default=True, team=team)
    touched(rotation)
    record_event(actor=actor, action="rotation.made_default", object_kind="rotation", object_ref=rotation.slug)


@transaction.atomic
def set_active(rotation: Rotation, is_active: bool, *, actor: User | None, now: datetime) -> None:
    """End a rotation, or begin it again. Its past stays."""
    rotation = locked(rotation)
    allow_edit(actor, rotation.team)
    if rotation.is_active == is_active:
        return
    rotation.is_active = is_active
    if is_active and Rotation.objects.active().filter(team=rotation.team, is_default=True).exists():
        rotation.is_default = False
    rotation.save(update_fields=["is_active", "is_default"])
    touched(rotation)
    record_event(
        actor=actor, action="rotation.restored" if is_active else "rotation.ended", object_kind="rotation",
        object_ref=rotation.slug,
    )  # fmt: skip
    if not rotation.versions.exists():
        return  # nobody has shifts in it
    plan = load_one(rotation, now=now)
    nothing = replace(plan, versions=(replace(plan.newest, seats=(), in_force_from=now),), overrides={})
    moves = moved(nothing, plan, now) if is_active else moved(plan, nothing, now)
    verb = "began" if is_active else "ended"
    why = f"{actor or 'Altor'} {verb} the rotation {rotation.name}."
    tell_moves(rotation, moves, why=why, key=f"{rotation.slug}:{verb}:{now.timestamp():.0f}", actor=actor, now=now)


def next_handover(now: datetime, zone: str, weekday: int, at: tuple[int, int]) -> datetime:
    """The last such handover of the wall clock up to now, so that the first turn runs already. Without a zone."""
    local = now.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    day = local - timedelta(days=(local.weekday() - weekday) % 7)
    found = day.replace(hour=at[0], minute=at[1], second=0, microsecond=0)
    return found if found <= local else found - timedelta(days=7)
