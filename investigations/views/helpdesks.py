"""Helpdesk connections: the list, one with its last day, its form, its secrets, and reading its past."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from altor.access import page, person
from altor.errors import DomainError, InvalidInput
from investigations.forms_helpdesks import HelpdeskForm
from investigations.helpdesks.base import Helpdesk
from investigations.helpdesks.registry import helpdesk_named, helpdesks
from investigations.models import Backfill, HelpdeskConnection
from investigations.services.backfill import cancel, start_backfill
from investigations.services.endpoints import drop_old_secrets, rotate_secret
from investigations.services.helpdesk_overview import grouped_problems, overview, templates_of
from investigations.services.helpdesks import check_helpdesk, new_launch_secret, save_helpdesk, switch_helpdesk
from investigations.sources.base import ConnectionReport

#: What a refusal of a service calls a field, where the form calls it otherwise.
_FIELDS = {"kind": None, "connection": "name", "prefix": "ticket_prefix"}


@require_safe
@page("connection.read")
def connections(request: HttpRequest) -> HttpResponse:
    rows = HelpdeskConnection.objects.select_related("endpoint")
    context = {
        "here": "helpdesks",
        "lines": overview(rows, now=timezone.now()),
        "kinds": [(name, adapter.title) for name, adapter in helpdesks().items()],
        "may_edit": person(request).may("connection.edit"),
    }
    return render(request, "investigations/helpdesk_list.html", context)


def _row(kind: str, name: str) -> HelpdeskConnection:
    rows = HelpdeskConnection.objects.select_related("endpoint")
    found = rows.filter(endpoint__source=kind, endpoint__connection=name).first()
    if found is None:
        raise Http404
    return found


@require_safe
@page("connection.read")
def helpdesk(request: HttpRequest, kind: str, name: str) -> HttpResponse:
    return _page(request, _row(kind, name))


def _page(request: HttpRequest, row: HelpdeskConnection, **shown: Any) -> HttpResponse:
    """One connection; `shown` is a secret that stands in this answer only, and what it is."""
    adapter = helpdesk_named(row.endpoint.source)
    context = {
        "here": "helpdesks",
        "line": overview([row], now=timezone.now())[0],
        "adapter": adapter,
        "templates": templates_of(adapter) if adapter else [],
        "live_secrets": len(row.endpoint.secrets.splitlines()),
        "may_edit": person(request).may("connection.edit"),
        **_readings(row),
        **shown,
    }
    return render(request, "investigations/helpdesk_detail.html", context)


def _readings(row: HelpdeskConnection) -> dict[str, Any]:
    listed = list(Backfill.objects.filter(connection=row).select_related("requested_by")[:5])
    return {
        "row": row,
        "readings": [(item, grouped_problems(item)) for item in listed],
        "is_reading": bool(listed) and listed[0].status == Backfill.Status.RUNNING,
    }


@require_safe
@page("connection.read")
def readings(request: HttpRequest, kind: str, name: str) -> HttpResponse:
    """The progress of reading the past, for the page that polls it; 286 when there is nothing more to wait for."""
    context = {**_readings(_row(kind, name)), "may_edit": person(request).may("connection.edit")}
    status = 200 if context["is_reading"] else 286
    return render(request, "investigations/_helpdesk_readings.html", context, status=status)


# --------------------------------------------------------------------------------------------------------- the form
@require_http_methods(["GET", "HEAD", "POST"])
@page("connection.edit")
def new(request: HttpRequest, kind: str) -> HttpResponse:
    return _edit(request, _adapter(kind), None)


@require_http_methods(["GET", "HEAD", "POST"])
@page("connection.edit")
def edit(request: HttpRequest, kind: str, name: str) -> HttpResponse:
    return _edit(request, _adapter(kind), _row(kind, name))


def _adapter(kind: str) -> Helpdesk:
    adapter = helpdesk_named(kind)
    if adapter is None:
        raise Http404
    return adapter


def _edit(request: HttpRequest, adapter: Helpdesk, row: HelpdeskConnection | None) -> HttpResponse:
    form = HelpdeskForm(adapter, row, request.POST or None)
    if request.method == "POST" and form.is_valid():
        name = row.endpoint.connection if row else form.cleaned_data["name"]
        try:
            if (
                row is None
                and HelpdeskConnection.objects.filter(endpoint__source=adapter.name, endpoint__connection=name).exists()
            ):
                raise InvalidInput("There is one of this name already", field="name")
            saved, secret = save_helpdesk(
                adapter.name, name, form.values(), actor=person(request),
                signing_secret=form.cleaned_data.get("signing_secret", ""),
            )  # fmt: skip
        except DomainError as refused:
            _place(form, refused)
        else:
            _tell(request, check_helpdesk(saved), saved)
            saved.refresh_from_db()
            if secret:
                return _page(request, saved, secret=secret, of="webhook")
            return redirect("investigations:helpdesk", adapter.name, saved.endpoint.connection)
    context = {"here": "helpdesks", "form": form, "adapter": adapter, "row": row}
    return render(request, "investigations/helpdesk_edit.html", context, status=422 if form.errors else 200)


def _place(form: HelpdeskForm, refused: DomainError) -> None:
    """At the field that the refusal names, if the form has it."""
    named = str(refused.extra.get("field") or next(iter(refused.extra.get("errors") or {}), ""))
    field = _FIELDS.get(named, named) or ""
    field = field if field in form.fields else f"option_{field.partition('.')[0]}"
    form.add_error(field if field in form.fields else None, refused.detail)


def _tell(request: HttpRequest, report: ConnectionReport, row: HelpdeskConnection) -> None:
    if not report.ok:
        messages.error(request, f"{row.endpoint}: {report.message}")
        return
    who = f" as {report.identity}" if report.identity else ""
    took = f" in {report.seconds * 1000:.0f} ms" if row.base_url else ""
    messages.success(request, f"{row.endpoint} answers{took}{who}. {report.message}" if took else report.message)
    for warning in report.warnings:
        messages.warning(request, warning)


# ------------------------------------------------------------------------------------------------------ single actions
@require_POST
@page("connection.edit")
def test(request: HttpRequest, kind: str, name: str) -> HttpResponse:
    row = _row(kind, name)
    _tell(request, check_helpdesk(row), row)
    return redirect("investigations:helpdesk", kind, name)


@require_POST
@page("connection.edit")
def secret(request: HttpRequest, kind: str, name: str) -> HttpResponse:
    """`rotate`: another secret of the webhook beside the old ones, made here or pasted; `drop`: only the newest is
    valid; `launch`: a new key of the sidebar. What is made here is shown in this answer only.
    """
    row, actor = _row(kind, name), person(request)
    action, given = request.POST.get("action", ""), request.POST.get("secret", "").strip()
    if action == "launch":
        return _page(request, row, secret=new_launch_secret(row, actor=actor), of="sidebar")
    if action == "rotate":
        try:
            made = rotate_secret(row.endpoint, actor=actor, secret=given)
        except InvalidInput as refused:
            messages.error(request, refused.detail)
            return redirect("investigations:helpdesk", kind, name)
        if not given:
            return _page(request, _row(kind, name), secret=made, of="webhook")
        messages.success(request, "The secret is stored. Earlier ones stay valid until you drop them.")
    elif action == "drop":
        drop_old_secrets(row.endpoint, actor=actor)
        messages.success(request, "Only the newest secret of the webhook is valid now.")
    return redirect("investigations:helpdesk", kind, name)


@require_POST
@page("connection.edit")
def switch(request: HttpRequest, kind: str, name: str) -> HttpResponse:
    row, on = _row(kind, name), request.POST.get("to") == "on"
    switch_helpdesk(row, on=on, actor=person(request))
    messages.success(request, f"{row.endpoint} is {'on' if on else 'off: its events are refused from now on'}.")
    return redirect("investigations:helpdesk", kind, name)


@require_POST
@page("connection.edit")
def read_past(request: HttpRequest, kind: str, name: str) -> HttpResponse:
    """Read the last days, or stop reading them."""
    row, actor = _row(kind, name), person(request)
    days = request.POST.get("days", "")
    try:
        if request.POST.get("action") == "cancel":
            running = Backfill.objects.filter(connection=row, status=Backfill.Status.RUNNING).first()
            if running is not None:
                cancel(running, actor=actor)
            messages.success(request, "No further page is read. What was read stays.")
        else:
            start_backfill(row, days=int(days) if days.isdecimal() and len(days) < 5 else 0, actor=actor)
            messages.success(request, "Reading has begun. Tickets that are read start no investigations.")
    except DomainError as refused:
        messages.error(request, refused.detail)
    return redirect("investigations:helpdesk", kind, name)
