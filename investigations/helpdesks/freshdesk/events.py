"""Bodies of Freshdesk's automation rules as events: those shipped beside this file, and its own "simple" content.

A rule sends what its author wrote into it, and no rule runs when a ticket is deleted or merged.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from altor.errors import InvalidInput
from investigations.helpdesks import neutral
from investigations.helpdesks.base import Agent, Author, Message, Status, TicketEvent
from investigations.helpdesks.freshdesk import words
from investigations.helpdesks.reading import identifier, part, plain, safe_id, stated, text

_LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)
#: What set a rule off comes in a notation of its own: `{status:{from:2,to:4}}`.
_CHANGED: Final = re.compile(r"\bstatus:\{from:([^,{}]{0,40}),to:([^,{}]{0,40})\}")
Found = Mapping[str, Any]


def read_event(body: Found, own_statuses: Mapping[str, str]) -> Sequence[TicketEvent]:
    """One event. InvalidInput when the body names no ticket."""
    simple = part(body, "freshdesk_webhook")
    if simple:
        body = _from_simple(simple)
    ticket = part(body, "ticket")
    if not ticket:
        raise InvalidInput("The event holds no ticket: it is not the body of our automation rule.")
    external_id = identifier(ticket.get("id"))
    at = words.when(ticket.get("updated_at")) or words.when(body.get("sent_at"))
    was, now = _changed(body.get("triggered_event"), own_statuses)
    fields = _fields(body, ticket)
    asker = part(fields, "requester")
    return [
        TicketEvent(
            external_id=external_id,
            at=at or _LONG_AGO,
            what=text(body.get("event"), 80).strip() or "rule",
            fields=fields,
            status=words.status(ticket.get("status_id"), own_statuses)
            or words.status(ticket.get("status"), own_statuses)
            or now,
            was=was,
            assignee=_agent(part(body, "agent")),
            messages=_latest(body, asker, at),
            is_whole="description" in fields,
            needs_fetch=at is None or "description" not in fields or not asker.get("email"),
        )
    ]


def _from_simple(flat: Found) -> dict[str, Any]:
    """The content that Freshdesk offers to tick, in the shape of ours."""
    return {
        "event": "rule",
        "triggered_event": flat.get("triggered_event"),
        "ticket": {
            "id": flat.get("ticket_id"),
            "subject": flat.get("ticket_subject"),
            "description": flat.get("ticket_description"),
            "status": flat.get("ticket_status"),
            "priority": flat.get("ticket_priority"),
            "channel": flat.get("ticket_source"),
            "url": flat.get("ticket_url"),
            **({"tags": flat["ticket_tags"]} if "ticket_tags" in flat else {}),
        },
        "requester": {
            "name": flat.get("ticket_contact_name") or flat.get("requester_name"),
            "email": flat.get("ticket_contact_email") or flat.get("requester_email"),
        },
        "organization": {"name": flat.get("ticket_company_name"), "domains": flat.get("ticket_company_domains")},
    }


def _fields(body: Found, ticket: Found) -> dict[str, Any]:
    asker, company = part(body, "requester"), part(body, "organization")
    created = words.when(ticket.get("created_at"))
    domains = neutral.tags(company.get("domains"))
    fields = stated(
        subject=plain(text(ticket.get("subject"), 5000)),
        description=plain(text(ticket.get("description"))),
        priority=words.priority(ticket.get("priority")),
        channel=words.channel(ticket.get("channel")),
        url=neutral.link(ticket.get("url")),
        created_at=created.isoformat() if created else "",
        requester=neutral.requester(asker.get("name"), asker.get("email")),
        organization=neutral.organization(company.get("name"), domains[0] if domains else ""),
    )
    if isinstance(ticket.get("tags"), str | list):
        fields["tags"] = neutral.tags(ticket["tags"], ",")
    return fields


def _changed(value: Any, own: Mapping[str, str]) -> tuple[Status | None, Status | None]:
    """The status before and after, where a change of it set the rule off."""
    found = _CHANGED.search(re.sub(r"[\"'\s]", "", text(value, 2000)))
    return (words.status(found[1], own), words.status(found[2], own)) if found else (None, None)


def _agent(agent: Found) -> Agent | None:
    """An empty id may be nobody, or a placeholder that Freshdesk does not know: not stated."""
    key = safe_id(agent.get("id"))
    return Agent(key, text(agent.get("name"), 200).strip(), neutral.email(agent.get("email"))) if key else None


def _latest(body: Found, asker: Found, at: datetime | None) -> Sequence[Message]:
    """The newest public comment, which has no id of its own: the same words at the same time are the same one."""
    comment = part(body, "comment")
    said = plain(text(comment.get("text")))
    if not said or at is None:
        return ()
    is_customer = text(comment.get("by"), 20).strip().lower() == "customer"
    key = hashlib.sha256(f"{at.isoformat()} {said}".encode(errors="replace")).hexdigest()[:32]
    return [
        Message(
            external_id=f"rule-{key}",
            author=Author.CUSTOMER if is_customer else Author.AGENT,
            text=said,
            at=at,
            author_name=text(asker.get("name"), 200) if is_customer else "",
            author_email=text(asker.get("email"), 254) if is_customer else "",
        )
    ]
