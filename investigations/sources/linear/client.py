"""Linear GraphQL: transport, error classification, rate limits. Sends queries only."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from altor.outbound import Limit, Reply, Upstream, open_client
from altor.outbound.retries import retry_after, until_epoch
from altor.outbound.transport import IDEMPOTENT, SUBJECT
from investigations.sources.base import (
    ConnectionConfig,
    SourceAnswerInvalid,
    SourceError,
    SourceLimited,
    SourceRefused,
    SourceUnavailable,
)
from investigations.sources.http import cut_text, judge_status

SOURCE, TITLE = "linear", "Linear"
DEFAULT_URL = "https://api.linear.app/graphql"
CONCURRENCY = 6
_LIMITED = frozenset({"ratelimited", "usage limit exceeded"})
_REFUSED = frozenset({"authentication error", "authentication_error", "forbidden", "feature not accessible"})
_DOWN = frozenset({"internal error", "internal_server_error", "network error", "lock timeout"})


def limit_of(reply: Reply) -> Limit | None:
    """Linear says "rate limited" with HTTP 400 as well as 429: the error's code and type decide before the status."""
    if reply.status == 429 or (reply.status >= 400 and _words(_errors(reply.body)) & _LIMITED):
        wait = retry_after(reply.headers)
        if wait is None:
            exhausted = [
                reply.headers.get(f"x-ratelimit-{kind}-reset", "")
                for kind in ("requests", "complexity")
                if reply.headers.get(f"x-ratelimit-{kind}-remaining") == "0"
            ]
            resets = [until_epoch(text, milliseconds=True) for text in exhausted]
            wait = max((seconds for seconds in resets if seconds is not None), default=None)
        return Limit(wait)
    return None


class LinearClient:
    """Bound to one event loop. `query` raises SourceError or OutboundError."""

    def __init__(self, http: httpx.AsyncClient, url: str) -> None:
        self._http = http
        self._url = url  # whole: joining to a base address would add a slash
        self.headers: Mapping[str, str] = {}

    async def query(self, document: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """`data` of the answer. An answer with errors is refused as a whole: half an answer reads like a whole one."""
        if not document.lstrip().startswith("query "):
            raise SourceRefused(SOURCE, "Only queries are sent to Linear")
        name = document.split("(", 1)[0].split("{", 1)[0].split()[1]
        response = await self._http.post(
            self._url,
            json={"query": document, "variables": dict(variables), "operationName": name},
            extensions={IDEMPOTENT: True, SUBJECT: {"label": f"query {name}", "params": dict(variables)}},
        )
        self.headers = response.headers
        errors = _errors(response.content)
        if errors:
            raise _as_error(errors, response)
        judge_status(SOURCE, TITLE, response)
        try:
            body = json.loads(response.content)
        except (ValueError, RecursionError):
            raise SourceAnswerInvalid(SOURCE, "Linear answered with something that is not valid JSON") from None
        data = body.get("data") if isinstance(body, dict) else None
        if not isinstance(data, dict):
            raise SourceAnswerInvalid(SOURCE, "Linear's answer holds no data")
        return data


def _errors(content: bytes) -> list[dict[str, Any]]:
    if b'"errors"' not in content[:200_000]:
        return []
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return []
    found = body.get("errors") if isinstance(body, dict) else None
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _words(errors: list[dict[str, Any]]) -> frozenset[str]:
    """Codes and types of all errors, in lower case."""
    extensions = [each.get("extensions") or {} for each in errors]
    return frozenset(
        str(x.get(key) or "").lower() for x in extensions if isinstance(x, dict) for key in ("code", "type")
    )


def _as_error(errors: list[dict[str, Any]], response: httpx.Response) -> SourceError:
    words = _words(errors)
    first = errors[0]
    extensions = first.get("extensions") or {}
    said = cut_text(extensions.get("userPresentableMessage") or first.get("message"), 160)
    told = {"request_id": response.headers.get("x-request-id", "")}
    if words & _LIMITED:
        return SourceLimited(SOURCE, "Linear: rate limited", retry_after_s=retry_after(response.headers), **told)
    if words & _REFUSED or response.status_code in (401, 403):
        return SourceRefused(SOURCE, f"Linear refused the credential: {said}", **told)
    if words & _DOWN or response.status_code >= 500:
        return SourceUnavailable(SOURCE, f"Linear has a fault of its own: {said}", **told)
    return SourceAnswerInvalid(SOURCE, f"Linear did not accept the query: {said}", **told)


def authorization(secret: str, options: Mapping[str, Any]) -> str:
    """A personal key goes as it is, an OAuth token with Bearer."""
    if secret.lower().startswith("bearer "):
        return secret
    oauth = options.get("auth") == "oauth" or secret.startswith("lin_oauth_")
    return f"Bearer {secret}" if oauth else secret


@asynccontextmanager
async def open_linear(config: ConnectionConfig) -> AsyncIterator[LinearClient]:
    headers = {"Authorization": authorization(config.secret, config.options)} if config.secret else {}
    upstream = Upstream(
        source=SOURCE,
        key=config.cache_key,
        base_url="",
        headers=headers,
        concurrency=CONCURRENCY,
        limit_of=limit_of,
    )
    async with open_client(upstream) as http:
        yield LinearClient(http, config.base_url or DEFAULT_URL)
