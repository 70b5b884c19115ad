"""Reading tickets from the helpdesk: an event only named one, or the sidebar opens one that is not known."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from altor.outbound import call_scope
from investigations.helpdesks.base import Helpdesk, TicketEvent
from investigations.helpdesks.registry import helpdesk_named
from investigations.models import HelpdeskConnection, Ticket
from investigations.services.mirror import apply_event
from investigations.services.notes import config_of
from investigations.sources.base import ConnectionConfig

#: Time for reading tickets, all together.
_SECONDS: Final = 12.0


def can_fetch(connection: HelpdeskConnection | None) -> bool:
    return connection is not None and bool(connection.base_url and connection.secret)


def fetch(connection: HelpdeskConnection, ids: Sequence[str]) -> list[TicketEvent]:
    """The tickets as they stand, without those that are gone. SourceError when the helpdesk gives no answer."""
    adapter = helpdesk_named(connection.endpoint.source)
    return asyncio.run(_fetch(adapter, config_of(connection), ids)) if adapter is not None else []


async def _fetch(adapter: Helpdesk, config: ConnectionConfig, ids: Sequence[str]) -> list[TicketEvent]:
    with call_scope(_SECONDS):
        async with adapter.open(config) as client:
            found = [await client.ticket(external_id) for external_id in ids]
    return [one for one in found if one is not None]


def take_ticket(connection: HelpdeskConnection, external_id: str, *, now: datetime) -> Ticket | None:
    """Read the ticket from the helpdesk and take it in; None when it is not there. SourceError without an answer."""
    found = fetch(connection, [external_id])
    return apply_event(found[0], endpoint=connection.endpoint, now=now).ticket if found else None
