"""The internal note on a ticket: one per ticket, at most five lines, written again only when the diagnosis changes.

What it should say is stored first, then a job writes it. A try that ended without an answer looks for the note's marker
before it writes again: no helpdesk tells two identical notes apart, so we do.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import secrets
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from altor.outbound import call_scope
from altor.queue import enqueue
from investigations.helpdesks.base import Helpdesk, HelpdeskClient
from investigations.helpdesks.notes import OUR_TAG, Line, Note
from investigations.helpdesks.registry import helpdesk_named
from investigations.models import HelpdeskConnection, Investigation, Ticket, TicketMirror, TicketNote
from investigations.services.summary import LONGEST, checked_line, five_lines
from investigations.sources.base import ConnectionConfig, SourceError, SourceLimited, SourceRefused

log = logging.getLogger(__name__)
TASK: Final = "investigations.tasks.push_note"
MAX_TRIES: Final = 8
_FIRST_WAIT_S: Final = 5
_LONGEST_WAIT_S: Final = 3600
#: A try that has not ended after this long was killed.
_TRY: Final = timedelta(seconds=45)
_CALL_S: Final = 25.0


def run_begun(run: Investigation) -> None:
    """Tell in the note that the run is under way, where notes can be changed later. A diagnosis that stands there is
    not taken away for it.
    """
    connection, adapter = _door(run.ticket)
    if connection is None or adapter is None or not (connection.writes_notes and adapter.can_edit_notes):
        return
    if not TicketNote.objects.filter(ticket=run.ticket).exists():
        _want(run, connection, [Line("Altor is investigating this ticket."), _link(run, run.ref)])


def run_ended(run: Investigation) -> None:
    """Tell the diagnosis, or that there is none. An older run than the note's says nothing any more."""
    connection, _ = _door(run.ticket)
    if connection is None or run.is_active or run.status == Investigation.Status.CANCELLED:
        return
    lines = lines_of(run)
    if not lines:
        if not TicketNote.objects.filter(ticket=run.ticket).exists():
            return  # nobody was told that it began: nobody needs to be told that it led nowhere
        why = run.failure or "No reason was recorded."
        lines = [Line(why[:LONGEST], "The investigation ended without a diagnosis:"), _link(run, run.ref)]
    _want(run, connection, lines)


def lines_of(run: Investigation) -> list[Line]:
    """A finished run in five lines: cause, scope, since, what it is not; and what to do, with the way to the run. []
    without a diagnosis.
    """
    found = five_lines(run)
    if not found:
        return []
    checked, _ = checked_line(run, list(run.steps.all()))
    *told, to_do = found
    lines = [Line(line.text, f"{line.lead}{_sure(line.band)}:") for line in told]
    return [*lines, Line(f"{run.ref}: {checked}", f"{to_do.lead}: {to_do.text} \u2013", _address(run))]


def _sure(band: str) -> str:
    return f" ({band.lower()} confidence)" if band else ""


def _link(run: Investigation, text: str) -> Line:
    return Line(text, url=_address(run))


def _address(run: Investigation) -> str:
    return f"{settings.BASE_URL}/investigations/{run.ref}/"


@transaction.atomic
def _want(run: Investigation, connection: HelpdeskConnection, lines: list[Line]) -> None:
    """Store what should stand in the helpdesk and queue its writing, unless it stands there already."""
    Ticket.objects.select_for_update(of=("self",)).get(pk=run.ticket_id)
    if TicketMirror.objects.filter(ticket=run.ticket_id).exclude(deleted_at=None).exists():
        return
    note = TicketNote.objects.select_for_update().filter(ticket=run.ticket_id).first()
    note = note or TicketNote(ticket=run.ticket, marker=secrets.token_hex(8))
    if note.run_id and note.run_id > run.pk:
        return
    before = (note.wanted_digest, set(note.wanted_tags), note.wanted_fields)
    note.wanted_digest = _digest(lines)
    if connection.writes_tags and run.status == Investigation.Status.DONE:
        note.wanted_tags = sorted({*note.wanted_tags, *_tags(run)})
        note.wanted_fields = {**note.wanted_fields, **_fields(run, connection)}
    if before == (note.wanted_digest, set(note.wanted_tags), note.wanted_fields):
        return
    note.run, note.wanted = run, [[line.text, line.lead, line.url] for line in lines]
    note.status = TicketNote.Status.WAITING
    # A try that is under way sees at its end that more is wanted; a second one beside it would write a second note.
    is_under_way = note.is_unsure and note.not_before is not None and note.not_before > timezone.now()
    if not is_under_way:
        note.attempts, note.not_before, note.reason = 0, None, ""
    note.save()
    if not is_under_way:
        enqueue(TASK, note.pk)


