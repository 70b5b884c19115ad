"""A proof of recovery: its page, and measuring at once."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from altor.access import page, person
from altor.models import User
from escalations.models import Recovery
from escalations.recovery.shown import by_ref, shown
from escalations.recovery.starting import measure_now


def visible_recovery(user: User, ref: str) -> Recovery:
    """The proof, or 404: unknown and forbidden look alike."""
    found = by_ref(user, ref)
    if found is None:
        raise Http404
    return found


@require_safe
@page("escalation.read")
def recovery(request: HttpRequest, ref: str) -> HttpResponse:
    """All customers with their figures. While it is measured the page asks again by itself."""
    user = person(request)
    found = visible_recovery(user, ref)
    context = {"here": "escalations", "shown": shown(found, user), "may_measure": user.may("run.start")}
    is_part = request.headers.get("HX-Request")
    return render(request, "escalations/_recovery.html" if is_part else "escalations/recovery.html", context)


@require_POST
@page("run.start")
def measure(request: HttpRequest, ref: str) -> HttpResponse:
    """Measure with the next sweep, a few seconds from now; pressed twice it is measured once."""
    user = person(request)
    found = visible_recovery(user, ref)
    if measure_now(found, actor=user, now=timezone.now()):
        messages.success(request, "It is measured now; the figures come in a moment.")
    else:
        messages.info(request, f"{found.ref} is over: {found.get_status_display().lower()}.")
    return redirect("escalations:recovery", found.ref)
