"""Front's events, and the conversations, messages and comments of its API, as events of a ticket.

An application's webhook wraps an event, `{"type", "authorization", "payload"}`; a rule's webhook is the event itself
and calls the same things by shorter names. Either may hold less than everything: what matters is then fetched.
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
    plain,
    safe_id,
    stated,
    tags,
    text,
    words,
)

#: A rule's word, or the API's -> an application's.
_SAME: Final = {
    "inbound": "inbound_received", "outbound": "outbound_sent", "out_reply": "outbound_sent",
    "archive": "conversation_archived", "reopen": "conversation_reopened", "trash": "conversation_deleted",
    "restore": "conversation_restored", "move": "conversation_moved", "reminder": "conversation_snooze_expired",
    "assign": "assignee_changed", "unassign": "assignee_changed", "tag": "tag_added", "untag": "tag_removed",
    "comment": "new_comment_added", "mention": "new_comment_added",
}  # fmt: skip
_WRITTEN: Final = frozenset({"inbound_received", "outbound_sent", "new_comment_added"})
_KNOWN: Final = _WRITTEN | frozenset(
    {
        "conversation_archived", "conversation_reopened", "conversation_deleted", "conversation_restored",
        "conversation_moved", "conversation_snoozed", "conversation_snooze_expired", "conversations_merged",
        "assignee_changed", "tag_added", "tag_removed", "custom_field_updated", "ticket_status_update",
    }
)  # fmt: skip
#: What happened says more than the conversation's own word, which may be of before or after.
_STATUS: Final = {
    "conversation_archived": (Status.SOLVED, None),
    "conversation_reopened": (Status.OPEN, Status.SOLVED),
    "conversation_restored": (Status.OPEN, None),
    "conversation_snoozed": (Status.HOLD, None),
    "conversation_snooze_expired": (Status.OPEN, Status.HOLD),
}
_CATEGORIES: Final = {"open": Status.OPEN, "waiting": Status.PENDING, "resolved": Status.SOLVED}
_WORDS: Final = {"archived": Status.SOLVED, "assigned": Status.OPEN, "unassigned": Status.OPEN}
#: A message that answers nothing, this soon before or after its conversation was made, began it.
_OPENING: Final = timedelta(seconds=60)
_UNDATED: Final = datetime(2000, 1, 1, tzinfo=UTC)  # older than every other event


def event_of(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The event in the body of either kind of webhook."""
    return part(body, "payload") if "payload" in body else body


def read_event(body: Mapping[str, Any]) -> Sequence[TicketEvent]:
    """One event; for merged conversations one for each. InvalidInput when it names no conversation."""
    word = text(body.get("type"), 60)
    what = _SAME.get(word, word)
    if what not in _KNOWN:
        return []
    event = event_of(body)
    data, target = part(event, "conversation"), part(event, "target", "data")
    number = identifier(_number(data, target), "conversation")
    at, key = moment(event.get("emitted_at")) or moment(data.get("updated_at")) or _UNDATED, safe_id(event.get("id"))
    if what == "conversations_merged":
        return [
            TicketEvent(external_id=gone, at=at, what=what, key=key, merged_into=number)
            for gone in _merged(part(event, "target").get("data"))
            if gone != number
        ] + [TicketEvent(external_id=number, at=at, what=what, key=key, needs_fetch=True)]
    written = _comment(target) if what == "new_comment_added" else _message(target) if what in _WRITTEN else None
    is_opening = what == "inbound_received" and written is not None and _is_opening(target, data)
    status, was = _STATUS.get(what, (_status(data), None))
    return [
        TicketEvent(
            external_id=number,
            at=at,
            what=what,
            key=key,
            fields=_fields(data) | (_begins(target, data) if is_opening else {}),
            custom=custom_values(data.get("custom_fields")),
            status=status,
            was=was,
            assignee=_assignee(data, what, target),
            messages=[written] if written and not is_opening else [],
            is_deleted=what == "conversation_deleted",
            is_whole=is_opening,
            # A preview names the conversation and the message, and holds neither.
            needs_fetch=what != "conversation_deleted"
            and ("status" not in data or (what in _WRITTEN and written is None)),
        )
    ]


def read_conversation(data: Mapping[str, Any]) -> TicketEvent:
    """A conversation of the API's list, which has no messages."""
    return TicketEvent(
        external_id=identifier(data.get("id"), "conversation"),
        at=moment(data.get("updated_at")) or moment(data.get("created_at")) or _UNDATED,
        what="conversation",
        fields=_fields(data),
        custom=custom_values(data.get("custom_fields")),
        status=_status(data),
        assignee=_assignee(data),
        is_deleted=data.get("status") == "deleted",
        needs_fetch=data.get("status") != "deleted",
    )


