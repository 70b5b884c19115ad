"""Addresses that foreign systems post to, and their secrets."""

from __future__ import annotations

import base64
import re
import secrets
from typing import Any, Final

from django.db import transaction

from altor.audit import record_event
from altor.errors import Conflict, InvalidInput
from altor.models import InboundEndpoint, User
from altor.signatures import SOURCES
from investigations.helpdesks.registry import helpdesks

_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9\-]{0,59}")
_PREFIX: Final = re.compile(r"[A-Z]{1,6}")
#: Secrets that may be valid at once: the present one and those it replaced.
_LIVE: Final = 3


def _fresh_secret() -> str:
    """A Standard Webhooks secret."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


@transaction.atomic
def create_endpoint(
    *, source: str, connection: str, actor: User | None, title: str = "", ticket_prefix: str = "TK", secret: str = ""
) -> tuple[InboundEndpoint, str]:
    """A new address and its secret, which is shown only here. Vendors that choose the secret themselves pass it in."""
    known = list(dict.fromkeys([*helpdesks(), *SOURCES]))
    if source not in known:
        raise InvalidInput(f"There is no source {source!r}.", errors={"source": [f"one of: {', '.join(known)}"]})
    if not _SLUG.fullmatch(connection):
        raise InvalidInput(
            "The connection's name has lower-case letters, digits and hyphens.", errors={"connection": ["not valid"]}
        )
    if not _PREFIX.fullmatch(ticket_prefix):
        raise InvalidInput("The prefix has one to six capital letters.", errors={"ticket_prefix": ["not valid"]})
    if InboundEndpoint.objects.filter(source=source, connection=connection).exists():
        raise Conflict(f"There is an endpoint {source}/{connection} already.")
    secret = secret.strip() or _fresh_secret()
    endpoint = InboundEndpoint.objects.create(
        source=source, connection=connection, title=title[:80], ticket_prefix=ticket_prefix, secrets=secret
    )
    _tell(endpoint, "endpoint.created", actor, {"ticket_prefix": ticket_prefix})
    return endpoint, secret


@transaction.atomic
def rotate_secret(endpoint: InboundEndpoint, *, actor: User | None, secret: str = "") -> str:
    """A new secret beside the present ones, which stay valid until `drop_old_secrets`.

    Vendors that choose it themselves pass it in. InvalidInput for one with line breaks.
    """
    endpoint = InboundEndpoint.objects.select_for_update().get(pk=endpoint.pk)
    secret = secret.strip() or _fresh_secret()
    if len(secret.splitlines()) != 1:
        raise InvalidInput("A secret is one line.", field="signing_secret")
    endpoint.secrets = "\n".join([secret, *endpoint.secrets.splitlines()][:_LIVE])
    endpoint.save(update_fields=["secrets"])
    _tell(endpoint, "endpoint.secret_rotated", actor, {"live": len(endpoint.secrets.splitlines())})
    return secret


@transaction.atomic
def drop_old_secrets(endpoint: InboundEndpoint, *, actor: User | None) -> None:
    """From now on only the newest secret signs."""
    endpoint = InboundEndpoint.objects.select_for_update().get(pk=endpoint.pk)
    endpoint.secrets = endpoint.secrets.partition("\n")[0]
    endpoint.save(update_fields=["secrets"])
    _tell(endpoint, "endpoint.old_secrets_dropped", actor, {"live": 1})


def _tell(endpoint: InboundEndpoint, action: str, actor: User | None, after: dict[str, Any]) -> None:
    record_event(actor=actor, action=action, object_kind="endpoint", object_ref=str(endpoint), after=after)
