"""Zendesk's payloads as events: its event subscriptions, and the trigger bodies that are shipped beside this file.

The `detail` of an event is the ticket as it stood when the event happened, without names and addresses: ids of people
only. Those are read by the API (`needs_fetch`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from altor.errors import InvalidInput
from investigations.helpdesks import neutral
from investigations.helpdesks.base import Agent, Author, Message, Status, TicketEvent
from investigations.helpdesks.reading import identifier, moment, part, plain, safe_id, stated, text

TYPE: Final = "zen:event-type:"
SIGNED_AT: Final = "x-zendesk-webhook-signature-timestamp"
#: Events that say something which Altor keeps. All others of a ticket are passed over.
_KINDS: Final = frozenset(
    {
        "created", "status_changed", "custom_status_changed", "comment_added", "comment_made_private",
        "comment_redacted", "priority_changed", "tags_changed", "subject_changed", "description_changed",
        "agent_assignment_changed", "custom_field_changed", "organization_changed", "requester_changed", "merged",
        "soft_deleted", "permanently_deleted", "marked_as_spam", "undeleted",
    }
)  # fmt: skip
#: What these tell of is not in the payload, or only as an id.
_FETCHED: Final = frozenset(
    {"created", "comment_made_private", "comment_redacted", "organization_changed", "requester_changed", "undeleted"}
)
_GONE: Final = frozenset({"soft_deleted", "permanently_deleted", "marked_as_spam"})
_STATUS: Final = {
    "new": Status.NEW, "open": Status.OPEN, "pending": Status.PENDING, "hold": Status.HOLD, "on-hold": Status.HOLD,
    "on hold": Status.HOLD, "solved": Status.SOLVED, "closed": Status.CLOSED, "archived": Status.CLOSED,
}  # fmt: skip
#: A comment with the description's words this soon after the ticket's creation is its opening, told a second time.
_OPENING: Final = timedelta(minutes=2)
_LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)


def read_event(body: Mapping[str, Any], headers: Mapping[str, str]) -> Sequence[TicketEvent]:
    """At most one event. InvalidInput when the body is about a ticket and does not name it."""
    kind = text(body.get("type"), 120)
    if not kind.startswith(TYPE):
        return [_of_trigger(body, headers)]
    kind = kind.removeprefix(TYPE)
    domain, _, what = kind.partition(".")
    if domain != "ticket" or what not in _KINDS:
        return []
    return [_of_subscription(kind, what, body, headers)]


def status(value: Any) -> Status | None:
    return _STATUS.get(text(value, 20).strip().lower())


def someone(value: Any) -> str:
    """A user's id; "" for nobody, which is sent as null, as an empty text or as 0."""
    found = safe_id(value)
    return "" if found == "0" else found


