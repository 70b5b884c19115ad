"""The landing page: what waits for this person."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db.models import Case, IntegerField, Q, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from altor.access import page, person
from investigations.filters import with_progress
from investigations.models import Connection, Investigation, StepResult, Ticket
from investigations.panels import panels
from investigations.services.closures import unexplained
from investigations.views.pulse import pulse, unchanged

SHOWN: Final = 8
#: Closed tickets are asked about for so long.
UNEXPLAINED_FOR: Final = timedelta(days=14)


@require_safe
@page()
def today(request: HttpRequest) -> HttpResponse:
    """Running and waiting runs (mine first), questions to a person, latest diagnoses, tickets that nobody owns."""
    user = person(request)
    mine = Q(ticket__owner=user) | Q(requested_by=user)
    visible = (
        Investigation.objects.visible_to(user)
        .select_related("ticket", "ticket__customer")
        .defer("diagnosis", "profile")
    )
    week = timezone.now() - timedelta(days=7)
    asked = (
        StepResult.objects.filter(
            status=StepResult.Status.ASKED, investigation__in=Investigation.objects.visible_to(user)
        )
        .filter(Q(assignee=user) | Q(assignee=None))
        .select_related("investigation", "investigation__ticket")
        .order_by("-pk")
    )
    open_tickets = Ticket.objects.visible_to(user).exclude(status=Ticket.Status.RESOLVED).select_related("customer")
    now = pulse(user)
    answer = unchanged(request, now)
    if answer is not None:
        return answer
    active = visible.unfinished().annotate(is_mine=Case(When(mine, then=1), default=0, output_field=IntegerField()))
    context = {
        "here": "today",
        "pulse": now,
        "running": with_progress(active.order_by("-is_mine", "-pk"))[:SHOWN],
        "asked": asked[:SHOWN],
        "failed": visible.filter(status=Investigation.Status.FAILED, queued_at__gte=week).order_by("-pk")[:SHOWN],
        "finished": visible.filter(status=Investigation.Status.DONE).order_by("-pk")[:SHOWN],
        "unowned": open_tickets.filter(owner=None).order_by("-opened_at")[:SHOWN],
        "unowned_all": open_tickets.filter(owner=None).count(),
        "unexplained": unexplained(
            Ticket.objects.visible_to(user).filter(resolved_at__gte=timezone.now() - UNEXPLAINED_FOR)
        ).count(),
        "panels": panels("today", user),
        "may_create": user.may("ticket.create"),
        "is_first_use": user.may("connection.edit")
        and not Connection.objects.exists()
        and not Ticket.objects.visible_to(user).exists(),
    }
    return render(request, "investigations/today.html", context)
