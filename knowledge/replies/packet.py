"""What a packet for engineering says of the replies: what the customer was told, and when they hear from us next."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from escalations.packets.format import Event, Promise, Told
from escalations.packets.parts import PacketPart
from investigations.models import Investigation, Ticket
from knowledge.models import PromisedUpdate, Reply

#: Replies that are told, the newest.
MOST: Final = 5
#: Characters of one; the whole stands with the ticket.
LONGEST: Final = 1500
_NOBODY: Final = "somebody"


def packet_part(ticket: Ticket, run: Investigation, now: datetime) -> PacketPart | None:
    """Replies that are out by `now` and promises made by then. Two queries. Names are taken out by the packet."""
    replies = Reply.objects.out().filter(ticket=ticket, sent_at__lte=now).select_related("sent_by")
    promises = PromisedUpdate.objects.filter(ticket=ticket, promised_at__lte=now).select_related("promised_by")
    newest = list(replies.order_by("-sent_at", "-pk")[:MOST])
    told = [
        Told(
            at=reply.sent_at, by=str(reply.sent_by or _NOBODY), kind=reply.get_kind_display(), text=_cut(reply.text),
            next_step=_next_step(reply),
        )
        for reply in reversed(newest)
        if reply.sent_at is not None
    ]  # fmt: skip
    promised = [
        Promise(
            due_at=one.due_at, promised_at=one.promised_at, by=str(one.promised_by or _NOBODY), ticket=ticket.ref,
            met_at=one.met_at if one.met_at and one.met_at <= now else None,
        )
        for one in promises
    ]  # fmt: skip
    if not told and not promised:
        return None
    events = [Event(at=one.at, kind="reply", title=f"We replied ({ticket.ref})") for one in told]
    return PacketPart(told=told, promised=promised, timeline=events)


def _next_step(reply: Reply) -> str:
    """The sentences of the draft that say what happens next, as far as they are in what went out."""
    sentences = [str(one.get("text") or "") for one in reply.statements if one.get("part") in ("next_step", "eta")]
    return " ".join(text for text in sentences if text and text in reply.text)


def _cut(text: str) -> str:
    flat = text.strip()
    return flat if len(flat) <= LONGEST else f"{flat[: LONGEST - 1].rsplit(' ', 1)[0]}…"
