"""What every view of the API shares: who may, how large, once only, and never an answer in another shape."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from altor.api.idempotency import idempotent
from altor.api.parsers import DEFAULT_MAX_BYTES, BodyTooLarge
from altor.api.problems import json_problem
from altor.models import User
from altor.roles import Role


class ApiView(APIView):
    """Base of the API's views. `required_permissions`: action (or method) -> permission; the unnamed is refused."""

    http_method_names = ["get", "head", "post", "put", "patch", "delete"]
    required_permissions: ClassVar[dict[str, str]] = {}
    throttle_scopes: ClassVar[dict[str, str]] = {}
    max_body_bytes: ClassVar[int] = DEFAULT_MAX_BYTES

    @property
    def user(self) -> User:
        """The caller; permissions have been checked, so it is a person."""
        if getattr(self, "swagger_fake_view", False):
            return User(role=Role.ADMIN)  # the schema is made without a request
        assert isinstance(self.request.user, User)  # noqa: S101  # RolePermission lets nobody else in
        return self.request.user

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        _refuse_unreadable(request, self.max_body_bytes)
        method = (request.method or "").lower()
        if method in ("post", "put", "patch") and request.headers.get("Idempotency-Key", "").strip():
            handler: Callable[..., Response] = getattr(self, method)
            setattr(self, method, partial(_once, handler))

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:
        answer = super().finalize_response(request, response, *args, **kwargs)
        answer.headers.setdefault("Cache-Control", "no-store")
        return answer


def _once(handler: Callable[..., Response], request: Request, *args: Any, **kwargs: Any) -> Response:
    return idempotent(request, lambda: handler(request, *args, **kwargs))


def _refuse_unreadable(request: Request, limit: int) -> None:
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        raise ParseError("Content-Length is no number.") from None
    if length > limit:
        raise BodyTooLarge(f"At most {limit} bytes are accepted here.")
    if any("\x00" in part for pair in request.query_params.lists() for part in (pair[0], *pair[1])):
        raise ParseError("The query holds a NUL character.")


class ApiViewSet(ApiView, GenericViewSet[Any]):
    """Base of the API's view sets. Subclasses define `get_queryset` through `visible_to`."""

    #: What stands in addresses instead of a primary key: TK-10134, INV-812, org_k3p7.
    lookup_value_regex = r"[A-Za-z0-9][A-Za-z0-9._:\-]{0,119}"


@csrf_exempt
def unknown_address(request: HttpRequest, path: str = "") -> HttpResponseBase:
    """Whatever no route of the API takes."""
    hint = " Addresses of the API end with a slash." if path and not path.endswith("/") else ""
    return json_problem(request, "not_found", "Not found", 404, f"The API has no such address.{hint}")
