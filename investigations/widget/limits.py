"""The limit of a sidebar's reads, counted in the process: a shared count would cost more than the read itself.

With several processes a frame may read as many times more often. Nothing is spent by it upstream; what starts a run is
counted on the shared cache like everywhere else.
"""

from __future__ import annotations

import time
from threading import Lock
from typing import Any, Final

from rest_framework.request import Request
from rest_framework.settings import api_settings

from altor.api.throttles import TokenThrottle, parse_rate
from investigations.widget.tokens import WidgetToken

_MOST_FRAMES: Final = 10_000
_counts: dict[tuple[str, int], int] = {}
_lock = Lock()


class ReadThrottle(TokenThrottle):
    """For sidebars' tokens; programs and people are counted as everywhere."""

    def allow_request(self, request: Request, view: Any) -> bool:
        if not isinstance(request.auth, WidgetToken):
            return super().allow_request(request, view)
        limit, seconds = parse_rate(str(api_settings.DEFAULT_THROTTLE_RATES["token"]))
        now = time.time()
        key = (request.auth.throttle_key, int(now // seconds))
        with _lock:
            if len(_counts) > _MOST_FRAMES:
                _counts.clear()
            _counts[key] = _counts.get(key, 0) + 1
            allowed = _counts[key] <= limit
        self._wait = None if allowed else (key[1] + 1) * seconds - now
        return allowed
