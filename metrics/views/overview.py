"""The metrics: the first page, the tickets behind a figure, and both as files."""

from __future__ import annotations

from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from altor.access import page, person
from altor.audit import record_event
from altor.errors import InvalidInput
from altor.models import Team, User
from altor.roles import Role
from metrics.definitions.catalogue import METRICS
from metrics.definitions.metric import Kind, Metric
from metrics.models import Cycle
from metrics.reading.charts import percentile_chart, phase_chart
from metrics.reading.files import lines_csv, overview_csv
from metrics.reading.listing import Lines, lines
from metrics.reading.overview import ENOUGH, Overview
from metrics.reading.scope import DEFAULT_RANGE, RANGES, Scope, last_weeks

#: Cycles that a file of tickets holds.
MOST: Final = 20_000
_ONLY: Final = ("hit", "miss", "anti")


@require_safe
@page("metrics.read")
def overview(request: HttpRequest) -> HttpResponse:
    """Range, class, team and tier stand in the query string; what is unknown is the usual."""
    user = person(request)
    wanted = _scope(request, user)
    found = Overview(wanted, timezone.now())
    context = {
        "here": "metrics", "found": found, "enough": ENOUGH, **_choices(user, wanted),
        "may_export": user.may("export"),
    }  # fmt: skip
    if found.is_enough:
        context |= {
            "phase_chart": phase_chart(found.phase_weeks),
            "percentile_chart": percentile_chart([(week, row[1]) for week, row in found.phase_weeks]),
        }
    return render(request, "metrics/overview.html", context)


@require_safe
@page("metrics.read")
def tickets(request: HttpRequest, name: str) -> HttpResponse:
    """The tickets behind a figure."""
    metric = _metric(name)
    user = person(request)
    wanted = _scope(request, user)
    only = _only(request)
    context = {
        "here": "metrics", "metric": metric, "found": lines(metric, wanted, only=only, page=_page(request)),
        "only": only, "is_share": metric.kind in (Kind.SHARE, Kind.RATIO), **_choices(user, wanted),
        "may_export": user.may("export"),
    }  # fmt: skip
    return render(request, "metrics/tickets.html", context)


@require_safe
@page("export")
def overview_file(request: HttpRequest) -> HttpResponse:
    """Every metric by week; taking it away is recorded."""
    user = person(request)
    wanted = _scope(request, user)
    return _file(request, overview_csv(wanted), "metrics.csv", wanted, "overview", 0)


@require_safe
@page("export")
def tickets_file(request: HttpRequest, name: str) -> HttpResponse:
    metric = _metric(name)
    wanted = _scope(request, person(request))
    found: Lines = lines(metric, wanted, only=_only(request), size=MOST)
    return _file(request, lines_csv(metric, found.lines), f"{name}.csv", wanted, name, len(found.lines))


def _file(request: HttpRequest, text: str, name: str, wanted: Scope, of: str, count: int) -> HttpResponse:
    record_event(
        actor=person(request), action="metrics.exported", object_kind="metrics", object_ref=of,
        after={"first": wanted.first.isoformat(), "last": wanted.last.isoformat(), "tickets": count}, request=request,
    )  # fmt: skip
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=headers)


def _metric(name: str) -> Metric:
    if name not in METRICS:
        raise Http404
    return METRICS[name]


def _only(request: HttpRequest) -> str:
    wanted = request.GET.get("which", "")
    return wanted if wanted in _ONLY else ""


def _page(request: HttpRequest) -> int:
    wanted = request.GET.get("page", "")
    return int(wanted) if wanted.isdecimal() and len(wanted) < 7 else 1


def _scope(request: HttpRequest, user: User) -> Scope:
    weeks = request.GET.get("range", "")
    chosen = {
        name: value
        for name, key in (("incident_class", "class"), ("team", "team"), ("tier", "tier"))
        if (value := request.GET.get(key, "")) and len(value) <= 60 and "\x00" not in value
    }
    length = int(weeks) if weeks.isdecimal() and len(weeks) < 4 and int(weeks) in RANGES else DEFAULT_RANGE
    try:
        return last_weeks(user, length, timezone.now(), **chosen)
    except InvalidInput:  # a team that is not theirs, or gone
        chosen.pop("team", None)
        return last_weeks(user, length, timezone.now(), **chosen)


def _choices(user: User, wanted: Scope) -> dict[str, Any]:
    teams = Team.objects.order_by("name") if user.role == Role.ADMIN else user.teams.order_by("name")
    seen = Cycle.objects.visible_to(user).order_by()
    weeks = len(wanted.weeks)
    return {
        "scope": wanted,
        "ranges": [(n, f"{n} weeks", "" if n == DEFAULT_RANGE else n) for n in RANGES],
        "weeks": weeks,
        "teams": list(teams) if user.role != Role.ENGINEER else [],
        "classes": sorted(seen.exclude(incident_class="").values_list("incident_class", flat=True).distinct()),
        "tiers": sorted(seen.exclude(tier="").values_list("tier", flat=True).distinct()),
        "is_filtered": bool(wanted.incident_class or wanted.team or wanted.tier),
        "hidden_range": weeks if weeks != DEFAULT_RANGE else "",
    }
