"""The factory: one httpx client per connection and event loop, with every rule of this package on it."""

from __future__ import annotations

import logging
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

from altor.outbound.addresses import AddressPolicy, Resolver, system_resolver
from altor.outbound.guard import GuardedTransport
from altor.outbound.retries import LimitReader, default_limit
from altor.outbound.state import state_of
from altor.outbound.transport import MAX_BYTES, OutboundTransport

# Both log whole addresses at INFO; queries name customers, and what was sent is kept with the evidence.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

USER_AGENT = "Altor (read-only investigation client)"


@dataclass(frozen=True, slots=True)
class Upstream:
    """One connection as this package sees it. `key` identifies address and credential together."""

    source: str
    key: str
    base_url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    concurrency: int = 8
    limit_of: LimitReader = default_limit
    max_bytes: int = MAX_BYTES


@asynccontextmanager
async def open_client(
    upstream: Upstream,
    *,
    policy: AddressPolicy | None = None,
    resolver: Resolver = system_resolver,
    dial: httpx.AsyncBaseTransport | None = None,
    jitter: Callable[[], float] = random.random,
) -> AsyncIterator[httpx.AsyncClient]:
    """An httpx client whose requests all keep this package's rules. `dial` replaces the dialling transport in tests.

    Paths are joined to `base_url`, whose own path is kept. Requests raise OutboundError, never httpx errors.
    """
    inner = dial or GuardedTransport(
        upstream.source, policy=policy, resolver=resolver, connections=upstream.concurrency
    )
    transport = OutboundTransport(
        inner,
        state=state_of(upstream.key),
        concurrency=upstream.concurrency,
        limit_of=upstream.limit_of,
        max_bytes=upstream.max_bytes,
        jitter=jitter,
    )
    headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "gzip", "Accept": "application/json", **upstream.headers}
    async with httpx.AsyncClient(
        transport=transport, base_url=upstream.base_url, headers=headers, trust_env=False, follow_redirects=False
    ) as client:
        yield client
