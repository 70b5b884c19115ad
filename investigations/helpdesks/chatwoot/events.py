"""Chatwoot's webhooks, and the conversations and messages of its API, as events.

A conversation's number in its account (`id`, the one in addresses) is the ticket's id. The body of an event about a
conversation is the conversation itself; that of one about a message is the message, with the conversation inside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from investigations.helpdesks.base import Agent, Author, Message, Status, TicketEvent
from investigations.helpdesks.reading import (
    address,
    custom_values,
    identifier,
    items,
    moment,
    part,
    safe_id,
    stated,
    tags,
    text,
    words,
)

DELIVERY: Final = "x-chatwoot-delivery"
#: What a rule of the account sends looks like an event of a conversation.
_RULE: Final = "automation_event."
_CONVERSATION: Final = frozenset({"conversation_created", "conversation_updated", "conversation_status_changed"})
_MESSAGE: Final = frozenset({"message_created", "message_updated"})
_STATUS: Final = {
    "open": Status.OPEN, "pending": Status.PENDING, "snoozed": Status.HOLD, "resolved": Status.SOLVED,
}  # fmt: skip
#: A change of status may tell the numbers of the database.
_NUMBERED: Final = {"0": "open", "1": "resolved", "2": "pending", "3": "snoozed"}
#: `message_type`, which webhooks give as a word and everything else as a number.
_TYPES: Final = {"0": "incoming", "1": "outgoing", "2": "activity", "3": "template"}
_CHANNELS: Final = {"webwidget": "chat", "twiliosms": "sms", "facebookpage": "facebook", "twitterprofile": "twitter"}
#: A customer's only unread message this soon after the conversation began is the one that began it.
_OPENING: Final = timedelta(seconds=5)
_UNDATED: Final = datetime(2000, 1, 1, tzinfo=UTC)  # older than every other event


def read_event(body: Mapping[str, Any], headers: Mapping[str, str]) -> Sequence[TicketEvent]:
    """At most one event. InvalidInput when an event that should name a conversation names none."""
    what, key = text(body.get("event"), 80), safe_id(headers.get(DELIVERY))
    if what in _CONVERSATION or what.startswith(_RULE):
        return [read_conversation(body, what=what, key=key)]
    if what in _MESSAGE:
        return [_read_message_event(body, what, key)]
    return []


def read_conversation(data: Mapping[str, Any], *, what: str, key: str = "") -> TicketEvent:
    """A conversation as a webhook tells it: with its last message at most."""
    listed = list(items(data.get("messages")))
    opening = next((item for item in listed if _is_opening(item, data)), None)
    return _conversation(
        data,
        listed,
        opening,
        what=what,
        key=key,
        was=_status_before(data.get("changed_attributes")),
        assignee=_assignee(part(data, "meta")),
        # The first message is stored after the conversation, so it may be missing when that is told.
        needs_fetch=what == "conversation_created" and opening is None,
    )


def read_listed(data: Mapping[str, Any]) -> TicketEvent:
    """A conversation of the API's list: its beginning is not among what it holds."""
    listed = list(items(data.get("messages")))
    assignee = _assignee(part(data, "meta"), names_nobody=True)
    return _conversation(data, listed, None, what="conversation", assignee=assignee, needs_fetch=True)


def read_whole(data: Mapping[str, Any], listed: Sequence[Mapping[str, Any]], *, is_complete: bool) -> TicketEvent:
    """A conversation with its messages, oldest first. `is_complete`: none is missing before the first of them."""
    opening = _opening_of(listed) if is_complete else None
    assignee = _assignee(part(data, "meta"), names_nobody=True)
    event = _conversation(data, listed, opening, what="conversation", assignee=assignee)
    return replace(event, is_whole=is_complete)


def _conversation(
    data: Mapping[str, Any],
    listed: Sequence[Mapping[str, Any]],
    opening: Mapping[str, Any] | None,
    **said: Any,
) -> TicketEvent:
    begins = {} if opening is None else {"description": text(opening.get("content"))}
    deleted = (safe_id(item.get("id")) for item in listed if _is_deleted(item))
    return TicketEvent(
        external_id=identifier(data.get("id"), "conversation"),
        at=_time_of(data) or _UNDATED,
        fields=_fields(data) | begins,
        custom=_custom(data),
        status=_status(data.get("status")),
        messages=[read for item in listed if item is not opening and (read := read_message(item))],
        redacted=[gone for gone in deleted if gone],
        is_whole=opening is not None,
        **said,
    )


def read_message(item: Mapping[str, Any]) -> Message | None:
    """None for what is no message of a person: a line of the activity log, a deleted one, one without id or time."""
    key, at, kind = safe_id(item.get("id")), moment(item.get("created_at")), _type(item)
    if not key or at is None or kind not in ("incoming", "outgoing", "template") or _is_deleted(item):
        return None
    sender = part(item, "sender")
    is_bot = kind == "template" or text(sender.get("type"), 40) in ("agent_bot", "captain_assistant")
    author = Author.CUSTOMER if kind == "incoming" else Author.BOT if is_bot else Author.AGENT
    return Message(
        external_id=key,
        author=author,
        text=text(item.get("content")),
        at=at,
        is_public=item.get("private") in (None, False),
        author_name=words(sender.get("name"), 200),
        author_email=address(sender.get("email")),
        author_id=safe_id(sender.get("id")),
    )


