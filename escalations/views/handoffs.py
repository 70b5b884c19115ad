"""Handoffs to read: mine and the team's, one with what is in it, the line on today."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from altor.access import page, person
from altor.models import User
from escalations.handoffs.shown import counted, mine, page_of
from escalations.handoffs.switching import teams_led_by
from escalations.models import Handoff, HandoffSetting
from escalations.ownership.queues import candidates

#: Handoffs of the team that are listed.
RECENT: Final = 30


def visible_handoff(user: User, ref: str) -> Handoff:
    return get_object_or_404(Handoff.objects.visible_to(user).by_ref(ref).with_context())


@require_safe
@page("ticket.read")
def overview(request: HttpRequest) -> HttpResponse:
    user = person(request)
    give, take = mine(user)
    own = [one.pk for one in (*give, *take)]
    recent = counted(Handoff.objects.visible_to(user).exclude(pk__in=own)).order_by("-ends_at", "-pk")[:RECENT]
    context = {
        "here": "handoffs",
        "give": give,
        "take": take,
        "recent": list(recent),
        "may_set": bool(teams_led_by(user)),
        "is_on": HandoffSetting.objects.filter(is_on=True).exists(),
    }
    return render(request, "handoffs/list.html", context)


@require_safe
@page("ticket.read")
def handoff(request: HttpRequest, ref: str) -> HttpResponse:
    user = person(request)
    return shown(request, visible_handoff(user, ref))


def shown(request: HttpRequest, found: Handoff, **more: Any) -> HttpResponse:
    """`refused` says why a form was, `typed` is what it held, by the field's name."""
    user = person(request)
    looked = page_of(found, user, timezone.now(), more.get("typed"))
    people = candidates(found.team).exclude(pk=found.outgoing_id) if looked.may_lead and found.is_open else []
    context = {"here": "handoffs", "handoff": found, "page": looked, "people": people, **more}
    return render(request, "handoffs/handoff.html", context, status=422 if more else 200)


@require_safe
@page("handoff.take")
def today(request: HttpRequest) -> HttpResponse:
    """What I am to give or take: a panel for htmx, a page for everybody else. Empty for who has none."""
    give, take = mine(person(request))
    name = "_today.html" if request.headers.get("HX-Request") else "today.html"
    return render(request, f"handoffs/{name}", {"here": "today", "give": give, "take": take})
