"""Ask a helpdesk's client over a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from altor.outbound import call_scope
from altor.outbound.state import forget_states
from investigations.helpdesks.base import Helpdesk
from investigations.sources.base import ConnectionConfig

T = TypeVar("T")


def ask(adapter: Helpdesk, config: ConnectionConfig, work: Callable[[Any], Awaitable[T]], seconds: float = 10.0) -> T:
    """What the work gives with an open client, within that many seconds."""

    async def run() -> T:
        with call_scope(seconds):
            async with adapter.open(config) as client:
                return await work(client)

    forget_states()
    return asyncio.run(run())
