"""Rate limits per token or person, on the shared cache; 429 with Retry-After.

A counter per fixed window: two small cache operations a request, however high the limit. Around the turn of a window up
to twice the limit may pass; what must never be exceeded is held by the database instead (see the engine's caps).
"""

from __future__ import annotations

import time
from typing import Any

from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import BaseThrottle

from altor.audit import client_address
from altor.models import ApiToken

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_rate(rate: str) -> tuple[int, int]:
    """ "600/min" -> (600, 60)."""
    number, _, period = rate.partition("/")
    return int(number), _SECONDS[period[0]]


def hit(scope: str, who: str, *, now: float | None = None) -> float | None:
    """Count one request of `who`. None when it may pass, else the seconds until it may come again."""
    limit, seconds = parse_rate(str(api_settings.DEFAULT_THROTTLE_RATES[scope]))
    now = time.time() if now is None else now
    window = int(now // seconds)
    key = f"throttle:{scope}:{who}:{window}"
    cache.add(key, 0, seconds + 1)
    try:
        count = cache.incr(key)
    except ValueError:  # evicted between the two operations
        return None
    return None if count <= limit else (window + 1) * seconds - now


class TokenThrottle(BaseThrottle):
    """The view's `throttle_scope` (default `token`) names its rate; each token, person or address has its own count."""

    def __init__(self) -> None:
        self._wait: float | None = None

    def allow_request(self, request: Request, view: Any) -> bool:
        scopes = getattr(view, "throttle_scopes", {})
        scope = scopes.get(getattr(view, "action", None) or (request.method or "").lower(), "token")
        self._wait = hit(scope, _who(request))
        return self._wait is None

    def wait(self) -> float | None:
        return self._wait


def of_token(token: ApiToken) -> str:
    """Under which name a token's calls are counted, whatever door they come through."""
    return f"t{token.pk}"


def _who(request: Request) -> str:
    if isinstance(request.auth, ApiToken):
        return of_token(request.auth)
    if key := getattr(request.auth, "throttle_key", ""):
        return str(key)
    if request.user and request.user.is_authenticated:
        return f"u{request.user.pk}"
    return f"a{client_address(request._request)}"
