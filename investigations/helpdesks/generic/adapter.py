"""Any system that can post JSON: signed by Standard Webhooks, in the neutral ticket shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Annotated, Any, ClassVar
from urllib.parse import quote

from pydantic import AfterValidator, Field

from altor.signatures import Delivery, verify
from investigations.helpdesks.base import Helpdesk, Options, TicketEvent
from investigations.helpdesks.generic.client import GenericClient, open_generic
from investigations.helpdesks.generic.events import read_event
from investigations.sources.base import ConnectionConfig

_TICKET = ("requester.email", "assignee.email", "messages.*.author.email", "message.author.email")


def _is_below(path: str) -> str:
    """A path that names the ticket and cannot lead to another address: the credential goes where it points."""
    if path and ("{id}" not in path or "//" in path or ".." in path or ":" in path.partition("{id}")[0]):
        raise ValueError("must be a path below the connection's address that holds {id}, such as tickets/{id}/notes")
    return path


def _is_web_address(pattern: str) -> str:
    if pattern and not (pattern.startswith(("https://", "http://")) and "{id}" in pattern):
        raise ValueError("must begin with https:// and hold {id}")
    return pattern


Path = Annotated[str, Field(max_length=300), AfterValidator(_is_below)]


class GenericOptions(Options):
    #: Where an agent opens a ticket; `{id}` is its id. "" = as the ticket's own `url` says.
    ticket_url: Annotated[str, Field(max_length=300), AfterValidator(_is_web_address)] = ""
    #: Paths below the connection's address that take a note, a changed note, tags and a reply; "" = cannot.
    notes_path: Path = ""
    tags_path: Path = ""
    replies_path: Path = ""


class Generic(Helpdesk):
    name: ClassVar[str] = "generic"
    title: ClassVar[str] = "Generic"
    prefix: ClassVar[str] = "TK"
    options: ClassVar[type[Options]] = GenericOptions
    addresses: ClassVar[Sequence[str]] = (*_TICKET, *(f"data.{place}" for place in _TICKET))
    signs: ClassVar[bool] = True
    can_edit_notes: ClassVar[bool] = True
    can_reply: ClassVar[bool] = True
    kept_headers: ClassVar[Sequence[str]] = ("webhook-id", "webhook-timestamp")

    def verify(
        self, secrets: Sequence[str], headers: Mapping[str, str], body: bytes, *, now: datetime, options: Options
    ) -> Delivery:
        return verify("generic", secrets, headers, body, now=now)

    def challenge(self, headers: Mapping[str, str], body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return None

    def parse(self, body: Mapping[str, Any], headers: Mapping[str, str], options: Options) -> Sequence[TicketEvent]:
        return read_event(body, headers)

    def ticket_url(self, config: ConnectionConfig, external_id: str) -> str:
        pattern = str(config.options.get("ticket_url") or "")
        return pattern.replace("{id}", quote(external_id, safe=""))

    def open(self, config: ConnectionConfig) -> AbstractAsyncContextManager[GenericClient]:
        return open_generic(config)
