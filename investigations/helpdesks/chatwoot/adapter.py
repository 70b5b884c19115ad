"""Chatwoot, hosted or one's own: account webhooks, private notes, a dashboard app that vouches for nobody."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field

from altor.signatures import Delivery, SignatureRefused, verify
from investigations.helpdesks.base import Helpdesk, Options, TicketEvent
from investigations.helpdesks.chatwoot.client import ChatwootClient, open_chatwoot
from investigations.helpdesks.chatwoot.events import DELIVERY, read_event
from investigations.sources.base import ConnectionConfig

#: What the receiver puts there: the value of `token` in the query string of the address that was called.
QUERY_TOKEN: Final = "x-altor-query-token"  # noqa: S105  # a header's name
#: A shorter word in an address could be guessed.
SHORTEST_TOKEN: Final = 24


class ChatwootOptions(Options):
    #: The number in the address of the dashboard: `/app/accounts/1/`.
    account_id: Annotated[str, Field(pattern=r"^\d{0,18}$")] = ""
    #: Releases before 4.11.2 sign nothing (API inboxes: before 4.13). Then the connection's secret stands in the
    #: webhook's address instead, `…?token=SECRET`, and whoever reads that address can write events.
    unsigned_token: bool = False


class Chatwoot(Helpdesk):
    name: ClassVar[str] = "chatwoot"
    title: ClassVar[str] = "Chatwoot"
    prefix: ClassVar[str] = "CW"
    options: ClassVar[type[Options]] = ChatwootOptions
    addresses: ClassVar[Sequence[str]] = (
        "meta.sender.email", "meta.assignee.email", "messages.*.sender.email", "sender.email",
        "conversation.meta.sender.email", "conversation.meta.assignee.email", "conversation.messages.*.sender.email",
    )  # fmt: skip
    signs: ClassVar[bool] = True
    can_edit_notes: ClassVar[bool] = False
    can_reply: ClassVar[bool] = True
    kept_headers: ClassVar[Sequence[str]] = (DELIVERY,)

    def verify(
        self, secrets: Sequence[str], headers: Mapping[str, str], body: bytes, *, now: datetime, options: Options
    ) -> Delivery:
        """By its signature, `{timestamp}.{body}` within five minutes.

        With the option `unsigned_token` by the token in the address alone, `?token=…`, which the caller hands over as
        the header `x-altor-query-token`.
        """
        if not (isinstance(options, ChatwootOptions) and options.unsigned_token):
            return verify("chatwoot", secrets, headers, body, now=now)
        if not _holds_token(secrets, headers.get(QUERY_TOKEN, "")):
            raise SignatureRefused("The address holds no token, or one that is not this connection's secret.")
        return Delivery(headers.get(DELIVERY, "")[:180])

    def challenge(self, headers: Mapping[str, str], body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return None

    def parse(self, body: Mapping[str, Any], headers: Mapping[str, str], options: Options) -> Sequence[TicketEvent]:
        return read_event(body, headers)

    def ticket_url(self, config: ConnectionConfig, external_id: str) -> str:
        account = str(config.options.get("account_id") or "")
        if not (account and config.base_url):
            return ""
        return f"{config.base_url.rstrip('/')}/app/accounts/{account}/conversations/{external_id}"

    def open(self, config: ConnectionConfig) -> AbstractAsyncContextManager[ChatwootClient]:
        return open_chatwoot(config)


def _holds_token(secrets: Sequence[str], given: str) -> bool:
    """Every secret is compared, whichever fits; those that could be guessed fit nothing."""
    fits = False
    for secret in secrets:
        known = secret.strip()
        fits |= hmac.compare_digest(known.encode(), given.encode(errors="replace")) and len(known) >= SHORTEST_TOKEN
    return fits
