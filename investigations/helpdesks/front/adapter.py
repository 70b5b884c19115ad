"""Front: application webhooks and rule webhooks, comments as notes, tags by their ids."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, ClassVar

from pydantic import Field

from altor.signatures import Delivery, verify
from investigations.helpdesks.base import Helpdesk, Options, TicketEvent
from investigations.helpdesks.front.client import FrontClient, open_front
from investigations.helpdesks.front.events import event_of, read_event
from investigations.helpdesks.reading import safe_id, text
from investigations.sources.base import ConnectionConfig

_EVENT_PLACES = (
    "conversation.recipient.handle", "conversation.assignee.email", "conversation.last_message.author.email",
    "conversation.last_message.recipients.*.handle", "target.data.author.email", "target.data.recipients.*.handle",
    "target.data.email", "source.data.email",
)  # fmt: skip


class FrontOptions(Options):
    #: Events come from rules, which sign with the API secret and by the body alone. Front signs no time into those, so
    #: an old one can be sent again; the event's id keeps it from counting twice.
    rule_webhooks: bool = False
    #: The teammate in whose name notes and replies are written (`tea_…`); "" = the API token's own.
    author_id: Annotated[str, Field(pattern=r"^([a-z]{3}_[0-9A-Za-z]{1,40})?$")] = ""


class Front(Helpdesk):
    name: ClassVar[str] = "front"
    title: ClassVar[str] = "Front"
    prefix: ClassVar[str] = "FR"
    options: ClassVar[type[Options]] = FrontOptions
    addresses: ClassVar[Sequence[str]] = (*_EVENT_PLACES, *(f"payload.{place}" for place in _EVENT_PLACES))
    signs: ClassVar[bool] = True
    can_edit_notes: ClassVar[bool] = True
    can_reply: ClassVar[bool] = True
    kept_headers: ClassVar[Sequence[str]] = ()

    def verify(
        self, secrets: Sequence[str], headers: Mapping[str, str], body: bytes, *, now: datetime, options: Options
    ) -> Delivery:
        """An application's webhook always has a signed time; only with the option `rule_webhooks` may it be missing."""
        is_rule = isinstance(options, FrontOptions) and options.rule_webhooks
        scheme = "front_rule" if is_rule and "x-front-request-timestamp" not in headers else "front_application"
        delivery = verify(scheme, secrets, headers, body, now=now)
        return replace(delivery, key=_event_id(body))

    def challenge(self, headers: Mapping[str, str], body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Front saves a webhook's address only when its test is answered with the word it sent along."""
        word = text(headers.get("x-front-challenge"), 500)
        return {"challenge": word} if word and body.get("type") == "sync" else None

    def parse(self, body: Mapping[str, Any], headers: Mapping[str, str], options: Options) -> Sequence[TicketEvent]:
        return read_event(body)

    def ticket_url(self, config: ConnectionConfig, external_id: str) -> str:
        return f"https://app.frontapp.com/open/{external_id}"

    def open(self, config: ConnectionConfig) -> AbstractAsyncContextManager[FrontClient]:
        return open_front(config)


def _event_id(body: bytes) -> str:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    return safe_id(event_of(found).get("id")) if isinstance(found, dict) else ""
