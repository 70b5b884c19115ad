"""Lists that keep themselves current: a cheap fingerprint of what a person's runs are doing."""

from __future__ import annotations

import hashlib

from django.db.models import Max
from django.http import HttpRequest, HttpResponse

from altor.models import User
from investigations.models import Investigation, Ticket


def pulse(user: User) -> str:
    """Changes whenever a visible run begins, moves or ends, or a ticket arrives. Three indexed queries."""
    runs = Investigation.objects.visible_to(user)
    newest = runs.aggregate(newest=Max("pk"))["newest"]
    moving = list(runs.unfinished().order_by("pk").values_list("pk", "status", "live_version"))
    ticket = Ticket.objects.visible_to(user).aggregate(newest=Max("pk"))["newest"]
    return hashlib.sha256(repr((newest, moving, ticket)).encode()).hexdigest()[:16]


def unchanged(request: HttpRequest, now: str) -> HttpResponse | None:
    """204 for a poll that already shows this state; None when the page must be rendered."""
    asks = bool(getattr(request, "htmx", False)) and request.GET.get("v") == now
    return HttpResponse(status=204) if asks else None
