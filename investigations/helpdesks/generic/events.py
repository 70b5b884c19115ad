"""`{"type": "ticket.updated", "timestamp": …, "data": {ticket}}`, or the bare ticket, as events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from altor.errors import InvalidInput
from investigations.helpdesks.base import Agent, Author, Message, Status, TicketEvent
from investigations.helpdesks.reading import identifier, items, moment, part, safe_id, stated, text, texts

_KINDS: Final = frozenset(
    {
        "ticket.created", "ticket.updated", "ticket.opened", "ticket.reopened", "ticket.message", "ticket.replied",
        "ticket.solved", "ticket.closed", "ticket.merged", "ticket.deleted", "ticket.redacted",
    }
)  # fmt: skip
#: What a kind says by its name, where the ticket's own status is not given.
_STATUS: Final = {
    "ticket.reopened": Status.OPEN, "ticket.solved": Status.SOLVED, "ticket.closed": Status.CLOSED,
}  # fmt: skip
#: Keys of the neutral shape that may be stated; a key that stands there with null is stated as empty.
_FIELDS: Final = (
    "subject", "description", "channel", "priority", "url", "requester", "organization", "tags", "created_at",
)  # fmt: skip


def read_event(body: Mapping[str, Any], headers: Mapping[str, str]) -> Sequence[TicketEvent]:
    """At most one event. InvalidInput when the body names no ticket."""
    kind = text(body.get("type"), 80) if "data" in body else ""
    if kind and kind not in _KINDS:
        return []
    data = body.get("data", body)
    if not isinstance(data, Mapping) or data.get("id") in (None, ""):
        raise InvalidInput("The event holds no ticket: `data` must be an object with an `id`.")
    at = moment(body.get("timestamp")) or moment(data.get("updated_at")) or _signed(headers)
    redacted = texts(data.get("redacted")) or (["*"] if kind == "ticket.redacted" else [])
    return [
        TicketEvent(
            external_id=identifier(data.get("id")),
            at=at,
            what=kind or "ticket",
            key=safe_id(headers.get("webhook-id")),
            fields={name: data[name] for name in _FIELDS if name in data},
            custom={text(name, 80): text(value, 500) for name, value in part(data, "custom").items()},
            status=_status(data.get("status")) or _STATUS.get(kind),
            was=_status(data.get("previous_status")),
            assignee=_assignee(data),
            messages=[*_messages(data.get("messages")), *_messages([data["message"]] if "message" in data else [])],
            merged_into=safe_id(data.get("merged_into")),
            is_deleted=kind == "ticket.deleted",
            redacted=redacted,
            is_whole="subject" in data or "description" in data,
        )
    ]


def _signed(headers: Mapping[str, str]) -> datetime:
    """The time of the delivery; without one the event is older than every other."""
    return moment(headers.get("webhook-timestamp")) or datetime(2000, 1, 1, tzinfo=UTC)


def _status(value: Any) -> Status | None:
    try:
        return Status(text(value, 20).lower())
    except ValueError:
        return None


def _assignee(data: Mapping[str, Any]) -> Agent | None:
    if "assignee" not in data:
        return None
    who = part(data, "assignee")
    return Agent(
        safe_id(who.get("id")) or text(who.get("email"), 254), text(who.get("name"), 200), text(who.get("email"), 254)
    )


def _messages(value: Any) -> Sequence[Message]:
    found = []
    for item in items(value):
        author, at = part(item, "author"), moment(item.get("at"))
        if not (key := safe_id(item.get("id"))) or at is None:
            continue
        kind = text(author.get("kind"), 20)
        found.append(
            Message(
                external_id=key,
                author=Author(kind) if kind in tuple(Author) else Author.CUSTOMER,
                text=text(item.get("text")),
                at=at,
                is_public=item.get("is_public", True) is not False,
                **stated(
                    author_name=text(author.get("name"), 200),
                    author_email=text(author.get("email"), 254),
                    author_id=safe_id(author.get("id")),
                ),
            )
        )
    return found
