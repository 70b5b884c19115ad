"""When to try again, and when the upstream says to wait."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

RETRYABLE_STATUS = frozenset({502, 503, 504})
MAX_RETRIES = 2
_BASE_S, _CAP_S = 0.25, 2.0


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete answer: decoded body, headers with lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Limit:
    """The upstream refused because of a rate limit. `retry_after_s` is None when it did not say for how long."""

    retry_after_s: float | None = None
    #: False: only this request was too much, others may go on (a search bucket, a lock).
    whole_connection: bool = True


LimitReader = Callable[[Reply], Limit | None]


def default_limit(reply: Reply) -> Limit | None:
    """429 with or without Retry-After."""
    return Limit(retry_after(reply.headers)) if reply.status == 429 else None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """`Retry-After` as seconds from now (number or HTTP date); None when absent or unreadable."""
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())


def until_epoch(text: str, *, milliseconds: bool = False) -> float | None:
    """Seconds from now until an epoch time given as text (a rate limit's reset); None when unreadable."""
    try:
        at = float(text) / (1000 if milliseconds else 1)
    except ValueError:
        return None
    return max(0.0, at - time.time())


def backoff(attempt: int, jitter: Callable[[], float] = random.random) -> float:
    """Exponential with full jitter: anything between 0 and the step's ceiling, so that clients do not march in step."""
    ceiling: float = min(_CAP_S, _BASE_S * 2.0 ** (attempt - 1))
    return jitter() * ceiling
