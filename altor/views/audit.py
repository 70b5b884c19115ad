"""The audit log, for administrators."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from altor.access import page
from altor.listing import keyset_page
from altor.models import AuditEvent


@require_safe
@page("audit.read")
def audit(request: HttpRequest) -> HttpResponse:
    """Filters: `action` (beginning of it), `object` (exact reference), `actor` (user name)."""
    wanted = {name: request.GET.get(name, "").strip()[:80] for name in ("action", "object", "actor")}
    events = AuditEvent.objects.select_related("actor")
    if wanted["action"]:
        events = events.filter(action__startswith=wanted["action"])
    if wanted["object"]:
        events = events.filter(object_ref=wanted["object"])
    if wanted["actor"]:
        events = events.filter(actor__username=wanted["actor"])
    context = {"here": "audit", "page": keyset_page(events, request.GET.get("cursor", "")), "wanted": wanted}
    return render(request, "altor/audit.html", context)
