"""allauth's adapter: people are invited, and failed logins are limited without locking anybody out."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import ratelimit
from allauth.core.exceptions import ImmediateHttpResponse
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from altor.audit import client_address


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """One answer everywhere to who is asking: as many proxies count as ALTOR_TRUSTED_PROXIES says."""
        return client_address(request)

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count this attempt (allauth takes a good one back later) or refuse it with 429."""
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError:  # allauth's only reason here: too many attempts
            raise ImmediateHttpResponse(ratelimit.respond_429(request)) from None

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """An account is counted per address: a stranger who guesses locks out themselves, not the account's owner."""
        login = str(credentials.get("email") or credentials.get("username") or "").lower()
        return f"{login}|{client_address(request)}"
