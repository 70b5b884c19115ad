"""A reply that went out: what was sent, how, and what of the draft is left in it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from altor.access import page, person
from investigations.views.tickets import visible_ticket
from knowledge.models import Reply
from knowledge.replies.similarity import difference


@require_safe
@page("ticket.read")
def sent(request: HttpRequest, ref: str, pk: int) -> HttpResponse:
    """Also of one that is on its way or could not be sent; drafts are their writer's."""
    ticket = visible_ticket(person(request), ref)
    replies = Reply.objects.visible_to(person(request)).exclude(status=Reply.Status.DRAFT)
    found = get_object_or_404(
        replies.select_related("version__template", "sent_by", "author", "run", "promise"), ticket=ticket, pk=pk
    )
    context = {
        "here": "tickets",
        "ticket": ticket,
        "reply": found,
        "parts": list(difference(found.draft_text, found.text)),
        "may_send": person(request).may("ticket.reply"),
        "may_read_templates": person(request).may("reply_template.read"),
    }
    return render(request, "knowledge/reply_sent.html", context)
