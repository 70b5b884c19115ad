"""Updates that customers were promised: which are close, which are late."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from altor.models import User
from altor.notify.kinds import NoticeKind
from altor.notify.storing import notify
from altor.roles import Role
from investigations.models import Ticket
from knowledge.models import PromisedUpdate
from knowledge.models.replies import PromisedUpdateQuerySet

#: From here on a promise is close.
WARN_BEFORE: Final = timedelta(minutes=30)
_SHOWN: Final = 8
#: For the setting NOTICE_KINDS.
NOTICES: Final = {
    "promise.close": NoticeKind("A promised update comes due"),
    "promise.broken": NoticeKind("A promised update was not sent in time"),
}


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


@transaction.atomic
def sweep(now: datetime | None = None) -> tuple[int, int]:
    """Note, and tell those who can keep it, when a promise came close and when it was broken: (close, broken)."""
    now = now or timezone.now()
    rows = waiting().select_for_update(skip_locked=True, of=("self",))
    rows = rows.select_related("ticket__team", "ticket__owner", "ticket__customer", "promised_by")
    broken = list(rows.filter(overdue_at=None, due_at__lt=now))
    close = list(rows.filter(warned_at=None, due_at__lte=now + WARN_BEFORE))
    for promise in broken:
        _tell("promise.broken", promise, f"the update promised for {_clock(promise.due_at)} was not sent", now)
    for promise in close:
        if promise.due_at >= now:  # found only after its time, it is broken and no longer close
            _tell("promise.close", promise, f"an update is promised for {_clock(promise.due_at)}", now)
    PromisedUpdate.objects.filter(pk__in=[one.pk for one in close]).update(warned_at=now)
    PromisedUpdate.objects.filter(pk__in=[one.pk for one in broken]).update(overdue_at=now)
    return len(close), len(broken)


def _tell(kind: str, promise: PromisedUpdate, words: str, now: datetime) -> None:
    """To the owner and whoever promised; what was broken also to the team's leads."""
    ticket = promise.ticket
    people = [one for one in (ticket.owner, promise.promised_by) if one is not None]
    if kind == "promise.broken":
        people += User.objects.filter(role=Role.LEAD, is_active=True, memberships__team=ticket.team)
    lines = [ticket.subject, f"Customer: {ticket.customer.name}" if ticket.customer else ""]
    lines.append(f"Promised by {promise.promised_by or 'a reply'} at {_clock(promise.promised_at)}")
    notify(
        kind, subject_ref=ticket.ref, title=f"{ticket.ref}: {words}", lines=lines, url_path=f"/tickets/{ticket.ref}/",
        key=f"{kind}:{promise.pk}:{promise.due_at:%Y%m%dT%H%M}", team=ticket.team, people=people, now=now,
    )  # fmt: skip


def _clock(at: datetime) -> str:
    return f"{at.astimezone(UTC):%H:%M UTC on %-d %B}"
