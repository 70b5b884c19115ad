"""The landing page: what waits for this person."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from altor.access import page, person
from investigations.filters import with_progress
from investigations.models import Connection, Investigation, StepResult, Ticket

SHOWN: Final = 8


@require_GET
@page()
def today(request: HttpRequest) -> HttpResponse:
    """My running and waiting runs, questions to me, what failed in the last week, tickets that nobody owns."""
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
    context = {
        "here": "today",
        "running": with_progress(visible.filter(mine).unfinished())[:SHOWN],
        "others": visible.exclude(mine).unfinished().count(),
        "asked": asked[:SHOWN],
        "failed": visible.filter(status=Investigation.Status.FAILED, queued_at__gte=week).order_by("-pk")[:SHOWN],
        "finished": visible.filter(mine, status=Investigation.Status.DONE).order_by("-finished_at")[:SHOWN],
        "unowned": open_tickets.filter(owner=None).order_by("-opened_at")[:SHOWN],
        "unowned_all": open_tickets.filter(owner=None).count(),
        "is_first_use": user.may("connection.edit")
        and not Connection.objects.exists()
        and not Ticket.objects.visible_to(user).exists(),
    }
    return render(request, "investigations/today.html", context)
