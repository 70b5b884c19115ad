"""Answers of Zendesk's API as events: a ticket, the people and companies that came with it, its comments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from investigations.helpdesks import neutral
from investigations.helpdesks.base import Agent, Author, Message, TicketEvent
from investigations.helpdesks.reading import identifier, items, moment, part, plain, safe_id, stated, text, texts
from investigations.helpdesks.zendesk.events import someone, status

Found = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class People:
    """Users and organizations that an answer brought along, by id."""

    users: Mapping[str, Found] = field(default_factory=dict)
    organizations: Mapping[str, Found] = field(default_factory=dict)

    @classmethod
    def of(cls, found: Any) -> People:
        return cls(_by_id(part(found).get("users")), _by_id(part(found).get("organizations")))

    def and_those_of(self, found: Any) -> People:
        more = People.of(found)
        return People({**self.users, **more.users}, {**self.organizations, **more.organizations})

    def user(self, value: Any) -> Found:
        return self.users.get(safe_id(value), {})


def _by_id(value: Any) -> dict[str, Found]:
    return {safe_id(item.get("id")): item for item in items(value) if safe_id(item.get("id"))}


def read_ticket(ticket: Found, people: People, home: str) -> TicketEvent:
    """The ticket without its comments. InvalidInput when it has no id."""
    external_id = identifier(ticket.get("id"))
    at = moment(ticket.get("updated_at")) or moment(ticket.get("created_at")) or datetime.now(UTC)
    state = text(ticket.get("status"), 20).lower()
    if state in ("deleted", "scrubbed"):
        return TicketEvent(external_id, at, f"ticket.{state}", is_deleted=True)
    created = moment(ticket.get("created_at"))
    fields = stated(
        subject=text(ticket.get("subject") or ticket.get("raw_subject"), 5000),
        description=text(ticket.get("description")),
        channel=neutral.word(part(ticket, "via").get("channel")),
        url=f"{home}/agent/tickets/{external_id}",
        created_at=created.isoformat() if created else "",
        requester=_requester(people.user(ticket.get("requester_id"))),
        organization=_organization(people.organizations.get(safe_id(ticket.get("organization_id")), {})),
    )
    fields["priority"] = neutral.word(ticket.get("priority"))
    fields["tags"] = neutral.tags(ticket.get("tags"))
    return TicketEvent(
        external_id=external_id,
        at=at,
        what="ticket",
        fields=fields,
        custom={
            safe_id(item.get("id")): neutral.custom(item.get("value"))
            for item in items(ticket.get("custom_fields"))
            if safe_id(item.get("id")) and item.get("value") not in (None, "", [])
        },
        status=status(state),
        assignee=_agent(someone(ticket.get("assignee_id")), people),
        is_whole=True,
    )


def read_comments(event: TicketEvent, comments: Sequence[Found], people: People, ticket: Found) -> TicketEvent:
    """The ticket with its comments, which come oldest first; the first one is the description and not listed again."""
    messages = [found for comment in comments[1:] if (found := _message(comment, people, ticket)) is not None]
    return replace(event, messages=messages)


def _requester(user: Found) -> dict[str, Any]:
    return neutral.requester(user.get("name"), user.get("email"), user.get("iana_time_zone"))


def _organization(found: Found) -> dict[str, Any]:
    domains = texts(found.get("domain_names"))
    return neutral.organization(found.get("name"), domains[0] if domains else "", found.get("external_id"))


def _agent(key: str, people: People) -> Agent:
    user = people.user(key)
    return Agent(key, text(user.get("name"), 200), neutral.email(user.get("email")))


def _message(comment: Found, people: People, ticket: Found) -> Message | None:
    key, at = safe_id(comment.get("id")), moment(comment.get("created_at"))
    if not key or at is None:
        return None
    user = people.user(comment.get("author_id"))
    is_public = comment.get("public") is not False
    return Message(
        external_id=key,
        author=_author(comment, user, ticket, is_public=is_public),
        text=plain(text(comment.get("html_body"))) or text(comment.get("body")).strip(),
        at=at,
        is_public=is_public,
        author_name=text(user.get("name"), 200),
        author_email=neutral.email(user.get("email")),
        author_id=someone(comment.get("author_id")),
    )


def _author(comment: Found, user: Found, ticket: Found, *, is_public: bool) -> Author:
    """By the author's role; for one whom the answer did not bring along, by whose ticket it is."""
    author = text(comment.get("author_id"))
    if author.startswith("-") or part(comment, "via").get("channel") == "rule":
        return Author.BOT
    role = text(user.get("role"), 20)
    if role:
        return Author.CUSTOMER if role == "end-user" else Author.AGENT
    return Author.CUSTOMER if is_public and author == text(ticket.get("requester_id")) else Author.AGENT
