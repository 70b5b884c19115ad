"""Inbound events: stored before they are answered, worked by a job, tried again, parked with a reason, replayed.

Two transactions per try: the first takes the event, so that a try that kills its worker is counted; the second does the
work and marks it done. Events of one ticket are worked one after the other; an older one never undoes a newer one.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import IntegrityError, connection, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from altor.audit import record_event
from altor.errors import Conflict, DomainError, InvalidInput
from altor.models import InboundEndpoint, InboundEvent, User
from altor.queue import enqueue
from altor.redaction import redact
from altor.signatures import Delivery, body_key
from investigations.services.automatic import investigate_automatically
from investigations.services.tickets import reference, upsert_ticket

log = logging.getLogger(__name__)

TASK: Final = "investigations.tasks.process_inbound"
MAX_TRIES: Final = 6
#: Seconds before the next try: 5 s, 20 s, 80 s, 5 min, 21 min.
_FIRST_WAIT_S: Final = 5
#: A try that has not ended after this long was killed.
_TRY: Final = timedelta(seconds=60)
#: Headers worth keeping; never the signature, nor anything that could hold a secret.
_KEPT_HEADERS: Final = ("content-type", "user-agent", "webhook-id", "webhook-timestamp")
_TICKET_KINDS: Final = frozenset(
    {"ticket.created", "ticket.updated", "ticket.opened", "ticket.reopened", "ticket.message"}
)


@dataclass(frozen=True, slots=True)
class _Worked:
    status: InboundEvent.Status
    reason: str = ""
    result_ref: str = ""


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
    event = InboundEvent(
        endpoint=endpoint,
        delivery_key=delivery.key or body_key(raw),
        kind=(delivery.kind or str(body.get("type") or ""))[:80],
        headers={name: headers[name][:300] for name in _KEPT_HEADERS if name in headers},
        body=_redacted(body),
        received_at=now,
        occurred_at=_occurred(body) or delivery.at,
    )
    try:
        with transaction.atomic():
            event.save(force_insert=True)
            enqueue(TASK, event.pk)
    except IntegrityError:
        return None
    return event


def _redacted(body: Mapping[str, Any]) -> Any:
    """The body without secrets and personal data. The requester's address stays: the ticket is answered to it."""
    clean = redact(dict(body))
    for part, kept in ((body, clean), (body.get("data"), clean.get("data"))):
        requester = part.get("requester") if isinstance(part, Mapping) else None
        address = requester.get("email") if isinstance(requester, Mapping) else None
        if isinstance(address, str) and len(address) <= 254:
            kept["requester"]["email"] = address
    return clean


def _occurred(body: Mapping[str, Any]) -> datetime | None:
    text = body.get("timestamp")
    try:
        at = parse_datetime(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None else None


# -------------------------------------------------------------------------------------------------------------- working
def process_event(event_id: int, *, now: datetime | None = None) -> InboundEvent | None:
    """One try. Safe to deliver twice or at once: None when there is nothing to take."""
    now = now or timezone.now()
    due = Q(not_before=None) | Q(not_before__lte=now)
    taken = InboundEvent.objects.waiting().filter(due, pk=event_id).update(
        attempts=F("attempts") + 1, not_before=now + _TRY, status=InboundEvent.Status.RETRY
    )  # fmt: skip
    if not taken:
        return None
    event = InboundEvent.objects.select_related("endpoint").get(pk=event_id)
    if event.attempts > MAX_TRIES:
        return _park(event, f"It ended its worker {MAX_TRIES} times.", now)
    try:
        with transaction.atomic():
            worked = _work(event, now)
            event.status, event.reason, event.result_ref = worked.status, worked.reason, worked.result_ref
            event.processed_at, event.not_before = now, None
            event.save(update_fields=["status", "reason", "result_ref", "processed_at", "not_before"])
    except InvalidInput as error:
        return _park(event, error.detail, now)  # another try would read the same
    except DomainError as error:
        return _later(event, error.detail, now)
    except Exception as error:
        log.exception("inbound event failed", extra={"event": event.pk})
        return _later(event, f"{type(error).__name__}: the details are in the log.", now)
    return event


def _work(event: InboundEvent, now: datetime) -> _Worked:
    handler = HANDLERS.get(event.endpoint.source)
    if handler is None:
        return _Worked(InboundEvent.Status.IGNORED, f"Altor does nothing with events of {event.endpoint.source} yet.")
    return handler(event, now)


def _generic(event: InboundEvent, now: datetime) -> _Worked:
    """`{"type": "ticket.created", "timestamp": …, "data": {ticket}}`, or the bare ticket."""
    data = event.body.get("data", event.body)
    if event.kind and event.kind not in _TICKET_KINDS:
        return _Worked(InboundEvent.Status.IGNORED, f"Altor does nothing with {event.kind!r}.")
    if not isinstance(data, Mapping) or data.get("id") in (None, ""):
        raise InvalidInput("The event holds no ticket: `data` must be an object with an `id`.")
    endpoint = event.endpoint
    ref = reference(endpoint.ticket_prefix, str(data["id"]))
    _one_at_a_time(ref)
    if event.occurred_at and _is_overtaken(event, ref):
        return _Worked(InboundEvent.Status.IGNORED, "A newer event of this ticket was worked before.", ref)
    ticket, _ = upsert_ticket(
        data, helpdesk=endpoint.source, connection=endpoint.connection, prefix=endpoint.ticket_prefix, now=now
    )
    run = investigate_automatically(ticket)
    return _Worked(InboundEvent.Status.DONE, f"Started {run.ref}." if run else "", ticket.ref)


HANDLERS: Final = {"generic": _generic}


def _one_at_a_time(ref: str) -> None:
    """Until the transaction ends, nobody else works on this ticket's events."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 4711))", [ref])


def _is_overtaken(event: InboundEvent, ref: str) -> bool:
    done = InboundEvent.objects.filter(endpoint=event.endpoint, result_ref=ref, status=InboundEvent.Status.DONE)
    return done.filter(occurred_at__gt=event.occurred_at).exists()


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
