"""When a helpdesk removes a ticket's words, those of its replies go too: a reply quotes and names the customer."""

from __future__ import annotations

from collections.abc import Sequence

from investigations.models import Ticket
from knowledge.models import Reply

_GONE = {"text": "", "draft_text": "", "statements": [], "findings": []}


def erase(ticket: Ticket, ids: Sequence[str]) -> None:
    """Empty the replies whose message was removed; with `*` all of the ticket's, also drafts. The rows stay: what went
    out, when and by whom is counted.
    """
    replies = Reply.objects.filter(ticket=ticket)
    if "*" not in ids:
        replies = replies.filter(external_id__in=[one for one in ids if one])
    replies.exclude(text="", draft_text="").update(**_GONE)
    if "*" in ids:
        # What has not gone out must not go out any more.
        replies.filter(status__in=[Reply.Status.QUEUED, Reply.Status.SENDING]).update(
            status=Reply.Status.FAILED, not_before=None, reason="The ticket was removed in the helpdesk."
        )
