"""Publishing a draft, with what it changes in sight, and the second person's approval."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from altor import flash
from altor.access import page, person
from altor.errors import DomainError
from altor.words import counted
from investigations.models import PlaybookVersion
from investigations.playbooks.diff import changes, text_lines
from investigations.playbooks.loader import PlaybookInvalid, Problem
from investigations.services import publishing
from investigations.services.approvals import approval_is_on
from investigations.services.drafts import version_in_force
from investigations.views.playbook_edit import address, check_context, draft_or_begun, editor_of


@require_http_methods(["GET", "HEAD", "POST"])
@page("playbook.edit")
def publish(request: HttpRequest, key: str = "") -> HttpResponse:
    """What the draft changes, why, and the button; three ways where somebody else was faster."""
    problems: list[Problem] = []
    refused = ""
    if request.method == "POST":
        over = request.POST.get("over", "")
        try:
            stored = publishing.publish(
                owner=person(request), key=key, revision=int(request.POST.get("revision", "0") or 0),
                comment=request.POST.get("comment", "")[:300], over=int(over) if over.isdecimal() else None,
                activate=request.POST.get("activate", "on") == "on",
            )  # fmt: skip
        except PlaybookInvalid as invalid:
            problems = invalid.problems
        except DomainError as error:
            refused = error.detail
        except ValueError:
            refused = "The form is not complete: open it again."
        else:
            messages.success(request, _told(stored, request.POST.get("activate", "on") == "on"))
            return redirect("investigations:playbook-version", stored.key, stored.version)
    draft = draft_or_begun(request, key)
    context = {
        **check_context(draft),
        **_three_ways(draft),
        "here": "playbooks",
        "problems": problems,
        "refused": refused,
        "comment": request.POST.get("comment", ""),
        "needs_approval": approval_is_on(),
        "editor": editor_of(key),
        "takeup_url": address("takeup", key),
    }
    return render(request, "investigations/playbook_publish.html", context, status=422 if problems or refused else 200)


def _told(stored: PlaybookVersion, was_to_be_active: bool) -> str:
    if stored.is_active:
        return f"{stored} is in force: new runs take it, runs under way keep theirs."
    if was_to_be_active:
        return f"{stored} is stored and waits for the approval of a second person."
    return f"{stored} is stored, not in force."


def _three_ways(draft: Any) -> dict[str, Any]:
    """Mine and theirs since the common beginning, and what they make together; {} when nobody was faster."""
    now = publishing.standing(draft)
    theirs = now.in_force
    lines = text_lines(theirs.source_yaml, draft.text) if theirs is not None else []
    if not now.has_moved or theirs is None:
        return {"lines": lines}
    base = now.base
    merged = publishing.merged_with(draft, theirs)
    return {
        "lines": lines,
        "theirs": theirs,
        "base": base,
        "their_changes": changes(base.document, theirs.document) if base else [],
        "their_lines": text_lines(base.source_yaml, theirs.source_yaml) if base else [],
        "my_lines": text_lines(base.source_yaml, draft.text) if base else [],
        "merged": merged,
    }


@require_POST
@page("playbook.edit")
def take_up(request: HttpRequest, key: str = "") -> HttpResponse:
    """Their changes in my draft."""
    try:
        merged = publishing.take_up(owner=person(request), key=key)
    except DomainError as refused:
        messages.error(request, refused.detail)
        return redirect(address("publish", key))
    said = "Their changes are in your draft."
    if merged.conflicts:
        both = counted(merged.conflicts, "place you both changed stands", "places you both changed stand")
        said += f" {both} between marks."
    flash.done(request, said, undo="Undo", url=address("undo", key))
    return redirect(editor_of(key))


@require_POST
@page("playbook.edit")
def approve(request: HttpRequest, key: str, number: int) -> HttpResponse:
    found = get_object_or_404(PlaybookVersion, key=key, version=number)
    against = request.POST.get("against", "")
    try:
        publishing.approve(found, actor=person(request), against=int(against) if against.isdecimal() else None)
    except DomainError as refused:
        messages.error(request, refused.detail)
    else:
        messages.success(request, f"{found} is approved and in force: new runs take it.")
    return redirect("investigations:playbook-version", key, number)


@require_POST
@page("playbook.edit")
def send_back(request: HttpRequest, key: str, number: int) -> HttpResponse:
    found = get_object_or_404(PlaybookVersion, key=key, version=number)
    try:
        publishing.send_back(found, actor=person(request), note=request.POST.get("note", ""))
    except DomainError as refused:
        messages.error(request, refused.detail)
    else:
        messages.success(request, f"{found} is sent back; its author finds it as a draft.")
    return redirect("investigations:playbook-version", key, number)


def approval_context(request: HttpRequest, version: PlaybookVersion) -> dict[str, Any]:
    """For the version's page: its approval, whether this person may decide, and what it would change."""
    from investigations.services.approvals import may_decide

    approval = getattr(version, "approval", None)
    if approval is None:
        return {"approval": None}
    now = version_in_force(version.key)
    return {
        "approval": approval,
        "in_force": now,
        "may_decide": approval.state == "waiting" and may_decide(approval, person(request)),
        "wanted_changes": changes(now.document, version.document) if now and approval.state == "waiting" else [],
    }
