"""The transport that dials: resolve, judge every answer, connect to the judged address, keep the name for TLS."""

from __future__ import annotations

import asyncio
import ssl
import time
from functools import lru_cache

import certifi
import httpx

from altor.outbound.addresses import AddressPolicy, Resolver, judge, system_resolver
from altor.outbound.errors import AddressRefused

#: How long a judged answer is used before the name is looked up again.
RESOLVE_SECONDS = 30.0
_MAX_ADDRESSES = 3


@lru_cache(maxsize=1)
def tls_context() -> ssl.SSLContext:
    """Public roots plus the system's own (a private CA of a self-hosted upstream). Building one takes tens of ms."""
    context = ssl.create_default_context(cafile=certifi.where())
    context.load_default_certs()
    return context


class GuardedTransport(httpx.AsyncBaseTransport):
    """httpx transport for one source. Bound to the event loop it is first used on."""

    def __init__(
        self,
        source: str,
        *,
        policy: AddressPolicy | None = None,
        resolver: Resolver = system_resolver,
        verify: ssl.SSLContext | None = None,
        connections: int = 32,
    ) -> None:
        self._source = source
        self._policy = policy or AddressPolicy.from_settings()
        self._resolver = resolver
        self._judged: dict[tuple[str, int], tuple[float, tuple[str, ...]]] = {}
        self._inner = httpx.AsyncHTTPTransport(
            verify=verify or tls_context(),
            trust_env=False,
            retries=0,
            limits=httpx.Limits(
                max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=30.0
            ),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host, scheme = request.url.host, request.url.scheme
        port = request.url.port or (443 if scheme == "https" else 80)
        addresses = await self._addresses(host, port)
        if scheme != "https" and not (
            scheme == "http" and self._policy.may_use_plain_http(self._source, host, port, addresses)
        ):
            raise AddressRefused(f"{scheme} to {host}")
        for position, address in enumerate(addresses, start=1):
            try:
                return await self._inner.handle_async_request(self._aimed(request, address, host))
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if position == len(addresses):
                    raise
        raise AddressRefused(f"{host} resolves to nothing")

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _addresses(self, host: str, port: int) -> tuple[str, ...]:
        now = time.monotonic()
        known = self._judged.get((host, port))
        if known is not None and now - known[0] < RESOLVE_SECONDS:
            return known[1]
        async with asyncio.timeout(5.0):
            answers = await self._resolver(host, port)
        judged = judge(self._source, host, port, answers, self._policy)[:_MAX_ADDRESSES]
        self._judged[(host, port)] = (now, judged)
        return judged

    @staticmethod
    def _aimed(request: httpx.Request, address: str, host: str) -> httpx.Request:
        """The same request to a literal address. `Host` is in its headers already; TLS checks the original name."""
        extensions = dict(request.extensions)
        if request.url.scheme == "https":
            extensions["sni_hostname"] = host
        return httpx.Request(
            request.method,
            request.url.copy_with(host=address),
            headers=request.headers,
            stream=request.stream,
            extensions=extensions,
        )
