"""Writing a reply: the editor, saved as it is typed, filled again, suggestions taken."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from altor.access import page, person
from altor.errors import DomainError
from knowledge.replies.drafts import DraftEdited, DraftMoved, discard, fill_again, open_draft, save, undo
from knowledge.views import editing


@require_safe
@page("ticket.reply")
def reply(request: HttpRequest, ref: str) -> HttpResponse:
    """Filled into the pages of tickets and runs by htmx; a page of its own without. Writes nothing."""
    return editing.show(request, editing.ticket_of(request, ref))


@require_POST
@page("ticket.reply")
def save_(request: HttpRequest, ref: str) -> HttpResponse:
    """Keep the text; answers with what the check finds in it."""
    ticket = editing.ticket_of(request, ref)
    error = ""
    try:
        kept = save(
            editing.reply_of(request, ticket), actor=person(request), text=request.POST.get("text", ""),
            revision=editing.revision_of(request), next_update_at=editing.next_update_of(request), now=timezone.now(),
        )  # fmt: skip
    except DraftMoved as moved:
        error = moved.detail
    except DomainError as refused:
        error = refused.detail
    else:
        if not request.headers.get("HX-Request"):
            return editing.answer(request, ticket, said=f"Saved {timezone.localtime(kept.saved_at):%H:%M}.")
    if error and not request.headers.get("HX-Request"):
        return editing.answer(request, ticket, error=error)
    return render(request, "knowledge/_reply_check.html", editing.context(request, ticket, error=error, is_swap=True))


@require_POST
@page("ticket.reply")
def fill(request: HttpRequest, ref: str) -> HttpResponse:
    """Another kind, template, tone or language. What the person wrote is replaced only after they said so."""
    ticket, user = editing.ticket_of(request, ref), person(request)
    wish = editing.wish_of(request)
    kept = open_draft(ticket, user)
    if kept is None:
        return editing.show(request, ticket)
    try:
        confirmed = request.POST.get("confirmed") == "yes"
        fill_again(kept, actor=user, wish=wish, confirmed=confirmed, now=timezone.now())
    except DraftEdited:
        return editing.show(request, ticket, asks=wish)
    except DomainError as refused:
        return editing.answer(request, ticket, error=refused.detail)
    return editing.answer(request, ticket, said="Filled from the diagnosis.")


@require_POST
@page("ticket.reply")
def undo_(request: HttpRequest, ref: str) -> HttpResponse:
    ticket, user = editing.ticket_of(request, ref), person(request)
    kept = open_draft(ticket, user)
    try:
        if kept is not None:
            undo(kept, actor=user, now=timezone.now())
    except DomainError as refused:
        return editing.answer(request, ticket, error=refused.detail)
    return editing.answer(request, ticket, said="Back to the draft as it was filled.")


@require_POST
@page("ticket.reply")
def suggest(request: HttpRequest, ref: str) -> HttpResponse:
    """Take the wording that a finding offers (`place` is "start:end:kind"), or the time that the text promises."""
    ticket = editing.ticket_of(request, ref)
    text = request.POST.get("text", "").replace("\r\n", "\n")
    try:
        kept = editing.reply_of(request, ticket)
        due = editing.next_update_of(request, "take_promise" if request.POST.get("take_promise") else "next_update")
        changed, said = editing.with_suggestion(ticket, kept, text, request.POST.get("place", ""))
        save(kept, actor=person(request), text=changed, revision=None, next_update_at=due, now=timezone.now())
    except DomainError as refused:
        return editing.answer(request, ticket, error=refused.detail)
    return editing.answer(request, ticket, said=said)


@require_POST
@page("ticket.reply")
def discard_(request: HttpRequest, ref: str) -> HttpResponse:
    ticket, user = editing.ticket_of(request, ref), person(request)
    kept = open_draft(ticket, user)
    try:
        if kept is not None:
            discard(kept, actor=user)
    except DomainError as refused:
        return editing.answer(request, ticket, error=refused.detail)
    return editing.answer(request, ticket, said="The draft is thrown away.")
