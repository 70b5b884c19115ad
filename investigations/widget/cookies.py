"""The sidebar's addresses know no cookies: none is read, none is set, whatever the browser sends."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse

#: `/widget/<helpdesk>/<connection>/`; the page that confirms a code is an ordinary page of a logged-in person.
_FRAMED: Final = re.compile(r"/widget/(?!pair/)[^/]+/[^/]+/")


class CookielessMiddleware:
    """Before the sessions. Calls of the API with a sidebar's token are treated alike."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        by_token = request.path.startswith("/api/v1/widget/") and request.headers.get("Authorization")
        if not by_token and not _FRAMED.fullmatch(request.path):
            return self.get_response(request)
        request.META.pop("HTTP_COOKIE", None)
        request.__dict__.pop("COOKIES", None)  # cached by the handler, where it looked already
        response = self.get_response(request)
        response.cookies.clear()
        return response
