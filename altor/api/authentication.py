"""Bearer tokens for programs, the session (with CSRF) for the browser."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from altor.models import ApiToken, User
from altor.tokens import find_token


class TokenAuthentication(authentication.BaseAuthentication):
    keyword = "Bearer"

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != self.keyword.lower():
            return None
        token = find_token(text.strip())
        if token is None:
            raise AuthenticationFailed("The token is unknown, expired or revoked.", code="token_invalid")
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return f'{self.keyword} realm="altor"'


class SessionAuthentication(authentication.SessionAuthentication):
    """Django's session; unsafe methods need the CSRF token."""

    def authenticate(self, request: Request) -> tuple[User | AnonymousUser, None] | None:
        found: tuple[User | AnonymousUser, None] | None = super().authenticate(request)
        return found