def _read_message_event(body: Mapping[str, Any], what: str, key: str) -> TicketEvent:
    data = part(body, "conversation")
    is_opening = what == "message_created" and _is_opening(body, data)
    written = None if is_opening else read_message(body)
    at = moment(body.get("created_at")) if what == "message_created" else None
    return TicketEvent(
        external_id=identifier(data.get("id"), "conversation"),
        at=at or _time_of(data) or moment(body.get("created_at")) or _UNDATED,
        what=what,
        key=key,
        fields=_fields(data) | ({"description": text(body.get("content"))} if is_opening else {}),
        custom=_custom(data),
        status=_status(data.get("status")),
        assignee=_assignee(part(data, "meta")),
        messages=[written] if written else [],
        redacted=[gone] if _is_deleted(body) and (gone := safe_id(body.get("id"))) else [],
        is_whole=is_opening,
    )


def _is_opening(item: Mapping[str, Any], data: Mapping[str, Any]) -> bool:
    """Whether this message began the conversation. Chatwoot does not say so; its unread count and the times do."""
    began, at = moment(data.get("created_at")), moment(item.get("created_at"))
    if began is None or at is None or not _is_words_of_customer(item) or text(data.get("unread_count")) != "1":
        return False
    return abs(at - began) <= _OPENING


def _opening_of(listed: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The customer's first message; in a conversation that an agent began and nobody answered, the agent's."""
    public = [item for item in listed if _type(item) == "outgoing" and item.get("private") in (None, False)]
    return next((item for item in listed if _is_words_of_customer(item)), public[0] if public else None)


def _is_words_of_customer(item: Mapping[str, Any]) -> bool:
    return _type(item) == "incoming" and item.get("private") in (None, False) and not _is_deleted(item)


def _type(item: Mapping[str, Any]) -> str:
    kind = text(item.get("message_type"), 20)
    return _TYPES.get(kind, kind)


def _is_deleted(item: Mapping[str, Any]) -> bool:
    return part(item, "content_attributes").get("deleted") is True


def _time_of(data: Mapping[str, Any]) -> datetime | None:
    found = (moment(data.get(name)) for name in ("updated_at", "last_activity_at", "timestamp", "created_at"))
    return next((at for at in found if at is not None), None)


def _fields(data: Mapping[str, Any]) -> dict[str, Any]:
    sender, more = part(data, "meta", "sender"), part(data, "additional_attributes")
    began = moment(data.get("created_at"))
    found = stated(
        subject=words(more.get("mail_subject"), 500),
        channel=_channel(data),
        requester=stated(name=words(sender.get("name"), 200), email=address(sender.get("email"))),
        organization=stated(name=_company(sender, data)),
        created_at=began.isoformat() if began else "",
    )
    if "labels" in data and isinstance(data["labels"], list):
        found["tags"] = tags(data["labels"])
    if "priority" in data:
        found["priority"] = words(data["priority"], 40)
    return found


def _channel(data: Mapping[str, Any]) -> str:
    name = text(data.get("channel") or part(data, "meta").get("channel"), 60).removeprefix("Channel::").lower()
    return _CHANNELS.get(name, name)[:40]


def _company(sender: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    """The contact's own field for it comes first; then what accounts usually call theirs."""
    places = (
        (part(sender, "additional_attributes"), ("company_name", "company")),
        (part(sender, "custom_attributes"), ("company_name", "company")),
        (part(data, "custom_attributes"), ("company_name", "company")),
    )
    found = (words(held.get(name), 200) for held, names in places for name in names)
    return next((name for name in found if name), "")


def _custom(data: Mapping[str, Any]) -> dict[str, str]:
    """The conversation's own attributes, and the contact's as `contact.NAME`."""
    contact = part(data, "meta", "sender").get("custom_attributes")
    return custom_values(contact, "contact.") | custom_values(data.get("custom_attributes"))


def _status(value: Any) -> Status | None:
    word = text(value, 20)
    return _STATUS.get(_NUMBERED.get(word, word))


def _status_before(changes: Any) -> Status | None:
    """From `[{"status": {"previous_value": …, "current_value": …}}]`, or the same as one object."""
    listed = [changes] if isinstance(changes, Mapping) else list(items(changes))
    found = (_status(part(change, "status").get("previous_value")) for change in listed)
    return next((status for status in found if status is not None), None)


def _assignee(meta: Mapping[str, Any], *, names_nobody: bool = False) -> Agent | None:
    """`names_nobody`: the API leaves the key out where a webhook has null. A bot is nobody: no person works on it."""
    if "assignee" not in meta:
        return Agent("") if names_nobody and meta else None
    who = meta["assignee"]
    if who is None or text(meta.get("assignee_type"), 40) == "AgentBot":
        return Agent("")
    key = safe_id(part(meta, "assignee").get("id"))
    if not key:
        return None
    return Agent(key, words(part(who).get("name"), 200), address(part(who).get("email")))
