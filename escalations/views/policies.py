"""SLA policies: the list with who answers for each queue, one version to read, differences, editing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from altor.access import page, person
from altor.errors import DomainError
from altor.models import Team, User
from altor.roles import Role
from altor.views.differences import differences
from escalations.forms import PolicyText, QueueForm
from escalations.models import SlaPolicy, SlaPolicyVersion, TeamQueue
from escalations.ownership.format import PolicyForm, amount_text, as_file, form_of, from_text
from escalations.ownership.policies import activate, save_policy, withdraw
from escalations.ownership.queues import owners_of, set_queue
from escalations.ownership.words import KINDS, local

_NEW: Final = """\
key: premium
title: Premium customers
tier: premium
hours: {zone: Europe/Berlin, week: {mon-fri: 09:00-17:00}, holidays: DE}
first_reply: 1 h
next_reply: 4 h
resolution: {within: 24 h, hours: always}
pauses: [customer]
unowned_after: 1 h
"""


def _version(key: str, number: int) -> SlaPolicyVersion:
    return get_object_or_404(
        SlaPolicyVersion.objects.select_related("policy", "created_by"), policy__key=key, number=number
    )


@require_safe
@page("ticket.read")
def policies(request: HttpRequest) -> HttpResponse:
    """Every policy with the version in force, or its newest."""
    user, now = person(request), timezone.now()
    shown: dict[int, SlaPolicyVersion] = {}
    counts: dict[int, int] = {}
    for version in SlaPolicyVersion.objects.select_related("policy").order_by("policy", "-number"):
        counts[version.policy_id] = counts.get(version.policy_id, 0) + 1
        if version.policy_id not in shown or version.is_active:
            shown[version.policy_id] = version
    lines = [(version, _targets(form_of(version)), counts[pk]) for pk, version in shown.items()]
    lines.sort(key=lambda line: (line[0].policy.tier, line[0].policy.incident_class, line[0].policy.priority))
    may_edit = user.may("sla.edit")
    context = {
        "here": "sla-policies",
        "lines": lines,
        "may_edit": may_edit,
        "queues": [(team, owners_of(team, now), _queue_form(team) if may_edit else None) for team in _teams(user)],
    }
    return render(request, "escalations/policy_list.html", context)


def _teams(user: User) -> list[Team]:
    found = Team.objects.all() if user.role == Role.ADMIN else Team.objects.filter(memberships__user=user)
    return list(found)


def _queue_form(team: Team) -> QueueForm:
    queue = TeamQueue.objects.filter(team=team).first()
    return QueueForm(team, initial={"person": queue.person_id if queue else None}, auto_id=f"q-{team.slug}-%s")


def _targets(form: PolicyForm) -> list[str]:
    return [amount_text(target.within) if target is not None else "" for target in form.targets.values()]


@require_POST
@page("sla.edit")
def queue_owner(request: HttpRequest, slug: str) -> HttpResponse:
    """Who answers for a team's queue."""
    user = person(request)
    team = next((team for team in _teams(user) if team.slug == slug), None)
    if team is None:
        raise Http404
    form = QueueForm(team, request.POST)
    if form.is_valid():
        set_queue(team, person=form.cleaned_data["person"], actor=user)
        messages.success(request, f"Recorded who answers for the queue of {team}.")
    else:
        messages.error(request, f"Choose somebody of {team}.")
    return redirect("escalations:sla-policies")


@require_safe
@page("ticket.read")
def policy(request: HttpRequest, key: str) -> HttpResponse:
    """The short address leads to the version in force, or to the newest."""
    found = SlaPolicyVersion.objects.filter(policy__key=key).order_by("-is_active", "-number").first()
    if found is None:
        raise Http404
    return redirect("escalations:sla-policy-version", key, found.number)


@require_safe
@page("ticket.read")
def version(request: HttpRequest, key: str, number: int) -> HttpResponse:
    found, now = _version(key, number), timezone.now()
    form = form_of(found)
    versions = list(found.policy.versions.select_related("created_by").order_by("-number"))
    context = {
        "here": "sla-policies",
        "version": found,
        "form": form,
        "promises": promises(form, now),
        "unowned_after": amount_text(form.unowned_after) if form.unowned_after else "",
        "warn_before": amount_text(form.warn.before),
        "versions": versions,
        "file": as_file(found),
        "may_edit": person(request).may("sla.edit"),
    }
    return render(request, "escalations/policy_version.html", context)


