"""The board: open escalations by clock, and those that ended lately."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.db.models import Count, F, Q
from django.db.models.functions import Least
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from altor.access import page, person
from altor.listing import keyset_page
from altor.models import Team, User
from escalations.contracts.format import SEVERITIES
from escalations.interruptions.quality import scores
from escalations.models import Escalation
from escalations.models.escalations import OPEN

#: Shown at once; nobody works on more.
_MOST: Final = 200
#: Ended ones are lately this long.
_LATELY: Final = timedelta(days=14)


@require_safe
@page("escalation.read")
def board(request: HttpRequest) -> HttpResponse:
    user, now = person(request), timezone.now()
    mine, team, severity = request.GET.get("mine") == "1", request.GET.get("team", ""), request.GET.get("severity", "")
    rows = Escalation.objects.visible_to(user)
    if mine:
        rows = rows.filter(
            Q(accepted_by=user) | Q(owner_person=user) | Q(sent_by=user) | Q(links__ticket__owner=user)
        ).distinct()  # fmt: skip
    if team:
        rows = rows.filter(owner_team__slug=team)
    if severity:
        rows = rows.filter(severity=severity)
    ending = request.GET.get("ended") == "1"
    shown = rows.with_context().defer("packet", "checklist", "ticket__description", "run__diagnosis", "run__inputs")
    context: dict[str, Any] = {
        "here": "escalations", "severities": SEVERITIES, "now": now, "mine": mine, "team": team,
        "severity": severity, "ended": ending,
        "teams": Team.objects.order_by("name"), "is_filtered": bool(mine or team or severity),
        "any": Escalation.objects.visible_to(user).exists(),
        "counts": {
            "open": rows.filter(status__in=OPEN).count(),
            "late": rows.filter(status__in=OPEN, is_broken=True).count(),
            "asked": rows.filter(status__in=OPEN, waits_for="support").count(),
        },
    }  # fmt: skip
    if ending:
        context["page"] = keyset_page(shown.exclude(status__in=OPEN), request.GET.get("cursor", ""))
        context["rows"] = [(one, None) for one in context["page"].rows]
        context["quality"] = scores(rows.exclude(status__in=OPEN))
    else:
        found = by_clock(shown.filter(status__in=OPEN))
        context["rows"] = [(one, _next(one)) for one in found[:_MOST]]
        context["lately"] = rows.exclude(status__in=OPEN).filter(ended_at__gte=now - _LATELY).count()
    return render(request, "escalations/board.html", context)


def by_clock(rows: Any) -> Any:
    """Those whose next window ends first, first; then by severity."""
    return rows.annotate(
        tickets=Count("links", distinct=True),
        # PostgreSQL's least() leaves out what is unknown.
        next_due=Least("acknowledge_by", "update_by", "resolve_by"),
    ).order_by(F("next_due").asc(nulls_last=True), "severity", "pk")


def _next(one: Escalation) -> str:
    """Which window ends first."""
    named = (("Acknowledge", one.acknowledge_by), ("Next word", one.update_by), ("Resolve", one.resolve_by))
    due = [(at, name) for name, at in named if at is not None]
    return min(due)[1] if due else ""


def open_count(user: User) -> int:
    """For the rail: open escalations that are late, or that wait for an answer of support's."""
    rows = Escalation.objects.visible_to(user).open()
    return rows.filter(Q(is_broken=True) | Q(waits_for="support")).count()
