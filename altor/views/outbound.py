"""Outbound webhooks: who is told of what, what became of each delivery, and sending once more."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from altor.access import page, person
from altor.errors import DomainError, InvalidInput
from altor.listing import keyset_page
from altor.models import OutboundDelivery, OutboundEndpoint
from altor.webhooks.endpoints import (
    change_endpoint,
    create_endpoint,
    disable_endpoint,
    drop_old_secrets,
    enable_endpoint,
    rotate_secret,
)
from altor.webhooks.events import event_types
from altor.webhooks.forms import OutboundEndpointForm, ReplayForm
from altor.webhooks.replaying import replay_delivery, replay_undelivered, send_test
from altor.words import counted


@require_safe
@page("outbound.read")
def outbound(request: HttpRequest) -> HttpResponse:
    """Endpoints, and the log of deliveries. Filters: `state`, `endpoint` (its name), `type`."""
    states, types = OutboundDelivery.Status.values, event_types()
    endpoints = list(OutboundEndpoint.objects.defer("secrets"))
    allowed = {"state": states, "endpoint": [one.slug for one in endpoints], "type": [*types]}
    wanted = {name: value for name in allowed if (value := request.GET.get(name, "")) in allowed[name]}
    fields = {"state": "status", "endpoint": "endpoint__slug", "type": "event_type"}
    listed = OutboundDelivery.objects.select_related("endpoint").defer("payload", "endpoint__secrets")
    listed = listed.filter(**{fields[name]: value for name, value in wanted.items()})
    context = {
        "here": "outbound",
        "page": keyset_page(listed, request.GET.get("cursor", "")),
        "endpoints": endpoints,
        "wanted": wanted,
        "states": states,
        "types": types,
        "may_edit": person(request).may("outbound.edit"),
    }
    return render(request, "altor/outbound.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@page("outbound.edit")
def new_endpoint(request: HttpRequest) -> HttpResponse:
    form = OutboundEndpointForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            endpoint, secret = create_endpoint(actor=person(request), **form.cleaned_data)
        except InvalidInput as refused:
            form.add_error(str(refused.extra["field"]), refused.detail)
        else:
            return _endpoint(request, endpoint, secret=secret)
    context = {"here": "outbound", "form": form}
    return render(request, "altor/outbound_new.html", context, status=422 if form.errors else 200)


def _endpoint(
    request: HttpRequest, endpoint: OutboundEndpoint, *, form: OutboundEndpointForm | None = None, secret: str = ""
) -> HttpResponse:
    """The page of one endpoint; `secret` is a new one, shown in this answer only."""
    if form is None:
        form = OutboundEndpointForm(initial={name: getattr(endpoint, name) for name in ("title", "url", "event_types")})
    context = {
        "here": "outbound",
        "endpoint": endpoint,
        "form": form,
        "replay_form": ReplayForm(),
        "secret": secret,
        "live": len(endpoint.live_secrets),
        "types": {name: text for name, text in event_types().items() if name in endpoint.event_types},
        "latest": endpoint.deliveries.defer("payload")[:10],
        "may_edit": person(request).may("outbound.edit"),
    }
    return render(request, "altor/outbound_endpoint.html", context, status=422 if form.errors else 200)


@require_safe
@page("outbound.read")
def endpoint_page(request: HttpRequest, slug: str) -> HttpResponse:
    return _endpoint(request, get_object_or_404(OutboundEndpoint.objects.select_related("owner"), slug=slug))


@require_POST
@page("outbound.edit")
def change(request: HttpRequest, slug: str) -> HttpResponse:
    endpoint = get_object_or_404(OutboundEndpoint, slug=slug)
    form = OutboundEndpointForm(request.POST)
    if form.is_valid():
        try:
            change_endpoint(endpoint, actor=person(request), **form.cleaned_data)
        except InvalidInput as refused:
            form.add_error(str(refused.extra["field"]), refused.detail)
        else:
            messages.success(request, "Saved.")
            return redirect("outbound-endpoint", slug)
    return _endpoint(request, endpoint, form=form)


@require_POST
@page("outbound.edit")
def act(request: HttpRequest, slug: str) -> HttpResponse:
    """`action`: rotate, drop, disable, enable, test."""
    endpoint, actor, now = get_object_or_404(OutboundEndpoint, slug=slug), person(request), timezone.now()
    try:
        match request.POST.get("action"):
            case "rotate":
                secret = rotate_secret(endpoint, actor=actor)
                return _endpoint(request, OutboundEndpoint.objects.get(pk=endpoint.pk), secret=secret)
            case "drop":
                drop_old_secrets(endpoint, actor=actor)
                messages.success(request, "Only the newest secret signs now.")
            case "disable":
                disable_endpoint(endpoint, reason=f"Switched off by {actor}.", actor=actor, now=now)
                messages.success(request, "It gets no more events. What waited is cancelled.")
            case "enable":
                enable_endpoint(endpoint, actor=actor)
                messages.success(request, "It gets events again. What it missed can be sent below.")
            case "test":
                delivery = send_test(endpoint, actor=actor, now=now)
                return redirect("outbound-delivery", delivery.message_id)
    except DomainError as refused:
        messages.error(request, refused.detail)
    return redirect("outbound-endpoint", slug)


@require_POST
@page("outbound.edit")
def replay_all(request: HttpRequest, slug: str) -> HttpResponse:
    endpoint, form = get_object_or_404(OutboundEndpoint, slug=slug), ReplayForm(request.POST)
    if form.is_valid():
        try:
            count = replay_undelivered(endpoint, since=form.since(), actor=person(request), now=timezone.now())
        except DomainError as refused:
            messages.error(request, refused.detail)
        else:
            messages.success(
                request,
                f"{counted(count, 'delivery is', 'deliveries are')} sent again." if count else "Nothing had failed.",
            )
    return redirect("outbound-endpoint", slug)


@require_safe
@page("outbound.read")
def delivery_page(request: HttpRequest, message_id: str) -> HttpResponse:
    found = get_object_or_404(OutboundDelivery.objects.select_related("endpoint"), message_id=message_id)
    context = {
        "here": "outbound",
        "delivery": found,
        "attempts": found.tried.order_by("-number")[:100],
        "may_edit": person(request).may("outbound.edit"),
    }
    return render(request, "altor/outbound_delivery.html", context)


@require_POST
@page("outbound.edit")
def replay(request: HttpRequest, message_id: str) -> HttpResponse:
    found = get_object_or_404(OutboundDelivery, message_id=message_id)
    try:
        replay_delivery(found, actor=person(request), now=timezone.now())
    except DomainError as refused:
        messages.error(request, refused.detail)
    else:
        messages.success(request, "It is sent again, under the same id.")
    return redirect("outbound-delivery", message_id)
