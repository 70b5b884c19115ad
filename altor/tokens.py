"""API tokens: `alt_<kind>_<lookup><secret>`, shown once, stored as a lookup and a keyed hash.

A token never grants more than its owner's role does today: its scopes are permissions of `altor.roles`, checked
together with the role on every request.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from altor.audit import record_event
from altor.errors import InvalidInput
from altor.models import ApiToken, User
from altor.roles import PERMISSIONS, role_may

_LOOKUP, _SECRET_BYTES = 10, 32
#: `last_used_at` is written at most this often.
_TOUCH: Final = timedelta(minutes=1)
#: Compared against when the lookup is unknown, so that both ways take the same time.
_NOBODY: Final = "0" * 64


def digest_of(secret: str) -> str:
    """What is stored of a token's secret."""
    return hmac.new(settings.SECRET_KEY.encode(), b"altor.token:" + secret.encode(), hashlib.sha256).hexdigest()


def _digests(secret: str) -> list[str]:
    """Under the present key and the former ones: a rotated SECRET_KEY must not end every token at once."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return [hmac.new(key.encode(), b"altor.token:" + secret.encode(), hashlib.sha256).hexdigest() for key in keys]


@transaction.atomic
def create_token(
    *,
    user: User,
    name: str,
    scopes: Sequence[str],
    actor: User | None = None,
    expires_at: datetime | None = None,
    kind: str = "api",
) -> tuple[ApiToken, str]:
    """The token's row and its text, which exists only here.

    InvalidInput for scopes that are unknown or beyond the owner's role, and for an expiry that is past.
    """
    unknown = sorted(set(scopes) - set(PERMISSIONS))
    if unknown:
        raise InvalidInput(f"Unknown scopes: {', '.join(unknown)}", scopes=unknown)
    beyond = sorted(scope for scope in set(scopes) if not role_may(user.role, scope))
    if beyond:
        raise InvalidInput(f"The role {user.role} does not hold: {', '.join(beyond)}", scopes=beyond)
    if not name.strip():
        raise InvalidInput("A token needs a name, so that it can be told from others.")
    if expires_at is not None and expires_at <= timezone.now():
        raise InvalidInput("The expiry lies in the past.")
    lookup, secret = secrets.token_hex(_LOOKUP // 2), secrets.token_urlsafe(_SECRET_BYTES)
    token = ApiToken.objects.create(
        user=user,
        kind=kind,
        name=name.strip()[:80],
        lookup=lookup,
        digest=digest_of(secret),
        scopes=sorted(set(scopes)),
        expires_at=expires_at,
    )
    record_event(
        actor=actor or user,
        action="token.created",
        object_kind="token",
        object_ref=lookup,
        after={"name": token.name, "scopes": token.scopes, "user": user.username},
    )
    return token, f"alt_{kind}_{lookup}{secret}"


def find_token(text: str, *, now: datetime | None = None) -> ApiToken | None:
    """The live token of this text, or None for unknown, wrong, expired, revoked, or an owner who was deactivated."""
    now = now or timezone.now()
    prefix, _, rest = text.partition("_")
    kind, _, body = rest.partition("_")
    lookup, secret = body[:_LOOKUP], body[_LOOKUP:]
    token = (
        ApiToken.objects.select_related("user").filter(lookup=lookup, kind=kind).first() if prefix == "alt" else None
    )
    stored = token.digest if token else _NOBODY
    fits = any([hmac.compare_digest(stored, candidate) for candidate in _digests(secret)])  # noqa: C419  # constant time
    if token is None or not fits or token.revoked_at or not token.user.is_active:
        return None
    if token.expires_at is not None and token.expires_at <= now:
        return None
    if token.last_used_at is None or now - token.last_used_at > _TOUCH:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token


@transaction.atomic
def revoke_token(token: ApiToken, *, actor: User | None) -> None:
    if token.revoked_at is None:
        token.revoked_at = timezone.now()
        token.save(update_fields=["revoked_at"])
        record_event(
            actor=actor,
            action="token.revoked",
            object_kind="token",
            object_ref=token.lookup,
            before={"name": token.name},
        )
