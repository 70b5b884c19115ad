"""The connection that files in Linear: whether it works, what it filed, what waits; entered, tested, switched off."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib import messages
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from altor.access import page, person
from altor.audit import record_event
from altor.errors import InvalidInput
from altor.listing import keyset_page
from escalations.linear.connections import check_connection, remove_connection, save_connection
from escalations.linear.filing import retry
from escalations.linear.following import current_eta
from escalations.linear.forms import LinearConnectionForm
from escalations.linear.polling import is_away
from escalations.models import LinearConnection, TrackedIssue
from escalations.models.linear import Outgoing
from investigations.sources.base import ConnectionReport

NAME = "main"


def _row() -> LinearConnection | None:
    return LinearConnection.objects.filter(is_active=True, name=NAME).first()


def _address() -> str:
    return f"{settings.BASE_URL}/api/v1/hooks/linear/{NAME}/"


@require_safe
@page("connection.read")
def connection(request: HttpRequest) -> HttpResponse:
    row, now = _row(), timezone.now()
    failed = Count("links", filter=Q(links__status=Outgoing.FAILED), distinct=True) + Count(
        "comments", filter=Q(comments__status=Outgoing.FAILED), distinct=True
    )
    issues = TrackedIssue.objects.annotate(tickets=Count("links", distinct=True), refused=failed).defer("description")
    listed = keyset_page(issues, request.GET.get("cursor", ""))
    context = {
        "here": "connections",
        "row": row,
        "is_away": row is not None and is_away(row, now),
        "page": listed,
        "lines": [(issue, current_eta(issue, now=now)) for issue in listed.rows],
        "address": _address(),
        "may_edit": person(request).may("connection.edit"),
    }
    return render(request, "escalations/linear.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@page("connection.edit")
def edit(request: HttpRequest) -> HttpResponse:
    row = _row()
    form = LinearConnectionForm(row, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            saved = save_connection(form.values(), actor=person(request), name=NAME)
        except InvalidInput as refused:
            field = str(refused.extra.get("field", ""))
            form.add_error(field if field in form.fields else None, refused.detail)
        else:
            _tell(request, check_connection(saved, now=timezone.now()))
            return redirect("linear:connection")
    context = {"here": "connections", "form": form, "row": row, "address": _address()}
    return render(request, "escalations/linear_edit.html", context, status=422 if form.errors else 200)


@require_POST
@page("connection.edit")
def test(request: HttpRequest) -> HttpResponse:
    row = _row()
    if row is None:
        raise Http404
    _tell(request, check_connection(row, now=timezone.now()))
    return redirect("linear:connection")


@require_POST
@page("connection.edit")
def remove(request: HttpRequest) -> HttpResponse:
    row = _row()
    if row is None:
        raise Http404
    remove_connection(row, actor=person(request))
    messages.success(request, "Filing in Linear is switched off and the key is forgotten.")
    return redirect("linear:connection")


@require_POST
@page("connection.edit")
def again(request: HttpRequest, client_id: uuid.UUID) -> HttpResponse:
    """Try once more what was given up for one issue."""
    issue = get_object_or_404(TrackedIssue, client_id=client_id)
    retry(issue, timezone.now())
    record_event(
        actor=person(request), action="linear_issue.retried", object_kind="linear_issue", object_ref=issue.ref
    )  # fmt: skip
    messages.success(request, f"{str(issue)[:1].upper()}{str(issue)[1:]} is tried once more.")
    return redirect("linear:connection")


def _tell(request: HttpRequest, report: ConnectionReport) -> None:
    if not report.ok:
        messages.error(request, f"Linear: {report.message}")
        return
    messages.success(request, f"Linear answers in {report.seconds * 1000:.0f} ms. {report.message}.")
    for warning in report.warnings:
        messages.warning(request, f"Linear: {warning}")
