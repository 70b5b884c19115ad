"""Questions to engineering: the list, one of them, and the panel on a ticket's page with which one is asked."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from altor.access import page, person
from altor.errors import DomainError, InvalidInput, PermissionRefused
from altor.listing import keyset_page
from altor.models import User
from altor.roles import PERMISSIONS
from escalations.interruptions.asking import AlreadyAsked, ask, begin_escalating, withdraw
from escalations.interruptions.choosing import audience, choices
from escalations.interruptions.links import link_token
from escalations.interruptions.typed import answer_and_type
from escalations.lifecycle.acting import Doer
from escalations.models import Question, QuestionPerson
from investigations.models import Investigation, Ticket
from investigations.views.tickets import visible_ticket


def visible_question(user: User, ref: str) -> Question:
    """The question, or 404: unknown and forbidden look alike."""
    found = Question.objects.visible_to(user).by_ref(ref).with_context().first()
    if found is None:
        raise Http404
    return found


@require_safe
@page("escalation.read")
def questions(request: HttpRequest) -> HttpResponse:
    """Open ones, the longest waiting first; `?ended=1` those that are over, newest first."""
    user, now = person(request), timezone.now()
    rows = Question.objects.visible_to(user).with_context()
    ended, mine = request.GET.get("ended") == "1", request.GET.get("mine") == "1"
    if mine:
        rows = rows.filter(people__user=user).distinct()
    context: dict[str, Any] = {"here": "questions", "now": now, "ended": ended, "mine": mine}
    if ended:
        context["page"] = keyset_page(rows.exclude(status=Question.Status.ASKED), request.GET.get("cursor", ""))
        context["rows"] = context["page"].rows
    else:
        context["rows"] = list(rows.open().order_by("asked_at", "pk")[:200])
    context["any"] = bool(context["rows"]) or Question.objects.visible_to(user).exists()
    return render(request, "interruptions/questions.html", context)


@require_safe
@page("escalation.read")
def question(request: HttpRequest, ref: str) -> HttpResponse:
    user = person(request)
    return render(request, "interruptions/question.html", _shown(visible_question(user, ref), user))


def _shown(found: Question, user: User) -> dict[str, Any]:
    people = list(found.people.select_related("user"))
    may_open = Ticket.objects.visible_to(user).filter(pk=found.ticket_id).exists()
    return {
        "here": "questions", "question": found, "now": timezone.now(), "may_open": may_open,
        "asks": [one.user for one in people if one.part == QuestionPerson.Part.ASKS],
        "told": [one.user for one in people if one.part == QuestionPerson.Part.TOLD],
        "may_answer": found.is_open and user.may("escalation.work"),
        "may_change": found.is_open and user.may("question.ask"),
        "link": settings.BASE_URL + reverse("interruptions:by-link", args=[link_token(found)]),
    }  # fmt: skip


@require_POST
@page("escalation.read")
def act(request: HttpRequest, ref: str) -> HttpResponse:
    """`act`: answer, withdraw, escalate. What was typed is not lost when it is refused."""
    user, now = person(request), timezone.now()
    found = visible_question(user, ref)
    text = request.POST.get("text", "").replace("\r\n", "\n")
    try:
        match request.POST.get("act"):
            case "answer":
                _answer(request, found, text, user)
                messages.success(request, "Answered: whoever asked is told.")
            case "withdraw":
                withdraw(found, actor=user, now=now, why=text)
                messages.success(request, "Taken back: those who were asked are told.")
            case "escalate":
                sent = begin_escalating(found, actor=user, now=now)
                if sent is None:
                    return redirect("escalations:escalate", found.ticket.ref)
                messages.success(request, f"{found.ref} became {sent.ref}.")
            case _:
                raise Http404
    except DomainError as refused:
        found.refresh_from_db()
        context = _shown(found, user) | {"refused": refused.detail, "typed": text, "refused_act": request.POST["act"]}
        return render(request, "interruptions/question.html", context, status=refused.status)
    return redirect("interruptions:question", found.ref)


def _answer(request: HttpRequest, found: Question, text: str, user: User) -> None:
    answer_and_type(found, text, Doer(user), minutes_of(request.POST.get("minutes", "")), now=timezone.now())


def minutes_of(written: str) -> int | None:
    """None where nothing was written."""
    text = written.strip()
    if not text:
        return None
    if not text.isdecimal() or len(text) > 4:
        raise InvalidInput("Minutes are a whole number.", errors={"minutes": ["A whole number."]})
    return int(text)


@require_http_methods(["GET", "HEAD", "POST"])
@page("escalation.read")
def of_ticket(request: HttpRequest, ref: str) -> HttpResponse:
    """A ticket's questions and the form to ask one: a panel for htmx, a page for everybody else."""
    user = person(request)
    ticket = visible_ticket(user, ref)
    if request.method == "POST":
        return _ask(request, ticket, user)
    return _panel(request, ticket, user)


def _panel(request: HttpRequest, ticket: Ticket, user: User, *, status: int = 200, **more: Any) -> HttpResponse:
    may_ask = user.may("question.ask") and ticket.status != Ticket.Status.RESOLVED
    context = {
        "here": "tickets", "ticket": ticket, "may_ask": may_ask, "choices": choices() if may_ask else [],
        "questions": list(Question.objects.visible_to(user).filter(ticket=ticket).with_context()[:10]), **more,
    }  # fmt: skip
    is_panel = request.headers.get("HX-Request") and request.method != "POST"
    return render(request, f"interruptions/{'_panel' if is_panel else 'ask'}.html", context, status=status)


def _ask(request: HttpRequest, ticket: Ticket, user: User) -> HttpResponse:
    if not user.may("question.ask"):
        raise PermissionRefused(PERMISSIONS["question.ask"][1])
    text, written = request.POST.get("text", "").replace("\r\n", "\n"), request.POST.get("to", "")
    run = Investigation.objects.visible_to(user).filter(ticket=ticket, status="done").order_by("-pk").first()
    try:
        asked, is_new = ask(
            ticket, text, audience(written), actor=user, now=timezone.now(), run=run,
            joins=request.POST.get("act") == "join",
        )  # fmt: skip
    except AlreadyAsked as known:
        return _panel(request, ticket, user, status=409, refused=known.detail, like=known.extra["question"], typed=text,
                      to=written)  # fmt: skip
    except DomainError as refused:
        return _panel(request, ticket, user, status=refused.status, refused=refused.detail, typed=text, to=written)
    words = f"{asked.ref} went to {asked.to}." if is_new else f"You hear the answer to {asked.ref} too."
    messages.success(request, words)
    return redirect("interruptions:question", asked.ref)
