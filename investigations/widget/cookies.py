"""Addresses that know no cookies: the sidebar's, and what caches may keep for everybody (COOKIELESS).

None is read, none is set, whatever the browser sends.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse

#: `/widget/<helpdesk>/<connection>/`; the page that confirms a code is an ordinary page of a logged-in person.
_FRAMED: Final = re.compile(r"/widget/(?!pair/)[^/]+/[^/]+/")


class CookielessMiddleware:
    """Before the sessions. Calls of the API with a sidebar's token are treated alike."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        by_token = request.path.startswith("/api/v1/widget/") and request.headers.get("Authorization")
        for_all = request.path in settings.COOKIELESS
        if not by_token and not for_all and not _FRAMED.fullmatch(request.path):
            return self.get_response(request)
        request.META.pop("HTTP_COOKIE", None)
        request.__dict__.pop("COOKIES", None)  # cached by the handler, where it looked already
        response = self.get_response(request)
        response.cookies.clear()
        if for_all and response.has_header("Vary"):
            # One answer for all: caches need not keep one for each cookie.
            kept = [name for name in response["Vary"].split(", ") if name != "Cookie"]
            response["Vary"] = ", ".join(kept)
        return response
