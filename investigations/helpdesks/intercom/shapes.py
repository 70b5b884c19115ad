"""Intercom's conversation and ticket objects as events; the same objects come by notification and by the API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from investigations.helpdesks.base import Agent, Author, Message, Status, TicketEvent
from investigations.helpdesks.notes import markers
from investigations.helpdesks.reading import identifier, items, moment, part, plain, safe_id, stated, text

#: Older than every other statement: for objects that do not tell their time.
UNDATED: Final = datetime(2000, 1, 1, tzinfo=UTC)
#: A conversation without a title is called by the beginning of its first message, of at most this many characters.
SUBJECT_LENGTH: Final = 120
_STATES: Final = {"open": Status.OPEN, "closed": Status.SOLVED, "snoozed": Status.PENDING}
_TICKET_STATES: Final = {
    "submitted": Status.NEW, "in_progress": Status.OPEN, "waiting_on_customer": Status.PENDING,
    "resolved": Status.SOLVED,
}  # fmt: skip
_PRIORITIES: Final = {"priority": "high", "not_priority": "normal"}
_AUTHORS: Final = {
    "user": Author.CUSTOMER, "lead": Author.CUSTOMER, "contact": Author.CUSTOMER, "visitor": Author.CUSTOMER,
    "bot": Author.BOT,
}  # fmt: skip
#: Parts whose text goes to the customer. Whatever else has a text (notes, words at an assignment) is internal.
_PUBLIC: Final = frozenset({"comment", "quick_reply", "open", "close", "snoozed"})
_TITLE, _DESCRIPTION = "_default_title_", "_default_description_"
_MOST_TAGS: Final = 50


def conversation_event(item: Mapping[str, Any], *, at: datetime | None = None) -> TicketEvent:
    """What a conversation says. InvalidInput when it has no id."""
    parts = list(items(part(item, "conversation_parts").get("conversation_parts")))
    source = part(item, "source")
    return TicketEvent(
        external_id=identifier(item.get("id"), "conversation"),
        at=at or moment(item.get("updated_at")) or UNDATED,
        what="conversation",
        fields={**_opening(item, source), **_common(item, source)},
        custom=custom_values(part(item, "custom_attributes")),
        status=_conversation_status(item),
        assignee=_assignee(item, parts),
        messages=_messages(parts),
        # The opening message is the description: its removal is told beside those of parts, whose ids are others.
        redacted=[*_redacted(parts), *(f"source-{each}" for each in _redacted([source]))],
        is_whole=isinstance(source.get("body"), str),
    )


def ticket_event(item: Mapping[str, Any], *, at: datetime | None = None) -> TicketEvent:
    """What a ticket object says. InvalidInput when it has no id."""
    attributes, parts = part(item, "ticket_attributes"), list(items(part(item, "ticket_parts").get("ticket_parts")))
    opening = stated(subject=text(attributes.get(_TITLE), 500), channel="ticket")
    if isinstance(attributes.get(_DESCRIPTION), str):
        opening["description"] = plain(attributes[_DESCRIPTION])
    return TicketEvent(
        external_id=identifier(item.get("id"), "ticket"),
        at=at or moment(item.get("updated_at")) or UNDATED,
        what="ticket",
        fields={**opening, **_common(item, {})},
        custom={name: value for name, value in custom_values(attributes).items() if name not in (_TITLE, _DESCRIPTION)},
        status=_ticket_state(item.get("ticket_state")),
        was=next((_ticket_state(each.get("previous_ticket_state")) for each in reversed(parts)), None),
        assignee=_assignee(item, parts),
        messages=_messages(parts),
        redacted=_redacted(parts),
        is_whole=isinstance(attributes.get(_DESCRIPTION), str) or isinstance(attributes.get(_TITLE), str),
    )


def requester(contact: Mapping[str, Any]) -> dict[str, str]:
    """Name and address of a contact, as far as they are stated."""
    email = text(contact.get("email"), 254).strip()
    return stated(name=text(contact.get("name"), 200), email=email if "@" in email else "")


def organization(company: Mapping[str, Any]) -> dict[str, str]:
    """A company: `external_id` is the id that the customer's own product gave it (`company_id`)."""
    site = text(company.get("website"), 500).strip()
    try:
        domain = urlsplit(site if "//" in site else f"//{site}").hostname or ""
    except ValueError:
        domain = ""
    return stated(
        name=text(company.get("name"), 200),
        external_id=text(company.get("company_id"), 120),
        domain=domain.removeprefix("www.")[:253],
    )


