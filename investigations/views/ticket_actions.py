"""What ends a ticket's life and begins it again: marked as replied, resolved, reopened."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from altor import flash
from altor.access import page, person
from altor.errors import DomainError
from investigations.forms import ReplyForm
from investigations.models import Investigation, Ticket
from investigations.services.closures import explain_closure
from investigations.services.lifecycle import mark_replied, reopen, resolve
from investigations.views.tickets import visible_ticket


def _back(request: HttpRequest, found: Ticket) -> HttpResponse:
    """To the page the button stood on: `?run=` names a run of this ticket, else the ticket's own."""
    run = _run_in(request, found)
    return redirect("investigations:run", run.ref) if run else redirect("investigations:ticket", found.ref)


def _run_in(request: HttpRequest, found: Ticket) -> Investigation | None:
    runs = Investigation.objects.visible_to(person(request)).filter(ticket=found)
    return runs.by_ref(request.GET.get("run", "")).first()


@require_POST
@page("ticket.reply")
def replied(request: HttpRequest, ref: str) -> HttpResponse:
    user = person(request)
    found = visible_ticket(user, ref)
    form = ReplyForm(request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(map(str, form.errors["text"])))
        return _back(request, found)
    try:
        mark_replied(found, actor=user, text=form.cleaned_data["text"])
    except DomainError as refused:
        messages.error(request, refused.detail)
    else:
        messages.success(request, f"{found.ref} is marked as replied.")
    return _back(request, found)


@require_POST
@page("ticket.resolve")
def resolved(request: HttpRequest, ref: str) -> HttpResponse:
    user = person(request)
    found = visible_ticket(user, ref)
    resolve(found, actor=user)
    run = _run_in(request, found)
    undo = reverse("investigations:ticket-reopen", args=[found.ref]) + (f"?run={run.ref}" if run else "")
    flash.done(request, f"{found.ref} is resolved.", undo="Reopen", url=undo)
    return _back(request, found)


@require_POST
@page("ticket.resolve")
def explained(request: HttpRequest, ref: str) -> HttpResponse:
    """How a closed ticket ended."""
    user = person(request)
    found = visible_ticket(user, ref)
    how, label, reason = (request.POST.get(name, "") for name in ("how", "label", "reason"))
    try:
        explain_closure(found, actor=user, how=how, label=label, reason=reason)
    except DomainError as refused:
        messages.error(request, refused.detail)
    else:
        messages.success(request, "Recorded. Thank you: it tells how far diagnoses can be trusted.")
    return _back(request, found)


@require_POST
@page("ticket.resolve")
def reopened(request: HttpRequest, ref: str) -> HttpResponse:
    user = person(request)
    found = visible_ticket(user, ref)
    try:
        reopen(found, actor=user)
    except DomainError as refused:
        messages.error(request, refused.detail)
    else:
        messages.success(request, f"{found.ref} is open again.")
    return _back(request, found)
