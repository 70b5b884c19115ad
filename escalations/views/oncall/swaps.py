"""Swaps: ask for one, answer those that others ask for."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from altor.access import page, person
from altor.errors import DomainError, InvalidInput
from altor.models import User
from escalations.models import Rotation, ShiftSwap
from escalations.oncall.editing import may_edit
from escalations.oncall.rotations import AHEAD, Plan, load_one
from escalations.oncall.swaps import accept_swap, ask_swap, decline_swap, undo_swap, withdraw_swap
from escalations.oncall.turns import Turn, turns
from escalations.views.oncall.finding import moment_of, standing, visible_rotation

_PAST = 20


@require_safe
@page("oncall.take")
def swaps(request: HttpRequest) -> HttpResponse:
    """What waits for my answer, what I asked for, and what became of the last ones."""
    user, now = person(request), timezone.now()
    mine = ShiftSwap.objects.filter(Q(asked=user) | Q(asked_by=user)).filter(
        rotation__in=Rotation.objects.visible_to(user)
    )
    mine = mine.select_related("rotation__team", "asked", "asked_by")
    live = mine.filter(status=ShiftSwap.Status.ASKED, ends_at__gt=now)
    others = mine.exclude(pk__in=live.values("pk"))[:_PAST]
    context = {
        "here": "on-call",
        "to_answer": [one for one in live if one.asked_id == user.pk],
        "asked": [one for one in live if one.asked_by_id == user.pk],
        "others": [(one, one.status == "accepted" and may_edit(user, one.rotation.team)) for one in others],
        "rotations": list(Rotation.objects.visible_to(user).active().order_by("name")),
    }
    return render(request, "oncall/swaps.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@page("oncall.take")
def ask(request: HttpRequest, slug: str) -> HttpResponse:
    """`mine` names one of my coming shifts, `with` whom, and what of theirs in return."""
    row, user, now = visible_rotation(request, slug), person(request), timezone.now()
    plan = load_one(row, now=now)
    error = ""
    if request.method == "POST":
        try:
            asked, in_return = _other(request.POST.get("with", ""), plan)
            seat, begin, end = _turn(request.POST.get("mine", ""))
            ask_swap(
                row, asked=asked, seat=seat, begins_at=begin, ends_at=end, actor=user, now=now, in_return=in_return,
                reason=request.POST.get("reason", "")[:300],
            )  # fmt: skip
        except DomainError as refused:
            error = refused.detail
        else:
            messages.success(request, f"{asked} is asked. Nothing changes until they accept.")
            return redirect("oncall:swaps")
    ahead = turns(plan, now, now + AHEAD)
    people = [one for one in standing(plan) if one.pk != user.pk]
    context = {
        "here": "on-call",
        "rotation": row,
        "error": error,
        "mine": [_line(one, plan) for one in ahead if one.person == str(user.pk)],
        "others": [(one, [_line(turn, plan) for turn in ahead if turn.person == str(one.pk)]) for one in people],
        "given": {name: request.POST.get(name) or request.GET.get(name, "") for name in ("mine", "with", "reason")},
    }
    return render(request, "oncall/swap.html", context, status=422 if error else 200)


def _line(turn: Turn, plan: Plan) -> dict[str, Any]:
    return {
        "value": f"{turn.seat}|{turn.begin.isoformat()}|{turn.end.isoformat()}",
        "seat": plan.seat_name(turn.seat),
        "begin": timezone.localtime(turn.begin),
        "end": timezone.localtime(turn.end),
    }


def _turn(value: str) -> tuple[str, datetime, datetime]:
    parts = value.split("|")
    if len(parts) != 3:
        raise InvalidInput("Choose one of your shifts.")
    return parts[0], moment_of(parts[1]), moment_of(parts[2])


def _other(value: str, plan: Plan) -> tuple[User, tuple[str, datetime, datetime] | None]:
    who, _, rest = value.partition("|")
    found = next((one for one in standing(plan) if str(one.pk) == who), None)
    if found is None:
        raise InvalidInput("Choose whom you ask.")
    return found, _turn(rest) if rest else None


@require_POST
@page("oncall.take")
def answer(request: HttpRequest, pk: int) -> HttpResponse:
    """`do`: accept, decline, withdraw, undo."""
    user, now = person(request), timezone.now()
    theirs = Q(asked=user) | Q(asked_by=user) | Q(rotation__in=Rotation.objects.editable_by(user))
    rows = ShiftSwap.objects.filter(theirs, rotation__in=Rotation.objects.visible_to(user)).distinct()
    swap = get_object_or_404(rows.select_related("rotation__team"), pk=pk)
    why = request.POST.get("why", "")
    try:
        match request.POST.get("do"):
            case "accept":
                accept_swap(swap, actor=user, now=now)
                messages.success(request, "Accepted: the shifts are swapped.")
            case "decline":
                decline_swap(swap, actor=user, now=now, why=why)
                messages.success(request, "Declined. They are told.")
            case "withdraw":
                withdraw_swap(swap, actor=user, now=now)
                messages.success(request, "Withdrawn.")
            case "undo":
                undo_swap(swap, actor=user, now=now, why=why)
                messages.success(request, "Undone: both shifts went back.")
    except DomainError as refused:
        messages.error(request, refused.detail)
    return redirect("oncall:swaps")
