"""How long a session lives: idle and absolute limits, and the end of all sessions of a person at once."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import SESSION_KEY, logout
from django.http import HttpRequest, HttpResponse

_STARTED = "altor_started_at"
#: The cookie and its row are renewed at most this often, so that a poll each second does not write each second.
_RENEW_S = 300
_SEEN = "altor_seen_at"


class SessionLifetimeMiddleware:
    """Ends a session after SESSION_MAX_AGE, or when it began before the person's `sessions_valid_after`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            now = time.time()
            started = float(request.session.setdefault(_STARTED, now))
            ended_before = request.user.sessions_valid_after
            if now - started > settings.SESSION_MAX_AGE or (ended_before and started < ended_before.timestamp()):
                logout(request)
            elif now - float(request.session.get(_SEEN, 0)) > _RENEW_S:
                request.session[_SEEN] = now  # a changed session is saved with a fresh expiry
        response = self.get_response(request)
        # Who came with a token is authenticated too, and has no session that could begin.
        if SESSION_KEY in request.session and _STARTED not in request.session:
            request.session[_STARTED] = time.time()  # this request was the login
        return response
