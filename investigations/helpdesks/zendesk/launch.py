"""Zendesk's signed start of the sidebar: a JWT that it posts with the first request of the page (`signedUrls`).

It says who works in which account, not on which ticket: the page learns that from the framework and it only selects.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import jwt

from investigations.helpdesks.base import Agent
from investigations.helpdesks.launches import Launched, LaunchRefused
from investigations.helpdesks.reading import moment, part, safe_id, text
from investigations.helpdesks.zendesk.client import home
from investigations.sources.base import ConnectionConfig

#: The only way of signing that is accepted, whatever the token says of itself.
ALGORITHMS: Final = ["RS256"]
#: Zendesk's clock may be ahead of ours by this much.
_AHEAD: Final = timedelta(minutes=1)
#: No start is good for longer than this, whatever it says.
LONGEST: Final = timedelta(hours=1)
_MOST: Final = 8_000


def read_launch(token: str, public_key: str, config: ConnectionConfig, *, now: datetime) -> Launched:
    """The start, verified by the app's public key (PEM). `external_id` is "". LaunchRefused for everything else.

    The connection's option `installation_id` makes the audience; without it nothing can be verified.
    """
    claims = _claims(token, public_key, _audience(config))
    host = urlsplit(home(config)).netloc.lower()
    if text(claims.get("iss"), 300).lower().removeprefix("https://").rstrip("/") != host:
        raise LaunchRefused("Another Zendesk account signed it.")
    _check_place(part(claims, "context"))
    nonce = text(claims.get("jti"), 2000)
    if not nonce:
        raise LaunchRefused("It has no id of its own, so a second use could not be told.")
    return Launched(
        external_id="",
        agent=_agent(claims),
        nonce=nonce if len(nonce) <= 64 else hashlib.sha256(nonce.encode(errors="replace")).hexdigest(),
        expires_at=_expiry(claims, now),
    )


def _audience(config: ConnectionConfig) -> str:
    installation = str(config.options.get("installation_id") or "")
    if not installation.isascii() or not installation.isdigit():
        raise LaunchRefused("The connection's option installation_id is not set.")
    return f"{home(config)}/api/v2/apps/installations/{installation}.json"


def _claims(token: str, public_key: str, audience: str) -> Mapping[str, Any]:
    """The times are judged by the caller, whose clock is an argument."""
    if not public_key.strip():
        raise LaunchRefused("The connection has no public key yet.")
    if len(token) > _MOST:
        raise LaunchRefused("It is longer than any start.")
    try:
        found = jwt.decode(
            token,
            public_key,
            algorithms=ALGORITHMS,
            audience=audience,
            options={
                "require": ["exp", "iat", "jti", "aud", "iss"],
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
                "verify_jti": False,
            },
        )
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise LaunchRefused(f"The token is not valid: {type(error).__name__}.") from None
    return part(found)


def _expiry(claims: Mapping[str, Any], now: datetime) -> datetime:
    issued, until = moment(claims.get("iat")), moment(claims.get("exp"))
    starts = moment(claims.get("nbf")) if "nbf" in claims else issued
    if issued is None or until is None or starts is None:
        raise LaunchRefused("Its times cannot be read.")
    if max(issued, starts) > now + _AHEAD:
        raise LaunchRefused("It is not valid yet.")
    until = min(until, issued + LONGEST)
    if until <= now:
        raise LaunchRefused("It has expired.")
    return until.astimezone(UTC)


def _check_place(context: Mapping[str, Any]) -> None:
    """Where the token says for which place of Zendesk it is, that must be the sidebar of a ticket."""
    place = text(context.get("location"), 80)
    if place and place not in ("ticket_sidebar", "new_ticket_sidebar"):
        raise LaunchRefused("It is for another place in Zendesk than the sidebar of a ticket.")


def _agent(claims: Mapping[str, Any]) -> Agent | None:
    """`sub` is the address of the user in the API: https://acme.zendesk.com/api/v2/users/1234.json."""
    key = safe_id(text(claims.get("sub"), 500).rpartition("/")[2].removesuffix(".json"))
    return Agent(key) if key else None
