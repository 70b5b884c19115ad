"""What the clients of helpdesks share: requests over the guarded door, and answers judged in one way.

A client subclasses `ApiClient` and asks `self.get`, `self.send`; its adapter opens it by `open_api`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, ClassVar, TypeVar

import httpx

from altor.outbound import OutboundError, Upstream, default_limit, open_client
from altor.outbound.retries import LimitReader
from investigations.sources.base import ConnectionConfig
from investigations.sources.http import as_source_error, decode_json, judge_status


class ApiClient:
    """`name` and `title` are the helpdesk's. Paths are relative to the connection's address."""

    name: ClassVar[str]
    title: ClassVar[str]

    def __init__(self, config: ConnectionConfig, http: httpx.AsyncClient) -> None:
        self.config = config
        self.http = http

    async def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """The JSON of an answer with status 2xx. A SourceError otherwise; ObjectUnknown for 404 and 410."""
        return decode_json(self.name, self.title, await self._request("GET", path, params=params))

    async def send(self, method: str, path: str, body: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Write something. The answer's JSON; {} for an answer without a body."""
        response = await self._request(method, path, json=body, params=params)
        judge_status(self.name, self.title, response)
        return decode_json(self.name, self.title, response) if response.content.strip() else {}

    async def post(self, path: str, body: Any) -> httpx.Response:
        """Write something whose answer is told by its headers (Location, Resource-ID). Judged like every other."""
        response = await self._request("POST", path, json=body)
        judge_status(self.name, self.title, response)
        return response

    async def _request(self, method: str, path: str, **what: Any) -> httpx.Response:
        try:
            return await self.http.request(method, path, **what)
        except OutboundError as error:
            raise as_source_error(self.name, self.title, error) from error


ClientT = TypeVar("ClientT", bound=ApiClient)


@asynccontextmanager
async def open_api(
    kind: type[ClientT],
    config: ConnectionConfig,
    *,
    headers: Mapping[str, str],
    base_url: str = "",
    limit_of: LimitReader = default_limit,
) -> AsyncIterator[ClientT]:
    """A client over the guarded transport (SSRF, time, size, retries of what may be repeated, breaker)."""
    upstream = Upstream(
        source=config.source,
        key=config.cache_key,
        base_url=base_url or config.base_url,
        headers=headers,
        concurrency=4,
        limit_of=limit_of,
    )
    async with open_client(upstream) as http:
        yield kind(config, http)
