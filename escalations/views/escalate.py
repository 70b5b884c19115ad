"""Escalate a ticket: what is proposed, what is missing and how to supply it, send or join."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from altor.access import page, person
from altor.errors import DomainError
from altor.models import User
from escalations.attachments.keeping import attach, detach, read_upload
from escalations.attachments.kinds import ENDINGS
from escalations.contracts.spans import said
from escalations.lifecycle.again import ending_of, predecessor_of, said_of
from escalations.lifecycle.answers import store_answers
from escalations.lifecycle.drafts import save_draft
from escalations.lifecycle.owners import owners
from escalations.lifecycle.proposing import Proposal, draft_of, escalatable, propose
from escalations.lifecycle.sending import AlreadyEscalated, ContractUnmet, Wish, send
from escalations.models import AttachedFile, Escalation
from investigations.models import Investigation, Ticket
from investigations.services.runs import rerun_investigation

#: Prefixes of the fields in which items of the checklist are answered, and files attached to them.
ANSWER = "item-"
FILE = "file-"


@require_safe
@page("escalation.read")
def panel(request: HttpRequest, ref: str) -> HttpResponse:
    """On the pages of tickets and runs: the escalation as it stands, or what one would need."""
    ticket = _ticket(person(request), ref)
    return render(request, "escalations/_panel.html", panel_context(ticket, person(request)))


def panel_context(ticket: Ticket, user: User) -> dict[str, Any]:
    sent = list(Escalation.objects.visible_to(user).filter(links__ticket=ticket).with_context().order_by("-pk")[:5])
    wanted, refused = None, ""
    # After one that was returned or taken back the way is open for the next; one that did not last is opened again.
    if not sent or sent[0].status in (Escalation.Status.REJECTED, Escalation.Status.WITHDRAWN):
        try:
            wanted = propose(escalatable(ticket))
        except DomainError as error:
            refused = error.detail
    return {
        "ticket": ticket, "sent": sent, "wanted": wanted, "refused": refused, "draft": draft_of(ticket),
        "may_send": user.may("escalation.send"), "now": timezone.now(),
    }  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@page("escalation.send")
def escalate(request: HttpRequest, ref: str) -> HttpResponse:
    user = person(request)
    ticket = _ticket(user, ref)
    try:
        run = escalatable(ticket)
        if request.method == "POST":
            return _post(request, user, run)
        return _form(request, user, run)
    except DomainError as refused:
        messages.error(request, refused.detail)
        return redirect("investigations:ticket", ticket.ref)


def _post(request: HttpRequest, user: User, run: Investigation) -> HttpResponse:
    action, ticket, now = request.POST.get("action", ""), run.ticket, timezone.now()
    wish = _wish(request, action)
    save_draft(
        ticket, actor=user, severity=wish.severity, severity_why=wish.severity_why, note=wish.note, token=wish.token,
        now=now,
    )  # fmt: skip
    try:
        attached = attach_files(request, ticket, user)
    except DomainError as error:
        return _form(request, user, run, error=error.detail, status=max(error.status, 400))
    if action in ("save", "run", "attach") or action.startswith("detach:"):
        store_answers(ticket, wish.answers, actor=user, now=now)
        if action == "attach":
            _say_attached(request, attached)
            return redirect("escalations:escalate", ticket.ref)
        if action.startswith("detach:"):
            return _detach(request, ticket, user, action)
        if action == "run":
            # What is missing is fetched now; what was filled in waits here.
            new = rerun_investigation(run, actor=user)
            messages.success(request, f"{new.ref} looks again. What you filled in is kept; come back when it is done.")
            return redirect("investigations:run", new.ref)
        messages.success(request, "Kept. Nothing was sent.")
        return redirect("escalations:escalate", ticket.ref)
    try:
        sent, is_new = send(run, wish, actor=user, now=now)
    except AlreadyEscalated as error:
        return _form(request, user, run, error=error.detail, status=409)
    except ContractUnmet as error:
        return _form(request, user, run, error=error.detail, status=422)
    except DomainError as error:
        errors = error.extra.get("errors") or {}
        return _form(request, user, run, error=error.detail, errors=errors, status=max(error.status, 400))
    joined = not is_new and sent.ticket_id != ticket.pk
    words = f"{ticket.ref} joined {sent.ref}." if joined else f"{sent.ref} is sent to {_to(sent)}."
    messages.success(request, words)
    return redirect("escalations:escalation", sent.ref)


def attach_files(request: HttpRequest, ticket: Ticket, user: User) -> list[AttachedFile]:
    """The files that the form holds, each stored at its item."""
    return [
        attach(ticket, name.removeprefix(FILE), read_upload(file), actor=user, now=timezone.now())[0].file
        for name, files in request.FILES.lists()
        if name.startswith(FILE)
        for file in files
    ]


def _say_attached(request: HttpRequest, attached: list[AttachedFile]) -> None:
    if not attached:
        messages.warning(request, "Choose a file first. What you filled in is kept.")
    for file in attached:
        raw = "" if file.is_redacted else " It is no text: what is personal in it was not removed."
        messages.success(request, f"{file.name} is attached.{raw}")


def _detach(request: HttpRequest, ticket: Ticket, user: User, action: str) -> HttpResponse:
    _, ident, item = [*action.split(":", 2), ""][:3]
    file = AttachedFile.objects.visible_to(user).filter(ticket=ticket).by_ident(ident).first()
    if file is None:
        raise Http404
    try:
        detach(file, item, actor=user)
    except DomainError as refused:
        messages.error(request, refused.detail)
    else:
        messages.success(request, f"{file.name} is taken away.")
    return redirect("escalations:escalate", ticket.ref)


def _to(sent: Escalation) -> str:
    return str(sent.owner_person or sent.owner_team or "the leads")


def _wish(request: HttpRequest, action: str) -> Wish:
    given = request.POST
    answers = {
        name.removeprefix(ANSWER): given.get(name, "").replace("\r\n", "\n")
        for name in given
        if name.startswith(ANSWER)
    }
    return Wish(
        severity=given.get("severity", "").strip()[:4], severity_why=given.get("severity_why", "")[:1000],
        note=given.get("note", "")[:4000], answers=answers,
        override_reason=given.get("override_reason", "")[:1000] if action == "override" else "",
        is_provisional=action == "provisional", joins=action == "join", token=_token(given.get("token", "")),
    )  # fmt: skip


def _token(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _form(
    request: HttpRequest, user: User, run: Investigation, *, error: str = "",
    errors: dict[str, list[str]] | None = None, status: int = 200,
) -> HttpResponse:  # fmt: skip
    draft = draft_of(run.ticket)
    given = request.POST if request.method == "POST" else request.GET
    severity = str(given.get("severity") or (draft.severity if draft else ""))[:4]
    try:
        wanted = propose(run, severity=severity)
    except DomainError:
        wanted = propose(run)
    template = "escalations/_escalate_form.html" if _is_swap(request) else "escalations/escalate.html"
    context = {
        "here": "escalations", "ticket": run.ticket, "run": run, "wanted": wanted, "draft": draft, "error": error,
        "errors": errors or {}, "to": owners(wanted.form.owner_at(wanted.severity), run.ticket, timezone.now()),
        "levels": [(name, level, said(level.acknowledge_within)) for name, level in wanted.form.levels.items()],
        "windows": _windows(wanted), "token": draft.token if draft else uuid.uuid4(),
        "severity_why": given.get("severity_why", draft.severity_why if draft else ""),
        "note": given.get("note", draft.note if draft else ""), "may_override": wanted.may_override(user),
        **_before(run.ticket),
        "accepts": ",".join(ENDINGS),
        "said": {item.id: given.get(f"{ANSWER}{item.id}", item.says if item.state == "answered" else "")
                 for item in wanted.items},
    }  # fmt: skip
    return render(request, template, context, status=status)


def _before(ticket: Ticket) -> dict[str, Any]:
    """The escalation that came back, whose words the next one answers."""
    found = predecessor_of(ticket)
    if found is None:
        return {"before": None}
    end = ending_of(found)
    return {"before": found, "before_said": said_of(found), "before_words": end.text if end is not None else ""}


def _is_swap(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true" and request.method in ("GET", "HEAD")


def _windows(wanted: Proposal) -> list[tuple[str, str]]:
    level = wanted.level
    spans = [("Acknowledged within", level.acknowledge_within), ("Word at least every", level.update_every),
             ("Resolved within", level.resolve_within)]  # fmt: skip
    return [(title, said(span)) for title, span in spans if span is not None]


@require_POST
@page("escalation.send")
def discard(request: HttpRequest, ref: str) -> HttpResponse:
    """Throw the draft away. Answers to the checklist stay: they are facts of the ticket."""
    ticket = _ticket(person(request), ref)
    draft = draft_of(ticket)
    if draft is not None:
        draft.delete()
    messages.success(request, "The draft is thrown away.")
    return redirect("investigations:ticket", ticket.ref)


def _ticket(user: User, ref: str) -> Ticket:
    found = Ticket.objects.visible_to(user).with_context().filter(ref=ref).first()
    if found is None:
        raise Http404
    return found
