"""Notifications of Intercom's webhooks: `{"type": "notification_event", "topic": …, "data": {"item": {…}}}`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from altor.errors import InvalidInput
from investigations.helpdesks.base import Status, TicketEvent
from investigations.helpdesks.intercom.shapes import UNDATED, conversation_event, ticket_event
from investigations.helpdesks.reading import identifier, moment, part, safe_id, text

_CONVERSATIONS, _PARTS, _TICKETS = "conversation.", "conversation_part.", "ticket."
#: Topics that say nothing which a ticket here would show.
_SILENT: Final = ("conversation.read", "conversation.rating.", "ticket.rating.")
#: Topics whose object leaves out what they are about, or which bring the first knowledge of a customer.
_FETCHED: Final = (
    "conversation.user.created", "conversation.admin.single.created", "conversation.contact.",
    "conversation.company.", "conversation_part.", "ticket.created", "ticket.contact.",
)  # fmt: skip
#: What a topic says by its name, where the object's own state is missing.
_STATUS: Final = {
    "conversation.admin.closed": Status.SOLVED, "conversation.admin.opened": Status.OPEN,
    "conversation.admin.snoozed": Status.PENDING, "conversation.admin.unsnoozed": Status.OPEN,
    "ticket.closed": Status.SOLVED, "ticket.resolved": Status.SOLVED,
}  # fmt: skip


def read_notification(body: Mapping[str, Any]) -> Sequence[TicketEvent]:
    """At most one event; none for a ping and for topics about contacts, companies and people.

    A merge of contacts (`contact.merged`) names no conversation: the next event of each conversation, and every
    reading by the API, names the contact that is left. InvalidInput when the object has no usable id.
    """
    topic = text(body.get("topic"), 80)
    if not topic.startswith((_CONVERSATIONS, _PARTS, _TICKETS)) or topic.startswith(_SILENT):
        return []
    item = part(body, "data", "item")
    if not item:
        raise InvalidInput("The notification holds no object: `data.item` must be an object with an `id`.")
    at = _happened(body, item)
    event = replace(_event(topic, item, at), what=topic, key=safe_id(body.get("id")))
    return [
        replace(
            event,
            status=event.status or _STATUS.get(topic),
            was=Status.PENDING if topic == "conversation.admin.unsnoozed" else event.was,
            needs_fetch=not event.is_deleted and (topic.startswith(_FETCHED) or not event.is_whole),
        )
    ]


def _happened(body: Mapping[str, Any], item: Mapping[str, Any]) -> datetime:
    """The notification's own time: it is signed with the rest of the body, but no proof of a fresh delivery."""
    times = (body.get("created_at"), body.get("first_sent_at"), item.get("updated_at"))
    return next((at for at in map(moment, times) if at is not None), UNDATED)


def _event(topic: str, item: Mapping[str, Any], at: datetime) -> TicketEvent:
    if topic in ("conversation.deleted", "ticket.deleted"):
        named = item.get("id") or item.get("conversation_id") or item.get("ticket_id")
        return TicketEvent(external_id=identifier(named, "conversation"), at=at, what=topic, is_deleted=True)
    if topic.startswith(_PARTS) and text(item.get("type"), 40) != "conversation":
        return _of_part(topic, item, at)
    if topic.startswith(_TICKETS):
        return ticket_event(part(item, "ticket") or item, at=at)
    return conversation_event(item, at=at)


def _of_part(topic: str, item: Mapping[str, Any], at: datetime) -> TicketEvent:
    """A conversation part alone, or a tag with its part; the conversation stands beside it, or only its id."""
    conversation = part(item, "conversation")
    subject = part(item, "conversation_part") or item
    named = conversation.get("id") or item.get("conversation_id") or subject.get("conversation_id")
    gone = topic == "conversation_part.redacted"
    return TicketEvent(
        external_id=identifier(named, "conversation"),
        at=at,
        what=topic,
        redacted=[identifier(subject.get("id"), "conversation part")] if gone else (),
    )
