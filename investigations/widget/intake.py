"""A ticket that Altor does not know yet, read from its helpdesk."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from altor.errors import Conflict
from investigations.models import HelpdeskConnection, Ticket

_READER = "investigations.services.mirror"


class TicketNotReadable(Conflict):
    code = "ticket_not_readable"
    title = "Altor does not know this ticket yet"


def take(connection: HelpdeskConnection | None, external_id: str) -> Ticket:
    """The ticket, read by the helpdesk's API and stored. TicketNotReadable when that is not possible."""
    reader = getattr(import_module(_READER), "take_ticket", None) if find_spec(_READER) else None
    if connection is None or reader is None or not (connection.base_url or connection.secret):
        raise TicketNotReadable("It comes with the helpdesk's next event about it: change or answer it there.")
    found: Ticket = reader(connection, external_id)
    return found
