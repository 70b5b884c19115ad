"""A public reply that an agent wrote in the helpdesk: kept as what became of the draft, and met promises."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q

from altor.models import User
from altor.redaction import redact_text
from investigations.helpdesks.base import Author
from investigations.models import Ticket, TicketMessage
from investigations.replies import check_reply
from knowledge.models import PromisedUpdate, Reply
from knowledge.replies.promises import read_promise
from knowledge.replies.sending import went_out
from knowledge.replies.similarity import similarity
from knowledge.replies.values import zone_of

#: Below this a message has so little of the draft that it is another reply.
MATCH_FROM: Final = 0.25
#: A reply that was marked as sent by hand is looked for among messages of this long before and after.
_NEAR: Final = timedelta(hours=24)
_SKEW: Final = timedelta(minutes=10)


def seen(ticket: Ticket, message: TicketMessage) -> Reply | None:
    """For `REPLY_SEEN`: match the message to a draft and meet what was promised. Safe to call twice."""
    if not message.is_public or message.author == Author.CUSTOMER or not message.text.strip():
        return None
    return match_sent(message, ticket=ticket)


@transaction.atomic
def match_sent(message: TicketMessage, *, ticket: Ticket | None = None) -> Reply | None:
    """The reply that this public message of ours is; None when it is none that was drafted here.

    Of the open drafts and of those that were marked as sent by hand, the one it has most of, the newest of equals.
    """
    ticket = ticket or message.ticket
    replies = Reply.objects.select_for_update(of=("self",)).filter(ticket=ticket)
    known = replies.filter(external_id=message.external_id).exclude(external_id="").first()
    if known is not None or message.is_ours:
        return known
    by_hand = Q(status=Reply.Status.SENT, external_id="", sent_at__range=(message.at - _NEAR, message.at + _NEAR)) & ~Q(
        how=Reply.How.SENT
    )
    drafts = Q(status=Reply.Status.DRAFT, created_at__lte=message.at + _SKEW)
    found = list(replies.filter(by_hand | drafts).select_related("ticket", "run", "version", "author").order_by("-pk"))
    likely = max(found, key=lambda one: _likeness(one, message), default=None)
    if likely is None or _likeness(likely, message) < MATCH_FROM:
        _meet(ticket, message)
        return None
    _keep(likely, message)
    return likely


def _likeness(reply: Reply, message: TicketMessage) -> float:
    """To what the person had written, or to the draft, whichever is nearer; equals in favour of the newest."""
    return max(similarity(redact_text(text), message.text) for text in {reply.text, reply.draft_text})


def _keep(reply: Reply, message: TicketMessage) -> None:
    was_draft = reply.is_draft
    reply.external_id, reply.text = message.external_id, message.text
    reply.findings = [one.as_dict() for one in check_reply(reply.ticket, reply.run, message.text)]
    if not was_draft:
        reply.similarity = similarity(redact_text(reply.draft_text), message.text)
        reply.save(update_fields=["external_id", "text", "findings", "similarity"])
        return
    reply.how = Reply.How.TYPED
    reply.sent_by = User.objects.filter(email__iexact=message.author_email).first() if message.author_email else None
    # What the message itself promises counts, not what the draft would have.
    promise = read_promise(message.text, now=message.at, zone=zone_of(reply.ticket))
    reply.next_update_at = promise.due_at if promise is not None else None
    reply.draft_text = redact_text(reply.draft_text)
    went_out(reply, now=message.at, sent_at=message.at, marks=False)


def _meet(ticket: Ticket, message: TicketMessage) -> None:
    """Any public reply keeps the promise that the customer hears from us."""
    PromisedUpdate.objects.open().filter(ticket=ticket, promised_at__lt=message.at).update(met_at=message.at)
