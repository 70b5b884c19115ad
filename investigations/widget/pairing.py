"""Signing in to a sidebar whose helpdesk signs nothing: the frame shows a code, a logged-in person confirms it.

What is asked for travels in the address of the confirming page, signed; nothing is stored before somebody confirms.
Then a row of kind `wdg` waits for the frame, which alone knows the secret that opens it, once.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.core import signing
from django.db import IntegrityError, transaction

from altor.audit import record_event
from altor.errors import Conflict, DomainError
from altor.models import ApiToken, User
from altor.tokens import digest_of, find_token
from investigations.models import HelpdeskConnection
from investigations.widget.tokens import Voucher, WidgetToken, new_token

LIFE: Final = timedelta(minutes=5)
_SALT: Final = "altor.widget.pairing"
#: Letters and digits that are not taken for each other.
_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


class PairingOver(DomainError):
    code = "pairing_over"
    status = 410
    title = "This code is over"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address of a confirming page says: which frame asks, for which ticket ("" = none yet)."""

    connection: HelpdeskConnection
    ticket: str
    name: str  # as the helpdesk told it
    lookup: str
    digest: str
    expires_at: datetime

    @property
    def code(self) -> str:
        """Eight letters that frame and page show alike: `K7QF-2MXD`."""
        number = int.from_bytes(hashlib.sha256(f"{self.lookup}:{self.digest}".encode()).digest()[:8])
        text = ""
        for _ in range(8):
            number, at = divmod(number, len(_LETTERS))
            text += _LETTERS[at]
        return f"{text[:4]}-{text[4:]}"


def ask(connection: HelpdeskConnection, *, ticket: str, name: str, now: datetime) -> tuple[Asked, str, str]:
    """What is asked for, the address part that says it, and the secret by which the frame fetches the answer."""
    lookup, secret = secrets.token_hex(5), secrets.token_urlsafe(32)
    asked = Asked(connection, ticket, name[:80], lookup, digest_of(secret), now + LIFE)
    body = {
        "c": connection.pk, "t": ticket, "n": asked.name, "l": lookup, "d": asked.digest,
        "e": int(asked.expires_at.timestamp()),
    }  # fmt: skip
    return asked, signing.Signer(salt=_SALT, sep=".").sign_object(body), f"alt_wdg_{lookup}{secret}"


def read_asked(text: str, *, now: datetime) -> Asked:
    """PairingOver when the text was not made here, is too old, or its connection is switched off."""
    try:
        body: dict[str, Any] = signing.Signer(salt=_SALT, sep=".").unsign_object(text[:2000])
    except (signing.BadSignature, ValueError):
        raise PairingOver("This is no address of a sidebar.") from None
    found = HelpdeskConnection.objects.select_related("endpoint").filter(pk=body["c"], endpoint__is_active=True).first()
    expires_at = datetime.fromtimestamp(body["e"], now.tzinfo)
    if found is None or expires_at <= now:
        raise PairingOver("The code is older than five minutes. Ask for a new one in the sidebar.")
    return Asked(found, body["t"], body["n"], body["l"], body["d"], expires_at)


@transaction.atomic
def confirm(asked: Asked, *, actor: User, now: datetime) -> None:
    """Let the frame act as `actor`. Conflict when its code was confirmed before."""
    ApiToken.objects.filter(kind=ApiToken.Kind.WIDGET, expires_at__lt=now - LIFE).delete()
    try:
        with transaction.atomic():
            ApiToken.objects.create(
                user=actor, kind=ApiToken.Kind.WIDGET, name=f"sidebar {asked.connection.endpoint}"[:80],
                lookup=asked.lookup, digest=asked.digest, expires_at=asked.expires_at,
                binding={"connection": asked.connection.pk, "ticket": asked.ticket, "name": asked.name},
            )  # fmt: skip
    except IntegrityError:
        raise Conflict("This code was confirmed already. Ask for a new one in the sidebar.") from None
    record_event(
        actor=actor, action="widget.paired", object_kind="helpdesk", object_ref=str(asked.connection.endpoint),
        after={"ticket": asked.ticket, "told": asked.name},
    )  # fmt: skip


@transaction.atomic
def claim(secret: str, *, now: datetime) -> WidgetToken | None:
    """The frame's token once somebody confirmed, and only once; None before."""
    row = find_token(secret, now=now) if secret.startswith("alt_wdg_") else None
    if row is None:
        return None
    # Of two askers at once exactly one gets it.
    won = ApiToken.objects.filter(pk=row.pk, revoked_at=None).update(revoked_at=now)
    told = row.binding
    found = HelpdeskConnection.objects.select_related("endpoint").filter(endpoint__is_active=True)
    connection = found.filter(pk=told.get("connection")).first()
    if not won or connection is None:
        return None
    return new_token(
        connection, voucher=Voucher.PAIRED, now=now, ticket=str(told["ticket"]), user=row.user, name=str(told["name"])
    )
