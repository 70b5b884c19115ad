"""Automatic investigations: the rules in force, the switch, what they would have done, and every version."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from altor.access import page, person
from altor.errors import DomainError
from altor.templatetags.altor_ui import CLASS_NAMES
from investigations.automation.rules import INSTALLATION, Calendar, RuleSet
from investigations.automation.words import conditions_of, hours_of
from investigations.forms_automation import DefaultForm, calendars
from investigations.models import AutomationDecision, AutomationVersion
from investigations.services.automation import usage
from investigations.services.automation_rules import (
    InForce,
    RulesChanged,
    as_text,
    difference,
    restore_version,
    rules_in_force,
    rules_of,
    save_rules,
)
from investigations.services.automation_simulation import Simulation, simulate
from investigations.services.automation_switch import switch_off, switch_on, switch_state
from investigations.views.automation_rules import base_of

VERSIONS_SHOWN = 20


@require_safe
@page("automation.read")
def automation(request: HttpRequest) -> HttpResponse:
    return _page(request, rules_in_force())


def _page(request: HttpRequest, now: InForce, *, form: DefaultForm | None = None, **more: Any) -> HttpResponse:
    """The page; with `form` as somebody has filled the default and the quota, and `more` what came of it."""
    at = timezone.now()
    found: Simulation = simulate(now.rules, now=at)
    context = {
        "here": "automation",
        "now": now,
        "lines": [(rule, conditions_of(rule, CLASS_NAMES), found.by_rule[rule.key]) for rule in now.rules.rules],
        "default_form": form or DefaultForm(initial={"default": now.rules.default.value,
                                                     "quota_per_hour": now.rules.quota_per_hour}),
        "used": usage("", at).total if now.number else None,
        "waiting": AutomationDecision.objects.waiting().count(),
        "switch": switch_state(),
        "environment_on": settings.AUTO_INVESTIGATE,
        "simulation": found,
        "hours": _hours(now.rules),
        "versions": AutomationVersion.objects.select_related("created_by").defer("data")[:VERSIONS_SHOWN],
        "base": now.number,
        "may_edit": person(request).may("automation.edit"),
        **more,
    }  # fmt: skip
    status = 409 if more.get("conflict") else 422 if form is not None and form.errors else 200
    return render(request, "investigations/automation.html", context, status=status)


def _hours(rules: RuleSet) -> list[tuple[str, str, str]]:
    """(slug, whose, hours in words or "") for the installation and each team."""
    listed = []
    for slug, title in calendars():
        own = rules.calendars.get(slug) or (Calendar() if slug == INSTALLATION else None)
        listed.append((slug, title, hours_of(own) if own else ""))
    return listed


@require_POST
@page("automation.edit")
def default(request: HttpRequest) -> HttpResponse:
    """The default and the installation's quota: saved, or tried on the last days first."""
    now, form = rules_in_force(), DefaultForm(request.POST)
    if not form.is_valid():
        return _page(request, now, form=form)
    wanted = RuleSet.model_validate({**now.rules.as_data(), **form.cleaned_data})
    if request.POST.get("action") == "try":
        return _page(request, now, form=form, tried=simulate(wanted, now=timezone.now()), base=base_of(request))
    try:
        save_rules(wanted, base=base_of(request), actor=person(request), comment=request.POST.get("comment", ""))
    except RulesChanged as changed:
        return _page(request, rules_in_force(), form=form, conflict=changed.detail)
    messages.success(request, "The default and the quota are in force.")
    return redirect("investigations:automation")


@require_POST
@page("automation.edit")
def switch(request: HttpRequest) -> HttpResponse:
    """The kill switch."""
    actor, reason = person(request), request.POST.get("reason", "")
    try:
        if request.POST.get("to") == "on":
            switch_on(actor=actor, reason=reason)
            said = "Automatic investigations are on: the rules decide again."
        else:
            row = switch_off(actor=actor, reason=reason, cancel_queued=request.POST.get("cancel") == "yes")
            said = "Automatic investigations are off for everybody." + (
                f" {row.cancelled} queued run{'s were' if row.cancelled != 1 else ' was'} cancelled."
                if row.cancelled
                else ""
            )
    except DomainError as refused:
        messages.error(request, refused.detail)
    else:
        messages.success(request, said)
    return redirect("investigations:automation")


@require_safe
@page("automation.read")
def version(request: HttpRequest, number: int) -> HttpResponse:
    """One version as text, and what differs in the one in force."""
    now, rules = rules_in_force(), rules_of(number)
    row = AutomationVersion.objects.select_related("created_by").filter(number=number).first()
    before = rules_of(number - 1) if number else None
    context = {
        "here": "automation",
        "number": number,
        "row": row,
        "now": now,
        "text": as_text(rules),
        "changes": difference(before, rules) if before is not None else [],
        "against_now": difference(now.rules, rules) if number != now.number else [],
        "may_edit": person(request).may("automation.edit"),
    }
    return render(request, "investigations/automation_version.html", context)


@require_http_methods(["POST"])
@page("automation.edit")
def restore(request: HttpRequest, number: int) -> HttpResponse:
    """An earlier version as the newest one. The undo of a change posts here too, with its `base` in the address."""
    try:
        now = restore_version(number, base=base_of(request), actor=person(request))
    except RulesChanged as changed:
        messages.error(request, f"{changed.detail} Look at it first, then bring version {number} back from its page.")
        return redirect(reverse("investigations:automation"))
    messages.success(request, f"The rules of version {number} are in force again, as version {now.number}.")
    return redirect("investigations:automation")
