"""A reply leaves: sent by Altor, or marked as sent by hand."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_POST

from altor.access import page, person
from altor.errors import DomainError
from investigations.models import Ticket
from investigations.replies import ReplyLeaks
from knowledge.models import Reply
from knowledge.replies.drafts import save
from knowledge.replies.sending import mark_sent, send, send_again
from knowledge.views import editing


def _kept(request: HttpRequest, ticket: Ticket) -> Reply:
    """The reply with the text as the person sees it; as it is when it is on its way already."""
    reply = editing.reply_of(request, ticket)
    if not reply.is_draft:
        return reply
    return save(
        reply, actor=person(request), text=request.POST.get("text", ""), revision=None,
        next_update_at=editing.next_update_of(request), now=timezone.now(),
    )  # fmt: skip


@require_POST
@page("ticket.reply")
def send_(request: HttpRequest, ref: str) -> HttpResponse:
    ticket = editing.ticket_of(request, ref)
    try:
        reason = request.POST.get("reason", "") if request.POST.get("override") == "yes" else ""
        send(_kept(request, ticket), actor=person(request), override_reason=reason, now=timezone.now())
    except ReplyLeaks as held:
        return editing.answer(request, ticket, error=held.detail, is_held=True)
    except DomainError as refused:
        return editing.answer(request, ticket, error=refused.detail)
    return editing.answer(request, ticket, said="The reply is on its way.")


@require_POST
@page("ticket.reply")
def mark(request: HttpRequest, ref: str) -> HttpResponse:
    """Sent by hand, in the helpdesk."""
    ticket = editing.ticket_of(request, ref)
    try:
        how = request.POST.get("how", "") or Reply.How.TYPED
        mark_sent(_kept(request, ticket), actor=person(request), how=how, now=timezone.now())
    except DomainError as refused:
        return editing.answer(request, ticket, error=refused.detail)
    return editing.answer(request, ticket, said="Kept as sent.")


@require_POST
@page("ticket.reply")
def again(request: HttpRequest, ref: str, pk: int) -> HttpResponse:
    """Try once more what could not be sent."""
    ticket = editing.ticket_of(request, ref)
    found = get_object_or_404(Reply.objects.visible_to(person(request)), ticket=ticket, pk=pk)
    try:
        send_again(found, actor=person(request), now=timezone.now())
    except DomainError as refused:
        return editing.answer(request, ticket, error=refused.detail)
    return editing.answer(request, ticket, said="It is tried again.")
