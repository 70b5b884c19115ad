"""The only door to other machines over HTTP.

`open_client(upstream)` gives an `httpx.AsyncClient` whose transport judges every address (SSRF), bounds time and size,
retries what may be repeated, keeps a circuit breaker and a concurrency limit per connection, and records every request
in the current `CallScope`. SDKs that take an httpx client (Stripe) run over it too; others (aiohttp) call `judge_peer`.
"""

from altor.outbound.addresses import AddressPolicy, judge_peer, judge_url, resolve_judged
from altor.outbound.client import Upstream, open_client
from altor.outbound.errors import (
    AddressRefused,
    AnswerBroken,
    AnswerTooLarge,
    CircuitOpen,
    OutboundError,
    RateLimited,
    RedirectRefused,
    TimedOut,
    Unreachable,
)
from altor.outbound.retries import Limit, Reply, default_limit
from altor.outbound.scope import CallScope, Exchange, call_scope

__all__ = [
    "AddressPolicy",
    "AddressRefused",
    "AnswerBroken",
    "AnswerTooLarge",
    "CallScope",
    "CircuitOpen",
    "Exchange",
    "Limit",
    "OutboundError",
    "RateLimited",
    "RedirectRefused",
    "Reply",
    "TimedOut",
    "Unreachable",
    "Upstream",
    "call_scope",
    "default_limit",
    "judge_peer",
    "judge_url",
    "open_client",
    "resolve_judged",
]
