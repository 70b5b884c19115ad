"""Tickets: the list, one ticket with everything known of it, entering one, correcting what was read from it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from altor.access import page, person
from altor.errors import DomainError
from altor.events import KINDS
from altor.listing import keyset_page
from altor.models import PhaseEvent, User
from investigations.filters import TicketFilter, with_progress
from investigations.forms import CLAIM_LABELS, ClaimForm, ClassForm, CustomerChoiceForm, OwnerForm, TicketForm
from investigations.models import GateOverride, Investigation, Ticket, TicketClaim, TicketClosure
from investigations.panels import panels
from investigations.services.automation import newest_decision
from investigations.services.claims import ClaimEdit
from investigations.services.closures import closure_question
from investigations.services.custody import assign
from investigations.services.lifecycle import prospect
from investigations.services.runs import start_investigation
from investigations.services.tickets import correct_ticket, upsert_ticket
from investigations.textmodel.model import NONE

#: The usual way of a ticket's life, for the line at its head. Reply and escalation may both happen.
LIFE: Final = ("received", "classified", "investigating", "diagnosed", "replied", "resolved")
EVENTS_SHOWN: Final = 60
#: A likelihood below this is no reading of the ticket.
_WORTH_TELLING: Final = 0.1
#: What happened, for people; kinds without a sentence here are told in the words of their definition.
WORDS: Final = {
    "ticket.received": "The customer wrote",
    "ticket.classified": "Classified:",
    "ticket.customer_set": "Customer named:",
    "ticket.assigned": "Assigned to",
    "ticket.priority": "Priority:",
    "ticket.tier": "The customer's tier:",
    "run.queued": "An investigation was asked for",
    "run.started": "The investigation began",
    "run.finished": "A diagnosis was reached",
    "run.failed": "The investigation ended without a diagnosis",
    "diagnosis.accepted": "The diagnosis was accepted:",
    "diagnosis.corrected": "The diagnosis was corrected:",
    "gate.overridden": "A gate was passed with a reason:",
    "reply.drafted": "A reply was drafted",
    "reply.sent": "A reply went out",
    "reply.overridden": "A leak in a reply was overridden with a reason",
    "ticket.replied": "The customer was replied to",
    "ticket.resolved": "Resolved",
    "ticket.reopened": "Opened again",
    "ticket.explained": "Said how it ended:",
    "ticket.status": "The helpdesk's status:",
    "ticket.customer_wrote": "The customer wrote again",
}


def visible_ticket(user: User, ref: str) -> Ticket:
    ticket = Ticket.objects.visible_to(user).with_context().filter(ref=ref).first()
    if ticket is None:
        raise Http404
    return ticket


@require_safe
@page("ticket.read")
def tickets(request: HttpRequest) -> HttpResponse:
    user = person(request)
    chosen = TicketFilter(request.GET, user)
    listed = (
        chosen.apply(Ticket.objects.visible_to(user)).with_context().defer("description", "class_why", "customer_why")
    )
    context = {
        "here": "tickets",
        "page": keyset_page(listed, request.GET.get("cursor", ""), by="opened_at"),
        "chosen": chosen,
        "any": chosen.is_active or Ticket.objects.visible_to(user).exists(),
        "may_create": user.may("ticket.create"),
    }
    return render(request, "investigations/ticket_list.html", context)


@require_safe
@page("ticket.read")
def ticket(request: HttpRequest, ref: str) -> HttpResponse:
    return _ticket_page(request, visible_ticket(person(request), ref))


def _ticket_page(request: HttpRequest, found: Ticket, status: int = 200, **forms_: forms.Form) -> HttpResponse:
    user = person(request)
    may_edit = user.may("ticket.edit")
    runs = list(
        with_progress(found.investigations.select_related("playbook"))
        .defer("diagnosis", "inputs", "profile")
        .order_by("-pk")[:20]
    )
    events = _events(found)
    context: dict[str, Any] = {
        "here": "tickets",
        "ticket": found,
        "life": _life(found, runs, {event.kind for event, _ in events}),
        "next": prospect(found),
        "claims": [
            (CLAIM_LABELS[TicketClaim.Kind(claim.kind)], claim) for claim in found.claims.select_related("edited_by")
        ],
        "runs": runs,
        "active": next((run for run in runs if run.is_active), None),
        "overrides": GateOverride.objects.filter(investigation__ticket=found).select_related("user", "investigation"),
        "events": events,
        "decision": newest_decision(found),
        "panels": panels("ticket", user, found.ref),
        "reading": _reading(found),
        "scores": sorted((found.class_why.get("scores") or {}).items(), key=lambda pair: -float(pair[1])),
        "may": {
            "edit": may_edit,
            "start": user.may("run.start"),
            "reply": user.may("ticket.reply"),
            "resolve": user.may("ticket.resolve"),
            "explain": user.may("ticket.resolve") and user.may("run.feedback"),
        },
        "closure": closure_question(found),
        "closure_ways": TicketClosure.How.choices,
        "customer_form": forms_.get("customer")
        or CustomerChoiceForm(initial={"customer": found.customer.org_id if found.customer else ""}),
        "class_form": forms_.get("incident_class") or ClassForm(initial={"incident_class": found.incident_class}),
        "owner_form": forms_.get("owner") or OwnerForm(found, initial={"owner": found.owner}),
        "claim_form": forms_.get("claim") or ClaimForm(),
        "opened": next(iter(forms_), ""),
    }
    return render(request, "investigations/ticket_detail.html", context, status=status)


def _reading(found: Ticket) -> dict[str, Any] | None:
    """What the text model said when the ticket was classified: the version and (key, share, words), likeliest first."""
    read = found.class_why.get("model")
    if not read:
        return None
    likely = sorted(read["probabilities"].items(), key=lambda pair: -float(pair[1]))
    lines = [
        ("no incident" if key == NONE else key, share, read["words"].get(key, ""))
        for key, share in likely[:2]
        if share >= _WORTH_TELLING
    ]
    return {"version": read["version"], "lines": lines} if lines else None


def _life(found: Ticket, runs: Sequence[Investigation], happened: AbstractSet[str]) -> list[tuple[str, str]]:
    """(word, past | now | later) for each station. What was passed by without happening is left out.

    `happened`: kinds of the ticket's events; escalated and reopened take the place they stand for.
    """
    stations = list(LIFE)
    if found.status == Ticket.Status.ESCALATED:
        stations[4] = "escalated"
    elif "escalation.sent" in happened:
        stations.insert(4, "escalated")
    if found.status == Ticket.Status.REOPENED:
        stations.append("reopened")
    now = stations.index(found.status)
    took_place = {
        "investigating": bool(runs),
        "diagnosed": any(run.status == Investigation.Status.DONE for run in runs),
        "replied": "ticket.replied" in happened,
    }
    return [
        (word, "past" if index < now else "now" if index == now else "later")
        for index, word in enumerate(stations)
        if index >= now or took_place.get(word, True)
    ]


def _events(found: Ticket) -> list[tuple[PhaseEvent, str]]:
    listed = (
        PhaseEvent.objects.filter(ticket_ref=found.ref)
        .exclude(kind="run.step")
        .exclude(kind="ticket.received", at__gt=found.opened_at)  # told before the opening came
        .select_related("actor")
        .order_by("-at", "-pk")[:EVENTS_SHOWN]
    )
    return [(event, _says(event)) for event in listed]


def _says(event: PhaseEvent) -> str:
    if event.kind == "ticket.assigned" and not event.data.get("owner"):
        return "Returned to the queue:" if event.data.get("reason") else "Returned to the queue"
    return WORDS.get(event.kind, KINDS.get(event.kind, event.kind))


@require_http_methods(["GET", "HEAD", "POST"])
@page("ticket.create")
def new_ticket(request: HttpRequest) -> HttpResponse:
    user = person(request)
    form = TicketForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        made_up = f"{timezone.now():%y%m%d}-{secrets.token_hex(3)}"
        try:
            created, is_new = upsert_ticket(form.payload(made_up), actor=user)
        except DomainError as refused:
            form.add_error(None, refused.detail)
        else:
            messages.success(request, f"{created.ref} is {'entered' if is_new else 'updated'}.")
            if form.cleaned_data["start"] and user.may("run.start"):
                return _start(request, created, user)
            return redirect("investigations:ticket", created.ref)
    return render(
        request, "investigations/ticket_new.html", {"here": "tickets", "form": form}, status=422 if form.errors else 200
    )


@require_POST
@page("run.start")
def investigate(request: HttpRequest, ref: str) -> HttpResponse:
    user = person(request)
    return _start(request, visible_ticket(user, ref), user)


def _start(request: HttpRequest, found: Ticket, user: User) -> HttpResponse:
    try:
        run = start_investigation(ticket=found, actor=user)
    except DomainError as refused:
        messages.error(request, refused.detail)
        active = Investigation.objects.visible_to(user).filter(ticket=found).unfinished().first()
        return redirect("investigations:run", active.ref) if active else redirect("investigations:ticket", found.ref)
    return redirect("investigations:run", run.ref)


@require_POST
@page("ticket.edit")
def correct(request: HttpRequest, ref: str, what: str) -> HttpResponse:
    """Correct the customer, class or owner, or add a claim: one form each, the same way of handling."""
    user = person(request)
    found = visible_ticket(user, ref)
    builders = {"customer": CustomerChoiceForm, "incident_class": ClassForm, "claim": ClaimForm}
    if what == "owner":
        form: forms.Form = OwnerForm(found, request.POST)
    elif what in builders:
        form = builders[what](request.POST)
    else:
        raise Http404
    if form.is_valid():
        try:
            if what == "claim":
                edit = ClaimEdit(kind=form.cleaned_data["kind"], value=form.cleaned_data["value"])
                correct_ticket(found, actor=user, claims=[edit])
            elif what == "owner":
                assign(found, owner=form.cleaned_data["owner"], actor=user, seen=request.POST.get("seen"))
            else:
                correct_ticket(found, actor=user, **{what: form.cleaned_data[what]})
        except DomainError as refused:
            form.add_error(None, refused.detail)
        else:
            messages.success(request, "Recorded. Later updates from the helpdesk will not change it back.")
            return redirect("investigations:ticket", found.ref)
    return _ticket_page(request, found, 422, **{what: form})


@require_POST
@page("ticket.edit")
def edit_claim(request: HttpRequest, ref: str, pk: int) -> HttpResponse:
    """Change a claim's value, strike it out, or bring it back."""
    user = person(request)
    found = visible_ticket(user, ref)
    if not found.claims.filter(pk=pk).exists():
        raise Http404
    action = request.POST.get("action", "")
    if action == "save":
        edit = ClaimEdit(claim_id=pk, value=request.POST.get("value", "").strip()[:300])
    elif action in ("strike", "restore"):
        edit = ClaimEdit(claim_id=pk, is_active=action == "restore")
    else:
        raise Http404
    try:
        correct_ticket(found, actor=user, claims=[edit])
    except DomainError as refused:
        messages.error(request, refused.detail)
    else:
        messages.success(request, "Recorded.")
    return redirect("investigations:ticket", found.ref)
