"""Practice: closed tickets with the diagnosis hidden, a person's answer, and the comparison."""

from __future__ import annotations

import uuid

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from altor.access import page, person
from altor.errors import DomainError
from altor.listing import keyset_page
from altor.models import User
from altor.roles import Role
from investigations.forms import CLAIM_LABELS, known_classes
from investigations.models import Investigation, PracticeTry, TicketClaim
from investigations.services.causes import by_class, known_causes
from investigations.services.practice import (
    DIFFICULTIES,
    SCOPES,
    compare_try,
    difficulty_of,
    fit_for_practice,
    record_of,
    record_try,
)


class TryForm(forms.Form):
    token = forms.UUIDField(widget=forms.HiddenInput)
    label = forms.CharField(max_length=60)
    scope = forms.ChoiceField(choices=SCOPES)
    next_step = forms.CharField(required=False, max_length=1000)
    confidence = forms.FloatField(required=False, min_value=0, max_value=100)


@require_safe
@page("practice.try")
def practice(request: HttpRequest) -> HttpResponse:
    """Tickets fit for practice, and one's own record. Leads also see what others tried at their tickets."""
    user = person(request)
    classes = known_classes()
    wanted = request.GET.get("class", "")
    wanted = wanted if wanted in dict(classes) else ""
    level = request.GET.get("difficulty", "")
    level = level if level in DIFFICULTIES else ""
    fit = fit_for_practice(user, incident_class=wanted, difficulty=level).select_related("ticket__customer")
    found = keyset_page(fit.defer("diagnosis", "inputs", "profile", "seen"), request.GET.get("cursor", ""), size=20)
    own = list(PracticeTry.objects.filter(person=user).select_related("run__ticket")[:200])
    last = {attempt.run_id: attempt for attempt in reversed(own)}
    others = PracticeTry.objects.visible_to(user).exclude(person=user).select_related("person", "run__ticket")
    context = {
        "here": "practice",
        "page": found,
        "lines": [(run, difficulty_of(run), last.get(run.pk)) for run in found.rows],
        "classes": classes,
        "levels": list(DIFFICULTIES),
        "chosen": {"class": wanted, "difficulty": level},
        "own": own[:20],
        "record": record_of(own),
        "others": others[:30] if user.role in (Role.LEAD, Role.ADMIN) else None,
    }
    return render(request, "investigations/practice_list.html", context)


def _run(user: User, ref: str) -> Investigation:
    found = fit_for_practice(user).by_ref(ref).select_related("ticket__customer", "playbook").first()
    if found is None:
        raise Http404
    return found


@require_http_methods(["GET", "HEAD", "POST"])
@page("practice.try")
def case(request: HttpRequest, ref: str) -> HttpResponse:
    """One ticket: what a new engineer would have, step by step. A refused answer keeps what was typed."""
    user = person(request)
    run = _run(user, ref)
    form = TryForm(request.POST if request.method == "POST" else None)
    refused = ""
    if request.method == "POST":
        if form.is_valid():
            data = dict(form.cleaned_data)
            sure = data.pop("confidence")
            try:
                made = record_try(run, person=user, confidence=None if sure is None else sure / 100, **data)
            except DomainError as error:
                refused = error.detail
            else:
                return redirect("investigations:practice-try", made.pk)
        else:
            refused = "Choose the cause and how far it reaches; how sure you are is between 0 and 100."
    steps = run.steps.filter(position__gt=0).exclude(status__in=["skipped", "asked", "cancelled"])
    context = {
        "here": "practice",
        "run": run,
        "ticket": run.ticket,
        "difficulty": difficulty_of(run),
        "steps": steps.prefetch_related("evidence"),
        "claims": [
            (CLAIM_LABELS[TicketClaim.Kind(claim.kind)], claim) for claim in run.ticket.claims.filter(is_active=True)
        ],
        "causes": by_class(known_causes(run.playbook.document if run.playbook else {})),
        "scopes": SCOPES,
        "token": request.POST.get("token") or uuid.uuid4(),
        "given": request.POST,
        "refused": refused,
    }
    return render(request, "investigations/practice_case.html", context, status=422 if refused else 200)


@require_safe
@page("practice.try")
def attempt(request: HttpRequest, pk: int) -> HttpResponse:
    """A try beside what Altor and the team found. Its person and leads see it."""
    tries = PracticeTry.objects.visible_to(person(request)).select_related("person", "run__ticket", "run__playbook")
    found = get_object_or_404(tries, pk=pk)
    # A ticket that has moved to another team since is no longer shown.
    if not Investigation.objects.visible_to(person(request)).filter(pk=found.run_id).exists():
        raise Http404
    context = {
        "here": "practice",
        "attempt": found,
        "run": found.run,
        "ticket": found.run.ticket,
        "found": compare_try(found),
        "scopes": dict(SCOPES),
    }
    return render(request, "investigations/practice_try.html", context)
