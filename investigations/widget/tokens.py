"""Who sits in front of a sidebar: a bearer token of ten minutes, renewable for eight hours, held in the frame's memory.

Nothing is stored: the token is signed, and every request looks again whether its connection is switched on and has the
same launch secret, and whether its person may still come in. So it ends with any of them, and not only with its time.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, TypeVar

from django.conf import settings
from django.core import signing
from django.db import connection as db
from django.db.models import CharField, Field, Model, TextField
from django.utils.crypto import salted_hmac

from altor.fields import EncryptedTextField
from altor.models import InboundEndpoint, User
from altor.prepared import first_row
from investigations.models import HelpdeskConnection

_Row = TypeVar("_Row", bound=Model)
PREFIX: Final = "alt_wgt_"
LIFE: Final = timedelta(minutes=10)
LONGEST: Final = timedelta(hours=8)
#: Helpdesks whose launch secret proves a start by itself, or signs it: it has no business in a browser.
SIGNING: Final = frozenset({"generic", "zendesk", "helpscout", "front", "intercom"})
_LEAST_SECRET: Final = 16
_SALT: Final = "altor.widget.token"


def _fields(model: type[Model], *names: str) -> Sequence[Field[Any, Any]]:
    """In the order in which `Model.from_db` takes them."""
    return tuple(field for field in model._meta.concrete_fields if field.attname in names)


def _columns(table: str, fields: Sequence[Field[Any, Any]]) -> str:
    return ", ".join(
        f"{table}.{field.column}" + ("::text" if isinstance(field, CharField | TextField) else "") for field in fields
    )


#: Every switch that may turn a token off, and what a call needs on most days; the rest is read when it is asked for.
_OF_CONNECTION: Final = _fields(HelpdeskConnection, "id", "endpoint_id", "launch_secret", "updated_at", "origins")
_OF_ENDPOINT: Final = _fields(InboundEndpoint, "id", "source", "connection", "is_active")
_OF_USER: Final = _fields(
    User, "id", "username", "first_name", "last_name", "role", "is_active", "timezone", "sessions_valid_after"
)
_STATEMENT: Final = f"""
SELECT {_columns("c", _OF_CONNECTION)}, {_columns("e", _OF_ENDPOINT)}, {_columns("u", _OF_USER)}
FROM investigations_helpdeskconnection c JOIN altor_inboundendpoint e ON e.id = c.endpoint_id
LEFT JOIN altor_user u ON u.id = %s AND u.is_active
WHERE c.id = %s AND e.is_active"""  # noqa: S608  # names of columns, written above


class Voucher(StrEnum):
    """What the token rests on."""

    SIGNED = "s"  # a start that the helpdesk signed
    KEY = "k"  # the connection's key: it vouches for the helpdesk, not for a person
    PAIRED = "p"  # a person who is logged in to Altor confirmed the frame's code


@dataclass(frozen=True, slots=True)
class WidgetToken:
    """`ticket` is the helpdesk's id, "" before one is chosen. `is_bound`: the signed start named it, so it stays.

    `name` is as the helpdesk told it: for the log, never for a decision. Without a `user` only the connection is known.
    """

    connection: HelpdeskConnection
    ticket: str
    user: User | None
    name: str
    voucher: Voucher
    is_bound: bool
    frame: str  # random, the same for all tokens of one frame
    started_at: datetime
    expires_at: datetime

    @property
    def throttle_key(self) -> str:
        """What limits are counted by: people behind one address do not use up each other's."""
        return f"w{self.frame}"

    @property
    def label(self) -> str:
        """For the audit log: "Noor (chatwoot/main)"."""
        who = str(self.user) if self.user is not None else self.name or "somebody"
        return f"{who} ({self.connection.endpoint})"


def new_token(
    connection: HelpdeskConnection, *, voucher: Voucher, now: datetime, ticket: str = "", user: User | None = None,
    name: str = "", is_bound: bool = False,
) -> WidgetToken:  # fmt: skip
    return WidgetToken(
        connection=connection, ticket=ticket, user=user, name=name[:80], voucher=voucher, is_bound=is_bound,
        frame=secrets.token_hex(6), started_at=now, expires_at=now + LIFE,
    )  # fmt: skip


