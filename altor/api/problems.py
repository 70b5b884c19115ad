"""Every error of the API in one shape: application/problem+json (RFC 9457) with a stable `code`."""

from __future__ import annotations

import logging
from math import ceil
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DataError
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from altor.errors import DomainError

log = logging.getLogger(__name__)
CONTENT_TYPE = "application/problem+json"


def request_id() -> str:
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


def problem(code: str, title: str, http_status: int, detail: str = "", **extra: Any) -> dict[str, Any]:
    body = {
        "type": f"urn:altor:problem:{code}",
        "code": code,
        "title": title,
        "status": http_status,
        "detail": detail,
        **extra,
    }
    return body | ({"request_id": request_id()} if request_id() else {})


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's handler: domain errors, DRF's own, Django's 404 and 403; all else becomes a 500 with the request id."""
    headers: dict[str, str] = {}
    match error:
        case DomainError():
            body = problem(error.code, error.title, error.status, error.detail, **error.extra)
            if error.extra.get("retry_after_s"):
                headers["Retry-After"] = str(int(error.extra["retry_after_s"]))
        case DataError() | DjangoValidationError():
            log.warning("a value does not fit its column", exc_info=error)
            body = problem("invalid_input", "The input is not valid", 400, "A value is out of range.")
        case Http404():
            body = problem("not_found", "Not found", 404, "There is no such object, or you may not see it.")
        case PermissionDenied():
            body = problem("permission_refused", "Your role does not allow this", 403)
        case RequestDataTooBig():
            body = problem("body_too_large", "The body is too large", 413, "At most 2 MB are accepted.")
        case exceptions.ValidationError():
            body = problem(
                "invalid_input", "The input is not valid", 400, "One or more fields are not valid.", errors=error.detail
            )
        case exceptions.Throttled():
            wait = max(1, ceil(getattr(error, "wait", None) or 1))
            headers["Retry-After"] = str(wait)
            body = problem("rate_limited", "Too many requests", 429, f"Try again in {wait} s.")
        case exceptions.APIException():
            body = _drf(error)
            if isinstance(error, exceptions.MethodNotAllowed):
                headers["Allow"] = ", ".join(context["view"].allowed_methods)
            if getattr(error, "auth_header", None):
                headers["WWW-Authenticate"] = error.auth_header  # type: ignore[attr-defined]  # set by DRF on 401
        case _:
            log.exception("unhandled error in the API")
            body = problem(
                "internal_error",
                "Something went wrong on our side",
                500,
                "The error was recorded under the request id.",
            )
    set_rollback()
    return Response(body, status=body["status"], headers=headers, content_type=CONTENT_TYPE)


_CODES = {
    400: "malformed",
    401: "not_authenticated",
    403: "permission_refused",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    413: "body_too_large",
    415: "unsupported_media_type",
}


def _drf(error: exceptions.APIException) -> dict[str, Any]:
    detail = error.detail if isinstance(error.detail, str) else str(error.detail)
    return problem(_CODES.get(error.status_code, "error"), str(error.default_detail), error.status_code, detail)


def json_problem(
    request: HttpRequest, code: str, title: str, http_status: int, detail: str = "", **extra: Any
) -> JsonResponse:
    """For plain Django views and error handlers under /api/."""
    return JsonResponse(
        problem(code, title, http_status, detail, **extra), status=http_status, content_type=CONTENT_TYPE
    )
