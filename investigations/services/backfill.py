"""Reading the last days of a helpdesk, a page a job: tickets are taken in, none of them starts a run.

The cursor is stored after each page, so a killed worker goes on where it was; a page that is read twice changes nothing
the second time, because taking in an event is idempotent. Nothing is asked of the helpdesk inside of a transaction.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone

from altor.audit import record_event
from altor.errors import Conflict, DomainError, InvalidInput
from altor.models import User
from altor.outbound import call_scope
from altor.queue import enqueue
from investigations.helpdesks.base import Helpdesk, Page, TicketEvent
from investigations.helpdesks.registry import helpdesk_named
from investigations.models import Backfill, HelpdeskConnection
from investigations.services.mirror import apply_event
from investigations.services.notes import config_of
from investigations.sources.base import (
    ConnectionConfig,
    SourceAnswerInvalid,
    SourceError,
    SourceLimited,
    SourceRefused,
)

log = logging.getLogger(__name__)

TASK: Final = "investigations.tasks.work_backfill"
MOST_DAYS: Final = 365
MAX_TRIES: Final = 5  # of one page
#: Problems that are listed; more are only counted by `read`.
MOST_PROBLEMS: Final = 50
#: Time for the requests of one page.
PAGE_SECONDS: Final = 120.0
#: A page that has not ended after this long was left behind by a killed worker.
LEASE: Final = timedelta(minutes=5)
#: An entry that is due for so long was lost.
_LOST: Final = timedelta(seconds=15)
_FIRST_WAIT_S: Final = 5
_LIMIT_WAIT_S: Final = 60.0
_LONGEST_WAIT_S: Final = 3600.0
Status = Backfill.Status


@transaction.atomic
def start_backfill(
    connection: HelpdeskConnection, *, days: int, actor: User | None, now: datetime | None = None
) -> Backfill:
    """Queue reading the tickets that changed in the last `days` days.

    Conflict when it is being read already or is switched off, InvalidInput for other numbers than 1 to 365 and for a
    connection without an API.
    """
    now = now or timezone.now()
    if not 1 <= days <= MOST_DAYS:
        raise InvalidInput(f"Give a number of days between 1 and {MOST_DAYS}.", field="days")
    if not connection.base_url:
        raise InvalidInput("The connection has no API address to read from.", field="days")
    if not connection.endpoint.is_active:
        raise Conflict(f"{connection.endpoint} is switched off.")
    try:
        with transaction.atomic():
            row = Backfill.objects.create(
                connection=connection, since=now - timedelta(days=days), requested_by=actor, not_before=now
            )
    except IntegrityError:
        raise Conflict(f"{connection.endpoint} is being read already.") from None
    record_event(
        actor=actor, action="backfill.started", object_kind="helpdesk", object_ref=str(connection.endpoint),
        after={"days": days, "since": row.since.isoformat()},
    )  # fmt: skip
    enqueue(TASK, row.pk)
    return row


def cancel(backfill: Backfill, *, actor: User | None) -> None:
    """No further page is read; what was read stays. Conflict when it is over."""
    with transaction.atomic():
        ended = Backfill.objects.filter(pk=backfill.pk, status=Status.RUNNING).update(
            status=Status.CANCELLED, finished_at=timezone.now()
        )
        if not ended:
            raise Conflict("It is over already.")
        record_event(
            actor=actor, action="backfill.cancelled", object_kind="helpdesk",
            object_ref=str(backfill.connection.endpoint),
        )  # fmt: skip


@dataclass(slots=True)
class _Taken:
    """What became of one page's tickets."""

    read: int = 0
    created: int = 0
    problems: list[dict[str, str]] = field(default_factory=list)


def work_page(
    backfill_id: int, *, now: datetime | None = None, alive: Callable[[], Any] = lambda: None
) -> Backfill | None:
    """Read one page and queue the next. Safe to deliver twice or at once: None when there is nothing to take."""
    now = now or timezone.now()
    due = Q(not_before=None) | Q(not_before__lte=now)
    taken = Backfill.objects.filter(due, pk=backfill_id, status=Status.RUNNING).update(
        attempts=F("attempts") + 1, not_before=now + LEASE
    )
    if not taken:
        return None
    row = Backfill.objects.select_related("connection__endpoint").get(pk=backfill_id)
    adapter = helpdesk_named(row.connection.endpoint.source)
    if adapter is None or not row.connection.endpoint.is_active:
        return _fail(row, "The connection is switched off.")
    if row.attempts > MAX_TRIES:
        return _fail(row, f"A page ended its worker {MAX_TRIES} times.")
    try:
        page, events, unread = asyncio.run(_read(adapter, config_of(row.connection), row.since, row.cursor))
    except SourceLimited as error:
        # The helpdesk has more to do than to answer us: that is no failure, and is not counted as one.
        wait = min(max(error.retry_after_s or _LIMIT_WAIT_S, 1.0), _LONGEST_WAIT_S)
        return _later(row, now + timedelta(seconds=wait), error.message, attempts=0)
    except SourceRefused as error:
        return _fail(row, error.message)
    except (SourceError, DomainError) as error:
        return _again(row, now, error.message if isinstance(error, SourceError) else error.detail)
    except Exception as error:
        log.exception("a page of a helpdesk could not be read", extra={"backfill": row.pk})
        return _again(row, now, f"{type(error).__name__}: the details are in the log.")
    return _advance(row, page, _take(row, events, unread, now, alive), now)


