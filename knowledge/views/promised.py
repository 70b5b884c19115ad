"""Updates that customers were promised, for the page of today."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from altor.access import page, person
from knowledge.replies.promised import due_for


@require_safe
@page("ticket.read")
def promised(request: HttpRequest) -> HttpResponse:
    """Close or late, of tickets the person may see: a panel for htmx, a page for everybody else."""
    now = timezone.now()
    found, total = due_for(person(request), now)
    name = "_promised.html" if request.headers.get("HX-Request") else "promised.html"
    context = {"here": "today", "promises": [(one, one.due_at < now) for one in found], "total": total}
    return render(request, f"knowledge/{name}", context)
