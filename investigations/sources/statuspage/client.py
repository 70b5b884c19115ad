"""Public status pages in Statuspage's JSON (`/api/v2/…`), also spoken by several other products. No credential."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from altor.outbound import Upstream, open_client
from investigations.sources.base import ConnectionConfig, SourceAnswerInvalid
from investigations.sources.http import decode_json

SOURCE, TITLE = "statuspage", "Status page"
CONCURRENCY = 12


class StatuspageClient:
    """Several pages at once. `read` raises SourceError or OutboundError."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def read(self, page: str, name: str) -> dict[str, Any]:
        """`name` is summary, incidents or scheduled-maintenances."""
        response = await self._http.get(f"{page.rstrip('/')}/api/v2/{name}.json")
        found = decode_json(SOURCE, TITLE, response)
        if not isinstance(found, dict):
            raise SourceAnswerInvalid(SOURCE, "Status page answered in an unexpected shape")
        return found


@asynccontextmanager
async def open_statuspage(config: ConnectionConfig) -> AsyncIterator[StatuspageClient]:
    upstream = Upstream(source=SOURCE, key=config.cache_key, base_url="", concurrency=CONCURRENCY)
    async with open_client(upstream) as http:
        yield StatuspageClient(http)
