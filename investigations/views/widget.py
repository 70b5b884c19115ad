"""The framed page of the sidebar, and the page on which a person confirms a sidebar's code."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from altor.access import page, person
from altor.errors import DomainError
from investigations.api.widget_access import token_answer
from investigations.helpdesks.reading import safe_id
from investigations.helpdesks.registry import helpdesk_named
from investigations.models import HelpdeskConnection
from investigations.widget import pairing
from investigations.widget.launch import SidebarRefused, Start, signed_token
from investigations.widget.places import connection_of

#: What may stand in the policy's `frame-ancestors`; anything else in a connection's list could end the directive.
_ORIGIN: Final = re.compile(r"https?://(?:[A-Za-z0-9.\-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
#: The only script of another site that any page of ours loads, where Zendesk itself has signed the page's start.
ZENDESK_FRAMEWORK: Final = "https://static.zdassets.com/zendesk_app_framework_sdk/2.0/zaf_sdk.min.js"


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def frame(request: HttpRequest, helpdesk: str, connection: str) -> HttpResponse:
    """The sidebar of one connection, framed by that connection's origins only. With a signed start it holds its token;
    without one it asks its host, or a person.
    """
    found = connection_of(helpdesk, connection)
    origins = [origin for origin in found.origins if _ORIGIN.fullmatch(origin)] if found is not None else []
    if found is None or not origins:
        return _framed(render_to_string("investigations/widget_off.html"), [], status=404)
    now = timezone.now()
    given: dict[str, Any] | None = None
    status = 200
    try:
        token = signed_token(found, _start(request), now=now)
        given = token_answer(token, now=now) if token is not None else None
    except SidebarRefused as refused:
        status = refused.status
    boot = {
        "helpdesk": helpdesk,
        "connection": connection,
        "title": _title(found),
        "origins": origins,
        "ticket": safe_id(request.GET.get("ticket")),
        "given": given,
        "refused": status != 200,
    }
    # Zendesk's own start names no ticket: its framework, in this page, tells which one is open.
    inside = ZENDESK_FRAMEWORK if helpdesk == "zendesk" and given is not None else ""
    html = render_to_string("investigations/widget.html", {"boot": boot, "theme": _theme(request), "inside": inside})
    return _framed(html, origins, status=status, scripts=[ZENDESK_FRAMEWORK] if inside else [])


def _start(request: HttpRequest) -> Start:
    if request.method == "HEAD":  # a start is used once: by whoever shows the page
        return Start()
    form = {name: str(value) for name, value in request.POST.items()} if request.method == "POST" else {}
    return Start({name: str(value) for name, value in request.GET.items()}, request.META.get("QUERY_STRING", ""), form)


def _title(connection: HelpdeskConnection) -> str:
    adapter = helpdesk_named(connection.endpoint.source)
    return connection.endpoint.title or (adapter.title if adapter else connection.endpoint.source)


def _theme(request: HttpRequest) -> str:
    theme = request.GET.get("theme", "")
    return theme if theme in ("light", "dark") else ""


def _framed(html: str, origins: list[str], *, status: int, scripts: Sequence[str] = ()) -> HttpResponse:
    """`scripts` are addresses of another site's that this page may load, each exactly."""
    response = HttpResponse(html, status=status)
    response.xframe_options_exempt = bool(origins)  # read by the clickjacking middleware
    policy = {"frame-ancestors": origins or ["'none'"]}
    if scripts:
        policy["script-src"] = ["'self'", *scripts]
    response._csp_replace = policy  # type: ignore[attr-defined]  # of django-csp
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@page("ticket.read")
def pair(request: HttpRequest, asked: str) -> HttpResponse:
    """Compare the code, confirm: the sidebar that shows it acts as this person, until it is closed."""
    context: dict[str, Any] = {"here": "account"}
    try:
        wanted = pairing.read_asked(asked, now=timezone.now())
        context |= {"asked": wanted, "helpdesk": _title(wanted.connection)}
        if request.method == "POST":
            pairing.confirm(wanted, actor=person(request), now=timezone.now())
            context["is_confirmed"] = True
    except DomainError as refused:
        return render(
            request, "investigations/widget_pair.html", context | {"refused": refused.detail}, status=refused.status
        )
    return render(request, "investigations/widget_pair.html", context)
