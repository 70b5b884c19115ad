"""Updates that customers were promised: which are close, which are late."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from altor.models import User
from investigations.models import Ticket
from knowledge.models import PromisedUpdate
from knowledge.models.replies import PromisedUpdateQuerySet

#: From here on a promise is close.
WARN_BEFORE: Final = timedelta(minutes=30)
_SHOWN: Final = 8


def waiting() -> PromisedUpdateQuerySet:
    """Promises that are to be kept: the customer of a resolved ticket waits for nothing."""
    return PromisedUpdate.objects.open().exclude(ticket__status=Ticket.Status.RESOLVED)


def of_ticket(ticket: Ticket) -> PromisedUpdate | None:
    """The next one to be kept on this ticket."""
    return waiting().filter(ticket=ticket).select_related("promised_by").order_by("due_at").first()


def due_for(user: User, now: datetime) -> tuple[Sequence[PromisedUpdate], int]:
    """Those that are close or late among the person's tickets, most urgent first, and how many there are."""
    found = waiting().visible_to(user).filter(due_at__lte=now + WARN_BEFORE)
    shown = found.select_related("ticket", "ticket__customer", "ticket__owner", "promised_by").order_by("due_at")
    return list(shown[:_SHOWN]), found.count()


def sweep(now: datetime | None = None) -> tuple[int, int]:
    """Note when a promise came close and when it was broken, once each: (close, broken)."""
    now = now or timezone.now()
    close = waiting().filter(warned_at=None, due_at__lte=now + WARN_BEFORE).update(warned_at=now)
    broken = waiting().filter(overdue_at=None, due_at__lt=now).update(overdue_at=now)
    return close, broken
