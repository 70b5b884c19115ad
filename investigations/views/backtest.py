"""Closed tickets: what Altor would have said, and what the team found. A finding may be recorded on the spot."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from altor.access import page, person
from altor.errors import DomainError
from altor.listing import keyset_page
from altor.models import User
from investigations.forms import BacktestForm
from investigations.models import Ticket, Trial
from investigations.services.causes import by_class
from investigations.services.findings import record_finding
from investigations.services.trial_report import report_of
from investigations.services.trial_work import begin_here
from investigations.services.trials import start_backtest
from investigations.views.trials import live_part, state_of, stopped, visible_trial

_KIND = Trial.Kind.BACKTEST


@require_http_methods(["GET", "HEAD", "POST"])
@page("run.read")
def backtests(request: HttpRequest) -> HttpResponse:
    """The list, newest first, and the form that begins one."""
    user = person(request)
    may_try = user.may("trial.start")
    form = BacktestForm(request.POST if request.method == "POST" and may_try else None)
    if request.method == "POST":
        if not may_try:
            raise Http404
        if form.is_valid():
            trial = start_backtest(actor=user, **form.chosen())
            begin_here(trial)
            return redirect("investigations:backtest", trial.ref)
    listed = Trial.objects.visible_to(user).filter(kind=_KIND).select_related("requested_by")
    context = {
        "here": "backtests",
        "page": keyset_page(listed.defer("document", "source_yaml"), request.GET.get("cursor", "")),
        "form": form,
        "may_try": may_try,
        "closed": Ticket.objects.visible_to(user).filter(status=Ticket.Status.RESOLVED).count(),
    }
    return render(request, "investigations/backtest_list.html", context, status=422 if form.errors else 200)


def _more(user: User) -> dict[str, object]:
    return {"may_try": user.may("trial.start"), "may_say": user.may("run.feedback")}


@require_safe
@page("run.read")
def backtest(request: HttpRequest, ref: str) -> HttpResponse:
    user = person(request)
    trial = visible_trial(user, ref, _KIND)
    report = report_of(trial, user)
    context = {"here": "backtests", "trial": trial, "report": report, "state": state_of(trial), **_more(user)}
    return render(request, "investigations/backtest.html", context | {"causes": by_class(report.causes)})


@require_safe
@page("run.read")
def live(request: HttpRequest, ref: str) -> HttpResponse:
    user = person(request)
    trial = visible_trial(user, ref, _KIND)
    return live_part(request, trial, user, "investigations/_backtest_live.html", **_more(user))


@require_POST
@page("trial.start")
def cancel(request: HttpRequest, ref: str) -> HttpResponse:
    return stopped(request, visible_trial(person(request), ref, _KIND), "backtest")


@require_POST
@page("run.feedback")
def found(request: HttpRequest, ref: str, ticket_ref: str) -> HttpResponse:
    """What the team found to be the cause of one of the trial's tickets."""
    user = person(request)
    trial = visible_trial(user, ref, _KIND)
    ticket = Ticket.objects.visible_to(user).filter(ref=ticket_ref).first()
    if ticket is None:
        raise Http404
    try:
        record_finding(
            ticket, label=request.POST.get("label", "").strip(), comment=request.POST.get("comment", ""), actor=user
        )
    except DomainError as refused:
        messages.error(request, f"{ticket.ref}: {refused.detail}")
    else:
        messages.success(request, f"Recorded for {ticket.ref}.")
    return redirect(f"{reverse('investigations:backtest', args=[trial.ref])}#row-{ticket.ref}")
