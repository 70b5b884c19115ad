"""When a helpdesk deletes a ticket or removes text from it, the customer's words and data go here too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.db.models import F

from altor.audit import record_event
from altor.models import InboundEvent
from altor.registry import parts
from investigations.models import Investigation, Ticket, TicketMessage, TicketMirror, TicketNote

#: What stands where a subject was: the ticket stays in lists and figures.
REMOVED: Final = "[removed in the helpdesk]"


def erase(ticket: Ticket, mirror: TicketMirror, *, ids: Sequence[str]) -> None:
    """Remove messages by id, or with `*` everything personal of the ticket. Twice is once.

    Evidence stays: it was read from the company's own systems. Apps above remove their part through the setting
    `ERASURES`: functions of (ticket, ids).
    """
    whole = "*" in ids
    rows = TicketMessage.objects.filter(ticket=ticket)
    if not whole:
        rows = rows.filter(external_id__in=ids)
    changed = rows.filter(is_redacted=False) | rows.exclude(text="")
    count = changed.update(text="", author_name="", author_email="", is_redacted=True)
    # What a message claimed is read again from what is left; the copies of deliveries hold the words too.
    _forget_deliveries(ticket)
    if whole:
        count += _forget_ticket(ticket, mirror)
    for part in parts("ERASURES"):
        part(ticket, list(ids))
    if count:
        record_event(actor=None, action="ticket.erased", target=ticket, after={"whole": whole, "parts": count})


def _forget_ticket(ticket: Ticket, mirror: TicketMirror) -> int:
    is_new = ticket.subject != REMOVED or bool(ticket.description or ticket.requester_email or ticket.requester_name)
    Ticket.objects.filter(pk=ticket.pk).update(
        subject=REMOVED, description="", requester_name="", requester_email="", url="", tags=[]
    )
    ticket.refresh_from_db()
    ticket.claims.all().delete()
    mirror.fields, mirror.custom = {"subject": REMOVED}, {}
    mirror.save(update_fields=["fields", "custom"])
    TicketNote.objects.filter(ticket=ticket).update(wanted=[], status=TicketNote.Status.DONE, not_before=None)
    for run in Investigation.objects.filter(ticket=ticket).only("pk", "seen", "inputs", "diagnosis"):
        Investigation.objects.filter(pk=run.pk).update(
            seen=_without(run.seen, "ticket"),
            diagnosis=run.diagnosis and {**run.diagnosis, "reply_draft": ""},
            claims=[],
            live_version=F("live_version") + 1,
        )
    return int(is_new)


def _without(seen: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: {} if key == name else value for key, value in seen.items()}


def _forget_deliveries(ticket: Ticket) -> None:
    """Bodies of this ticket's events, by what they led to. The rows stay: a repeated delivery must still be known."""
    kept = InboundEvent.objects.filter(result_ref=ticket.ref, endpoint__connection=ticket.connection)
    kept.exclude(body={}).update(body={})
