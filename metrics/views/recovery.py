"""Recovery confidence beside a closed ticket: a link for the customer, and what the engineer thinks."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from altor.access import page, person
from altor.errors import DomainError
from altor.models import User
from investigations.models import Ticket
from metrics.recovery.asking import QUESTION, SCORES, ask, closed_because, judge, link_of, survey_of


@require_safe
@page("ticket.resolve")
def recovery(request: HttpRequest, ref: str) -> HttpResponse:
    """Filled into the ticket's page by htmx; a page of its own without. Writes nothing."""
    return _answer(request, _ticket(person(request), ref))


@require_POST
@page("ticket.resolve")
def ask_(request: HttpRequest, ref: str) -> HttpResponse:
    user = person(request)
    return _do(request, _ticket(user, ref), lambda ticket: ask(ticket, actor=user))


@require_POST
@page("ticket.resolve")
def judge_(request: HttpRequest, ref: str) -> HttpResponse:
    user, score = person(request), request.POST.get("score", "")
    number = int(score) if score.isdecimal() and len(score) == 1 else 0
    return _do(request, _ticket(user, ref), lambda ticket: judge(ticket, number, actor=user))


def _do(request: HttpRequest, ticket: Ticket, work: Callable[[Ticket], object]) -> HttpResponse:
    try:
        work(ticket)
    except DomainError as refused:
        return _answer(request, ticket, refused.detail)
    if request.headers.get("HX-Request"):
        return _answer(request, ticket)
    return redirect("investigations:ticket", ticket.ref)


def _answer(request: HttpRequest, ticket: Ticket, refused: str = "") -> HttpResponse:
    survey = survey_of(ticket)
    is_open = survey is not None and survey.asked_at is not None and closed_because(survey, timezone.now()) is None
    context = {
        "here": "tickets", "ticket": ticket, "survey": survey, "scores": SCORES.items(), "question": QUESTION,
        "link": link_of(survey) if survey is not None and is_open else "", "refused": refused,
        "is_closed": ticket.resolved_at is not None,
    }  # fmt: skip
    name = "_recovery.html" if request.headers.get("HX-Request") else "recovery.html"
    return render(request, f"metrics/{name}", context, status=422 if refused else 200)


def _ticket(user: User, ref: str) -> Ticket:
    return get_object_or_404(Ticket.objects.visible_to(user), ref=ref)