def _digest(lines: list[Line]) -> str:
    """Over what a reader would see change: not over the run's number or how long its checks took."""
    told = [[line.lead, line.text] for line in lines[:-1]] + [[lines[-1].lead]]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _tags(run: Investigation) -> list[str]:
    incident_class = str((run.diagnosis or {}).get("class") or "")
    return [OUR_TAG, *([f"{OUR_TAG}-{incident_class.replace('_', '-')}"] if incident_class else [])]


def _fields(run: Investigation, connection: HelpdeskConnection) -> dict[str, str]:
    """The values of the fields that the connection wants to hold a run's result."""
    sure = f"{run.confidence:.2f}" if run.confidence is not None else ""
    known = {"label": run.top_label, "confidence": sure, "severity": run.severity, "run": run.ref}
    wanted: dict[str, str] = connection.options.get("result_fields") or {}
    return {name: known[what] for name, what in wanted.items() if what in known}


# -------------------------------------------------------------------------------------------------------------- writing
def push(note_id: int, *, now: datetime | None = None) -> TicketNote | None:
    """One try. Safe to deliver twice or at once: None when there is nothing to write."""
    now = now or timezone.now()
    due = Q(not_before=None) | Q(not_before__lte=now)
    waiting = TicketNote.objects.filter(due, pk=note_id, status=TicketNote.Status.WAITING)
    note = waiting.select_related("ticket").first()
    # What an earlier try may have done is read before this one marks the row as its own; taken, it is due no more.
    if note is None or not waiting.update(not_before=now + _TRY, is_unsure=True):
        return None
    connection, adapter = _door(note.ticket)
    if connection is None or adapter is None:
        return _end(note, TicketNote.Status.FAILED, "Writing back is switched off for this connection.", sure=True)
    try:
        done = asyncio.run(_write(adapter, connection, note))
    except SourceError as error:
        return _failed(note, error, now)
    return _written(note, done, now)


async def _write(adapter: Helpdesk, connection: HelpdeskConnection, note: TicketNote) -> dict[str, Any]:
    """Write what is not there yet; what stands there now, as columns of the note."""
    ticket_id = note.ticket.external_id
    done: dict[str, Any] = {}
    with call_scope(_CALL_S):
        async with adapter.open(config_of(connection)) as client:
            if connection.writes_notes and note.sent_digest != note.wanted_digest:
                done = {"external_id": await _write_note(adapter, client, note), "sent_digest": note.wanted_digest}
            if connection.writes_tags:
                if missing := [tag for tag in note.wanted_tags if tag not in note.sent_tags]:
                    await client.add_tags(ticket_id, missing)
                changed = {k: v for k, v in note.wanted_fields.items() if note.sent_fields.get(k) != v}
                if changed:
                    await client.set_fields(ticket_id, changed)
                done |= {"sent_tags": note.wanted_tags, "sent_fields": note.wanted_fields}
    return done


async def _write_note(adapter: Helpdesk, client: HelpdeskClient, note: TicketNote) -> str:
    """The note's id in the helpdesk. Where notes cannot be changed, a changed diagnosis gets a note of its own."""
    ticket_id, known = note.ticket.external_id, note.external_id
    marker = note.marker if adapter.can_edit_notes else _marker_of(note)
    content = Note([Line(*line) for line in note.wanted], marker)
    if note.is_unsure and (not known or not adapter.can_edit_notes):
        found = await client.find_note(ticket_id, marker)
        if found and not adapter.can_edit_notes:
            return found  # an earlier try has written it after all
        known = found or known
    if known and adapter.can_edit_notes:
        await client.update_note(ticket_id, known, content)
        return known
    return await client.create_note(ticket_id, content)