def promises(form: PolicyForm, now: datetime) -> list[tuple[str, str, str]]:
    """(what, within, when it would be due for a ticket that comes now), in the zone that is in force."""
    return [
        (KINDS[kind], amount_text(target.within), local(form.hours_for(kind).add(now, target.within), now))
        for kind, target in form.targets.items()
        if target is not None
    ]


@require_safe
@page("ticket.read")
def diff(request: HttpRequest, key: str) -> HttpResponse:
    """`from` and `to` name versions; by default the newest against the one before."""
    versions = list(SlaPolicyVersion.objects.filter(policy__key=key).select_related("policy").order_by("-number"))
    if not versions:
        raise Http404
    shown = differences(versions, request.GET, as_file)
    return render(request, "escalations/policy_diff.html", {"here": "sla-policies", "key": key, **shown})


@require_http_methods(["GET", "HEAD", "POST"])
@page("sla.edit")
def new(request: HttpRequest) -> HttpResponse:
    return _editor(request, None, _NEW)


@require_http_methods(["GET", "HEAD", "POST"])
@page("sla.edit")
def edit(request: HttpRequest, key: str) -> HttpResponse:
    """Begins with the version in force; `from` names another one."""
    found = get_object_or_404(SlaPolicy, key=key)
    versions = found.versions.select_related("policy")
    wanted = request.GET.get("from", "")
    chosen = versions.filter(number=int(wanted)).first() if wanted.isdecimal() and len(wanted) < 9 else None
    return _editor(request, found, as_file(chosen or versions.order_by("-is_active", "-number")[0]))


def _editor(request: HttpRequest, found: SlaPolicy | None, text: str) -> HttpResponse:
    form = PolicyText(request.POST or None, initial={"text": text})
    if request.method == "POST" and form.is_valid():
        stored = _stored(request, form, found)
        if stored is not None:
            messages.success(request, f"{stored} is in force for tickets that come from now on.")
            return redirect("escalations:sla-policy-version", stored.policy.key, stored.number)
    latest = found.versions.order_by("-number").first() if found is not None else None
    context = {
        "here": "sla-policies",
        "form": form,
        "policy": found,
        "base": request.POST.get("base") or (latest.number if latest else ""),
        "check": _checked(request.POST.get("text", text)),
    }
    return render(request, "escalations/policy_edit.html", context, status=422 if form.errors else 200)


def _stored(request: HttpRequest, form: PolicyText, found: SlaPolicy | None) -> SlaPolicyVersion | None:
    """The version as it is stored; None with the form's errors set."""
    base = request.POST.get("base", "")
    based_on = int(base) if found is not None and base.isdecimal() and len(base) < 9 else None
    try:
        read = from_text("The policy", form.cleaned_data["text"].replace("\r\n", "\n"))
        if found is not None and read.key != found.key:
            raise DomainError(f"This is the policy {found.key}; a policy of another key is a new one.")
        return save_policy(
            read.model_dump(by_alias=True), actor=person(request), comment=form.cleaned_data["comment"],
            based_on=based_on,
        )  # fmt: skip
    except DomainError as refused:
        problems: Mapping[str, list[str]] = refused.extra.get("errors") or {"": [refused.detail]}
        for place, sentences in problems.items():
            form.add_error("text", [f"{place}: {said}".removeprefix(": ") for said in sentences])
        return None


@require_POST
@page("sla.edit")
def check(request: HttpRequest) -> HttpResponse:
    """What is wrong with the text, or what it promises. Stores nothing."""
    return render(request, "escalations/_policy_check.html", {"check": _checked(request.POST.get("text", "")[:20_000])})


def _checked(text: str) -> dict[str, Any]:
    try:
        read = from_text("The policy", text.replace("\r\n", "\n"))
    except DomainError as refused:
        problems: Mapping[str, list[str]] = refused.extra.get("errors") or {"": [refused.detail]}
        return {"problems": [(place, said) for place, many in problems.items() for said in many]}
    return {"form": read, "promises": promises(read, timezone.now())}


@require_POST
@page("sla.edit")
def activate_(request: HttpRequest, key: str, number: int) -> HttpResponse:
    found = _version(key, number)
    activate(found, actor=person(request))
    messages.success(request, f"{found} is in force for tickets that come from now on.")
    return redirect("escalations:sla-policy-version", key, number)


@require_POST
@page("sla.edit")
def withdraw_(request: HttpRequest, key: str) -> HttpResponse:
    found = get_object_or_404(SlaPolicy, key=key)
    withdraw(found, actor=person(request))
    messages.success(request, f"No ticket comes under {found.key} any more; those that are stay.")
    return redirect("escalations:sla-policy", key)
