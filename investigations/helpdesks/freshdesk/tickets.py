"""Answers of Freshdesk's API as events: a ticket with what was embedded, and its conversations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from investigations.helpdesks import neutral
from investigations.helpdesks.base import Agent, Author, Message, TicketEvent
from investigations.helpdesks.freshdesk import words
from investigations.helpdesks.reading import identifier, moment, part, plain, safe_id, stated, text, texts

Found = Mapping[str, Any]


def read_ticket(ticket: Found, company: Found, agent: Found, home: str, own_statuses: Mapping[str, str]) -> TicketEvent:
    """The ticket without its conversations. InvalidInput when it has no id."""
    external_id = identifier(ticket.get("id"))
    created = moment(ticket.get("created_at"))
    asker, home_of = part(ticket, "requester"), company or part(ticket, "company")
    domains = texts(home_of.get("domains"))
    fields = stated(
        subject=text(ticket.get("subject"), 5000),
        description=text(ticket.get("description_text")).strip() or plain(text(ticket.get("description"))),
        channel=words.channel(ticket.get("source")),
        url=f"{home}/a/tickets/{external_id}",
        created_at=created.isoformat() if created else "",
        requester=neutral.requester(asker.get("name"), asker.get("email")),
        organization=neutral.organization(home_of.get("name"), domains[0] if domains else ""),
    )
    fields["priority"] = words.priority(ticket.get("priority"))
    fields["tags"] = neutral.tags(ticket.get("tags"))
    return TicketEvent(
        external_id=external_id,
        at=moment(ticket.get("updated_at")) or created or datetime.now(UTC),
        what="ticket",
        fields=fields,
        custom={
            name: neutral.custom(value)
            for name, value in part(ticket, "custom_fields").items()
            if safe_id(name) and value not in (None, "", [])
        },
        status=words.status(ticket.get("status"), own_statuses),
        assignee=_agent(ticket, agent),
        is_deleted=ticket.get("deleted") is True,
        is_whole=True,
    )


def read_conversations(event: TicketEvent, told: Sequence[Found]) -> TicketEvent:
    """The ticket with what was said after its description, oldest first."""
    name = part(event.fields, "requester")
    return replace(event, messages=[found for one in told if (found := _message(one, name)) is not None])


def _agent(ticket: Found, agent: Found) -> Agent | None:
    if "responder_id" not in ticket:
        return None
    contact = part(agent, "contact")
    return Agent(
        safe_id(ticket.get("responder_id")), text(contact.get("name"), 200), neutral.email(contact.get("email"))
    )


def _message(told: Found, asker: Found) -> Message | None:
    """Who wrote it is told by `incoming`; of a customer only when it is the requester also by name."""
    key, at = safe_id(told.get("id")), moment(told.get("created_at"))
    if not key or at is None:
        return None
    is_customer = told.get("incoming") is True
    address = neutral.email(_address(text(told.get("from_email"), 300)))
    is_asker = is_customer and (not address or address == asker.get("email"))
    return Message(
        external_id=key,
        author=Author.CUSTOMER if is_customer else Author.AGENT,
        text=plain(text(told.get("body"))) or text(told.get("body_text")).strip(),
        at=at,
        is_public=told.get("private") is not True,
        author_name=text(asker.get("name"), 200) if is_asker else "",
        author_email=(text(asker.get("email"), 254) if is_asker else "") or address,
        author_id=safe_id(told.get("user_id")),
    )


def _address(sender: str) -> str:
    """`"Kim Lee" <kim@acme.example>` as the bare address."""
    return sender.rpartition("<")[2].rstrip("> ") if "<" in sender else sender
