"""Metrics: how good the diagnoses were."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from altor.access import page, person
from altor.audit import record_event
from metrics.services.diagnosis_export import as_csv
from metrics.services.diagnosis_quality import DEFAULT, PERIODS, judged_runs, quality_of

_NAMES: Final = {"30": "30 days", "90": "90 days", "365": "365 days", "all": "All time"}


def _period(request: HttpRequest) -> str:
    wanted = request.GET.get("period", "")
    return wanted if wanted in PERIODS else DEFAULT


def _playbook(request: HttpRequest) -> str:
    wanted = request.GET.get("playbook", "")
    return wanted if len(wanted) <= 60 and "\x00" not in wanted else ""


@require_safe
@page("playbook.read")
def diagnosis(request: HttpRequest) -> HttpResponse:
    """Period and playbook stand in the query string; an unknown period is the usual one."""
    user = person(request)
    quality = quality_of(user, period=_period(request), playbook=_playbook(request), now=timezone.now())
    context = {
        "here": "metrics",
        "quality": quality,
        "periods": [(key, name, "" if key == DEFAULT else key) for key, name in _NAMES.items()],
        "period_name": _NAMES[quality.period],
        "default_period": DEFAULT,
        "may_export": user.may("export"),
    }
    return render(request, "metrics/diagnosis.html", context)


@require_safe
@page("export")
def judged_csv(request: HttpRequest) -> HttpResponse:
    """The judged runs behind the page's figures; taking them away is recorded."""
    period, playbook = _period(request), _playbook(request)
    judged = judged_runs(person(request), period=period, playbook=playbook, now=timezone.now())
    record_event(
        actor=person(request),
        action="metrics.judged_exported",
        object_kind="metrics",
        object_ref="diagnosis",
        after={"period": period, "playbook": playbook, "runs": len(judged)},
        request=request,
    )
    headers = {"Content-Disposition": 'attachment; filename="judged-runs.csv"'}
    return HttpResponse(as_csv(judged), content_type="text/csv; charset=utf-8", headers=headers)
