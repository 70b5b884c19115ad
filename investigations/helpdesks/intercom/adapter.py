"""Intercom: notifications signed with the app's client secret, conversations and tickets by the REST API."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import quote, urlsplit

from altor.signatures import Delivery, verify
from investigations.helpdesks.base import Helpdesk, Options, TicketEvent
from investigations.helpdesks.intercom.client import IntercomClient, open_intercom
from investigations.helpdesks.intercom.events import read_notification
from investigations.helpdesks.reading import part, safe_id, text
from investigations.sources.base import ConnectionConfig


class IntercomOptions(Options):
    #: The workspace's id ("abcd1234"), for links into the inbox. "" = no links.
    workspace_id: str = ""
    #: Whether a backfill also reads the tickets API. Customer tickets are conversations too.
    tickets: bool = False


class Intercom(Helpdesk):
    name: ClassVar[str] = "intercom"
    title: ClassVar[str] = "Intercom"
    prefix: ClassVar[str] = "IC"
    options: ClassVar[type[Options]] = IntercomOptions
    addresses: ClassVar[Sequence[str]] = (
        "data.item.source.author.email", "data.item.contacts.contacts.*.email", "data.item.contacts.*.email",
        "data.item.conversation_parts.conversation_parts.*.author.email",
        "data.item.ticket_parts.ticket_parts.*.author.email",
        "data.item.ticket.contacts.contacts.*.email", "data.item.ticket.ticket_parts.ticket_parts.*.author.email",
        # Ids are long numbers in text: some would pass for a payment card's.
        "data.item.id", "data.item.conversation_id", "data.item.conversation.id", "data.item.ticket.id",
        "data.item.conversation_part.id", "data.item.conversation_parts.conversation_parts.*.id",
        "data.item.ticket_parts.ticket_parts.*.id", "data.item.ticket.ticket_parts.ticket_parts.*.id",
    )  # fmt: skip
    signs: ClassVar[bool] = True
    can_edit_notes: ClassVar[bool] = False
    can_reply: ClassVar[bool] = True
    kept_headers: ClassVar[Sequence[str]] = ()

    def verify(
        self, secrets: Sequence[str], headers: Mapping[str, str], body: bytes, *, now: datetime, options: Options
    ) -> Delivery:
        """The key is the notification's id, which a repeated delivery keeps. Nothing in a notification proves when it
        was sent, so an old one is told only by its key.
        """
        verify("intercom_webhook", secrets, headers, body, now=now)
        named = _notification(body)
        return Delivery(safe_id(named.get("id")), kind=text(named.get("topic"), 80))

    def challenge(self, headers: Mapping[str, str], body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return None

    def parse(self, body: Mapping[str, Any], headers: Mapping[str, str], options: Options) -> Sequence[TicketEvent]:
        return read_notification(body)

    def ticket_url(self, config: ConnectionConfig, external_id: str) -> str:
        """The inbox of the workspace's region, told by the API's address."""
        workspace = safe_id(config.options.get("workspace_id"))
        if not workspace:
            return ""
        host = urlsplit(config.base_url).hostname or ""
        region = next((each for each in ("eu", "au") if host == f"api.{each}.intercom.io"), "")
        site = f"app.{region}.intercom.com" if region else "app.intercom.com"
        return f"https://{site}/a/inbox/{workspace}/inbox/conversation/{quote(external_id, safe='')}"

    def open(self, config: ConnectionConfig) -> AbstractAsyncContextManager[IntercomClient]:
        return open_intercom(config)


def _notification(body: bytes) -> Mapping[str, Any]:
    try:
        return part(json.loads(body))
    except (ValueError, RecursionError):
        return {}
