"""Inbound events: stored before they are answered, worked by a job, tried again, parked with a reason, replayed.

Two transactions per try: the first takes the event, so that a try that kills its worker is counted; the second does the
work and marks it done. Between them the helpdesk is asked for what the event does not say. Events of one ticket are
worked one after the other; an older one never undoes a newer one.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import IntegrityError, connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from altor.audit import record_event
from altor.errors import Conflict, DomainError, InvalidInput
from altor.models import InboundEndpoint, InboundEvent, User
from altor.queue import enqueue, withdraw
from altor.redaction import redact
from altor.registry import parts
from altor.signatures import Delivery, body_key
from investigations.helpdesks.base import TicketEvent
from investigations.helpdesks.reading import moment, text
from investigations.helpdesks.registry import helpdesk_named
from investigations.services.automatic import consider
from investigations.services.fetching import can_fetch, fetch
from investigations.services.mirror import Applied, apply_event, connection_of, known_ticket, options_for
from investigations.sources.base import SourceError

log = logging.getLogger(__name__)

TASK: Final = "investigations.tasks.process_inbound"
MAX_TRIES: Final = 6
#: Seconds before the next try: 5 s, 20 s, 80 s, 5 min, 21 min.
_FIRST_WAIT_S: Final = 5
#: A try that has not ended after this long was killed.
_TRY: Final = timedelta(seconds=60)
#: Where payloads name what they tell.
_KIND_KEYS: Final = ("type", "topic", "event")
_LONGEST_ADDRESS: Final = 254
#: Headers worth keeping; never the signature, nor anything that could hold a secret.
_KEPT_HEADERS: Final = ("content-type", "user-agent", "webhook-id", "webhook-timestamp")


@dataclass(frozen=True, slots=True)
class Worked:
    """What became of an event. `reason` says why it was ignored; `result_ref` names what it told of."""

    status: InboundEvent.Status
    reason: str = ""
    result_ref: str = ""
    is_gone: bool = False  # the body must not be kept


@dataclass(frozen=True, slots=True)
class InboundHandler:
    """Works the events of a source that is no helpdesk (setting `INBOUND_HANDLERS`).

    `work` is called inside the transaction that marks the event as done. It may raise InvalidInput for an event that no
    further try can work, and any other DomainError for one to be tried again later.
    """

    source: str
    work: Callable[[InboundEvent, datetime], Worked]


def store_event(
    endpoint: InboundEndpoint,
    delivery: Delivery,
    body: Mapping[str, Any],
    raw: bytes,
    headers: Mapping[str, str],
    *,
    now: datetime,
) -> InboundEvent | None:
    """Keep a verified delivery and queue its work, in one transaction. None for one that is known already."""
    adapter = helpdesk_named(endpoint.source)
    kept = (*_KEPT_HEADERS, *(adapter.kept_headers if adapter else ()))
    event = InboundEvent(
        endpoint=endpoint,
        delivery_key=delivery.key or body_key(raw),
        kind=(delivery.kind or next((text(body[name]) for name in _KIND_KEYS if text(body.get(name))), ""))[:80],
        headers={name: headers[name][:300] for name in kept if name in headers},
        body=_redacted(body, adapter.addresses if adapter else ()),
        received_at=now,
        occurred_at=_occurred(body) or delivery.at,
    )
    try:
        with transaction.atomic():
            event.save(force_insert=True)
            InboundEvent.objects.filter(pk=event.pk).update(queue_entry=enqueue(TASK, event.pk))
    except IntegrityError:
        return None
    return event


def _redacted(body: Mapping[str, Any], addresses: Sequence[str]) -> Any:
    """The body without secrets and personal data. Addresses that lead to people and customers stay: `addresses` are
    their paths.
    """
    clean = redact(dict(body))
    for path in addresses:
        _keep(body, clean, path.split("."))
    return clean


def _keep(original: Any, clean: Any, path: Sequence[str]) -> None:
    name, *rest = path
    if name == "*":
        if isinstance(original, list) and isinstance(clean, list):
            for one, other in zip(original, clean, strict=True):
                _keep(one, other, rest)
    elif isinstance(original, Mapping) and isinstance(clean, dict) and name in original:
        if rest:
            _keep(original[name], clean[name], rest)
        elif isinstance(original[name], str) and len(original[name]) <= _LONGEST_ADDRESS:
            clean[name] = original[name]


def _occurred(body: Mapping[str, Any]) -> datetime | None:
    return moment(body.get("timestamp")) or moment(body.get("time")) or moment(body.get("created_at"))


# -------------------------------------------------------------------------------------------------------------- working
def process_event(event_id: int, *, now: datetime | None = None) -> InboundEvent | None:
    """One try. Safe to deliver twice or at once: None when there is nothing to take."""
    now = now or timezone.now()
    due = Q(not_before=None) | Q(not_before__lte=now)
    taken = InboundEvent.objects.waiting().filter(due, pk=event_id).update(
        attempts=F("attempts") + 1, not_before=now + _TRY, status=InboundEvent.Status.RETRY
    )  # fmt: skip
    return _try(event_id, now) if taken else None


#: The event that has waited longest and was never tried.
_NEXT: Final = """
UPDATE altor_inboundevent SET attempts = attempts + 1, not_before = %s, status = 'retry'
WHERE id = (SELECT id FROM altor_inboundevent WHERE status = 'received' AND attempts = 0 AND not_before IS NULL
            ORDER BY received_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, queue_entry
"""


def process_waiting(*, seconds: float = 2.0) -> int:
    """Work what else waits, oldest first, for at most so long (and one event more); how many.

    In a burst, going back to the queue between two events takes longer than an event. Their entries are taken back, so
    that what was queued behind them comes to its turn.
    """
    end = time.monotonic() + seconds
    entries: list[int] = []
    count = 0
    try:
        while time.monotonic() < end:
            now = timezone.now()
            with connection.cursor() as cursor:
                cursor.execute(_NEXT, [now + _TRY])
                row = cursor.fetchone()
            if row is None:
                break
            count += 1
            entries += [row[1]] if row[1] is not None else []
            _try(row[0], now)
    finally:
        if entries:
            withdraw(entries)
    return count


def _try(event_id: int, now: datetime) -> InboundEvent:
    """One try of an event that was taken."""
    event = InboundEvent.objects.select_related("endpoint").get(pk=event_id)
    if event.attempts > MAX_TRIES:
        return _park(event, f"It ended its worker {MAX_TRIES} times.", now)
    try:
        said, unread = _read(event)
        with transaction.atomic():
            worked = _work(event, said, now)
            if unread and event.attempts < MAX_TRIES:
                # What the event says itself is taken over; the rest is read at a later try.
                event.result_ref = worked.result_ref
                event.save(update_fields=["result_ref"])
                return _later(event, unread, now)
            event.status, event.result_ref = worked.status, worked.result_ref
            event.reason = " ".join(filter(None, [worked.reason, unread]))
            event.processed_at, event.not_before = now, None
            event.kind = event.kind or next((one.what for one in said), "")[:80]
            if worked.is_gone:
                event.body = {}
            event.save(update_fields=["status", "reason", "result_ref", "processed_at", "not_before", "kind", "body"])
    except InvalidInput as error:
        return _park(event, error.detail, now)  # another try would read the same
    except DomainError as error:
        return _later(event, error.detail, now)
    except Exception as error:
        log.exception("inbound event failed", extra={"event": event.pk})
        return _later(event, f"{type(error).__name__}: the details are in the log.", now)
    return event


def _read(event: InboundEvent) -> tuple[Sequence[TicketEvent], str]:
    """What the event says, with what the helpdesk's API says where the event only names the ticket; and why that could
    not be read, if so.
    """
    adapter = helpdesk_named(event.endpoint.source)
    if adapter is None:
        return [], ""
    helpdesk = connection_of(event.endpoint)
    said = adapter.parse(event.body, event.headers, options_for(event.endpoint, helpdesk))
    if helpdesk is None or not can_fetch(helpdesk):
        return said, ""
    unknown = {
        one.external_id
        for one in said
        if not (one.is_deleted or one.redacted)
        and (one.needs_fetch or (not one.is_whole and known_ticket(event.endpoint, one.external_id) is None))
    }
    if not unknown:
        return said, ""
    try:
        found = fetch(helpdesk, sorted(unknown))
    except SourceError as error:
        return said, f"The ticket could not be read: {error.message}."
    return [*said, *found], ""


def _work(event: InboundEvent, said: Sequence[TicketEvent], now: datetime) -> Worked:
    handlers: tuple[InboundHandler, ...] = parts("INBOUND_HANDLERS")
    for handler in handlers:
        if handler.source == event.endpoint.source:
            return handler.work(event, now)
    if helpdesk_named(event.endpoint.source) is None:
        return Worked(InboundEvent.Status.IGNORED, f"Altor does nothing with events of {event.endpoint.source} yet.")
    if not said:
        what = f" with {event.kind!r}" if event.kind else " with this event"
        return Worked(InboundEvent.Status.IGNORED, f"Altor does nothing{what}.")
    tickets: dict[str, Applied] = {}
    reasons: list[str] = []
    for one in said:
        applied = apply_event(one, endpoint=event.endpoint, now=now)
        tickets[applied.ticket.ref] = applied
        reasons += applied.notes
    for applied in tickets.values():
        considered = consider(applied.ticket, now=now)
        reasons.append(f"Started {considered.run.ref}." if considered.run else considered.why)
    is_gone = any(applied.is_gone for applied in tickets.values())
    return Worked(
        InboundEvent.Status.DONE, " ".join(dict.fromkeys(filter(None, reasons))), next(iter(tickets)), is_gone
    )


def _later(event: InboundEvent, reason: str, now: datetime) -> InboundEvent:
    if event.attempts >= MAX_TRIES:
        return _park(event, f"{reason} Given up after {event.attempts} tries.", now)
    event.not_before = now + timedelta(seconds=_FIRST_WAIT_S * 4 ** (event.attempts - 1))
    event.status, event.reason = InboundEvent.Status.RETRY, reason
    event.save(update_fields=["status", "reason", "not_before"])
    return event


def _park(event: InboundEvent, reason: str, now: datetime) -> InboundEvent:
    event.status, event.reason, event.processed_at, event.not_before = InboundEvent.Status.DEAD, reason, now, None
    event.save(update_fields=["status", "reason", "processed_at", "not_before"])
    log.warning("inbound event parked", extra={"event": event.pk, "reason": reason})
    return event


def replay_all_dead(*, actor: User | None, at_most: int = 1000) -> int:
    """Work again all events that were given up, oldest first; their number."""
    ids = InboundEvent.objects.filter(status=InboundEvent.Status.DEAD).order_by("pk").values_list("pk", flat=True)
    count = 0
    for event in InboundEvent.objects.filter(pk__in=list(ids[:at_most])).order_by("pk"):
        with suppress(Conflict):  # somebody else was faster
            replay_event(event, actor=actor)
            count += 1
    return count


def sweep_inbound(*, now: datetime | None = None, at_most: int = 200) -> int:
    """Queue again what waits and is due: later tries, tries that were killed, events whose queue entry was lost."""
    now = now or timezone.now()
    forgotten = Q(not_before=None, received_at__lt=now - _TRY)
    due = InboundEvent.objects.waiting().filter(Q(not_before__lte=now) | forgotten).order_by("pk")
    ids = list(due.values_list("pk", flat=True)[:at_most])
    for pk in ids:
        enqueue(TASK, pk)
    return len(ids)


@transaction.atomic
def replay_event(event: InboundEvent, *, actor: User | None, now: datetime | None = None) -> InboundEvent:
    """Work an event again from the start, e.g. a dead one after its cause is mended. Conflict while it waits."""
    now = now or timezone.now()
    event = InboundEvent.objects.select_for_update(of=("self",)).select_related("endpoint").get(pk=event.pk)
    if event.status in (InboundEvent.Status.RECEIVED, InboundEvent.Status.RETRY):
        raise Conflict("The event is still being worked on.")
    before = {"status": event.status, "reason": event.reason}
    event.status, event.reason, event.attempts, event.not_before, event.processed_at = (
        InboundEvent.Status.RECEIVED,
        "",
        0,
        None,
        None,
    )
    event.result_ref = ""
    event.save(update_fields=["status", "reason", "attempts", "not_before", "processed_at", "result_ref"])
    record_event(actor=actor, action="inbound.replayed", object_kind="inbound", object_ref=str(event.pk), before=before)
    enqueue(TASK, event.pk)
    return event
