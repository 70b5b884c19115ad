"""The handoff in the sidebar: between whom the ticket goes from one shift to the next, and by when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from escalations.handoffs.switching import terms_of
from escalations.handoffs.telling import clock
from escalations.models import Handoff, HandoffItem
from escalations.models.handoffs import OPEN
from investigations.widget.document import link
from investigations.widget.parts import Stamp, WidgetContext, row_versions

Of = HandoffItem.Status


def handoff_part(context: WidgetContext) -> tuple[str, Mapping[str, Any]] | None:
    """("handoff", {"ref", "url", "title", "text", "state", "accept_by", "promise_due"}); None unless the ticket is in
    an open handoff and nobody took it yet.

    `state`: drafted, signed, or refused (it stays with the outgoing). Times are ISO 8601 or None: by when it is to be
    accepted before leads hear of it, and when the first promise that was handed over is due.
    """
    rows = HandoffItem.objects.filter(ticket=context.ticket, handoff__status__in=OPEN)
    item = (
        rows.filter(status__in=(Of.OFFERED, Of.REFUSED)).order_by("-handoff_id")
        .select_related("handoff__rotation", "handoff__team", "handoff__outgoing", "handoff__incoming").first()
    )  # fmt: skip
    if item is None:
        return None
    handoff = item.handoff
    waits = item.status == Of.OFFERED and handoff.incoming is not None
    accept_by = handoff.due_from + terms_of(handoff.team).escalate_after if waits else None
    words = [_between(item, handoff)]
    if accept_by is not None:
        words.append(f"Accept by {clock(handoff, accept_by)}.")
    if item.promised_at is not None:
        words.append(f"Promise due {clock(handoff, item.promised_at)}.")
    return "handoff", {
        "ref": handoff.ref, "url": link("handoffs:handoff", handoff.ref), "title": f"Handoff {handoff.ref}",
        "text": " ".join(words), "state": "refused" if item.status == Of.REFUSED else str(handoff.status),
        "accept_by": _iso(accept_by), "promise_due": _iso(item.promised_at),
    }  # fmt: skip


def _between(item: HandoffItem, handoff: Handoff) -> str:
    gives, takes = str(handoff.outgoing), str(handoff.incoming or "nobody yet")
    if item.status == Of.REFUSED:
        return f"{takes} refused it, {gives} keeps it: {item.reason.rstrip('.')}."
    if handoff.is_signed:
        return f"From {gives} to {takes}, signed."
    return f"From {gives} to {takes}, a draft until {clock(handoff, handoff.ends_at)}."


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None


_ROWS: Final = row_versions(
    "i h o n r s",
    "escalations_handoffitem i JOIN escalations_handoff h ON h.id = i.handoff_id AND h.status IN ('drafted', 'signed')"
    " JOIN altor_user o ON o.id = h.outgoing_id LEFT JOIN altor_user n ON n.id = h.incoming_id"
    " JOIN escalations_rotation r ON r.id = h.rotation_id"
    " LEFT JOIN escalations_handoffsetting s ON s.team_id = h.team_id WHERE i.ticket_id = ticket.id",
)
handoff_part.stamp = Stamp(_ROWS)  # type: ignore[attr-defined]  # read by `state.look`
