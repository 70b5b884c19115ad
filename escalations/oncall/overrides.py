"""Somebody else for a time: overrides by leads, and shifts that a person takes. Of two at once, one wins and the other
is told.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from altor.audit import record_event
from altor.errors import Conflict, InvalidInput, PermissionRefused
from altor.models import User
from escalations.models import Rotation, RotationOverride
from escalations.oncall.editing import locked, may_edit, touched
from escalations.oncall.moves import moved, span_words, tell_moves
from escalations.oncall.rotations import Plan, load_one

_LONGEST: Final = timedelta(days=190)
_FURTHEST: Final = timedelta(days=366)


def may_stand(person: User, plan: Plan) -> bool:
    """Whether the person may hold a seat of the rotation: of its team or already in it."""
    if not person.may("oncall.take"):
        return False
    return (
        person.pk in plan.people
        or person.memberships.filter(team_id=plan.rotation.team_id).exists()
        or may_edit(person, plan.rotation.team)
    )


@transaction.atomic
def add_override(
    rotation: Rotation, *, seat: str, begins_at: datetime, ends_at: datetime, person: User, actor: User | None,
    now: datetime, reason: str = "",
) -> RotationOverride:  # fmt: skip
    """`person` holds the seat from `begins_at` (not before now) to `ends_at`, whoever it would be.

    InvalidInput for times and seats that are none; PermissionRefused unless the actor edits the rotation or takes it
    for themselves.
    """
    rotation = locked(rotation)
    before = load_one(rotation, now=now)
    _allow(actor, person, before)
    begins_at = _checked(before, seat, begins_at, ends_at, now)
    row = _store(before, seat, begins_at, ends_at, person, None, actor, reason, now)
    _tell(rotation, before, row, f"{actor or 'Altor'} put {person} in", actor, now)
    return row


@transaction.atomic
def take_shift(
    rotation: Rotation, *, seat: str, begins_at: datetime, ends_at: datetime, seen: str, actor: User, now: datetime,
    reason: str = "",
) -> RotationOverride:  # fmt: skip
    """The actor takes from now, or later, what `seen` (id as text, "" for a gap) holds in that time.

    Conflict when somebody else holds it meanwhile: of two who take it at once, the second is told of the first.
    """
    rotation = locked(rotation)
    before = load_one(rotation, now=now)
    _allow(actor, actor, before)
    begins_at = _checked(before, seat, begins_at, ends_at, now)
    holders = {one.person for one in before.shifts(seat, begins_at, ends_at)}
    if str(actor.pk) in holders and seen != str(actor.pk) and holders == {str(actor.pk)}:
        raise Conflict("This shift is yours already.")
    if seen not in holders or seen == str(actor.pk):
        others = sorted(str(before.person(one) or one) for one in holders if one)
        raise Conflict(f"{' and '.join(others) or 'Nobody'} holds this shift now: look again.", holders=others)
    instead = before.person(seen) if seen else None
    row = _store(before, seat, begins_at, ends_at, actor, instead, actor, reason, now)
    _tell(rotation, before, row, f"{actor} took this shift", actor, now)
    return row


@transaction.atomic
def cancel_override(row: RotationOverride, *, actor: User, now: datetime) -> None:
    """From now on it counts no more; what it changed until now stays. Conflict when it is over or cancelled."""
    rotation = locked(row.rotation)
    row.refresh_from_db()
    if row.swap_id is not None:
        raise Conflict("It belongs to a swap: undo the swap, so that both shifts go back.")
    if actor.pk not in (row.person_id, row.made_by_id) and not may_edit(actor, rotation.team):
        raise PermissionRefused("It may be cancelled by its person, by whoever made it, or by a lead of the team.")
    if actor.pk == row.person_id and row.made_by_id != actor.pk and not may_edit(actor, rotation.team):
        raise PermissionRefused("A lead put you in: ask them, or ask somebody to swap.")
    if row.cancelled_at is not None or row.ends_at <= now:
        raise Conflict("It is over already.")
    before = load_one(rotation, now=now)
    row.cancelled_at, row.cancelled_by = now, actor
    row.save(update_fields=["cancelled_at", "cancelled_by"])
    record_event(
        actor=actor, action="rotation.override_cancelled", object_kind="rotation", object_ref=rotation.slug,
        before=told(row),
    )  # fmt: skip
    _tell(rotation, before, row, f"{actor} cancelled an override", actor, now)


def told(row: RotationOverride) -> dict[str, str]:
    return {
        "seat": row.seat, "person": row.person.username, "begins_at": row.begins_at.isoformat(),
        "ends_at": row.ends_at.isoformat(), "instead_of": row.instead_of.username if row.instead_of else "",
    }  # fmt: skip


def _allow(actor: User | None, person: User, plan: Plan) -> None:
    if not person.is_active:
        raise InvalidInput(f"{person} cannot sign in any more.")
    if not person.may("oncall.take"):
        raise InvalidInput(f"{person} only reads: somebody on call must be able to act.")
    if may_edit(actor, plan.rotation.team):
        return
    if actor is None or actor.pk != person.pk or not may_stand(actor, plan):
        raise PermissionRefused("Only a lead of the team may put others in; you may take shifts of your own team.")


def _checked(plan: Plan, seat: str, begins_at: datetime, ends_at: datetime, now: datetime) -> datetime:
    if not plan.rotation.is_active:
        raise Conflict(f"{plan.rotation.name} is ended.")
    if seat not in {one.key for one in plan.seats}:
        raise InvalidInput(f"{plan.rotation.name} has no seat {seat!r}.")
    begins_at = max(begins_at, now)
    if ends_at <= begins_at:
        raise InvalidInput("It ends before it begins, or it is over already.")
    if ends_at - begins_at > _LONGEST:
        raise InvalidInput("That is more than half a year: edit the rotation instead.")
    if ends_at > now + _FURTHEST:
        raise InvalidInput("That is more than a year away.")
    return begins_at


def _store(
    plan: Plan, seat: str, begins_at: datetime, ends_at: datetime, person: User, instead_of: User | None,
    actor: User | None, reason: str, now: datetime,
) -> RotationOverride:  # fmt: skip
    row = RotationOverride.objects.create(
        rotation=plan.rotation, seat=seat, begins_at=begins_at, ends_at=ends_at, person=person, instead_of=instead_of,
        reason=reason.strip()[:300], made_by=actor, made_at=now,
    )  # fmt: skip
    record_event(
        actor=actor, action="rotation.overridden", object_kind="rotation", object_ref=plan.rotation.slug,
        after=told(row), reason=row.reason,
    )  # fmt: skip
    return row


def _tell(
    rotation: Rotation, before: Plan, row: RotationOverride, what: str, actor: User | None, now: datetime
) -> None:
    touched(rotation)
    after = load_one(rotation, now=now)
    why = f"{what} {span_words((row.begins_at, row.ends_at), None)}" + (f": {row.reason}" if row.reason else ".")
    key = f"{rotation.slug}:override:{row.pk}:{'x' if row.cancelled_at else ''}"
    tell_moves(rotation, moved(before, after, now), why=why, key=key, actor=actor, now=now)
