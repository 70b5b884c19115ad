"""The sidebar's own token, and what it allows: a person's role, or what a helpdesk alone can vouch for."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed, MethodNotAllowed
from rest_framework.request import Request

from altor.api.permissions import RolePermission
from altor.models import User
from altor.roles import VOUCHED
from investigations.widget.tokens import PREFIX, WidgetToken, read_token


class WidgetAuthentication(authentication.BaseAuthentication):
    """`Authorization: Widget alt_wgt_…`, or Bearer for hosts that know nothing else. Cookies are never looked at."""

    def authenticate(self, request: Request) -> tuple[User | AnonymousUser, WidgetToken] | None:
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        text = text.strip()
        if scheme.lower() != "widget" and not (scheme.lower() == "bearer" and text.startswith(PREFIX)):
            return None
        token = read_token(text, now=timezone.now())
        if token is None:
            raise AuthenticationFailed("The sidebar's token is unknown, expired or revoked.", code="token_invalid")
        return token.user or AnonymousUser(), token

    def authenticate_header(self, request: Request) -> str:
        return 'Widget realm="altor"'


class WidgetScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # untyped library
    target_class = "investigations.widget.authentication.WidgetAuthentication"
    name = "sidebar"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        text = "`Authorization: Widget alt_wgt_…`, of one frame, for ten minutes"
        return {"type": "apiKey", "in": "header", "name": "Authorization", "description": text}


class WidgetPermission(RolePermission):
    """For a sidebar behind which no person stands, the short list of what a helpdesk vouches for."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not isinstance(request.auth, WidgetToken) or request.auth.user is not None:
            return super().has_permission(request, view)
        method = request.method or ""
        if method not in view.allowed_methods:
            raise MethodNotAllowed(method)
        named: dict[str, str] = getattr(view, "required_permissions", {})
        return named.get(method.lower()) in VOUCHED
