"""Stripe through its own SDK, over our guarded transport: pinned version, reads only, errors in the engine's words."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, NoReturn

import httpx
import stripe

from altor.outbound import Limit, Reply, Upstream, open_client
from altor.outbound.retries import retry_after
from investigations.sources.base import (
    ConnectionConfig,
    SourceAnswerInvalid,
    SourceError,
    SourceLimited,
    SourceRefused,
    SourceUnavailable,
)
from investigations.sources.http import CredentialRefused, ObjectUnknown, cut_text

# The SDK logs whole addresses at INFO; queries name customers.
logging.getLogger("stripe").setLevel(logging.WARNING)

SOURCE, TITLE = "stripe", "Stripe"
DEFAULT_URL = "https://api.stripe.com"
API_VERSION = "2026-10-28.endive"
CONCURRENCY = 20
#: The SDK loads each class when it is first used, 0.2 s in all: better now than inside a run.
_PRELOADED = [
    getattr(stripe, name)
    for name in (
        "Customer", "Subscription", "SubscriptionItem", "Invoice", "InvoiceLineItem", "InvoicePayment", "Charge",
        "PaymentIntent", "Refund", "Dispute", "Event", "Price", "Product", "ListObject", "SearchResultObject",
    )
]  # fmt: skip
#: Stripe sends no Retry-After with most 429s; its limits refill within a second.
_REFILL_S = 1.0


def limit_of(reply: Reply) -> Limit | None:
    """429, also for an object that is locked by another request. Only a global limit holds the whole connection."""
    if reply.status != 429:
        return None
    reason = reply.headers.get("stripe-rate-limited-reason", "")
    wait = retry_after(reply.headers)
    return Limit(_REFILL_S if wait is None else wait, whole_connection=reason.startswith("global"))


class _GuardedHTTP(stripe.HTTPClient):
    """The SDK's HTTP client on our httpx client. Its own retries are off: the transport below knows the budget."""

    name = "altor"

    def __init__(self, http: httpx.AsyncClient) -> None:
        super().__init__()
        self._http = http

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        if method.lower() != "get":
            raise SourceRefused(SOURCE, "Altor only reads from Stripe")
        response = await self._http.request(method.upper(), url, headers=dict(headers))
        return response.content, response.status_code, response.headers

    def request(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise NotImplementedError("only the asynchronous client is used")

    async def sleep_async(self, secs: float) -> None:
        raise NotImplementedError("the SDK's own retries are off")

    async def close_async(self) -> None:
        """The httpx client is closed by whoever opened it."""


class StripeReader:
    """Lists and single objects as plain dictionaries. Raises SourceError or OutboundError."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self.v1 = client.v1

    async def one(self, ask: Callable[..., Awaitable[Any]], object_id: str, **params: Any) -> dict[str, Any]:
        answer = await self._read(ask(object_id, params or None))
        return _plain(answer)

    async def many(
        self, ask: Callable[..., Awaitable[Any]], *, pages: int = 1, **params: Any
    ) -> tuple[list[dict[str, Any]], bool]:
        """Objects of up to `pages` pages, newest first, and whether more exist."""
        found: list[dict[str, Any]] = []
        for _ in range(pages):
            after = {"starting_after": found[-1]["id"]} if found else {}
            answer = _plain(await self._read(ask({"limit": 100, **params, **after})))
            found += answer["data"]
            if not answer["has_more"] or not answer["data"]:
                return found, False
        return found, True

    async def search(self, ask: Callable[..., Awaitable[Any]], query: str, limit: int = 10) -> list[dict[str, Any]]:
        answer = _plain(await self._read(ask({"query": query, "limit": limit})))
        found: list[dict[str, Any]] = answer["data"]
        return found

    async def _read(self, asked: Awaitable[Any]) -> Any:
        try:
            return await asked
        except stripe.StripeError as error:
            raise as_source_error(error) from error


def _plain(answer: Any) -> dict[str, Any]:
    if not isinstance(answer, stripe.StripeObject):
        raise SourceAnswerInvalid(SOURCE, "Stripe answered with something that is no Stripe object")
    plain: dict[str, Any] = answer.to_dict(for_json=True)
    return plain


def as_source_error(error: stripe.StripeError) -> SourceError:
    """By status first: an outage often answers with HTML, which the SDK reports as an unreadable body."""
    status = error.http_status or 0
    told: dict[str, Any] = {"request_id": str(error.request_id or "")}
    said = cut_text(error.user_message, 160) if error.user_message else ""
    if status >= 500:
        return SourceUnavailable(SOURCE, f"Stripe has a fault of its own ({status})", **told)
    if status == 401:
        return CredentialRefused(SOURCE, "Stripe refused the key (401)", **told)
    if status == 403:
        return SourceRefused(SOURCE, f"Stripe does not allow this with the key (403) {said}".strip(), **told)
    if status == 429:
        return SourceLimited(SOURCE, "Stripe: rate limited", **told)
    if status == 404 or error.code == "resource_missing":
        return ObjectUnknown(SOURCE, f"Stripe does not know this (404) {said}".strip(), **told)
    if 200 <= status < 300 or not status:
        return SourceAnswerInvalid(SOURCE, "Stripe answered with something that is not valid JSON", **told)
    return SourceAnswerInvalid(SOURCE, f"Stripe did not accept the request ({status}) {said}".strip(), **told)


@asynccontextmanager
async def open_stripe(config: ConnectionConfig) -> AsyncIterator[StripeReader]:
    if not config.secret:
        raise SourceRefused(SOURCE, "The Stripe connection has no key")
    upstream = Upstream(source=SOURCE, key=config.cache_key, base_url="", concurrency=CONCURRENCY, limit_of=limit_of)
    async with open_client(upstream) as http:
        client = stripe.StripeClient(
            config.secret,
            stripe_version=API_VERSION,
            stripe_account=str(config.options.get("account") or "") or None,
            base_addresses={"api": (config.base_url or DEFAULT_URL).rstrip("/")},
            http_client=_GuardedHTTP(http),
            max_network_retries=0,
        )
        yield StripeReader(client)
