"""What the handoff of a shift says of updates that were promised to customers."""

from __future__ import annotations

from collections.abc import Sequence

from escalations.handoffs.promises import Promise
from investigations.models import Ticket
from knowledge.replies.promised import waiting


def promises(tickets: Sequence[Ticket]) -> dict[int, list[Promise]]:
    """For the setting HANDOFF_PROMISES. One query."""
    found: dict[int, list[Promise]] = {}
    for one in waiting().filter(ticket__in=tickets).select_related("promised_by").order_by("due_at"):
        words = f"An update, promised by {one.promised_by or 'a reply'}"
        found.setdefault(one.ticket_id, []).append(Promise(one.due_at, words))
    return found
