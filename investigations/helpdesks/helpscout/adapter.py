"""Help Scout: webhooks signed with a secret of one's own, conversations by the Inbox API 2.0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import quote

from altor.signatures import Delivery, body_key, verify
from investigations.helpdesks.base import Helpdesk, Options, TicketEvent
from investigations.helpdesks.helpscout.client import HelpScoutClient, open_helpscout
from investigations.helpdesks.helpscout.events import EVENT_HEADER, read_event
from investigations.sources.base import ConnectionConfig


class HelpScoutOptions(Options):
    #: Ids of the inboxes that a backfill reads; empty = all that the credential may see.
    mailboxes: list[int] = []


class HelpScout(Helpdesk):
    name: ClassVar[str] = "helpscout"
    title: ClassVar[str] = "Help Scout"
    prefix: ClassVar[str] = "HS"
    options: ClassVar[type[Options]] = HelpScoutOptions
    addresses: ClassVar[Sequence[str]] = (
        "primaryCustomer.email", "customer.email", "assignee.email", "_embedded.threads.*.createdBy.email",
    )  # fmt: skip
    signs: ClassVar[bool] = True
    can_edit_notes: ClassVar[bool] = True
    can_reply: ClassVar[bool] = True
    kept_headers: ClassVar[Sequence[str]] = (EVENT_HEADER,)

    def verify(
        self, secrets: Sequence[str], headers: Mapping[str, str], body: bytes, *, now: datetime, options: Options
    ) -> Delivery:
        """The key is the hash of event and body: two events about one conversation may have the same body. Nothing
        in a delivery proves when it was sent.
        """
        found = verify("helpscout_webhook", secrets, headers, body, now=now)
        return Delivery(body_key(found.kind.encode() + b"\n" + body), kind=found.kind[:80])

    def challenge(self, headers: Mapping[str, str], body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return None

    def parse(self, body: Mapping[str, Any], headers: Mapping[str, str], options: Options) -> Sequence[TicketEvent]:
        return read_event(body, headers)

    def ticket_url(self, config: ConnectionConfig, external_id: str) -> str:
        return f"https://secure.helpscout.net/conversation/{quote(external_id, safe='')}"

    def open(self, config: ConnectionConfig) -> AbstractAsyncContextManager[HelpScoutClient]:
        return open_helpscout(config)
