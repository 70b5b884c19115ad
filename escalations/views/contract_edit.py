"""The editor of contracts: YAML with a live check against a past ticket."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from altor.access import page, person
from altor.errors import DomainError
from altor.models import User
from escalations.attachments.reading import files_of
from escalations.contracts.checklist import checklist, missing
from escalations.contracts.choosing import fit, place_of
from escalations.contracts.format import ContractForm, remarks
from escalations.contracts.reading import ContractInvalid, read_contract
from escalations.contracts.stored import ensure_library, save_contract
from escalations.lifecycle.proposing import answers_of, proposed_severity
from escalations.models import Contract, ContractVersion
from investigations.models import Investigation

#: Past runs offered to look at it with.
_OFFERED: Final = 40


@require_http_methods(["GET", "HEAD", "POST"])
@page("contract.edit")
def new(request: HttpRequest) -> HttpResponse:
    """A contract for an area of its own, begun from the text of another."""
    ensure_library()
    begun = ContractVersion.objects.active().order_by("contract__key").first()
    text = begun.source_yaml if begun is not None else ""
    return _edit(request, None, text.replace("key: engineering", "key: my-area", 1))


@require_http_methods(["GET", "HEAD", "POST"])
@page("contract.edit")
def edit(request: HttpRequest, key: str) -> HttpResponse:
    """Begins from the version in force, or from the one that `from` names."""
    contract = get_object_or_404(Contract, key=key)
    wanted = request.GET.get("from", "")
    versions = contract.versions.order_by("-is_active", "-number")
    begun = versions.filter(number=int(wanted)).first() if wanted.isdecimal() and len(wanted) < 9 else None
    return _edit(request, contract, (begun or versions[0]).source_yaml)


def _edit(request: HttpRequest, contract: Contract | None, text: str) -> HttpResponse:
    latest = contract.versions.order_by("-number").first() if contract is not None else None
    context: dict[str, Any] = {
        "here": "contracts", "contract": contract, "text": text, "runs": _runs(person(request)),
        "base": latest.number if latest is not None else "", "comment": "",
    }  # fmt: skip
    status = 200
    if request.method == "POST":
        # A browser sends a text area's line ends as CRLF.
        text = request.POST.get("text", "").replace("\r\n", "\n")
        base, comment = request.POST.get("base", ""), request.POST.get("comment", "")[:300]
        try:
            stored = save_contract(
                text, actor=person(request), comment=comment, key=contract.key if contract is not None else "",
                based_on=int(base) if base.isdecimal() and len(base) < 9 else None,
                activate=request.POST.get("action") != "keep",
            )  # fmt: skip
        except DomainError as refused:
            context |= {"text": text, "comment": comment, "base": base, "refused": refused.detail,
                        "problems": refused.extra.get("problems", [])}  # fmt: skip
            status = 422 if isinstance(refused, ContractInvalid) else refused.status
        else:
            said = f"{stored} is in force." if stored.is_active else f"{stored} is stored, and not in force."
            messages.success(request, said)
            return redirect("escalations:contract-version", stored.contract.key, stored.number)
    return render(request, "escalations/contract_edit.html", context, status=status)


def _runs(user: User) -> list[Investigation]:
    """Finished runs to look at it with, those that asked for an escalation first."""
    done = Investigation.objects.visible_to(user).filter(status=Investigation.Status.DONE).select_related("ticket")
    found = list(done.defer("diagnosis", "inputs", "profile", "seen").order_by("-pk")[: 4 * _OFFERED])
    return sorted(found, key=lambda run: not run.severity)[:_OFFERED]


@require_POST
@page("contract.edit")
def check(request: HttpRequest) -> HttpResponse:
    """What is wrong with the text, and what it would ask of the chosen run. Stores nothing."""
    text = request.POST.get("text", "").replace("\r\n", "\n")
    context: dict[str, Any] = {}
    try:
        form = read_contract(text)
    except ContractInvalid as refused:
        return render(request, "escalations/_contract_check.html", {"problems": refused.extra["problems"]})
    runs = Investigation.objects.visible_to(person(request)).by_ref(request.POST.get("run", "")).with_context()
    run = runs.filter(status=Investigation.Status.DONE).first()
    context |= {"form": form, "remarks": list(remarks(form)), "run": run}
    if run is not None:
        context |= _on(form, run, request.POST.get("severity", ""))
    return render(request, "escalations/_contract_check.html", context)


def _on(form: ContractForm, run: Investigation, severity: str) -> dict[str, Any]:
    proposed, why = proposed_severity(run)
    at = severity if severity in form.levels else proposed if proposed in form.levels else next(iter(form.levels))
    items = checklist(form, run, at, answers_of(run.ticket), files_of(run.ticket))
    return {
        "severity": at, "proposed": proposed, "why": why, "items": items, "missing": missing(items),
        "fits": fit(form.area, *place_of(run)),
    }  # fmt: skip
