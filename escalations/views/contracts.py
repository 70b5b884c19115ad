"""Contracts: the list, one version to read, differences, which one is in force, what it would have made of the past."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from altor.access import page, person
from altor.errors import DomainError
from altor.views.differences import differences
from escalations.contracts.format import remarks
from escalations.contracts.simulation import simulate
from escalations.contracts.spans import said
from escalations.contracts.stored import activate, ensure_library, form_of, restore, withdraw
from escalations.models import Contract, ContractVersion


def version_of(key: str, number: int) -> ContractVersion:
    versions = ContractVersion.objects.select_related("contract", "created_by")
    return get_object_or_404(versions, contract__key=key, number=number)


@require_safe
@page("contract.read")
def contracts(request: HttpRequest) -> HttpResponse:
    ensure_library()
    shown: dict[int, ContractVersion] = {}
    for one in ContractVersion.objects.select_related("contract").order_by("contract__key", "-is_active", "-number"):
        shown.setdefault(one.contract_id, one)
    lines = [(one, form_of(one)) for one in shown.values()]
    context = {"here": "contracts", "lines": lines, "may_edit": person(request).may("contract.edit")}
    return render(request, "escalations/contract_list.html", context)


@require_safe
@page("contract.read")
def contract(request: HttpRequest, key: str) -> HttpResponse:
    """The short address leads to the version in force, or to the newest."""
    found = ContractVersion.objects.filter(contract__key=key).order_by("-is_active", "-number").first()
    if found is None:
        raise Http404
    return redirect("escalations:contract-version", key, found.number)


@require_safe
@page("contract.read")
def version(request: HttpRequest, key: str, number: int) -> HttpResponse:
    found, user = version_of(key, number), person(request)
    form = form_of(found)
    versions = list(found.contract.versions.select_related("created_by").order_by("-number"))
    context = {
        "here": "contracts", "version": found, "form": form, "versions": versions, "remarks": list(remarks(form)),
        "levels": [
            (name, level, form.owner_at(name), said(level.acknowledge_within)) for name, level in form.levels.items()
        ],
        "is_newest": found.pk == versions[0].pk, "may_edit": user.may("contract.edit"),
        "sent": found.escalations.count(),
    }  # fmt: skip
    return render(request, "escalations/contract_version.html", context)


@require_safe
@page("contract.read")
def simulation(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """Which of last month's escalations would have been sent, refused, late under this version."""
    found = version_of(key, number)
    shown = simulate(form_of(found), person(request), now=timezone.now())
    context = {"here": "contracts", "version": found, "shown": shown}
    return render(request, "escalations/contract_simulation.html", context)


@require_safe
@page("contract.read")
def diff(request: HttpRequest, key: str) -> HttpResponse:
    """`from` and `to` name versions; by default the newest against the one before."""
    versions = list(ContractVersion.objects.filter(contract__key=key).select_related("contract").order_by("-number"))
    if not versions:
        raise Http404
    shown = differences(versions, request.GET, lambda one: one.source_yaml)
    return render(request, "escalations/contract_diff.html", {"here": "contracts", "key": key, **shown})


@require_POST
@page("contract.edit")
def activate_(request: HttpRequest, key: str, number: int) -> HttpResponse:
    found = version_of(key, number)
    activate(found, actor=person(request))
    messages.success(request, f"{found} is in force.")
    return redirect("escalations:contract-version", key, number)


@require_POST
@page("contract.edit")
def restore_(request: HttpRequest, key: str, number: int) -> HttpResponse:
    made = restore(version_of(key, number), actor=person(request))
    messages.success(request, f"{made} says what version {number} said, and is in force.")
    return redirect("escalations:contract-version", key, made.number)


@require_POST
@page("contract.edit")
def withdraw_(request: HttpRequest, key: str) -> HttpResponse:
    found = get_object_or_404(Contract, key=key)
    try:
        withdraw(found, actor=person(request))
    except DomainError as refused:
        messages.error(request, refused.detail)
    else:
        messages.success(request, f"{found.key} is out of force; its versions and escalations stay.")
    return redirect("escalations:contract", key)
