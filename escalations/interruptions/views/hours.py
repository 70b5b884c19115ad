"""Interruption hours: of an escalation or a question with its sessions, and of teams by week."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from altor.access import page, person
from altor.errors import DomainError, InvalidInput, PermissionRefused
from altor.models import Team, User
from altor.roles import PERMISSIONS, Role
from escalations.interruptions.ledger import Ledger, of_period, of_subject
from escalations.interruptions.overview import by_contract, by_incident_class, by_team, week_of
from escalations.interruptions.people import People
from escalations.interruptions.typed import engineer_key, may_type, type_hours
from escalations.interruptions.views.questions import minutes_of, visible_question
from escalations.models import Escalation, Question
from escalations.views.escalation import visible_escalation


@require_http_methods(["GET", "HEAD", "POST"])
@page("escalation.read")
def of_escalation(request: HttpRequest, ref: str) -> HttpResponse:
    """A panel for htmx, a page for everybody else; POST types hours in."""
    return _hours(request, visible_escalation(person(request), ref))


@require_http_methods(["GET", "HEAD", "POST"])
@page("escalation.read")
def of_question(request: HttpRequest, ref: str) -> HttpResponse:
    return _hours(request, visible_question(person(request), ref))


def _hours(request: HttpRequest, subject: Escalation | Question) -> HttpResponse:
    user = person(request)
    if request.method != "POST":
        return _show(request, subject, user)
    if not user.may("escalation.work"):
        raise PermissionRefused(PERMISSIONS["escalation.work"][1])
    given = request.POST
    try:
        minutes = _minutes(given.get("hours", ""), given.get("minutes", ""))
        who = engineer_key(given.get("engineer", ""), People.read(), user)
        type_hours(subject, who=who, day=_day(given.get("day", "")), minutes=minutes, actor=user, now=timezone.now(),
                   note=given.get("note", ""))  # fmt: skip
    except DomainError as refused:
        return _show(request, subject, user, status=refused.status, refused=refused.detail, given=given)
    messages.success(request, "Kept." if minutes is not None else "What was measured counts again.")
    name = "escalations:escalation" if isinstance(subject, Escalation) else "interruptions:question"
    return redirect(name, subject.ref)


def _minutes(hours: str, minutes: str) -> int | None:
    """None where neither was written: what was typed in before is taken back."""
    parts = minutes_of(hours), minutes_of(minutes)
    if parts == (None, None):
        return None
    return (parts[0] or 0) * 60 + (parts[1] or 0)


def _day(written: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise InvalidInput("Choose a day.", errors={"day": ["Write it like 2026-05-01."]}) from None


def _show(
    request: HttpRequest, subject: Escalation | Question, user: User, *, status: int = 200, **more: Any
) -> HttpResponse:
    now = timezone.now()
    ledger = of_subject(subject, now=now)
    is_escalation = isinstance(subject, Escalation)
    context = {
        "here": "escalations" if is_escalation else "questions", "subject": subject, "is_escalation": is_escalation,
        "ledger": ledger, "lines": [(one, ledger.people.title(one.who)) for one in ledger.lines],
        "may_type": may_type(user, f"user:{user.pk}"), "may_type_others": user.role in (Role.LEAD, Role.ADMIN),
        "day": request.POST.get("day") or f"{timezone.localtime(now):%Y-%m-%d}",
        "refocus_minutes": settings.REFOCUS_MINUTES,
        "questions": _began_as(subject, user),
        **more,
    }  # fmt: skip
    is_panel = request.headers.get("HX-Request") and request.method != "POST"
    return render(request, f"interruptions/{'_time' if is_panel else 'time'}.html", context, status=status)


def _began_as(subject: Escalation | Question, user: User) -> list[Question]:
    if isinstance(subject, Question):
        return []
    return list(Question.objects.visible_to(user).filter(escalation=subject))


@require_safe
@page("escalation.read")
def overview(request: HttpRequest) -> HttpResponse:
    """Teams by week. `?week=2026-W18`, `?team=slug`. No figures of single people."""
    now = timezone.now()
    first = week_of(request.GET.get("week", ""), timezone.localtime(now).date())
    team = Team.objects.filter(slug=request.GET.get("team", "")).first()
    whole = of_period(first, first + timedelta(days=6), now=now)
    ledger = whole.of_team(team) if team is not None else whole
    context = {
        "here": "interruptions", "first": first, "last": first + timedelta(days=6), "team": team,
        "teams": Team.objects.order_by("name"), "ledger": ledger, "week": f"{first:%G-W%V}",
        "before": f"{first - timedelta(days=7):%G-W%V}", "after": _after(first, now),
        "groups": _groups(whole, ledger), "refocus_minutes": settings.REFOCUS_MINUTES,
    }  # fmt: skip
    return render(request, "interruptions/overview.html", context)


def _after(first: date, now: datetime) -> str:
    after = first + timedelta(days=7)
    return f"{after:%G-W%V}" if after <= timezone.localtime(now).date() else ""


def _groups(whole: Ledger, ledger: Ledger) -> list[tuple[str, str, Any]]:
    return [
        ("teams", "By team", by_team(whole)),
        ("classes", "By class", by_incident_class(ledger)),
        ("contracts", "By contract", by_contract(ledger)),
    ]
