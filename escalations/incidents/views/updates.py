"""Write an update for customers: from the stage's template, checked, and what became of it in each ticket."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from altor.access import page, person
from altor.errors import Conflict, DomainError
from escalations.incidents.declaring import next_update
from escalations.incidents.updates import (
    Stage,
    UpdateLeaks,
    Words,
    check,
    cleaned,
    next_stage,
    preview,
    proposed,
    publish,
)
from escalations.incidents.views.finding import moment_of, visible_incident
from escalations.incidents.wording import words
from escalations.models import Incident


@require_http_methods(["GET", "HEAD", "POST"])
@page("incident.work")
def update(request: HttpRequest, ref: str) -> HttpResponse:
    """`do`: fill (another stage's template), check, or publish. A refusal shows the page with what was typed."""
    user = person(request)
    found = visible_incident(user, ref)
    if not found.is_open:
        raise Conflict(f"{found.ref} is closed: reopen it first.")
    if request.method != "POST":
        return _form(request, found, _stage(request.GET.get("stage", ""), found))
    stage = _stage(request.POST.get("stage", ""), found)
    if request.POST.get("do") == "fill":
        return _form(request, found, stage)
    texts = _texts(request)
    try:
        due = moment_of(request.POST.get("next_update_at", ""))
        if request.POST.get("do") == "check":
            findings = check(found.run, texts).as_list()
            return _form(request, found, stage, texts=texts, findings=findings, was_checked=True, due=due)
        wish = Words(stage, texts, due, request.POST.get("override_reason", ""), _token(request.POST.get("token", "")))
        made = publish(found, wish, actor=user, now=timezone.now())
    except UpdateLeaks as leaks:
        return _form(request, found, stage, texts=texts, findings=leaks.extra["findings"], refused=leaks.detail,
                     status=leaks.status, was_checked=True)  # fmt: skip
    except DomainError as refused:
        return _form(request, found, stage, texts=texts, refused=refused.detail, status=refused.status,
                     errors=refused.extra.get("errors", {}))  # fmt: skip
    drafted = sum(one["state"] in ("drafted", "renewed") for one in made.drafts)
    messages.success(
        request,
        f"Kept, and drafted in {drafted} ticket{'' if drafted == 1 else 's'}. Nothing was sent: owners send it.",
    )
    return redirect("incidents:incident", found.ref)


def _stage(given: str, found: Incident) -> str:
    return given if given in Stage.values else next_stage(found)


def _token(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        return uuid.uuid4()


def _texts(request: HttpRequest) -> dict[str, str]:
    """Language -> what was typed."""
    found = {name.removeprefix("text:"): cleaned(str(text)) for name, text in request.POST.items()
             if name.startswith("text:")}  # fmt: skip
    return {language: text for language, text in found.items() if len(language) <= 8}


def _form(
    request: HttpRequest, found: Incident, stage: str, *, texts: Mapping[str, str] | None = None,
    findings: Sequence[Mapping[str, Any]] = (), due: datetime | None = None, status: int = 200, **more: Any,
) -> HttpResponse:  # fmt: skip
    user, now = person(request), timezone.now()
    known = words()
    names = known.languages if known is not None else {"en": "English"}
    shown = dict(texts if texts is not None else proposed(found, stage)) or {"en": ""}
    usual = due or next_update(found, now)
    context = {
        "here": "incidents", "incident": found, "stage": stage, "stages": Stage.choices, "now": now,
        "fields": [
            {
                "code": code, "name": names.get(code, code), "text": text,
                "error": (more.get("errors") or {}).get(f"texts.{code}"),
                "findings": [one for one in findings if one.get("language") == code],
                "preview": preview(found, text, code, usual),
            }
            for code, text in shown.items()
        ],
        "leaks": sum(bool(one.get("is_leak")) for one in findings), "may_override": user.may("reply.override"),
        "tickets": found.links.filter(unlinked_at=None).count(), "usual": usual,
        "next_update_at": request.POST.get("next_update_at") or timezone.localtime(usual).strftime("%Y-%m-%dT%H:%M"),
        "token": request.POST.get("token") or uuid.uuid4(), "typed": request.POST, **more,
    }  # fmt: skip
    return render(request, "incidents/update.html", context, status=status)
