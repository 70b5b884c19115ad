"""Known causes beside a ticket: entries that may explain it, whether they helped, and what the closed ticket leaves."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from altor.access import page, person
from altor.errors import DomainError
from altor.models import User
from investigations.models import Ticket
from knowledge.entries.learning import learn, learned, learning_question
from knowledge.entries.reuse import use_entry
from knowledge.models import Entry, Learned, Recognition
from knowledge.recognition.known import known_entries, recognitions


def _ticket(user: User, ref: str) -> Ticket:
    return get_object_or_404(Ticket.objects.visible_to(user).select_related("customer", "team"), ref=ref)


@require_safe
@page("knowledge.read")
def known(request: HttpRequest, ref: str) -> HttpResponse:
    """Filled into the pages of tickets and runs by htmx; a page of its own without. Writes nothing."""
    user = person(request)
    return _answer(request, user, _ticket(user, ref))


def _answer(request: HttpRequest, user: User, ticket: Ticket, **more: Any) -> HttpResponse:
    question = learning_question(ticket, user)
    context = {
        "here": "tickets",
        "ticket": ticket,
        "found": known_entries(ticket, user, question.alike if question is not None else None),
        "question": question,
        "said": learned(ticket),
        "ways": Learned.How.choices,
        "whys": Learned.Why.choices,
        "may_write": user.may("knowledge.write"),
        "may_learn": user.may("knowledge.write") and user.may("ticket.resolve"),
        **more,
    }
    name = "_known.html" if request.headers.get("HX-Request") else "known.html"
    return render(request, f"knowledge/{name}", context, status=422 if more.get("refused") else 200)


@require_POST
@page("knowledge.write")
def use(request: HttpRequest, ref: str) -> HttpResponse:
    """The entry helped on this ticket, or it did not hold."""
    user = person(request)
    ticket = _ticket(user, ref)
    entry = get_object_or_404(Entry.objects.visible_to(user).by_ref(request.POST.get("entry", "")))
    try:
        use_entry(entry, ticket, verdict=request.POST.get("verdict", ""), actor=user)
    except DomainError as refused:
        return _answer(request, user, ticket, refused=refused.detail)
    return _back(request, user, ticket)


@require_POST
@page("knowledge.write")
def learn_(request: HttpRequest, ref: str) -> HttpResponse:
    """What the closed ticket left behind; a new draft is opened to be completed."""
    user = person(request)
    ticket = _ticket(user, ref)
    given = {name: request.POST.get(name, "").strip()[:500] for name in ("how", "entry", "why", "reason")}
    entry = Entry.objects.visible_to(user).by_ref(given["entry"]).first()
    try:
        said = learn(ticket, how=given["how"], entry=entry, why=given["why"], reason=given["reason"], actor=user)
    except DomainError as refused:
        return _answer(request, user, ticket, refused=refused.detail, given=given)
    if said.entry is not None and said.how in (Learned.How.DRAFT, Learned.How.IMPROVED):
        response = redirect("knowledge:entry-edit", said.entry.ref)
        if request.headers.get("HX-Request"):
            answer = HttpResponse(status=204)
            answer["HX-Redirect"] = response["Location"]
            return answer
        return response
    return _back(request, user, ticket)


def _back(request: HttpRequest, user: User, ticket: Ticket) -> HttpResponse:
    if request.headers.get("HX-Request"):
        return _answer(request, user, ticket)
    messages.success(request, "Recorded.")
    return redirect("knowledge:known", ticket.ref)


@require_safe
@page("knowledge.read")
def recognition(request: HttpRequest, ref: str, pk: int) -> HttpResponse:
    """What the detection query of an entry said during a run of the ticket: the query as sent, and what came back."""
    user = person(request)
    ticket = _ticket(user, ref)
    found = get_object_or_404(Recognition.objects.visible_to(user).with_context(), pk=pk, investigation__ticket=ticket)
    run = found.investigation
    state = next((state for one, state in recognitions(run, user) if one.pk == found.pk), found.state)
    context = {"here": "tickets", "ticket": ticket, "run": run, "item": found, "entry": found.entry, "state": state}
    return render(request, "knowledge/recognition.html", context)
