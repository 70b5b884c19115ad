"""`{"type": "ticket.updated", "timestamp": …, "data": {ticket}}`, or the bare ticket, as events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from altor.errors import InvalidInput
from investigations.helpdesks.base import Agent, Author, Message, Status, TicketEvent
from investigations.helpdesks.reading import (
    address,
    custom_values,
    fit,
    identifier,
    items,
    moment,
    part,
    plain,
    safe_id,
    text,
    texts,
    words,
)
from investigations.intake.payload import read_payload

#: Kinds that are told as a message, which they must then hold.
_WRITTEN: Final = frozenset({"ticket.message", "ticket.replied"})
_KINDS: Final = _WRITTEN | frozenset(
    {
        "ticket.created", "ticket.updated", "ticket.opened", "ticket.reopened", "ticket.solved", "ticket.closed",
        "ticket.merged", "ticket.deleted", "ticket.redacted",
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
#: What null means for the fields that have parts.
_EMPTY: Final = {
    "requester": {"name": "", "email": ""}, "organization": {"name": "", "domain": "", "external_id": ""},
}  # fmt: skip


def read_event(body: Mapping[str, Any], headers: Mapping[str, str]) -> Sequence[TicketEvent]:
    """At most one event. InvalidInput when the body names no ticket, or lacks the message that it is about."""
    kind = text(body.get("type"), 80) if "data" in body else ""
    if kind and kind not in _KINDS:
        return []
    data = body.get("data", body)
    if not isinstance(data, Mapping) or data.get("id") in (None, ""):
        raise InvalidInput("The event holds no ticket: `data` must be an object with an `id`.")
    number = identifier(data.get("id"))
    at = moment(body.get("timestamp")) or moment(data.get("updated_at")) or _signed(headers)
    messages = _messages([*items(data.get("messages")), *items([data.get("message")])], kind, at)
    if kind in _WRITTEN and not messages:
        raise InvalidInput(f"An event {kind} holds a `message` with an `id` and a `text`.")
    redacted = texts(data.get("redacted")) or (["*"] if kind == "ticket.redacted" else [])
    return [
        TicketEvent(
            external_id=number,
            at=at,
            what=kind or "ticket",
            key=safe_id(headers.get("webhook-id")),
            fields=_fields(data, number, at),
            custom=custom_values(data.get("custom")),
            status=_status(data.get("status")) or _STATUS.get(kind),
            was=_status(data.get("previous_status")) or (Status.SOLVED if kind == "ticket.reopened" else None),
            assignee=_assignee(data),
            messages=messages,
            merged_into=safe_id(data.get("merged_into")),
            is_deleted=kind == "ticket.deleted",
            redacted=[gone for gone in redacted if gone == "*" or safe_id(gone)],
            is_whole="description" in data or kind == "ticket.created" or (not kind and "subject" in data),
        )
    ]


def _signed(headers: Mapping[str, str]) -> datetime:
    """The time of the delivery; without one the event is older than every other."""
    return moment(headers.get("webhook-timestamp")) or datetime(2000, 1, 1, tzinfo=UTC)


def _fields(data: Mapping[str, Any], number: str, now: datetime) -> dict[str, Any]:
    """What is stated of the neutral shape, cleaned as intake does it. What intake will not take stays as it was sent:
    it names the field, leaves that one out and keeps the ticket.
    """
    found: dict[str, Any] = {}
    for name in (name for name in _FIELDS if name in data):
        given = _EMPTY.get(name) if data[name] is None else data[name]
        try:
            ticket = read_payload({"id": number, name: given}, now=now).ticket
            found[name] = ticket.model_dump(mode="json", exclude_unset=True)[name]
        except InvalidInput:
            found[name] = fit(given)
    return {name: value for name, value in found.items() if value is not None}


def _status(value: Any) -> Status | None:
    try:
        return Status(text(value, 20).strip().lower())
    except ValueError:
        return None


def _assignee(data: Mapping[str, Any]) -> Agent | None:
    """Nobody for null and for an empty object; what cannot be read states nothing."""
    if "assignee" not in data:
        return None
    if data["assignee"] in (None, {}):
        return Agent("")
    who = part(data, "assignee")
    email = address(who.get("email"))
    key = safe_id(who.get("id")) or email
    return Agent(key, words(who.get("name"), 200), email) if key else None


def _messages(listed: Sequence[Mapping[str, Any]], kind: str, at: datetime) -> Sequence[Message]:
    """One without a time was written when the event happened."""
    found = []
    for item in listed:
        author = part(item, "author")
        if not (key := safe_id(item.get("id"))) or not isinstance(item.get("text", item.get("html")), str):
            continue
        found.append(
            Message(
                external_id=key,
                author=_author(author.get("kind"), kind),
                text=text(item.get("text")) or plain(text(item.get("html"))),
                at=moment(item.get("at")) or at,
                is_public=item.get("is_public", True) is True,
                author_name=words(author.get("name"), 200),
                author_email=address(author.get("email")),
                author_id=safe_id(author.get("id")),
            )
        )
    return found


def _author(value: Any, kind: str) -> Author:
    """Who is not named is the customer, or the agent of a reply; a word that is not known is nobody's own."""
    word = text(value, 20).strip().lower()
    if not word:
        return Author.AGENT if kind == "ticket.replied" else Author.CUSTOMER
    return Author(word) if word in tuple(Author) else Author.BOT
