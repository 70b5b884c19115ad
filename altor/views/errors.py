"""Error pages: generic text and the request id, never the reason inside. The 500 page touches no database."""

from __future__ import annotations

from typing import Any

import structlog
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from altor.errors import DomainError


def request_id(request: HttpRequest) -> str:
    """The id under which this request is in the log."""
    known = structlog.contextvars.get_contextvars().get("request_id", "")
    return str(known or getattr(request, "id", "") or "")


def _page(request: HttpRequest, status: int, title: str, text: str) -> HttpResponse:
    html = render_to_string(
        "altor/error.html", {"status": status, "title": title, "text": text, "request_id": request_id(request)}
    )
    return HttpResponse(html, status=status, headers={"Cache-Control": "no-store"})


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, 400, "The request could not be read", "Go back, reload the page and try again.")


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    reason = str(exception) if isinstance(exception, PermissionDenied) else ""
    text = f"It needs this permission: {reason}. " if reason else ""
    return _page(
        request,
        403,
        "Your role does not allow this",
        text + "Ask an administrator of Altor if you need it for your work.",
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return _page(
        request,
        403,
        "This form was too old to accept",
        "Go back, reload the page and send it again. If that does not help, allow cookies for this address.",
    )


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(
        request, 404, "Nothing is here", "The address is wrong, or what it names belongs to a team you are not in."
    )


def too_many(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    page = _page(request, 429, "Too many attempts", "Wait five minutes, then try again.")
    page["Retry-After"] = "300"
    return page


def server_error(request: HttpRequest) -> HttpResponse:
    return _page(
        request, 500, "Something went wrong on our side", "It has been logged. Try again in a minute; nothing was lost."
    )


class DomainErrorMiddleware:
    """A domain error that a page did not handle itself becomes an error page with its own text."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response: HttpResponse = self.get_response(request)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, DomainError) and not request.path.startswith("/api/"):
            return _page(request, exception.status, exception.title, exception.detail)
        return None
