"""One POST to an address that somebody configured, with what became of it. Nothing is repeated here.

For deliveries that keep a schedule of their own (webhooks, notices): neither the retries nor the circuit breaker of the
client fit them, as their tries lie minutes and hours apart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import httpx

from altor.outbound.client import Upstream, open_client
from altor.outbound.errors import AddressRefused, OutboundError
from altor.outbound.retries import retry_after
from altor.outbound.scope import call_scope
from altor.outbound.state import close_circuit

#: The longest answer that is read; a longer one is still an answer.
_MAX_BYTES: Final = 64_000
TIMEOUT_S: Final = 15.0


@dataclass(frozen=True, slots=True)
class Posted:
    """`status` is None without an answer; `error` then says why, safe for people. `body` is "" when it was not read."""

    status: int | None
    seconds: float
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    error: str = ""
    is_refused: bool = False  # the address may not be contacted: another try would meet the same

    @property
    def is_accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def retry_after_s(self) -> float | None:
        return retry_after(self.headers)


def post_once(
    url: str, body: bytes, headers: Mapping[str, str], *, source: str, key: str, timeout_s: float = TIMEOUT_S
) -> Posted:
    """Post `body` under the rules of this package. `source` is the name private upstreams are listed under.

    Never raises for what the other side does. Blocks; must not be called inside an event loop.
    """
    return asyncio.run(_post(url, body, headers, source=source, key=key, timeout_s=timeout_s))


async def _post(
    url: str, body: bytes, headers: Mapping[str, str], *, source: str, key: str, timeout_s: float
) -> Posted:
    upstream = Upstream(source, key, "", limit_of=lambda reply: None, max_bytes=_MAX_BYTES)
    close_circuit(key)
    async with open_client(upstream) as client:
        with call_scope(timeout_s) as scope:
            try:
                answer = await client.post(url, content=body, headers=dict(headers))
            except OutboundError as error:
                exchange = scope.exchanges[-1] if scope.exchanges else None
                return Posted(
                    status=exchange.status if exchange else None,
                    seconds=exchange.seconds if exchange else 0.0,
                    error=error.message,
                    is_refused=isinstance(error, AddressRefused),
                )
            except (httpx.InvalidURL, UnicodeError):  # the latter from the look-up of a name that is none
                return Posted(None, 0.0, error="The address cannot be read", is_refused=True)
        seconds = scope.exchanges[-1].seconds if scope.exchanges else 0.0
        kept = {name.lower(): value for name, value in answer.headers.items()}
        return Posted(answer.status_code, seconds, answer.text, kept)
