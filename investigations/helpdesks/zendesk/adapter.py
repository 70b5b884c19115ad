"""Zendesk Support: signed webhooks, its REST API, a sidebar whose start it signs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar

from altor.signatures import Delivery, verify
from investigations.helpdesks.base import Helpdesk, Options, TicketEvent
from investigations.helpdesks.reading import text
from investigations.helpdesks.zendesk.client import ZendeskClient, home, open_zendesk
from investigations.helpdesks.zendesk.events import SIGNED_AT, read_event
from investigations.sources.base import ConnectionConfig


class ZendeskOptions(Options):
    #: Whose API token the secret is. "" = the secret is an OAuth access token.
    email: str = ""
    #: Number of the sidebar app's installation: part of the audience of its signed start.
    installation_id: str = ""


class Zendesk(Helpdesk):
    name: ClassVar[str] = "zendesk"
    title: ClassVar[str] = "Zendesk"
    prefix: ClassVar[str] = "ZD"
    options: ClassVar[type[Options]] = ZendeskOptions
    #: Ids are long rows of digits sent as text, some of which read like card numbers: they stand here too.
    addresses: ClassVar[Sequence[str]] = (
        "requester.email", "comment.author.email",
        "comment.id", "comment.author.id", "ticket.id", "detail.id", "detail.assignee_id", "detail.requester_id",
        "event.comment.id", "event.comment.author.id", "event.current", "event.previous", "event.custom_field.id",
        "event.target_ticket_id",
    )  # fmt: skip
    signs: ClassVar[bool] = True
    can_edit_notes: ClassVar[bool] = False
    can_reply: ClassVar[bool] = True
    kept_headers: ClassVar[Sequence[str]] = (SIGNED_AT,)

    def verify(
        self, secrets: Sequence[str], headers: Mapping[str, str], body: bytes, *, now: datetime, options: Options
    ) -> Delivery:
        """The key is the event's id, which is signed; only for a trigger, whose body has none, that of the header."""
        delivery = verify("zendesk", secrets, headers, body, now=now)
        event = _event_id(body)
        return replace(delivery, key=event) if event else delivery

    def challenge(self, headers: Mapping[str, str], body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return None

    def parse(self, body: Mapping[str, Any], headers: Mapping[str, str], options: Options) -> Sequence[TicketEvent]:
        return read_event(body, headers)

    def ticket_url(self, config: ConnectionConfig, external_id: str) -> str:
        return f"{home(config)}/agent/tickets/{external_id}" if config.base_url else ""

    def open(self, config: ConnectionConfig) -> AbstractAsyncContextManager[ZendeskClient]:
        return open_zendesk(config)


def _event_id(body: bytes) -> str:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    given = text(found.get("id"), 2000) if isinstance(found, dict) and "detail" in found else ""
    return "event:" + hashlib.sha256(given.encode(errors="replace")).hexdigest() if given else ""
