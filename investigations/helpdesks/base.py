"""What every helpdesk offers to Altor, and the words both sides use.

A helpdesk is a folder `investigations/helpdesks/<name>/`: `adapter.py` (who sent this, what does it say), `events.py`
(their payloads as `TicketEvent`), `client.py` (their API) and, where its sidebar signs its start, `launch.py`. The
setting `HELPDESKS` lists the adapters by dotted path; a folder next door is the how-to.

An adapter holds no state and knows no database. What it reads from a payload says only what the payload says: a field
that an event does not name is left out, never emptied, because events arrive late, twice and in any order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Protocol

from pydantic import BaseModel, ConfigDict

from altor.signatures import Delivery
from investigations.helpdesks.notes import Note
from investigations.sources.base import ConnectionConfig, ConnectionReport


class Status(StrEnum):
    """A ticket's status in the helpdesk, in one vocabulary."""

    NEW = "new"
    OPEN = "open"
    PENDING = "pending"  # waiting on the customer
    HOLD = "hold"  # waiting on a third party
    SOLVED = "solved"
    CLOSED = "closed"  # solved for good

    @property
    def is_over(self) -> bool:
        return self in (Status.SOLVED, Status.CLOSED)


class Author(StrEnum):
    CUSTOMER = "customer"
    AGENT = "agent"
    BOT = "bot"  # rules, autoresponders, other apps


@dataclass(frozen=True, slots=True)
class Agent:
    """Who works on a ticket in the helpdesk. `id` is the helpdesk's, as text; an empty one means nobody."""

    id: str
    name: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a ticket: plain text, without quoted history where the helpdesk separates it.

    The opening message is the ticket's description and is not listed again; `external_id` is unique in the ticket.
    """

    external_id: str
    author: Author
    text: str
    at: datetime
    is_public: bool = True
    author_name: str = ""
    author_email: str = ""
    author_id: str = ""


@dataclass(frozen=True, slots=True)
class TicketEvent:
    """What one payload, or one answer of the API, says about one ticket.

    `fields` has keys of the neutral ticket shape (`subject`, `description`, `tags`, `priority`, `channel`, `url`,
    `requester`, `organization`, `created_at`; see `investigations.intake.payload`) and only those that were stated;
    `requester` and `organization` are objects of which again only what was stated counts. `custom` has the helpdesk's
    custom fields by their ids, as text. `None` for status and assignee means: not stated.
    """

    external_id: str
    at: datetime  # when it happened, by the helpdesk's clock; aware UTC
    what: str  # the helpdesk's own word for it, for the log: "ticket.comment_added"
    key: str = ""  # the helpdesk's id of the event; the same event under two deliveries has the same one
    fields: Mapping[str, Any] = field(default_factory=dict)
    custom: Mapping[str, str] = field(default_factory=dict)
    status: Status | None = None
    was: Status | None = None  # the status before, where the payload tells
    assignee: Agent | None = None
    messages: Sequence[Message] = ()
    merged_into: str = ""  # external id of the ticket that goes on
    is_deleted: bool = False
    redacted: Sequence[str] = ()  # ids of messages whose text is gone there; "*" = the whole ticket
    is_whole: bool = False  # the payload holds the whole ticket as it stands
    needs_fetch: bool = False  # it only names the ticket: the rest is read by the API


class Options(BaseModel):
    """What a connection of every helpdesk may be configured with. An adapter's own options extend it."""

    model_config = ConfigDict(extra="forbid")

    #: Our own user in the helpdesk: what it writes never starts anything here.
    own_user_id: str = ""
    #: Custom field id -> what it holds: `organization.external_id`, `organization.name`, `organization.domain`,
    #: `priority`, `endpoint`, `request_id`, `error_code`, `object_id`, `tag`.
    custom_fields: dict[str, str] = {}
    #: Custom field id -> what is written into it once a run has ended: `label`, `confidence`, `severity`, `run`.
    result_fields: dict[str, str] = {}


