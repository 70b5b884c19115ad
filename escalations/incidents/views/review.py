"""The review of an incident: one page to print, and Markdown."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from altor.access import page, person
from escalations.incidents import reviewing
from escalations.incidents.views.finding import visible_incident


@require_safe
@page("incident.read")
def review(request: HttpRequest, ref: str) -> HttpResponse:
    user = person(request)
    found = visible_incident(user, ref)
    context = {
        "here": "incidents", "incident": found, "review": reviewing.review_of(found, user), "now": timezone.now(),
    }  # fmt: skip
    return render(request, "incidents/review.html", context)


@require_safe
@page("incident.read")
def markdown(request: HttpRequest, ref: str) -> HttpResponse:
    user = person(request)
    found = visible_incident(user, ref)
    text = reviewing.markdown(reviewing.review_of(found, user))
    headers = {"Content-Disposition": f'attachment; filename="{found.ref}-review.md"'}
    return HttpResponse(text, content_type="text/markdown; charset=utf-8", headers=headers)
