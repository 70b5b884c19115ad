"""Rate limits per token or person, on the shared cache; 429 with Retry-After."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from altor.audit import client_address
from altor.models import ApiToken


class TokenThrottle(SimpleRateThrottle):
    """The view's `throttle_scope` (default `token`) names its rate; each token, person or address has its own count."""

    scope = "token"

    def allow_request(self, request: Request, view: Any) -> bool:
        self.scope = getattr(view, "throttle_scope", None) or "token"
        self.rate = self.get_rate()
        self.num_requests, self.duration = self.parse_rate(self.rate)
        return bool(super().allow_request(request, view))

    def get_cache_key(self, request: Request, view: Any) -> str:
        if isinstance(request.auth, ApiToken):
            who = f"t{request.auth.pk}"
        elif request.user and request.user.is_authenticated:
            who = f"u{request.user.pk}"
        else:
            who = f"a{client_address(request._request)}"
        return f"throttle:{self.scope}:{who}"
