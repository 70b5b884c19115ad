"""One automation rule: entered, tried on the last days, saved, moved, deleted; business hours."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from altor import flash
from altor.access import page, person
from altor.configuration import canonical
from altor.errors import DomainError, InvalidInput
from investigations.automation.rules import INSTALLATION, Calendar, Rule, RuleSet
from investigations.forms_automation import CalendarForm, RuleForm, calendars
from investigations.services.automation_rules import (
    InForce,
    RulesChanged,
    moved,
    rules_in_force,
    save_rules,
    with_rule,
    without,
)
from investigations.services.automation_simulation import simulate


def base_of(request: HttpRequest) -> int:
    """The version that the page was made of: in the form, or in the address of an undo. Without one nothing fits."""
    text = request.POST.get("base") or request.GET.get("base", "")
    return int(text) if text.isdecimal() and len(text) < 10 else -1


@require_http_methods(["GET", "HEAD", "POST"])
@page("automation.edit")
def rule(request: HttpRequest, key: str = "") -> HttpResponse:
    now = rules_in_force()
    found = now.rules.rule(key) if key else None
    if key and found is None and request.method != "POST":
        raise Http404
    form = RuleForm(found, request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return _rule_page(request, key, found, form, now)
    try:
        wanted = with_rule(now.rules, form.as_rule(), key)
        if request.POST.get("action") == "try":
            at = timezone.now()
            tried, before = simulate(wanted, now=at), simulate(now.rules, now=at)
            return _rule_page(request, key, found, form, now, tried=tried, simulation=before, base=base_of(request))
        saved = save_rules(
            wanted, base=base_of(request), actor=person(request), comment=request.POST.get("comment", "")
        )
    except RulesChanged as changed:
        return _rule_page(request, key, found, form, rules_in_force(), conflict=changed.detail)
    except InvalidInput as refused:
        form.add_error(None, refused.detail)
        return _rule_page(request, key, found, form, now)
    messages.success(request, f"“{form.cleaned_data['title']}” is in force, as version {saved.number} of the rules.")
    return redirect("investigations:automation")


def _rule_page(
    request: HttpRequest, key: str, found: Rule | None, form: RuleForm, now: InForce, **more: Any
) -> HttpResponse:
    """After a conflict what was typed stays in the form, and what the other person saved stands beside it."""
    theirs = now.rules.rule(key) if key else None
    context = {
        "here": "automation",
        "key": key,
        "rule": found,
        "form": form,
        "base": now.number,
        "comment": request.POST.get("comment", ""),
        "theirs": canonical(theirs.model_dump(mode="json", exclude_defaults=True, exclude={"key"})) if theirs else "",
        "mine": _text_of(form) if more.get("conflict") else "",
        "now": now,
        **more,
    }
    status = 409 if more.get("conflict") else 422 if form.errors else 200
    return render(request, "investigations/automation_rule.html", context, status=status)


def _text_of(form: RuleForm) -> str:
    """The rule as it was entered, in the form in which the one in force stands beside it."""
    rule = Rule.model_validate(form.as_rule())
    return canonical(rule.model_dump(mode="json", exclude_defaults=True))


@require_POST
@page("automation.edit")
def move(request: HttpRequest, key: str) -> HttpResponse:
    by = -1 if request.POST.get("to") == "up" else 1
    now = rules_in_force()
    try:
        save_rules(moved(now.rules, key, by), base=base_of(request), actor=person(request), comment="Order changed")
    except DomainError as refused:
        messages.error(request, refused.detail)
    return redirect(f"{reverse('investigations:automation')}#rule-{key}")


@require_POST
@page("automation.edit")
def delete(request: HttpRequest, key: str) -> HttpResponse:
    now = rules_in_force()
    try:
        gone = now.rules.rule(key)
        saved = save_rules(
            without(now.rules, key), base=base_of(request), actor=person(request),
            comment=f"“{gone.title if gone else key}” deleted",
        )  # fmt: skip
    except DomainError as refused:
        messages.error(request, refused.detail)
    else:
        back = f"{reverse('investigations:automation-restore', args=[now.number])}?base={saved.number}"
        flash.done(request, f"“{gone.title if gone else key}” is deleted.", undo="Undo", url=back)
    return redirect("investigations:automation")


@require_http_methods(["GET", "HEAD", "POST"])
@page("automation.edit")
def hours(request: HttpRequest, slug: str) -> HttpResponse:
    """Business hours of the installation or of a team; `action=drop` takes a team's own away."""
    titles = dict(calendars())
    if slug not in titles:
        raise Http404
    now = rules_in_force()
    own = now.rules.calendars.get(slug)
    form = CalendarForm(own or now.rules.calendars.get(INSTALLATION) or Calendar(), request.POST or None)
    dropped = request.method == "POST" and request.POST.get("action") == "drop"
    conflict = ""
    if request.method == "POST" and (dropped or form.is_valid()):
        try:
            wanted = _with_hours(now.rules, slug, None if dropped else form)
            save_rules(wanted, base=base_of(request), actor=person(request), comment=f"Hours of {titles[slug]}")
        except RulesChanged as changed:
            conflict, now = changed.detail, rules_in_force()
        except InvalidInput as refused:
            form.add_error(None, refused.detail)
        else:
            messages.success(request, "The business hours are in force.")
            return redirect("investigations:automation")
    context = {
        "here": "automation", "form": form, "title": titles[slug], "slug": slug, "own": own, "base": now.number,
        "conflict": conflict, "theirs": canonical(now.rules.as_data()["calendars"].get(slug, {})) if conflict else "",
    }  # fmt: skip
    status = 409 if conflict else 422 if form.errors and not dropped else 200
    return render(request, "investigations/automation_hours.html", context, status=status)


def _with_hours(rules: RuleSet, slug: str, form: forms.Form | None) -> RuleSet:
    kept = {key: value for key, value in rules.calendars.items() if key != slug}
    if isinstance(form, CalendarForm):
        kept[slug] = form.as_calendar()
    return rules.replaced(calendars=kept)