def read_whole(
    data: Mapping[str, Any], messages: Sequence[Mapping[str, Any]], comments: Sequence[Mapping[str, Any]]
) -> TicketEvent:
    """A conversation with its messages, from the first one on, oldest first."""
    listed = [item for item in messages if not item.get("draft_mode")]
    inbound = [item for item in listed if item.get("is_inbound") is True]
    opening = next(iter(inbound or listed), None)
    written = [read for item in listed if item is not opening and (read := _message(item))]
    written += [read for item in comments if (read := _comment(item))]
    return replace(
        read_conversation(data),
        fields=_fields(data) | ({} if opening is None else _begins(opening, data)),
        messages=sorted(written, key=lambda message: message.at),
        is_whole=True,
        needs_fetch=False,
    )


def _number(data: Mapping[str, Any], target: Mapping[str, Any]) -> str:
    """The conversation's id, or the last part of an address of it."""
    if found := safe_id(data.get("id")):
        return found
    links = (part(data, "_links").get("self"), part(target, "_links", "related").get("conversation"))
    named = (text(link, 500).partition("?")[0].partition("/conversations/")[2] for link in links)
    return next((name for name in named if name), "")


def _merged(value: Any) -> list[str]:
    """Ids of conversations that are gone: a list of them, or of objects, or an object that holds the list."""
    listed = part(value).get("deleted_conversation_ids", value)
    named = (part(item).get("id", item) for item in listed) if isinstance(listed, list) else iter(())
    return [gone for gone in dict.fromkeys(map(safe_id, named)) if gone]


def _message(item: Mapping[str, Any]) -> Message | None:
    """None for a preview, which has no text."""
    key, at = safe_id(item.get("id")), moment(item.get("created_at"))
    if not key or at is None or not ("body" in item or "text" in item):
        return None
    is_inbound = item.get("is_inbound") is True
    writer = _sender(item) if is_inbound else _person(part(item, "author"))
    return Message(
        external_id=key,
        author=Author.CUSTOMER if is_inbound else _kind_of(part(item, "author")),
        text=_text(item),
        at=at,
        author_name=writer.name,
        author_email=writer.email,
        author_id=writer.id,
    )


def _comment(item: Mapping[str, Any]) -> Message | None:
    key, at = safe_id(item.get("id")), moment(item.get("posted_at"))
    if not key or at is None or "body" not in item:
        return None
    who = part(item, "author")
    return Message(
        external_id=key,
        author=_kind_of(who),
        text=text(item.get("body")),
        at=at,
        is_public=False,
        author_name=_person(who).name,
        author_email=_person(who).email,
        author_id=_person(who).id,
    )


def _text(item: Mapping[str, Any]) -> str:
    return plain(text(item.get("body"))) or text(item.get("text")).strip()


def _sender(item: Mapping[str, Any]) -> Agent:
    who = next((one for one in items(item.get("recipients")) if one.get("role") == "from"), {})
    return Agent("", words(who.get("name"), 200), address(who.get("handle")))


def _person(who: Mapping[str, Any]) -> Agent:
    name = f"{text(who.get('first_name'), 100)} {text(who.get('last_name'), 100)}"
    return Agent(safe_id(who.get("id")), words(name, 200), address(who.get("email")))


def _kind_of(who: Mapping[str, Any]) -> Author:
    """Teammates are people unless their type is one of the bots'; what nobody has written came from the API."""
    return Author.AGENT if who and text(who.get("type"), 40) in ("", "user", "visitor") else Author.BOT


def _is_opening(item: Mapping[str, Any], data: Mapping[str, Any]) -> bool:
    began, at = moment(data.get("created_at")), moment(item.get("created_at"))
    if began is None or at is None or part(item, "_links", "related").get("message_replied_to"):
        return False
    return abs(at - began) <= _OPENING


def _begins(item: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    subject = {} if data.get("subject") else stated(subject=words(item.get("subject"), 500))
    return {"description": _text(item), **subject, **stated(channel=words(item.get("type"), 40))}


def _fields(data: Mapping[str, Any]) -> dict[str, Any]:
    who, began = part(data, "recipient"), moment(data.get("created_at"))
    found = stated(
        subject=words(data.get("subject"), 500),
        requester=stated(name=words(who.get("name"), 200), email=address(who.get("handle"))),
        created_at=began.isoformat() if began else "",
    )
    if isinstance(data.get("tags"), list):
        found["tags"] = tags([item.get("name") for item in items(data["tags"])])
    return found


def _status(data: Mapping[str, Any]) -> Status | None:
    """With ticketing its category; otherwise whether it is archived. Archived is done, whatever the category says."""
    word = text(data.get("status"), 20)
    if word == "archived":
        return Status.SOLVED
    return _CATEGORIES.get(text(data.get("status_category"), 20)) or _WORDS.get(word)


def _assignee(data: Mapping[str, Any], what: str = "", target: Mapping[str, Any] | None = None) -> Agent | None:
    """None when it is not stated. A new one may stand as the event's target where the conversation is a preview."""
    if "assignee" in data:
        who = data["assignee"]
    elif what == "assignee_changed" and target:
        who = target
    else:
        return None
    if who is None:
        return Agent("")
    found = _person(part(who))
    return found if found.id else None
