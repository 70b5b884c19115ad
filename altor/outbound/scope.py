"""What one question to an upstream may cost, and what was sent for it.

The scope travels in a context variable, because an SDK between us and the transport does not pass our arguments on.
Tasks that are started inside a scope share it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(slots=True)
class Exchange:
    """One attempt on the wire, without secrets (headers and bodies are not kept)."""

    method: str
    url: str
    started_at: datetime
    attempt: int
    status: int | None = None
    seconds: float = 0.0
    request_id: str = ""
    size: int = 0  # bytes of the decoded body
    error: str = ""
    label: str = ""  # what was asked, where the address does not tell (a GraphQL operation)
    params: dict[str, object] = field(default_factory=dict)
    from_cache: bool = False
    rows: int | None = None


@dataclass(slots=True, eq=False)
class CallScope:
    """`deadline` is event-loop time. `exchanges` are in the order in which the attempts started."""

    deadline: float
    exchanges: list[Exchange] = field(default_factory=list)
    failed: bool = False  # a request of this question failed for good: told to the circuit breaker once

    def remaining(self) -> float:
        return self.deadline - asyncio.get_running_loop().time()


_current: ContextVar[CallScope | None] = ContextVar("altor_call_scope", default=None)


def current_scope() -> CallScope | None:
    return _current.get()


@contextmanager
def call_scope(timeout_s: float) -> Iterator[CallScope]:
    """Everything sent inside ends within `timeout_s` seconds from now and is recorded."""
    scope = CallScope(deadline=asyncio.get_running_loop().time() + timeout_s)
    token = _current.set(scope)
    try:
        yield scope
    finally:
        _current.reset(token)
