"""A ticket that Altor does not know yet, read from its helpdesk."""

from __future__ import annotations

from django.utils import timezone

from altor.errors import Conflict, NotFound
from investigations.models import HelpdeskConnection, Ticket
from investigations.services.fetching import can_fetch, take_ticket
from investigations.sources.base import SourceError


class TicketNotReadable(Conflict):
    code = "ticket_not_readable"
    title = "Altor does not know this ticket yet"


def take(connection: HelpdeskConnection | None, external_id: str) -> Ticket:
    """The ticket, read by the helpdesk's API and stored. NotFound where it has none, TicketNotReadable unanswered."""
    if connection is None or not can_fetch(connection):
        raise TicketNotReadable("It comes with the helpdesk's next event about it: change or answer it there.")
    try:
        found = take_ticket(connection, external_id, now=timezone.now())
    except SourceError as error:
        raise TicketNotReadable(f"The helpdesk could not be asked: {error.message}. Try again.") from error
    if found is None:
        raise NotFound("The helpdesk has no such ticket, or hides it from Altor.")
    return found
