"""How a sidebar begins: by a start that the helpdesk signed, or by the connection's key.

Each helpdesk that signs has a module `investigations/helpdesks/<name>/launch.py`; the table here says what its start
looks like and how it is asked. Whatever is wrong with a start, the answer is the same.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.db import IntegrityError, transaction

from altor.audit import record_event
from altor.errors import DomainError
from altor.models import User
from investigations.helpdesks.base import Agent
from investigations.helpdesks.front.launch import read_launch as read_front
from investigations.helpdesks.generic.launch import read_launch as read_generic
from investigations.helpdesks.helpscout.launch import SIGNATURE
from investigations.helpdesks.helpscout.launch import launched as read_helpscout
from investigations.helpdesks.launches import Launched, LaunchRefused
from investigations.helpdesks.zendesk.launch import read_launch as read_zendesk
from investigations.models import HelpdeskConnection, WidgetLaunch
from investigations.services.notes import config_of
from investigations.widget.tokens import Voucher, WidgetToken, launch_key, new_token

log = logging.getLogger(__name__)
#: Parameters of our own address, which a helpdesk that adds its own does not sign.
_OWN: Final = ("theme",)


class SidebarRefused(DomainError):
    """One text for every reason: who guesses learns nothing."""

    code = "sidebar_refused"
    status = 401
    title = "This sidebar cannot be opened"

    def __init__(self) -> None:
        super().__init__("Open the ticket again. If that does not help, ask an administrator of Altor.")


@dataclass(frozen=True, slots=True)
class Start:
    """The request that loads the frame: the query's last values by name, the query as sent, and the posted fields."""

    query: Mapping[str, str] = field(default_factory=dict)
    query_string: str = ""
    form: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verifier:
    """`is_signed` says whether a request is a signed start at all; `verify` raises LaunchRefused."""

    is_signed: Callable[[Start], bool]
    verify: Callable[[HelpdeskConnection, Start, datetime], Launched]
    #: Whether the helpdesk makes each start anew. Help Scout does not: a ticket opened twice gives the same one.
    is_used_once: bool = True


#: Helpdesk -> how its start is read. A helpdesk that is not here signs nothing.
VERIFIERS: Final[Mapping[str, Verifier]] = {
    "generic": Verifier(
        lambda start: "sig" in start.query,
        lambda connection, start, now: read_generic([connection.launch_secret], start.query, now=now),
    ),
    "zendesk": Verifier(
        lambda start: "token" in start.form,
        lambda connection, start, now: read_zendesk(
            start.form["token"], connection.launch_secret, config_of(connection), now=now
        ),
    ),
    "helpscout": Verifier(
        lambda start: SIGNATURE in start.query,
        lambda connection, start, now: read_helpscout(
            [connection.launch_secret], start.query_string, now=now, own=_OWN
        ),
        is_used_once=False,
    ),
    "front": Verifier(
        lambda start: "auth_secret" in start.query,
        lambda connection, start, now: read_front([connection.launch_secret], start.query, now=now),
    ),
}


def signed_token(connection: HelpdeskConnection, start: Start, *, now: datetime) -> WidgetToken | None:
    """The token that a signed start is worth; None for a request that is no signed start. SidebarRefused."""
    verifier = VERIFIERS.get(connection.endpoint.source)
    if verifier is None or not verifier.is_signed(start):
        return None
    try:
        launched = verifier.verify(connection, start, now)
        return _begin(connection, launched, now, is_used_once=verifier.is_used_once)
    except LaunchRefused as error:
        log.warning("sidebar refused", extra={"endpoint": str(connection.endpoint), "reason": str(error)})
        raise SidebarRefused from error


@transaction.atomic
def _begin(connection: HelpdeskConnection, launched: Launched, now: datetime, *, is_used_once: bool) -> WidgetToken:
    if launched.expires_at <= now:
        raise LaunchRefused("The start is over.")
    if launched.nonce and is_used_once:
        _use_once(connection, launched, now)
    agent = launched.agent or Agent("")
    user = person_of(agent.email)
    token = new_token(
        connection, voucher=Voucher.SIGNED, now=now, ticket=launched.external_id, user=user,
        name=agent.name or agent.email or agent.id, is_bound=bool(launched.external_id),
    )  # fmt: skip
    _record(token)
    return token


def _use_once(connection: HelpdeskConnection, launched: Launched, now: datetime) -> None:
    WidgetLaunch.objects.filter(expires_at__lt=now).delete()
    nonce = launched.nonce if len(launched.nonce) <= 64 else hashlib.sha256(launched.nonce.encode()).hexdigest()
    try:
        with transaction.atomic():
            WidgetLaunch.objects.create(connection=connection, nonce=nonce, expires_at=launched.expires_at)
    except IntegrityError:
        raise LaunchRefused("This start was used before.") from None


def person_of(email: str) -> User | None:
    """The active person with this address, None when Altor knows nobody of it.

    LaunchRefused for somebody who was shut out: they must not come back as a stranger.
    """
    known = list(User.objects.filter(email__iexact=email)[:2]) if email else []
    if not known:
        return None
    if len(known) > 1 or not known[0].is_active:
        raise LaunchRefused("The agent's address belongs to nobody who may come in.")
    return known[0]


def key_token(
    connection: HelpdeskConnection | None, key: str, *, now: datetime, ticket: str = "", name: str = ""
) -> WidgetToken:
    """The token that the connection's key is worth: no person, that connection's tickets only. SidebarRefused."""
    wanted = launch_key(connection) if connection is not None else ""
    fits = hmac.compare_digest((wanted or "-").encode(), key.encode())
    if connection is None or not wanted or not fits:
        where = str(connection.endpoint) if connection is not None else ""
        log.warning("sidebar refused", extra={"endpoint": where, "reason": "the key is wrong"})
        raise SidebarRefused
    token = new_token(connection, voucher=Voucher.KEY, now=now, ticket=ticket, name=name)
    _record(token)
    return token


def _record(token: WidgetToken) -> None:
    record_event(
        actor=token.user, action="widget.opened", object_kind="helpdesk", object_ref=str(token.connection.endpoint),
        after={"ticket": token.ticket, "by": token.voucher.name.lower()}, sidebar=token.label,
    )  # fmt: skip