def renewed(token: WidgetToken, *, now: datetime, ticket: str = "", name: str = "") -> WidgetToken | None:
    """The same for ten minutes more, for another `ticket` where one is given; None after eight hours.

    A `name` that the host tells later is kept where the key vouches; what was signed stays as it was signed.
    """
    end = min(now + LIFE, token.started_at + LONGEST)
    name = name[:80] if name and token.voucher is Voucher.KEY else token.name
    return replace(token, expires_at=end, ticket=ticket or token.ticket, name=name) if end > now else None


def write_token(token: WidgetToken) -> str:
    """The token's text, which exists only here and in the frame."""
    body = {
        "c": token.connection.pk, "t": token.ticket, "u": token.user.pk if token.user else None, "n": token.name,
        "v": str(token.voucher), "o": int(token.is_bound), "i": token.frame,
        "b": int(token.started_at.timestamp()), "e": int(token.expires_at.timestamp()),
        "f": _fingerprints(token.connection)[0],
    }  # fmt: skip
    return PREFIX + signing.Signer(salt=_SALT, sep=".").sign_object(body)


def read_token(text: str, *, now: datetime) -> WidgetToken | None:
    """None for a token that is forged, over, or whose connection, secret or person is no longer what it was.

    One query.
    """
    body = _body(text)
    if body is None or body["e"] <= now.timestamp():
        return None
    connection, user = _rows(body["c"], body["u"])
    if connection is None or not any(hmac.compare_digest(body["f"], one) for one in _fingerprints(connection)):
        return None
    started_at = datetime.fromtimestamp(body["b"], UTC)
    if body["u"] is not None and (
        user is None or (user.sessions_valid_after and started_at < user.sessions_valid_after)
    ):
        return None
    return WidgetToken(
        connection=connection, ticket=body["t"], user=user, name=body["n"], voucher=Voucher(body["v"]),
        is_bound=bool(body["o"]), frame=body["i"], started_at=started_at,
        expires_at=datetime.fromtimestamp(body["e"], UTC),
    )  # fmt: skip


def _rows(connection_id: int, user_id: int | None) -> tuple[HelpdeskConnection | None, User | None]:
    """A connection that is switched on, with its endpoint, and a person who may come in. One query, and no model in its
    way: it is most of what the sidebar's call costs.
    """
    row = first_row(_STATEMENT, [user_id, connection_id])
    if row is None:
        return None, None
    values = iter(row)
    connection = _made(HelpdeskConnection, _OF_CONNECTION, values)
    connection.endpoint = _made(InboundEndpoint, _OF_ENDPOINT, values)
    user = _made(User, _OF_USER, values)
    return connection, user if user.pk is not None else None


def _made(model: type[_Row], fields: Sequence[Field[Any, Any]], values: Iterator[Any]) -> _Row:
    """The row of the next `values`. What is encrypted is opened."""
    own = [
        field.from_db_value(value, None, db) if isinstance(field, EncryptedTextField) else value
        for field, value in zip(fields, values, strict=False)
    ]
    return model.from_db(db.alias, [field.attname for field in fields], own)


def _body(text: str) -> Mapping[str, Any] | None:
    if not text.startswith(PREFIX) or len(text) > 2000:
        return None
    try:
        found: Mapping[str, Any] = signing.Signer(salt=_SALT, sep=".").unsign_object(text.removeprefix(PREFIX))
    except (signing.BadSignature, ValueError):
        return None
    return found


def _fingerprints(connection: HelpdeskConnection) -> list[str]:
    """Of the launch secret, under the present key and the former ones. Says nothing about the secret without them."""
    text = f"{connection.pk}:{connection.launch_secret}"
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return [salted_hmac("altor.widget.secret", text, secret=key, algorithm="sha256").hexdigest()[:24] for key in keys]


def launch_key(connection: HelpdeskConnection) -> str:
    """The key of `#k=…`, for helpdesks that sign nothing: their launch secret, which has no other use. "" for others,
    and for one that could be guessed.
    """
    secret = connection.launch_secret
    return "" if connection.endpoint.source in SIGNING or len(secret) < _LEAST_SECRET else secret
