"""What other pages show of incidents: a ticket's, an escalation's, and those of today."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from altor.access import page, person
from escalations.models import Escalation, Incident, IncidentSuggestion
from investigations.models import Ticket

_SHOWN = 5


@require_safe
@page("incident.read")
def of_ticket(request: HttpRequest, ref: str) -> HttpResponse:
    """A panel for htmx, a page for everybody else."""
    user = person(request)
    ticket = Ticket.objects.visible_to(user).with_context().filter(ref=ref).first()
    if ticket is None:
        raise Http404
    found = Incident.objects.visible_to(user).of_ticket(ticket).with_context().order_by("-pk")
    suggestions = IncidentSuggestion.objects.visible_to(user).open().filter(tickets__contains=[ticket.ref])
    context = {
        "here": "tickets", "ticket": ticket, "incidents": list(found[:_SHOWN]), "suggestions": list(suggestions),
        "may_declare": user.may("incident.declare") and ticket.status != Ticket.Status.RESOLVED,
        "is_part": any(one.is_open for one in found[:_SHOWN]), "now": timezone.now(),
    }  # fmt: skip
    name = "_panel.html" if request.headers.get("HX-Request") else "panel.html"
    return render(request, f"incidents/{name}", context)


@require_safe
@page("incident.read")
def of_escalation(request: HttpRequest, ref: str) -> HttpResponse:
    """A section of the escalation's page: its incident, or the way to declare one."""
    user = person(request)
    escalation = Escalation.objects.visible_to(user).by_ref(ref).first()
    if escalation is None:
        raise Http404
    rows = Incident.objects.visible_to(user)
    found = list((rows.filter(escalation=escalation) | rows.filter(cause=escalation.cause)).distinct()[:_SHOWN])
    context = {
        "here": "escalations", "escalation": escalation, "incidents": found, "now": timezone.now(),
        "suggestions": list(IncidentSuggestion.objects.visible_to(user).open().filter(cause=escalation.cause)),
        "may_declare": user.may("incident.declare") and escalation.is_open,
        "is_part": any(one.is_open for one in found),
    }  # fmt: skip
    name = "_of_escalation.html" if request.headers.get("HX-Request") else "of_escalation.html"
    return render(request, f"incidents/{name}", context)


@require_safe
@page("incident.read")
def today(request: HttpRequest) -> HttpResponse:
    """Open incidents and suggestions: a panel for htmx, a page for everybody else. Empty for who has none."""
    user = person(request)
    context = {
        "here": "today", "now": timezone.now(),
        "incidents": list(Incident.objects.visible_to(user).open().with_context()[:_SHOWN]),
        "suggestions": list(IncidentSuggestion.objects.visible_to(user).open()[:_SHOWN]),
    }  # fmt: skip
    name = "_today.html" if request.headers.get("HX-Request") else "today.html"
    return render(request, f"incidents/{name}", context)