async def _read(
    adapter: Helpdesk, config: ConnectionConfig, since: datetime, cursor: str
) -> tuple[Page, list[TicketEvent], list[dict[str, str]]]:
    """The page, its tickets as they stand, and those that could not be read. SourceError when there is no answer."""
    events: list[TicketEvent] = []
    unread: list[dict[str, str]] = []
    with call_scope(PAGE_SECONDS):
        async with adapter.open(config) as client:
            page = await client.page(since, cursor)
            for event in page.tickets:
                if not event.needs_fetch:
                    events.append(event)
                    continue
                try:
                    whole = await client.ticket(event.external_id)
                except SourceAnswerInvalid as error:
                    unread.append({"ticket": event.external_id, "why": error.message})
                else:
                    events += [whole] if whole is not None else []
    return page, events, unread


def _take(
    row: Backfill, events: list[TicketEvent], unread: list[dict[str, str]], now: datetime, alive: Callable[[], Any]
) -> _Taken:
    """Each ticket in a transaction of its own: a broken one is passed over."""
    found = _Taken(read=len(unread), problems=list(unread))
    for event in events:
        alive()
        found.read += 1
        try:
            applied = apply_event(event, endpoint=row.connection.endpoint, now=now)
        except DomainError as error:
            found.problems.append({"ticket": event.external_id[:80], "why": error.detail[:300]})
        except Exception as error:
            log.exception("a ticket could not be taken in", extra={"backfill": row.pk})
            why = f"{type(error).__name__}: the details are in the log."
            found.problems.append({"ticket": event.external_id[:80], "why": why})
        else:
            found.created += applied.is_new
    return found


def _advance(row: Backfill, page: Page, taken: _Taken, now: datetime) -> Backfill | None:
    """Store what was done and where to go on. None when somebody else has the page, or it was cancelled."""
    if page.cursor and page.cursor == row.cursor:
        return _fail(row, "The helpdesk sends the same page again and again.")
    ends = not page.cursor
    with transaction.atomic():
        kept = _held(row).update(
            cursor=page.cursor, pages=F("pages") + 1, read=F("read") + taken.read, created=F("created") + taken.created,
            problems=(row.problems + taken.problems)[:MOST_PROBLEMS], attempts=0, reason="",
            total=row.total if page.total is None else page.total, not_before=None if ends else now,
            status=Status.DONE if ends else Status.RUNNING, finished_at=now if ends else None,
        )  # fmt: skip
        if kept and not ends:
            enqueue(TASK, row.pk)
    return Backfill.objects.get(pk=row.pk) if kept else None


def _held(row: Backfill) -> Any:
    """The row while this try may write to it: none once it was cancelled or a later try has taken it."""
    return Backfill.objects.filter(pk=row.pk, status=Status.RUNNING, cursor=row.cursor, attempts=row.attempts)


def _again(row: Backfill, now: datetime, reason: str) -> Backfill | None:
    if row.attempts >= MAX_TRIES:
        return _fail(row, f"{reason} Given up after {row.attempts} tries.")
    wait = timedelta(seconds=_FIRST_WAIT_S * 4 ** (row.attempts - 1))
    return _later(row, now + wait, reason, attempts=row.attempts)


def _later(row: Backfill, at: datetime, reason: str, *, attempts: int) -> Backfill | None:
    """The sweep queues the page when it is due."""
    _held(row).update(not_before=at, reason=reason[:1000], attempts=attempts)
    return Backfill.objects.get(pk=row.pk)


def _fail(row: Backfill, reason: str) -> Backfill | None:
    _held(row).update(status=Status.FAILED, reason=reason[:1000], finished_at=timezone.now(), not_before=None)
    log.warning("reading a helpdesk failed", extra={"backfill": row.pk, "reason": reason})
    return Backfill.objects.get(pk=row.pk)


def sweep_backfills(*, now: datetime | None = None, at_most: int = 20) -> int:
    """Queue pages that are due and that nobody has taken: waited for a limit, or their worker or entry was lost."""
    now = now or timezone.now()
    due = Backfill.objects.filter(status=Status.RUNNING, not_before__lte=now - _LOST).order_by("pk")
    ids = list(due.values_list("pk", flat=True)[:at_most])
    for pk in ids:
        enqueue(TASK, pk)
    return len(ids)
