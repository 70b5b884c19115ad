"""The profile that the telemetry itself suggests: looked at once, confirmed once."""

from __future__ import annotations

from typing import Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from altor.access import page, person
from altor.errors import DomainError
from investigations.services.connections import active_connections
from investigations.services.profiles import current_profile, save_profile
from investigations.services.proposals import ROLES, proposal_for

#: Fields of the telemetry profile that a proposal may set.
PROPOSED: Final = (*(role.field for role in ROLES), "webhook_span_name")


@require_POST
@page("connection.edit")
def propose(request: HttpRequest) -> HttpResponse:
    """Look at the newest telemetry and show what it suggests. Nothing is saved before it is confirmed."""
    config = active_connections().get("clickhouse")
    if config is None:
        messages.error(request, "Connect ClickHouse first: the proposal is read from the telemetry.")
        return redirect("investigations:connections")
    try:
        found = proposal_for(config, current_profile())
    except DomainError as refused:
        messages.error(request, refused.detail)
        return redirect("investigations:profile")
    return render(request, "investigations/proposal.html", {"here": "profile", "proposal": found})


@require_POST
@page("connection.edit")
def confirm(request: HttpRequest) -> HttpResponse:
    """Save what was chosen in the proposal as the new version."""
    data = current_profile().model_dump(mode="json", exclude={"customers"})
    data["telemetry"] |= {
        name: request.POST[f"telemetry.{name}"].strip()[:300]
        for name in PROPOSED
        if f"telemetry.{name}" in request.POST
    }
    try:
        save_profile(data, actor=person(request), comment="proposed from the telemetry, confirmed")
    except DomainError as refused:
        messages.error(request, refused.detail)
    else:
        messages.success(request, "Confirmed. New runs read the telemetry by these names.")
    return redirect("investigations:profile")
