"""Helpdesk connections and sidebars for tests."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import urlencode

from django.utils import timezone
from rest_framework.test import APIClient

from altor.models import InboundEndpoint, User
from investigations.helpdesks.generic.launch import sign
from investigations.models import HelpdeskConnection, Ticket
from investigations.widget.tokens import Voucher, new_token, write_token
from tests import factories as make

LAUNCH_SECRET = "obviously-fake-launch-secret-0001"
HOST = "https://desk.example"


def helpdesk(source: str = "generic", name: str = "desk", **values: Any) -> HelpdeskConnection:
    endpoint = InboundEndpoint.objects.create(source=source, connection=name, title=values.pop("title", ""))
    defaults: dict[str, Any] = {"origins": [HOST], "launch_secret": LAUNCH_SECRET}
    return HelpdeskConnection.objects.create(endpoint=endpoint, **{**defaults, **values})


def ticket_of(connection: HelpdeskConnection, external_id: str = "48213", **values: Any) -> Ticket:
    endpoint = connection.endpoint
    return make.ticket(
        helpdesk=endpoint.source, connection=endpoint.connection, external_id=external_id,
        ref=f"{endpoint.source[:2].upper()}{endpoint.pk}-{external_id}", **values,
    )  # fmt: skip


def signed_query(connection: HelpdeskConnection, ticket: str = "48213", **values: str) -> dict[str, str]:
    """The query of a good signed link, of an agent whom Altor does not know; `values` are signed too."""
    given = {"ticket": ticket, "agent": "noor@desk.example", "nonce": secrets.token_urlsafe(16), **values}
    return sign(connection.launch_secret, at=timezone.now(), **given)


def frame_url(connection: HelpdeskConnection, query: dict[str, str] | None = None) -> str:
    endpoint = connection.endpoint
    return f"/widget/{endpoint.source}/{endpoint.connection}/" + (f"?{urlencode(query)}" if query else "")


def call_url(connection: HelpdeskConnection, ticket: str = "48213", rest: str = "") -> str:
    return f"/api/v1/widget/{connection.endpoint.source}/{ticket}/{rest}"


def sidebar(
    connection: HelpdeskConnection, user: User | None = None, *, ticket: str = "48213", name: str = "", **values: Any
) -> APIClient:
    """A client that holds the token of a frame: of a person, or one that only the helpdesk vouches for."""
    voucher = Voucher.SIGNED if user is not None else Voucher.KEY
    token = new_token(connection, voucher=voucher, now=timezone.now(), ticket=ticket, user=user, name=name, **values)
    return with_token(write_token(token))


def with_token(text: str) -> APIClient:
    client = APIClient(enforce_csrf_checks=True)
    client.credentials(HTTP_AUTHORIZATION=f"Widget {text}")
    return client
