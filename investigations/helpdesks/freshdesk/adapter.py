"""Freshdesk: automation rules that show a token, its REST API, a sidebar app that frames ours."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, ClassVar

from altor.signatures import TOLERANCE, Delivery, SignatureRefused, verify
from investigations.helpdesks.base import Helpdesk, Options, Status, TicketEvent
from investigations.helpdesks.freshdesk import words
from investigations.helpdesks.freshdesk.client import FreshdeskClient, home, open_freshdesk
from investigations.helpdesks.freshdesk.events import read_event
from investigations.sources.base import ConnectionConfig


class FreshdeskOptions(Options):
    #: Statuses that the account added, by number or name: what they mean here.
    statuses: dict[str, Status] = {}


class Freshdesk(Helpdesk):
    name: ClassVar[str] = "freshdesk"
    title: ClassVar[str] = "Freshdesk"
    prefix: ClassVar[str] = "FD"
    options: ClassVar[type[Options]] = FreshdeskOptions
    #: Ids are long rows of digits sent as text, some of which read like card numbers: they stand here too.
    addresses: ClassVar[Sequence[str]] = (
        "requester.email", "agent.email", "freshdesk_webhook.ticket_contact_email",
        "freshdesk_webhook.requester_email", "ticket.id", "agent.id", "freshdesk_webhook.ticket_id",
    )  # fmt: skip
    signs: ClassVar[bool] = False
    can_edit_notes: ClassVar[bool] = True
    can_reply: ClassVar[bool] = True
    kept_headers: ClassVar[Sequence[str]] = ()

    def verify(
        self, secrets: Sequence[str], headers: Mapping[str, str], body: bytes, *, now: datetime, options: Options
    ) -> Delivery:
        """The token only. Who knows it can say anything, at any time: `sent_at` keeps old bytes from being sent again
        once they are forgotten here, and is no proof.
        """
        verify("freshdesk", secrets, headers, body, now=now)
        at = _sent_at(body)
        if at is not None and abs(at - now) > TOLERANCE:
            raise SignatureRefused("The body's time differs from ours by more than five minutes.")
        return Delivery("", at)

    def challenge(self, headers: Mapping[str, str], body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return None

    def parse(self, body: Mapping[str, Any], headers: Mapping[str, str], options: Options) -> Sequence[TicketEvent]:
        return read_event(body, options.statuses if isinstance(options, FreshdeskOptions) else {})

    def ticket_url(self, config: ConnectionConfig, external_id: str) -> str:
        return f"{home(config)}/a/tickets/{external_id}" if config.base_url else ""

    def open(self, config: ConnectionConfig) -> AbstractAsyncContextManager[FreshdeskClient]:
        return open_freshdesk(config)


def _sent_at(body: bytes) -> datetime | None:
    """The time in the body, None when the rule leaves it out or Freshdesk filled nothing readable in."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return words.when(found.get("sent_at")) if isinstance(found, dict) else None
