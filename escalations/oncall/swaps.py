"""Swaps: I take yours, you take mine. Asked, accepted by the other, following the shifts when an edit moves them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils.text import slugify

from altor.audit import record_event
from altor.errors import Conflict, InvalidInput, PermissionRefused
from altor.models import User
from altor.notify import notify
from escalations.models import Rotation, RotationOverride, ShiftSwap
from escalations.oncall.editing import locked, may_edit, touched
from escalations.oncall.moves import moved, span_words, tell_moves
from escalations.oncall.overrides import may_stand
from escalations.oncall.rotations import Plan, load_one
from escalations.oncall.turns import turns

_FURTHEST: Final = timedelta(days=366)
_SEARCH: Final = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Side:
    """A seat for a time, which `holder` gives and `taker` gets."""

    seat: str
    begin: datetime
    end: datetime
    holder: User
    taker: User


def sides(swap: ShiftSwap) -> list[Side]:
    found = [Side(swap.seat, swap.begins_at, swap.ends_at, swap.asked_by, swap.asked)]
    if swap.return_begins_at is not None and swap.return_ends_at is not None:
        found.append(
            Side(swap.return_seat, swap.return_begins_at, swap.return_ends_at, swap.asked, swap.asked_by)
        )  # fmt: skip
    return found


@transaction.atomic
def ask_swap(
    rotation: Rotation, *, asked: User, seat: str, begins_at: datetime, ends_at: datetime, actor: User, now: datetime,
    in_return: tuple[str, datetime, datetime] | None = None, reason: str = "",
) -> ShiftSwap:  # fmt: skip
    """Ask `asked` to take the actor's shift, and to give one `in_return` (seat, from, to) where named.

    Nothing changes until they accept. InvalidInput when a shift is not held by who would give it.
    """
    rotation = locked(rotation)
    plan = load_one(rotation, now=now)
    if actor.pk == asked.pk:
        raise InvalidInput("You are the other one: choose somebody else.")
    for person in (actor, asked):
        if not person.is_active or not may_stand(person, plan):
            raise InvalidInput(f"{person} may not hold a seat of {rotation.name}: not of its team.")
    swap = ShiftSwap(
        rotation=rotation, asked_by=actor, asked=asked, reason=reason.strip()[:300], seat=seat,
        begins_at=max(begins_at, now), ends_at=ends_at, created_at=now,
    )  # fmt: skip
    if in_return is not None:
        swap.return_seat, swap.return_begins_at, swap.return_ends_at = in_return
    _check(plan, swap, now)
    if ShiftSwap.objects.filter(
        rotation=rotation, asked_by=actor, asked=asked, seat=seat, begins_at=swap.begins_at, ends_at=ends_at,
        status=ShiftSwap.Status.ASKED,
    ).exists():  # fmt: skip
        raise Conflict(f"You have asked {asked} already.")
    swap.save()
    record_event(
        actor=actor, action="rotation.swap_asked", object_kind="rotation", object_ref=rotation.slug,
        after={"swap": swap.pk, "asked": asked.username, "seat": seat, "begins_at": swap.begins_at.isoformat()},
        reason=swap.reason,
    )  # fmt: skip
    words = [f"{actor} gives {span_words((swap.begins_at, swap.ends_at), asked)}."]
    if swap.return_begins_at is not None and swap.return_ends_at is not None:
        words.append(f"You would give {span_words((swap.return_begins_at, swap.return_ends_at), asked)}.")
    _say(swap, asked, f"{actor} asks you to {'swap shifts' if swap.is_two_way else 'take a shift'}", words, actor, now)
    return swap


def _check(plan: Plan, swap: ShiftSwap, now: datetime) -> None:
    if not plan.rotation.is_active:
        raise Conflict(f"{plan.rotation.name} is ended.")
    parts = sides(swap)
    for one in parts:
        if one.end <= one.begin or one.end <= now:
            raise InvalidInput("This shift is over.")
        if one.end > now + _FURTHEST:
            raise InvalidInput("That is more than a year away.")
        if one.seat not in {seat.key for seat in plan.seats}:
            raise InvalidInput(f"{plan.rotation.name} has no seat {one.seat!r}.")
        held = plan.shifts(one.seat, max(one.begin, now), one.end)
        if str(one.holder.pk) not in {shift.person for shift in held}:
            raise InvalidInput(f"{one.holder} does not hold this shift (any more).")
    if len(parts) == 2 and parts[0].seat == parts[1].seat:
        first, second = sorted(parts, key=lambda one: one.begin)
        if first.end > second.begin:
            raise InvalidInput("The two shifts overlap.")


@transaction.atomic
def accept_swap(swap: ShiftSwap, *, actor: User, now: datetime) -> ShiftSwap:
    """The one who was asked agrees: both shifts change hands at once. Conflict when either is held by another now."""
    swap, rotation = _open(swap, actor, only_asked=True)
    before = load_one(rotation, now=now)
    try:
        _check(before, swap, now)
    except InvalidInput as stale:
        raise Conflict(f"This swap is not possible any more: {stale.detail}") from None
    # What has run already stays with who had it.
    swap.begins_at = max(swap.begins_at, now)
    if swap.return_begins_at is not None:
        swap.return_begins_at = max(swap.return_begins_at, now)
    swap.save(update_fields=["begins_at", "return_begins_at"])
    for one in sides(swap):
        RotationOverride.objects.create(
            rotation=rotation, seat=one.seat, begins_at=one.begin, ends_at=one.end, person=one.taker,
            instead_of=one.holder, swap=swap, reason=swap.reason, made_by=actor, made_at=now,
        )  # fmt: skip
    _end(swap, ShiftSwap.Status.ACCEPTED, actor, now)
    touched(rotation)
    after = load_one(rotation, now=now)
    others = [one for one in moved(before, after, now) if one.person.pk not in (swap.asked_id, swap.asked_by_id)]
    tell_moves(rotation, others, why="A swap was accepted.", key=f"swap:{swap.pk}", actor=actor, now=now)
    _say(swap, swap.asked_by, f"{actor} accepted: your shifts are swapped", _lines(swap, swap.asked_by), actor, now)
    return swap


@transaction.atomic
def decline_swap(swap: ShiftSwap, *, actor: User, now: datetime, why: str = "") -> ShiftSwap:
    swap, _ = _open(swap, actor, only_asked=True)
    swap.why = why.strip()[:300]
    _end(swap, ShiftSwap.Status.DECLINED, actor, now)
    _say(swap, swap.asked_by, f"{actor} declined the swap", [swap.why, *_lines(swap, swap.asked_by)], actor, now)
    return swap


@transaction.atomic
def withdraw_swap(swap: ShiftSwap, *, actor: User, now: datetime) -> ShiftSwap:
    """Whoever asked takes the question back."""
    swap, _ = _open(swap, actor, only_asked=False)
    _end(swap, ShiftSwap.Status.WITHDRAWN, actor, now)
    _say(swap, swap.asked, f"{swap.asked_by} does not need the swap any more", _lines(swap, swap.asked), actor, now)
    return swap


@transaction.atomic
def undo_swap(swap: ShiftSwap, *, actor: User, now: datetime, why: str = "") -> ShiftSwap:
    """Both shifts go back, as far as they lie ahead. By a lead of the team: the two swap back by another swap."""
    rotation = locked(swap.rotation)
    swap = ShiftSwap.objects.select_for_update(of=("self",)).select_related("asked", "asked_by").get(pk=swap.pk)
    if not may_edit(actor, rotation.team):
        raise PermissionRefused("Only a lead of the team or an administrator may undo a swap; ask for a new one.")
    if swap.status != ShiftSwap.Status.ACCEPTED:
        raise Conflict("There is nothing to undo.")
    before = load_one(rotation, now=now)
    swap.why = why.strip()[:300]
    _undo(swap, actor, now)
    touched(rotation)
    moves = moved(before, load_one(rotation, now=now), now)
    tell_moves(rotation, moves, why=f"{actor} undid a swap.", key=f"swap:{swap.pk}:undone", actor=actor, now=now)
    return swap


def _undo(swap: ShiftSwap, actor: User | None, now: datetime) -> None:
    swap.overrides.filter(cancelled_at=None, ends_at__gt=now).update(cancelled_at=now, cancelled_by=actor)
    _end(swap, ShiftSwap.Status.UNDONE, actor, now)


def _open(swap: ShiftSwap, actor: User, *, only_asked: bool) -> tuple[ShiftSwap, Rotation]:
    """The swap and its rotation, locked. Whose it is not sees a refusal, a decided one a conflict."""
    rotation = locked(swap.rotation)
    swap = ShiftSwap.objects.select_for_update(of=("self",)).select_related("asked", "asked_by").get(pk=swap.pk)
    if actor.pk != (swap.asked_id if only_asked else swap.asked_by_id):
        raise PermissionRefused("Only the one who was asked may answer, and only the one who asked may withdraw.")
    if swap.status != ShiftSwap.Status.ASKED:
        raise Conflict(f"This swap is {swap.get_status_display().lower()} already.")
    return swap, rotation


def _end(swap: ShiftSwap, status: ShiftSwap.Status, actor: User | None, now: datetime) -> None:
    swap.status, swap.decided_at = status, now
    swap.save(update_fields=["status", "decided_at", "why"])
    record_event(
        actor=actor, action=f"rotation.swap_{status}", object_kind="rotation", object_ref=swap.rotation.slug,
        after={"swap": swap.pk, "asked_by": swap.asked_by.username, "asked": swap.asked.username}, reason=swap.why,
    )  # fmt: skip


def _lines(swap: ShiftSwap, reader: User) -> list[str]:
    return [
        f"{one.taker} is on call instead of {one.holder} {span_words((one.begin, one.end), reader)}."
        for one in sides(swap)
    ]


def _say(swap: ShiftSwap, person: User, title: str, lines: list[str], actor: User | None, now: datetime) -> None:
    notify(
        "oncall.swap", subject_ref=f"swap:{swap.pk}:{person.pk}", title=title, lines=[swap.reason, *lines],
        url_path="/on-call/swaps/",
        key=f"oncall.swap:{swap.pk}:{person.pk}:{slugify(title)[-60:]}:{now.timestamp():.0f}",
        people=[person], actor=actor, now=now,
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------------ after an edit
def follow(rotation: Rotation, before: Plan, after: Plan, *, actor: User | None, now: datetime) -> None:
    """Swaps go with the shifts they are about: to the turn of the same person that overlaps the old one most. A swap
    of a shift that is gone is undone, both ways, and both are told. Inside the edit's transaction.
    """
    live = (ShiftSwap.Status.ASKED, ShiftSwap.Status.ACCEPTED)
    rows = ShiftSwap.objects.select_for_update(of=("self",)).filter(rotation=rotation, status__in=live)
    for swap in rows.select_related("asked", "asked_by", "rotation").order_by("pk"):
        if not any(one.end > now for one in sides(swap)):
            continue
        places = [_place(one, before, after, now) for one in sides(swap)]
        if any(place is None for place in places):
            swap.why = "An edit of the rotation took one of the shifts away."
            was_accepted = swap.status == ShiftSwap.Status.ACCEPTED
            _undo(swap, actor, now)
            for person in (swap.asked_by, swap.asked):
                title = "Your swap is undone" if was_accepted else "A swap that was asked for is not possible any more"
                _say(swap, person, f"{rotation.name}: {title.lower()}", [swap.why], actor, now)
            continue
        _move(swap, [place for place in places if place is not None], actor, now)


def _place(side: Side, before: Plan, after: Plan, now: datetime) -> tuple[datetime, datetime] | None:
    """Where the shift is after the edit; as it was when it is over or nothing moved it."""
    if side.end <= now:
        return side.begin, side.end
    who = str(side.holder.pk)

    def held(plan: Plan, begin: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
        shifts = plan.shifts(side.seat, begin, end, layers_only=True)
        return [(one.begin, one.end) for one in shifts if one.person == who]

    around = max(side.begin - timedelta(days=1), now), side.end + timedelta(days=1)
    if held(before, *around) == held(after, *around):
        return side.begin, side.end
    found = turns(after, max(side.begin - _SEARCH, now), side.end + _SEARCH, person=who, layers_only=True)
    shared = [
        (min(one.end, side.end) - max(one.begin, side.begin), one) for one in found if one.seat == side.seat
    ]  # fmt: skip
    best = max(shared, key=lambda pair: pair[0], default=None)
    if best is None or best[0] <= timedelta():
        return None
    # What runs already keeps its beginning: the past is not moved.
    return (side.begin if side.begin <= now else best[1].begin), best[1].end


def _move(swap: ShiftSwap, places: list[tuple[datetime, datetime]], actor: User | None, now: datetime) -> None:
    old = sides(swap)
    if [(one.begin, one.end) for one in old] == places:
        return
    swap.begins_at, swap.ends_at = places[0]
    if len(places) == 2:
        swap.return_begins_at, swap.return_ends_at = places[1]
    swap.save(update_fields=["begins_at", "ends_at", "return_begins_at", "return_ends_at"])
    for side, (begin, end) in zip(old, places, strict=True):
        rows = swap.overrides.filter(seat=side.seat, person=side.taker, cancelled_at=None)
        rows.update(begins_at=begin, ends_at=end)
    record_event(
        actor=actor, action="rotation.swap_moved", object_kind="rotation", object_ref=swap.rotation.slug,
        before={"swap": swap.pk, "begins_at": old[0].begin.isoformat(), "ends_at": old[0].end.isoformat()},
        after={"begins_at": swap.begins_at.isoformat(), "ends_at": swap.ends_at.isoformat()},
    )  # fmt: skip
    for person in (swap.asked_by, swap.asked):
        _say(swap, person, f"{swap.rotation.name}: your swap moved with the shifts", _lines(swap, person), actor, now)