# ------------------------------------------------------------------------------------------------- event subscriptions
def _of_subscription(kind: str, what: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> TicketEvent:
    detail, event = part(body, "detail"), part(body, "event")
    external_id = identifier(detail.get("id") or text(body.get("subject")).rpartition("zen:ticket:")[2])
    at = moment(body.get("time")) or moment(detail.get("updated_at")) or _signed(headers)
    key = safe_id(body.get("id"))
    if what in _GONE:
        redacted = ["*"] if what == "permanently_deleted" else []
        return TicketEvent(external_id, at, kind, key, is_deleted=True, redacted=redacted)
    fields = _snapshot(detail)
    if what == "subject_changed" and text(event.get("current")):
        fields["subject"] = text(event.get("current"), 5000)
    return TicketEvent(
        external_id=external_id,
        at=at,
        what=kind,
        key=key,
        fields=fields,
        custom=_changed_field(event) if what == "custom_field_changed" else {},
        status=(status(event.get("current")) if what == "status_changed" else None) or status(detail.get("status")),
        was=status(event.get("previous")) if what == "status_changed" else None,
        assignee=_assignee(what, detail, event),
        messages=_comment(detail, event, fields, at) if what == "comment_added" else (),
        merged_into=safe_id(event.get("target_ticket_id")) if what == "merged" else "",
        redacted=_redacted(event) if what == "comment_redacted" else (),
        is_whole="description" in fields,
        needs_fetch=what in _FETCHED or (what == "tags_changed" and "tags" not in detail),
    )


def _signed(headers: Mapping[str, str]) -> datetime:
    """The time of the delivery; without one the event is older than every other."""
    return moment(headers.get(SIGNED_AT)) or _LONG_AGO


def _snapshot(detail: Mapping[str, Any]) -> dict[str, Any]:
    """What the detail says of the ticket. Without tags it sends null, and null again for no priority."""
    fields = stated(
        subject=text(detail.get("subject"), 5000),
        description=text(detail.get("description")),
        channel=neutral.word(part(detail, "via").get("channel")),
        created_at=_iso(detail.get("created_at")),
    )
    if "priority" in detail:
        fields["priority"] = neutral.word(detail["priority"])
    if "tags" in detail:
        fields["tags"] = neutral.tags(detail["tags"])
    return fields


def _iso(value: Any) -> str:
    at = moment(value)
    return at.isoformat() if at else ""


def _assignee(what: str, detail: Mapping[str, Any], event: Mapping[str, Any]) -> Agent | None:
    """Only where it is news: the id alone would take the name from one that the API told."""
    if what == "agent_assignment_changed" and "current" in event:
        return Agent(someone(event["current"]))
    if what in ("created", "agent_assignment_changed") and "assignee_id" in detail:
        return Agent(someone(detail["assignee_id"]))
    return None


def _changed_field(event: Mapping[str, Any]) -> dict[str, str]:
    field, now = safe_id(part(event, "custom_field").get("id")), event.get("current")
    value = now.get("value") if isinstance(now, Mapping) else now
    return {field: neutral.custom(value)} if field else {}


def _redacted(event: Mapping[str, Any]) -> Sequence[str]:
    comment = safe_id(part(event, "comment").get("id"))
    return [comment] if comment else []


def _comment(
    detail: Mapping[str, Any], event: Mapping[str, Any], fields: Mapping[str, Any], at: datetime
) -> Sequence[Message]:
    comment = part(event, "comment")
    key, author = safe_id(comment.get("id")), part(comment, "author")
    said = text(comment.get("body")).strip() or plain(text(comment.get("html_body")))
    if not key or _is_opening(said, detail, fields, at):
        return ()
    is_public = comment.get("is_public") is not False
    return [
        Message(
            external_id=key,
            author=_author(author, detail, is_public=is_public),
            text=said,
            at=at,
            is_public=is_public,
            author_name=text(author.get("name"), 200),
            author_id=someone(author.get("id")),
        )
    ]


def _is_opening(said: str, detail: Mapping[str, Any], fields: Mapping[str, Any], at: datetime) -> bool:
    created = moment(detail.get("created_at"))
    return (
        created is not None
        and abs(at - created) <= _OPENING
        and said.split() == text(fields.get("description")).split()
    )


def _author(author: Mapping[str, Any], detail: Mapping[str, Any], *, is_public: bool) -> Author:
    if text(author.get("id")).startswith("-"):
        return Author.BOT  # -1: Zendesk itself
    if isinstance(author.get("is_staff"), bool):
        return Author.AGENT if author["is_staff"] else Author.CUSTOMER
    is_requester = someone(author.get("id")) and someone(author.get("id")) == someone(detail.get("requester_id"))
    return Author.CUSTOMER if is_public and (is_requester or not author) else Author.AGENT


# --------------------------------------------------------------------------------------------------------- trigger body
def _of_trigger(body: Mapping[str, Any], headers: Mapping[str, str]) -> TicketEvent:
    """The bodies of trigger.json and trigger-without-api.json. A placeholder without a value comes as an empty text."""
    ticket, asker, company = part(body, "ticket"), part(body, "requester"), part(body, "organization")
    if not ticket:
        raise InvalidInput("The event holds no ticket: neither a Zendesk event nor the body of our trigger.")
    external_id = identifier(ticket.get("id"))
    at = moment(text(ticket.get("updated_at")).strip()) or _signed(headers)
    fields = stated(
        subject=text(ticket.get("subject"), 5000).strip(),
        description=text(ticket.get("description")).strip(),
        priority=neutral.word(ticket.get("priority")),
        channel=neutral.word(ticket.get("channel")),
        url=neutral.link(ticket.get("url")),
        created_at=_iso(text(ticket.get("created_at")).strip()),
        requester=neutral.requester(asker.get("name"), asker.get("email")),
        organization=neutral.organization(company.get("name"), "", company.get("external_id")),
    )
    if isinstance(ticket.get("tags"), str | list):
        fields["tags"] = neutral.tags(ticket["tags"])
    return TicketEvent(
        external_id=external_id,
        at=at,
        what=text(body.get("event"), 80) or "trigger",
        fields=fields,
        status=status(ticket.get("status")),
        messages=_latest(body, fields, at),
        is_whole="description" in fields,
        needs_fetch=not ("description" in fields and part(fields, "requester").get("email")),
    )


def _latest(body: Mapping[str, Any], fields: Mapping[str, Any], at: datetime) -> Sequence[Message]:
    """The comment that set the trigger off, where the body holds its text and its id and it is not the opening."""
    comment = part(body, "comment")
    author = part(comment, "author")
    key, said = safe_id(comment.get("id")), plain(text(comment.get("text")))
    if not key or not said or said.split() == text(fields.get("description")).split():
        return ()
    is_public = text(comment.get("is_public"), 10).strip().lower() not in ("false", "no", "0")
    address = neutral.email(author.get("email"))
    is_customer = address == part(fields, "requester").get("email") if address else is_public
    return [
        Message(
            external_id=key,
            author=Author.CUSTOMER if is_customer else Author.AGENT,
            text=said,
            at=at,
            is_public=is_public,
            author_name=text(author.get("name"), 200).strip(),
            author_email=address,
            author_id=someone(author.get("id")),
        )
    ]
