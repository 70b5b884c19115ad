"""When a ticket that was read from an API was as it was read.

Not every change moves the times that a ticket tells of itself: tags and fields often do not. Against an event about
those, a reading must stand or fall by when it was made, by the helpdesk's own clock.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from investigations.helpdesks.base import TicketEvent


def http_date(text: str) -> datetime | None:
    """The header `Date` of an answer, aware UTC; None when it is absent or unreadable."""
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def as_read(event: TicketEvent, at: datetime | None) -> TicketEvent:
    """The event of a reading at this time. A ticket that is over keeps its own time: that is when it ended."""
    is_over = event.status is not None and event.status.is_over
    return event if at is None or is_over or at <= event.at else replace(event, at=at)
