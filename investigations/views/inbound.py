"""Inbound events: what arrived, what became of it, and a second try for what failed."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from altor.access import page, person
from altor.errors import DomainError
from altor.listing import keyset_page
from altor.models import InboundEndpoint, InboundEvent
from investigations.forms import EndpointForm
from investigations.services.endpoints import create_endpoint, drop_old_secrets, rotate_secret
from investigations.services.inbound import replay_all_dead, replay_event
from investigations.services.inbound_overview import overview


@require_safe
@page("inbound.read")
def inbound(request: HttpRequest) -> HttpResponse:
    return _list(request, EndpointForm())


def _list(request: HttpRequest, form: EndpointForm, *, secret: str = "", of: str = "") -> HttpResponse:
    """The page; `secret` is a new endpoint's, shown in this answer only."""
    state, door, ref = (request.GET.get(name, "").strip() for name in ("state", "from", "ticket"))
    listed = InboundEvent.objects.select_related("endpoint").defer("body", "headers")
    if state in InboundEvent.Status.values:
        listed = listed.filter(status=state)
    endpoints = list(InboundEndpoint.objects.defer("secrets"))
    if door in [str(one) for one in endpoints]:
        source, _, connection = door.partition("/")
        listed = listed.filter(endpoint__source=source, endpoint__connection=connection)
    else:
        door = ""
    if ref:
        listed = listed.filter(result_ref__iexact=ref[:80])
    now = timezone.now()
    context = {
        "overview": overview(now=now),
        "door": door,
        "ticket_ref": ref[:80],
        "is_filtered": bool(state in InboundEvent.Status.values or door or ref),
        "here": "inbound",
        "page": keyset_page(listed, request.GET.get("cursor", "")),
        "endpoints": endpoints,
        "state": state if state in InboundEvent.Status.values else "",
        "states": [(value, value) for value in InboundEvent.Status.values],
        "may_replay": person(request).may("inbound.replay"),
        "form": form,
        "secret": secret,
        "of": of,
        "base_url": settings.BASE_URL,
    }
    return render(request, "investigations/inbound_list.html", context, status=422 if form.errors else 200)


@require_safe
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


@require_POST
@page("inbound.replay")
def replay_dead(request: HttpRequest) -> HttpResponse:
    """Process again all events that were given up, oldest first."""
    count = replay_all_dead(actor=person(request))
    if count:
        messages.success(request, f"{count} event{'s are' if count > 1 else ' is'} queued once more.")
    else:
        messages.info(request, "No event was given up: there is nothing to process again.")
    return redirect("investigations:inbound")


@require_POST
@page("inbound.replay")
def new_endpoint(request: HttpRequest) -> HttpResponse:
    """A new address to post to; its secret is shown once."""
    form = EndpointForm(request.POST)
    if form.is_valid():
        try:
            endpoint, secret = create_endpoint(actor=person(request), **form.cleaned_data)
        except DomainError as refused:
            form.add_error(None, refused.detail)
        else:
            return _list(request, EndpointForm(), secret=secret, of=str(endpoint))
    return _list(request, form)


@require_POST
@page("inbound.replay")
def endpoint_secret(request: HttpRequest, pk: int) -> HttpResponse:
    """`rotate`: a new secret beside the old ones, shown once. `drop`: only the newest is valid from now on."""
    endpoint = get_object_or_404(InboundEndpoint, pk=pk)
    if request.POST.get("action") == "rotate":
        secret = rotate_secret(endpoint, actor=person(request))
        return _list(request, EndpointForm(), secret=secret, of=str(endpoint))
    drop_old_secrets(endpoint, actor=person(request))
    messages.success(request, f"Only the newest secret of {endpoint} is valid now.")
    return redirect("investigations:inbound")
