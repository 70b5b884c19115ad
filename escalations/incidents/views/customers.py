"""The customers of an incident: who has written, the notice for those who have not, who was told."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from altor.access import page, person
from altor.audit import record_event
from altor.errors import DomainError, PermissionRefused
from altor.roles import PERMISSIONS
from escalations.incidents.customers import (
    add_customer,
    as_csv,
    customers_of,
    keep_notice,
    mark_told,
    notice_for,
    proposed_notice,
    undo_told,
)
from escalations.incidents.updates import UpdateLeaks, check, cleaned
from escalations.incidents.views.finding import visible_incident, whole
from escalations.incidents.wording import words
from escalations.models import Incident, IncidentCustomer


@require_safe
@page("incident.read")
def customers(request: HttpRequest, ref: str) -> HttpResponse:
    return _page(request, visible_incident(person(request), ref))


def _page(request: HttpRequest, found: Incident, *, status: int = 200, **more: Any) -> HttpResponse:
    user = person(request)
    known = words()
    names = known.languages if known is not None else {}
    listed = customers_of(found, user)
    texts = more.pop("texts", None) or proposed_notice(found)
    findings = more.pop("findings", ())
    code = next(iter(found.notice), "")
    context = {
        "here": "incidents", "incident": found, "customers": listed, "ways": IncidentCustomer.How.choices,
        "may_work": user.may("incident.work"), "may_export": user.may("export") and user.may("incident.work"),
        "may_override": user.may("reply.override"), "reads_directory": user.may("customer.read"),
        "fields": [
            {
                "code": one, "name": names.get(one, one), "text": text,
                "findings": [item for item in findings if item.get("language") == one],
            }
            for one, text in texts.items()
        ],
        "leaks": sum(bool(one.get("is_leak")) for one in findings), "typed": request.POST,
        "silent": [(one, notice_for(found, one, code, str(user)) if code else "") for one in listed.silent], **more,
    }  # fmt: skip
    return render(request, "incidents/customers.html", context, status=status)


@require_POST
@page("incident.work")
def act(request: HttpRequest, ref: str) -> HttpResponse:
    """`act`: told (one or several), undo, add, check, notice. What was typed is not lost when it is refused."""
    user, now, given = person(request), timezone.now(), request.POST
    found = visible_incident(user, ref)
    texts = {name.removeprefix("text:"): cleaned(str(text)) for name, text in given.items() if name.startswith("text:")}
    try:
        match given.get("act"):
            case "told":
                n = mark_told(
                    found, [whole(one) for one in given.getlist("customer")], how=given.get("how", ""), actor=user,
                    now=now,
                )  # fmt: skip
                messages.success(request, f"{n} marked as told.")
            case "undo":
                undo_told(found, whole(given.get("customer", "")), actor=user, now=now)
                messages.success(request, "Not told after all.")
            case "add":
                is_new = add_customer(found, given.get("org_id", "")[:120], actor=user, now=now)
                messages.success(request, "Added." if is_new else "They are listed already.")
            case "check":
                return _page(request, found, texts=texts, findings=check(found.run, texts).as_list(), was_checked=True)
            case "notice":
                keep_notice(found, texts, override_reason=given.get("override_reason", ""), actor=user, now=now)
                messages.success(request, "Kept. Copy it, or export it for all; nothing is sent by itself.")
            case _:
                raise Http404
    except UpdateLeaks as leaks:
        return _page(request, found, texts=texts, findings=leaks.extra["findings"], refused=leaks.detail,
                     was_checked=True, status=leaks.status)  # fmt: skip
    except DomainError as refused:
        return _page(request, found, texts=texts or None, refused=refused.detail, status=refused.status)
    return redirect("incidents:customers", found.ref)


@require_safe
@page("incident.work")
def export(request: HttpRequest, ref: str) -> HttpResponse:
    """Those who have not written, with the notice filled for each. It is audited."""
    user = person(request)
    found = visible_incident(user, ref)
    if not user.may("export"):
        raise PermissionRefused(PERMISSIONS["export"][1])
    listed = customers_of(found, user).silent
    record_event(actor=user, action="incident.customers_exported", target=found, after={"customers": len(listed)})
    headers = {"Content-Disposition": f'attachment; filename="{found.ref}-customers.csv"'}
    return HttpResponse(as_csv(found, listed, str(user)), content_type="text/csv; charset=utf-8", headers=headers)
