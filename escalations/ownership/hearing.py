"""A ticket's clocks are read again after what moves them: noted with it, done after the commit, and by the sweep where
that was cut short.
"""

from __future__ import annotations

from django.db import transaction

from escalations.models import TicketClockWork
from escalations.ownership.facts import MOVING
from escalations.ownership.standing import refresh_waiting


def heard(kind: str, ticket_ref: str) -> None:
    """For the setting PHASE_HEARD. Rows are only added: two who tell of one ticket never wait for each other."""
    if kind not in MOVING:
        return
    TicketClockWork.objects.create(ticket_ref=ticket_ref)

    def read_again() -> None:
        refresh_waiting(ticket_ref)

    transaction.on_commit(read_again, robust=True)
