"""A changed playbook over past tickets: started from a version's page, read and stopped here."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from altor.access import page, person
from altor.errors import DomainError
from investigations.models import PlaybookVersion, Trial
from investigations.playbooks.loader import PlaybookInvalid
from investigations.services.trial_report import report_of
from investigations.services.trial_work import begin_here
from investigations.services.trials import USUAL, start_dry_run
from investigations.views.playbook_edit import draft_or_begun, editor_of
from investigations.views.trials import live_part, state_of, stopped, visible_trial

_KIND = Trial.Kind.DRY_RUN


@require_POST
@page("trial.start")
def start(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """What asks nobody is done before the page answers; a worker does the rest."""
    version = get_object_or_404(PlaybookVersion, key=key, version=number)
    last = request.POST.get("last", "")
    try:
        trial = start_dry_run(
            version=version,
            last=int(last) if last.isdecimal() and len(last) < 6 else USUAL,
            asks=request.POST.get("asks") == "on",
            actor=person(request),
        )
    except DomainError as refused:
        messages.error(request, refused.detail)
        return redirect("investigations:playbook-version", key, number)
    begin_here(trial)
    return redirect("investigations:dry-run", trial.ref)


@require_POST
@page("trial.start")
def start_draft(request: HttpRequest, key: str = "") -> HttpResponse:
    """The person's draft, before it is published."""
    draft = draft_or_begun(request, key)
    try:
        trial = start_dry_run(text=draft.text, name="draft", actor=person(request))
    except PlaybookInvalid as invalid:
        messages.error(request, f"The draft cannot be read yet: {invalid.problems[0]}")
        return redirect(editor_of(key))
    except DomainError as refused:
        messages.error(request, refused.detail)
        return redirect(editor_of(key))
    begin_here(trial)
    return redirect("investigations:dry-run", trial.ref)


@require_safe
@page("playbook.read")
def dry_run(request: HttpRequest, ref: str) -> HttpResponse:
    user = person(request)
    trial = visible_trial(user, ref, _KIND)
    context = {
        "here": "playbooks",
        "trial": trial,
        "report": report_of(trial, user),
        "state": state_of(trial),
        "may_try": user.may("trial.start"),
        "version": trial.playbook,
    }
    return render(request, "investigations/dry_run.html", context)


@require_safe
@page("playbook.read")
def live(request: HttpRequest, ref: str) -> HttpResponse:
    user = person(request)
    trial = visible_trial(user, ref, _KIND)
    return live_part(request, trial, user, "investigations/_dry_run_live.html", may_try=user.may("trial.start"))


@require_POST
@page("trial.start")
def cancel(request: HttpRequest, ref: str) -> HttpResponse:
    return stopped(request, visible_trial(person(request), ref, _KIND), "dry-run")
