"""Replies on their way: at least once, without doubles.

A worker takes a reply for a while by one conditional update; who took it over later wins, because every write names the
attempt it belongs to. Before a second try the helpdesk is asked whether the first one arrived after all.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from altor.audit import record_event
from altor.outbound import call_scope
from altor.queue import enqueue
from investigations.engine.work import run_bounded
from investigations.helpdesks.base import Author, Helpdesk, HelpdeskClient
from investigations.helpdesks.registry import helpdesk_named
from investigations.models import HelpdeskConnection
from investigations.sources.base import ConnectionConfig, SourceError, SourceLimited, SourceRefused
from knowledge.models import Reply
from knowledge.models.replies import ReplyQuerySet
from knowledge.replies.sending import DELIVER, connection_of, went_out

log = logging.getLogger(__name__)
#: A worker has so long for one try; longer than its requests may take together.
LEASE: Final = timedelta(seconds=90)
CALL_SECONDS: Final = 25.0
MOST_ATTEMPTS: Final = 6
_FIRST_WAIT_S: Final = 15
_MOST_WAIT_S: Final = 1800
#: A clock that is behind ours makes an arrived message look older.
_SKEW: Final = timedelta(minutes=10)
#: Queue entries that were lost are made again after so long.
_FORGOTTEN: Final = timedelta(seconds=30)


def deliver(reply_id: int, *, now: datetime | None = None) -> None:
    """Send one reply. Safe to deliver twice: the second delivery finds nothing to take."""
    now = now or timezone.now()
    taken = Reply.objects.due(now).filter(pk=reply_id)
    if not taken.update(status=Reply.Status.SENDING, attempts=F("attempts") + 1, not_before=now + LEASE):
        return
    reply = Reply.objects.select_related("ticket", "ticket__customer").get(pk=reply_id)
    connection = connection_of(reply.ticket)
    adapter = helpdesk_named(reply.ticket.helpdesk)
    if connection is None or adapter is None:
        _failed(reply, "Altor may no longer send replies through this ticket's helpdesk.")
        return
    try:
        external_id = run_bounded(_send(reply, adapter, _config(connection)))
    except SourceRefused as error:
        _failed(reply, error.message)
    except SourceError as error:
        _later(reply, error, now)
    else:
        _arrived(reply, external_id, now)


def sweep(now: datetime | None = None) -> int:
    """Queue again what is due: a try that failed, a worker that is gone, an entry that was lost; how many."""
    now = now or timezone.now()
    waiting = Reply.objects.due(now).exclude(not_before=None, saved_at__gt=now - _FORGOTTEN)
    found = list(waiting.values_list("pk", flat=True)[:100])
    for pk in found:
        enqueue(DELIVER, pk)
    return len(found)


def _config(connection: HelpdeskConnection) -> ConnectionConfig:
    return ConnectionConfig(
        source=connection.endpoint.source,
        name=connection.endpoint.connection,
        base_url=connection.base_url,
        secret=connection.secret,
        options=dict(connection.options or {}),
    )


async def _send(reply: Reply, adapter: Helpdesk, config: ConnectionConfig) -> str:
    """Id of the message, of an earlier try or of this one."""
    with call_scope(CALL_SECONDS):
        async with adapter.open(config) as client:
            earlier = await _earlier(reply, client) if reply.attempts > 1 else ""
            return earlier or await client.reply(reply.ticket.external_id, reply.text, reply.marker)


async def _earlier(reply: Reply, client: HelpdeskClient) -> str:
    """Id of the message that an earlier try left there, by its marker or by its words; "" when there is none."""
    ticket = await client.ticket(reply.ticket.external_id)
    words = " ".join(reply.text.split())
    for message in ticket.messages if ticket is not None else ():
        if not message.is_public or message.author == Author.CUSTOMER or message.at < reply.saved_at - _SKEW:
            continue
        if (
            reply.marker in message.text
            or reply.marker in message.external_id
            or " ".join(message.text.split()) == words
        ):
            return message.external_id
    return ""


def _arrived(reply: Reply, external_id: str, now: datetime) -> None:
    with transaction.atomic():
        mine = Reply.objects.select_for_update(of=("self",)).select_related("ticket", "run", "sent_by", "version")
        locked = mine.filter(pk=reply.pk, status=Reply.Status.SENDING, attempts=reply.attempts).first()
        if locked is None:
            log.info("a reply was taken over while it was sent", extra={"reply": reply.pk})
            return
        locked.external_id, locked.not_before = external_id[:80], None
        went_out(locked, now=now)


def _later(reply: Reply, error: SourceError, now: datetime) -> None:
    if reply.attempts >= MOST_ATTEMPTS:
        _failed(reply, error.message)
        return
    wait = min(_FIRST_WAIT_S * 2 ** (reply.attempts - 1), _MOST_WAIT_S)
    if isinstance(error, SourceLimited) and error.retry_after_s:
        wait = max(wait, min(round(error.retry_after_s), _MOST_WAIT_S))
    _mine(reply).update(
        status=Reply.Status.QUEUED, not_before=now + timedelta(seconds=wait), reason=error.message[:500]
    )


def _failed(reply: Reply, reason: str) -> None:
    with transaction.atomic():
        if _mine(reply).update(status=Reply.Status.FAILED, not_before=None, reason=reason[:500]):
            record_event(
                actor=None, action="reply.failed", object_kind="ticket", object_ref=reply.ticket.ref,
                after={"reply": reply.pk, "attempts": reply.attempts}, reason=reason[:500],
            )  # fmt: skip


def _mine(reply: Reply) -> ReplyQuerySet:
    return Reply.objects.filter(pk=reply.pk, status=Reply.Status.SENDING, attempts=reply.attempts)
