"""Inbound events: what arrived, what became of it, and a second try for what failed."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from altor.access import page, person
from altor.errors import DomainError
from altor.listing import keyset_page
from altor.models import InboundEndpoint, InboundEvent
from investigations.services.inbound import replay_event


@require_GET
@page("inbound.read")
def inbound(request: HttpRequest) -> HttpResponse:
    state = request.GET.get("state", "")
    listed = InboundEvent.objects.select_related("endpoint").defer("body", "headers")
    if state in InboundEvent.Status.values:
        listed = listed.filter(status=state)
    context = {
        "here": "inbound",
        "page": keyset_page(listed, request.GET.get("cursor", "")),
        "endpoints": InboundEndpoint.objects.defer("secrets"),
        "state": state if state in InboundEvent.Status.values else "",
        "states": [(value, value) for value in InboundEvent.Status.values],
        "may_replay": person(request).may("inbound.replay"),
    }
    return render(request, "investigations/inbound_list.html", context)


@require_GET
@page("inbound.read")
def event(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(InboundEvent.objects.select_related("endpoint"), pk=pk)
    context = {"here": "inbound", "event": found, "may_replay": person(request).may("inbound.replay")}
    return render(request, "investigations/inbound_event.html", context)


@require_POST
@page("inbound.replay")
def replay(request: HttpRequest, pk: int) -> HttpResponse:
    """Process an event once more, as if it had just arrived."""
    found = get_object_or_404(InboundEvent, pk=pk)
    try:
        replay_event(found, actor=person(request))
    except DomainError as refused:
        messages.error(request, refused.detail)
    else:
        messages.success(request, "The event is queued once more.")
    return redirect("investigations:inbound-event", found.pk)