def contacts(item: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The contacts of a conversation: an object with a list since API 2.5, the bare list before."""
    found = item.get("contacts")
    return items(found.get("contacts") if isinstance(found, Mapping) else found)


def custom_values(values: Mapping[str, Any]) -> dict[str, str]:
    """Custom attributes that are a text, a number or yes and no; lists and references are left out."""
    found = {}
    for name, value in values.items():
        shown = str(value).lower() if isinstance(value, bool) else text(value, 500)
        if shown and isinstance(name, str):
            found[name[:80]] = shown
    return found


def _opening(item: Mapping[str, Any], source: Mapping[str, Any]) -> dict[str, Any]:
    """Subject and description. A source that was redacted states both as they are now, which may be empty."""
    title = plain(text(item.get("title"), 2000)) or plain(text(source.get("subject"), 2000))
    if source.get("redacted") is True:
        return {"subject": title[:500], "description": ""}
    body = source.get("body")
    if not isinstance(body, str):
        return stated(subject=title[:500])
    words = plain(body)
    return {"subject": title[:500] or _first_words(words), "description": words}


def _first_words(words: str) -> str:
    line = words.split("\n", 1)[0].strip()
    return line if len(line) <= SUBJECT_LENGTH else line[: SUBJECT_LENGTH - 1].rstrip() + "…"


def _common(item: Mapping[str, Any], source: Mapping[str, Any]) -> dict[str, Any]:
    """Fields that conversations and tickets share."""
    author, created = part(source, "author"), moment(item.get("created_at"))
    from_customer = author if _AUTHORS.get(text(author.get("type"), 20)) is Author.CUSTOMER else {}
    priority = text(item.get("priority"), 40)
    fields = stated(
        channel=text(source.get("type"), 40),
        priority=_PRIORITIES.get(priority, priority),
        requester={**requester(next(contacts(item), {})), **requester(from_customer)},
        organization=organization(part(item, "company")),
        created_at=created.isoformat() if created else "",
    )
    tags = part(item, "tags").get("tags")
    if isinstance(tags, list):
        names = [text(each.get("name"), 80).strip() for each in items(tags)]
        fields["tags"] = list(dict.fromkeys(name for name in names if name))[:_MOST_TAGS]
    return fields


def _conversation_status(item: Mapping[str, Any]) -> Status | None:
    known = _STATES.get(text(item.get("state"), 20))
    if known is None and isinstance(item.get("open"), bool):
        return Status.OPEN if item["open"] else Status.SOLVED
    return known


def _ticket_state(state: Any) -> Status | None:
    """A ticket's state: an object with a category, or the category alone (in parts, and in older versions)."""
    return _TICKET_STATES.get(text(state.get("category") if isinstance(state, Mapping) else state, 40))


def _assignee(item: Mapping[str, Any], parts: Sequence[Mapping[str, Any]]) -> Agent | None:
    """Whom it is assigned to, by the id; the name is known when that person wrote one of the parts."""
    if "admin_assignee_id" not in item:
        return None
    given = item["admin_assignee_id"]
    if given is not None and not text(given):
        return None
    found = "" if text(given) == "0" else safe_id(given)  # tickets say "0" for nobody
    who = next(
        (part(each, "author") for each in parts if found and safe_id(part(each, "author").get("id")) == found), {}
    )
    return Agent(found, text(who.get("name"), 200), text(who.get("email"), 254))


def _messages(parts: Sequence[Mapping[str, Any]]) -> list[Message]:
    return [message for each in parts if (message := _message(each)) is not None]


def _redacted(parts: Sequence[Mapping[str, Any]]) -> list[str]:
    named = (safe_id(each.get("id")) for each in parts if each.get("redacted") is True)
    return [each for each in named if each]


def _message(each: Mapping[str, Any]) -> Message | None:
    """A part that says something: not a mere change of state, and not one that was redacted."""
    key, at, body = safe_id(each.get("id")), moment(each.get("created_at")), text(each.get("body"))
    # A note of ours is known by its marker, which stands in the address of its link.
    words = "\n".join([plain(body), *(f"#altor-{marker}" for marker in sorted(markers(body)))]).strip()
    if not key or at is None or not words or each.get("redacted") is True:
        return None
    author = part(each, "author")
    kind = _AUTHORS.get(text(author.get("type"), 20), Author.AGENT)
    return Message(
        external_id=key,
        author=Author.BOT if author.get("from_ai_agent") is True else kind,
        text=words,
        at=at,
        is_public=text(each.get("part_type"), 60) in _PUBLIC,
        author_name=text(author.get("name"), 200),
        author_email=text(author.get("email"), 254),
        author_id=safe_id(author.get("id")),
    )