def _marker_of(note: TicketNote) -> str:
    return hashlib.sha256(f"{note.marker}:{note.wanted_digest}".encode()).hexdigest()[:16]


@transaction.atomic
def _written(note: TicketNote, done: dict[str, Any], now: datetime) -> TicketNote:
    """Keep what stands in the helpdesk now. What should stand there may have changed meanwhile: then once more."""
    row = TicketNote.objects.select_for_update().get(pk=note.pk)
    for name, value in done.items():
        setattr(row, name, value)
    row.is_unsure, row.not_before, row.sent_at, row.writes = False, None, now, row.writes + bool(done)
    wants = (row.wanted_digest, row.wanted_tags, row.wanted_fields)
    if wants == (note.wanted_digest, note.wanted_tags, note.wanted_fields):
        row.status, row.reason = TicketNote.Status.DONE, ""
    else:
        row.attempts = 0
        enqueue(TASK, row.pk)
    row.save()
    return row


def _failed(note: TicketNote, error: SourceError, now: datetime) -> TicketNote:
    # Answers count, tries that were killed do not: a restart must neither lengthen the wait nor use a try up.
    note.attempts += 1
    TicketNote.objects.filter(pk=note.pk).update(attempts=note.attempts)
    if isinstance(error, SourceRefused) or note.attempts >= MAX_TRIES:
        return _end(note, TicketNote.Status.FAILED, error.message, sure=isinstance(error, SourceRefused))
    wait: float = min(_FIRST_WAIT_S * 3 ** (note.attempts - 1), _LONGEST_WAIT_S)
    if isinstance(error, SourceLimited) and error.retry_after_s is not None:
        wait = max(wait, error.retry_after_s)
    TicketNote.objects.filter(pk=note.pk).update(not_before=now + timedelta(seconds=wait), reason=error.message)
    return TicketNote.objects.get(pk=note.pk)


def _end(note: TicketNote, status: TicketNote.Status, reason: str, *, sure: bool) -> TicketNote:
    """`sure`: nothing was written by this try."""
    changes: dict[str, Any] = {"status": status, "reason": reason, "not_before": None}
    if sure:
        changes["is_unsure"] = note.is_unsure
    TicketNote.objects.filter(pk=note.pk).update(**changes)
    log.warning("a note was not written", extra={"note": note.pk, "reason": reason})
    return TicketNote.objects.get(pk=note.pk)


def sweep(*, now: datetime | None = None, at_most: int = 200) -> int:
    """Queue again what waits and is due: later tries, tries that were killed, notes whose queue entry was lost."""
    now = now or timezone.now()
    waiting = TicketNote.objects.filter(status=TicketNote.Status.WAITING)
    due = waiting.filter(Q(not_before__lte=now) | Q(not_before=None, attempts=0, run__finished_at__lt=now - _TRY))
    ids = list(due.order_by("pk").values_list("pk", flat=True)[:at_most])
    for pk in ids:
        enqueue(TASK, pk)
    return len(ids)


# ---------------------------------------------------------------------------------------------------------------- doors
def _door(ticket: Ticket) -> tuple[HelpdeskConnection | None, Helpdesk | None]:
    """The connection that is written back to for this ticket, and its adapter."""
    connection = helpdesk_of(ticket)
    if connection is None or not connection.endpoint.is_active:
        return None, None
    if not connection.writes_notes and not connection.writes_tags:
        return None, None
    return connection, helpdesk_named(ticket.helpdesk)


def helpdesk_of(ticket: Ticket) -> HelpdeskConnection | None:
    if not ticket.connection:
        return None
    found = HelpdeskConnection.objects.select_related("endpoint")
    return found.filter(endpoint__source=ticket.helpdesk, endpoint__connection=ticket.connection).first()


def config_of(connection: HelpdeskConnection) -> ConnectionConfig:
    endpoint = connection.endpoint
    options: dict[str, Any] = dict(connection.options)
    return ConnectionConfig(endpoint.source, endpoint.connection, connection.base_url, connection.secret, options)
