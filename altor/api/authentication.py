"""Bearer tokens for programs, the session (with CSRF) for the browser."""

from __future__ import annotations

from typing import Final

from django.contrib.auth.models import AnonymousUser
from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from altor.models import ApiToken, User
from altor.tokens import find_token

KEYWORD: Final = "Bearer"


def bearer(header: str) -> str | None:
    """The text of the token in an Authorization header; None where it holds something else."""
    scheme, _, text = header.partition(" ")
    return text.strip() if scheme.lower() == KEYWORD.lower() else None


def holder(text: str) -> ApiToken:
    """The live token of this text. AuthenticationFailed for any other."""
    token = find_token(text)
    if token is None:
        raise AuthenticationFailed("The token is unknown, expired or revoked.", code="token_invalid")
    return token


class TokenAuthentication(authentication.BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        text = bearer(request.headers.get("Authorization", ""))
        if text is None:
            return None
        token = holder(text)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return f'{KEYWORD} realm="altor"'


class SessionAuthentication(authentication.SessionAuthentication):
    """Django's session; unsafe methods need the CSRF token."""

    def authenticate(self, request: Request) -> tuple[User | AnonymousUser, None] | None:
        found: tuple[User | AnonymousUser, None] | None = super().authenticate(request)
        return found
