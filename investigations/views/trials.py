"""What the pages of dry runs and backtests share: finding a trial, polling it, stopping it."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from altor.access import person
from altor.errors import DomainError
from altor.models import User
from investigations.models import Trial, TrialCase
from investigations.services.trial_report import report_of
from investigations.services.trials import cancel_trial
from investigations.views.runs import STOP_POLLING


def visible_trial(user: User, ref: str, kind: Trial.Kind) -> Trial:
    """The trial, or 404: unknown and forbidden look alike."""
    found = Trial.objects.visible_to(user).by_ref(ref).filter(kind=kind)
    trial = found.select_related("playbook", "requested_by").first()
    if trial is None:
        raise Http404
    return trial


def state_of(trial: Trial) -> str:
    """Changes whenever the trial has moved. One indexed query."""
    return f"{trial.status}-{trial.cases.exclude(status=TrialCase.Status.WAITING).count()}"


def stopped(request: HttpRequest, trial: Trial, page: str) -> HttpResponse:
    """Stop the trial, and back to its page with what became of it."""
    try:
        cancel_trial(trial, actor=person(request))
    except DomainError as refused:
        messages.error(request, refused.detail)
    else:
        messages.success(request, f"{trial.ref} is stopped. What was found so far stays.")
    return redirect(f"investigations:{page}", trial.ref)


def live_part(request: HttpRequest, trial: Trial, user: User, template: str, **more: object) -> HttpResponse:
    """204 while state `v` is still current, 286 (stop polling) once the trial is over."""
    state = state_of(trial)
    if trial.is_active and request.GET.get("v") == state:
        return HttpResponse(status=204)
    context = {"report": report_of(trial, user), "trial": trial, "state": state, **more}
    return render(request, template, context, status=200 if trial.is_active else STOP_POLLING)
