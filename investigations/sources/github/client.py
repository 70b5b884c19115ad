"""GitHub REST: transport, paging, rate limits, conditional requests. Only GET."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx

from altor.outbound import Limit, Reply, Upstream, open_client
from altor.outbound.retries import retry_after, until_epoch
from altor.outbound.scope import current_scope
from investigations.sources.base import ConnectionConfig
from investigations.sources.github.etags import EtagStore, Kept
from investigations.sources.http import decode_json

SOURCE, TITLE = "github", "GitHub"
DEFAULT_URL = "https://api.github.com"
API_VERSION = "2022-11-28"
CONCURRENCY = 40
#: Instead of a next page that lies on another host. False, so that it is not followed; not None, as more exists.
ELSEWHERE = ""
#: GitHub's advice when a limit is hit and no header says for how long.
_SECONDARY_WAIT_S = 60.0


def limit_of(reply: Reply) -> Limit | None:
    """A rate limit comes as 403 or 429. A 403 without its signs is a missing permission, not a limit."""
    if reply.status not in (403, 429):
        return None
    search = reply.headers.get("x-ratelimit-resource", "core") not in ("core", "")
    wait = retry_after(reply.headers)
    if wait is not None:
        return Limit(wait, whole_connection=not search)
    if reply.headers.get("x-ratelimit-remaining") == "0":
        return Limit(until_epoch(reply.headers.get("x-ratelimit-reset", "")), whole_connection=not search)
    if reply.status == 429 or b"rate limit" in reply.body[:2000].lower():
        return Limit(_SECONDARY_WAIT_S)
    return None


class GitHubClient:
    """Bound to one event loop. `get` and `page` raise SourceError or OutboundError."""

    def __init__(self, http: httpx.AsyncClient, kept: EtagStore) -> None:
        self._http = http
        self._kept = kept
        self.headers: Mapping[str, str] = {}  # of the newest answer: scopes and limits left

    async def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        return (await self.page(path, params))[0]

    async def page(self, path: str, params: Mapping[str, Any] | None = None) -> tuple[Any, str | None]:
        """The JSON of one page and the address of the next: None at the end, ELSEWHERE when it may not be followed."""
        request = self._http.build_request(
            "GET", path.lstrip("/") if "://" not in path else path, params=params or None
        )
        kept = await self._kept.find(str(request.url))
        if kept is not None:
            request.headers["If-None-Match"] = kept.etag
        response = await self._http.send(request)
        self.headers = response.headers
        if response.status_code == 304 and kept is not None:
            self._mark_cached(str(request.url))
            return json.loads(kept.body), self._next(kept.link)
        data = decode_json(SOURCE, TITLE, response)
        link = response.headers.get("link", "")
        self._kept.keep(str(request.url), Kept(response.headers.get("etag", ""), response.content, link))
        return data, self._next(link)

    def _next(self, link: str) -> str | None:
        """`rel="next"` of a Link header. Another host never gets our token: its pages count as not read."""
        for part in link.split(","):
            target, _, attributes = part.partition(";")
            if 'rel="next"' not in attributes:
                continue
            url = target.strip().strip("<>")
            here, there = urlsplit(str(self._http.base_url)), urlsplit(url)
            if (here.scheme, here.netloc) != (there.scheme, there.netloc):
                return ELSEWHERE
            return url
        return None

    @staticmethod
    def _mark_cached(url: str) -> None:
        scope = current_scope()
        for sent in reversed(scope.exchanges if scope else []):
            if sent.url == url:
                sent.from_cache = True
                return


@asynccontextmanager
async def open_github(config: ConnectionConfig) -> AsyncIterator[GitHubClient]:
    headers = {"Accept": "application/vnd.github+json, application/json;q=0.9", "X-GitHub-Api-Version": API_VERSION}
    if config.secret:
        headers["Authorization"] = f"Bearer {config.secret}"
    upstream = Upstream(
        source=SOURCE,
        key=config.cache_key,
        base_url=(config.base_url or DEFAULT_URL).rstrip("/") + "/",
        headers=headers,
        concurrency=CONCURRENCY,
        limit_of=limit_of,
    )
    async with open_client(upstream) as http:
        kept = EtagStore(config.cache_key)
        try:
            yield GitHubClient(http, kept)
        finally:
            await kept.save()