class Helpdesk(Protocol):
    """One kind of helpdesk. Instances hold no state."""

    name: ClassVar[str]  # "zendesk": in addresses and in `Ticket.helpdesk`
    title: ClassVar[str]
    prefix: ClassVar[str]  # of ticket references, unless the connection has its own: "ZD"
    options: ClassVar[type[Options]]
    #: JSON paths of the addresses that a payload must keep when it is stored (`*` = each item of a list).
    addresses: ClassVar[Sequence[str]]
    #: Whether the helpdesk signs what it sends. False: the connection's secret stands in a header or the address.
    signs: ClassVar[bool]
    #: Whether a note can be changed once it is written; otherwise it is written when the run has ended.
    can_edit_notes: ClassVar[bool]
    #: Whether `HelpdeskClient.reply` works.
    can_reply: ClassVar[bool]

    def verify(
        self, secrets: Sequence[str], headers: Mapping[str, str], body: bytes, *, now: datetime, options: Options
    ) -> Delivery:
        """The delivery, verified over its bytes. Header names are in lower case. SignatureRefused otherwise."""
        ...

    def challenge(self, headers: Mapping[str, str], body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The answer to a set-up request that must be echoed at once (after `verify`); None for an ordinary event."""
        ...

    def parse(self, body: Mapping[str, Any], headers: Mapping[str, str], options: Options) -> Sequence[TicketEvent]:
        """What the payload says; empty for one that says nothing about a ticket. InvalidInput when it is broken.

        `headers` are those that were kept with the event (see `kept_headers`).
        """
        ...

    #: Names of headers (lower case) that `parse` needs, such as the event's name. Never one that holds a secret.
    kept_headers: ClassVar[Sequence[str]]

    def ticket_url(self, config: ConnectionConfig, external_id: str) -> str:
        """Where an agent opens the ticket; "" when that cannot be told."""
        ...

    def open(self, config: ConnectionConfig) -> AbstractAsyncContextManager[HelpdeskClient]:
        """A client of its API, bound to this event loop."""
        ...


class HelpdeskClient(Protocol):
    """The helpdesk's API. Every method raises a SourceError (`investigations.sources.base`) when it gets no answer.

    Inside `altor.outbound.call_scope`, which bounds its time.
    """

    async def check(self) -> ConnectionReport:
        """Who the credential is and what it may do; never raises a SourceError, reports it instead."""
        ...

    async def ticket(self, external_id: str) -> TicketEvent | None:
        """The whole ticket as it stands, with its messages; None when it is gone or hidden."""
        ...

    async def page(self, since: datetime, cursor: str = "") -> Page:
        """Tickets changed since then, oldest first, one page; an empty `Page.cursor` ends it."""
        ...

    async def find_note(self, external_id: str, marker: str) -> str:
        """Id of the internal note that holds the marker, "" when there is none."""
        ...

    async def create_note(self, external_id: str, note: Note) -> str:
        """Write an internal note, never visible to the customer; its id."""
        ...

    async def update_note(self, external_id: str, note_id: str, note: Note) -> None:
        """Change a note in place. Only where `can_edit_notes`."""
        ...

    async def add_tags(self, external_id: str, tags: Sequence[str]) -> None: ...

    async def set_fields(self, external_id: str, values: Mapping[str, str]) -> None:
        """Set custom fields by their ids."""
        ...

    async def reply(self, external_id: str, text: str, marker: str) -> str:
        """Send a public reply; its id. Only where `can_reply`. The marker is not visible to the customer: it is looked
        for among the ticket's messages before a second try.
        """
        ...


@dataclass(frozen=True, slots=True)
class Page:
    """One page of tickets. `total` where the helpdesk tells how many there are in all."""

    tickets: Sequence[TicketEvent]
    cursor: str = ""
    total: int | None = None
