"""Linear GraphQL: transport. Sends queries only."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from altor.outbound import Upstream, open_client
from altor.outbound.transport import IDEMPOTENT, SUBJECT
from investigations.sources.base import ConnectionConfig, SourceRefused
from investigations.sources.linear.answers import SOURCE, TITLE, data_of, limit_of, operation_name

__all__ = ["CONCURRENCY", "DEFAULT_URL", "SOURCE", "TITLE", "LinearClient", "authorization", "limit_of", "open_linear"]

DEFAULT_URL = "https://api.linear.app/graphql"
CONCURRENCY = 6


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
        name = operation_name(document)
        response = await self._http.post(
            self._url,
            json={"query": document, "variables": dict(variables), "operationName": name},
            extensions={IDEMPOTENT: True, SUBJECT: {"label": f"query {name}", "params": dict(variables)}},
        )
        self.headers = response.headers
        return data_of(response)


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
