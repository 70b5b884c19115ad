"""One rotation: its seats in words, what replaces them, where its calendars stand, its versions."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from altor.access import page, person
from altor.models import User
from escalations.models import RotationOverride, ShiftSwap
from escalations.oncall.ahead import problems
from escalations.oncall.editing import may_edit, set_active, usernames
from escalations.oncall.rotations import Plan, load_one
from escalations.oncall.words import hours_text, layer_words
from escalations.views.oncall.finding import candidates, editable_rotation, visible_rotation
from escalations.views.oncall.overview import problem_lines, seats_of

_VERSIONS = 8


@require_safe
@page("oncall.read")
def rotation(request: HttpRequest, slug: str) -> HttpResponse:
    user, now = person(request), timezone.now()
    row = visible_rotation(request, slug)
    plan = load_one(row, now=now)
    overrides = RotationOverride.objects.counting().filter(rotation=row, ends_at__gt=now, cancelled_at=None)
    overrides = overrides.select_related("person", "instead_of", "made_by", "swap").order_by("begins_at", "pk")
    swaps = ShiftSwap.objects.filter(rotation=row, status__in=["asked", "accepted"], ends_at__gt=now)
    edits = may_edit(user, row.team)
    context = {
        "here": "on-call",
        "rotation": row,
        "seats": seats_of(plan, user, now) if row.is_active else [],
        "layers": _described(plan),
        "problems": problem_lines(problems(plan, now), user) if row.is_active else {"lines": [], "more": 0},
        "overrides": [(one, plan.seat_name(one.seat), _may_cancel(one, user, edits=edits)) for one in overrides[:30]],
        "swaps": [
            (one, plan.seat_name(one.seat)) for one in swaps.select_related("asked", "asked_by").order_by("begins_at")
        ],
        "calendars": [
            {
                "row": one,
                "shifts": sum(1 for span in one.spans if span[1] > now.isoformat()),
                "names": [(name, n, one.names.get(name, "")) for name, n in one.unmatched],
                "chosen": sorted(one.names.items()),
            }
            for one in plan.calendars.values()
        ],
        "people": list(candidates()) if edits and plan.calendars else [],
        "versions": list(row.versions.select_related("created_by").defer("document").order_by("-number")[:_VERSIONS]),
        "in_force": (plan.version_at(now) or plan.newest).number,
        "file": _file(plan),
        "may_edit": edits,
        "may_take": user.may("oncall.take"),
        "now": now,
    }
    return render(request, "oncall/rotation.html", context)


def _described(plan: Plan) -> list[dict[str, Any]]:
    document = plan.newest.document
    return [
        {
            "name": seat["name"],
            "covers": hours_text(seat.get("covers")),
            "layers": [layer_words(layer, plan.people) for layer in seat.get("layers", [])],
        }
        for seat in document["seats"]
    ]


def _file(plan: Plan) -> str:
    from escalations.oncall.configuration import as_file

    return as_file(usernames(plan.newest.document))


def _may_cancel(row: RotationOverride, user: User, *, edits: bool) -> bool:
    return row.swap_id is None and (edits or user.pk == row.made_by_id)


@require_POST
@page("oncall.edit")
def active(request: HttpRequest, slug: str) -> HttpResponse:
    """`to`: on or off."""
    row = editable_rotation(request, slug)
    is_active = request.POST.get("to") == "on"
    set_active(row, is_active, actor=person(request), now=timezone.now())
    messages.success(request, f"{row.name} {'begins again' if is_active else 'is ended; its past stays'}.")
    return redirect("oncall:rotation", slug)
