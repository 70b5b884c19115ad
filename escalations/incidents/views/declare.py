"""Declare an incident, in two clicks from a suggestion; or dismiss the suggestion."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from altor.access import page, person
from altor.errors import DomainError, InvalidInput
from altor.models import User
from escalations.incidents.declaring import IncidentOpen, Wish, declare
from escalations.incidents.proposing import Origin, propose
from escalations.incidents.suggesting import dismiss
from escalations.incidents.views.finding import origin_of, person_named, whole
from escalations.models import IncidentSuggestion
from investigations.models import Ticket


@require_http_methods(["GET", "HEAD", "POST"])
@page("incident.declare")
def declare_(request: HttpRequest) -> HttpResponse:
    """What it would do, and the form; what was typed is not lost when it is refused."""
    user = person(request)
    given: Mapping[str, str] = request.POST if request.method == "POST" else request.GET
    origin = origin_of(
        user, ticket=given.get("ticket", ""), escalation=given.get("escalation", ""),
        suggestion=given.get("suggestion", ""),
    )  # fmt: skip
    if request.method != "POST":
        return _form(request, origin, {})
    try:
        wish = _wish(request)
        made, is_new = declare(origin, wish, actor=user, now=timezone.now())
    except IncidentOpen as known:
        return _form(request, origin, request.POST, refused=known.detail, status=known.status)
    except DomainError as refused:
        return _form(
            request, origin, request.POST, refused=refused.detail, errors=refused.extra.get("errors", {}),
            status=refused.status,
        )  # fmt: skip
    messages.success(request, f"{made.ref} is declared." if is_new else f"The ticket is part of {made.ref}.")
    return redirect("incidents:incident", made.ref)


def _wish(request: HttpRequest) -> Wish:
    given = request.POST
    commander = person_named(given.get("commander", ""))
    if given.get("commander", "").strip() and commander is None:
        raise InvalidInput("There is nobody of this name.", errors={"commander": ["Nobody of this name."]})
    every = given.get("update_every_min", "").strip()
    return Wish(
        title=given.get("title", ""), severity=given.get("severity", ""), commander=commander,
        channel=given.get("channel", ""), note=given.get("note", "").replace("\r\n", "\n"),
        tickets=given.getlist("tickets"), update_every_min=whole(every) or (-1 if every else 0),
        joins=given.get("do") == "join", token=_token(given.get("token", "")),
    )  # fmt: skip


def _token(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        return uuid.uuid4()


def _form(
    request: HttpRequest, origin: Origin, typed: Mapping[str, str], *, status: int = 200, **more: Any
) -> HttpResponse:
    user, now = person(request), timezone.now()
    wanted = propose(origin, actor=user, now=now)
    open_to = set(
        Ticket.objects.visible_to(user).filter(pk__in=[one.pk for one in wanted.tickets]).values_list("pk", flat=True)
    )
    chosen = request.POST.getlist("tickets") if typed else [one.ref for one in wanted.tickets]
    severity = typed.get("severity") or wanted.severity
    commander = typed.get("commander") or wanted.commander.username
    context = {
        "here": "incidents", "wanted": wanted, "origin": origin, "typed": typed, "severity": severity,
        "commander": commander, "people": commanders(wanted.team),
        "tickets": [(one, one.pk in open_to, one.ref in chosen) for one in wanted.tickets],
        "does": wanted.does(now, severity=severity, commander=person_named(commander)),
        "every": wanted.terms(severity).every_min, "token": typed.get("token") or uuid.uuid4(),
        "reads_directory": user.may("customer.read"), **more,
    }  # fmt: skip
    return render(request, "incidents/declare.html", context, status=status)


def commanders(team: Any) -> list[User]:
    """Who may run an incident: the team's people first."""
    rows = User.objects.filter(is_active=True).order_by("username").prefetch_related("memberships")
    able = [one for one in rows if one.may("incident.work")]
    return sorted(able, key=lambda one: team.pk not in {item.team_id for item in one.memberships.all()})


@require_POST
@page("incident.declare")
def dismiss_(request: HttpRequest, pk: int) -> HttpResponse:
    user = person(request)
    found = get_object_or_404(IncidentSuggestion.objects.visible_to(user), pk=pk)
    try:
        dismiss(found, request.POST.get("why", ""), actor=user, now=timezone.now())
    except DomainError as refused:
        messages.error(request, refused.detail)
        return redirect("incidents:list")
    messages.success(
        request, f"Dismissed. It is suggested again when {found.threshold} more customers have the same cause."
    )
    return redirect("incidents:list")
