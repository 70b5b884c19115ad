"""Messages of a ticket after its opening, as the helpdesk tells them; which of them are our own."""

from __future__ import annotations

from collections.abc import Sequence

from altor.redaction import redact_text
from investigations.helpdesks.base import Author, Message, Options, TicketEvent
from investigations.helpdesks.notes import markers
from investigations.models import Ticket, TicketMessage, TicketMirror, TicketNote

#: Characters of a message that are kept.
LONGEST = 100_000


def take(ticket: Ticket, event: TicketEvent, mirror: TicketMirror, options: Options) -> list[TicketMessage]:
    """Keep the event's messages and redactions; the messages that were not known before, without our own."""
    tombs = [one for one in event.redacted if one != "*"]
    for external_id in tombs:
        # A removal may arrive before what it removes: the place is kept empty.
        TicketMessage.objects.get_or_create(
            ticket=ticket, external_id=external_id[:80], defaults={"author": "", "at": event.at, "is_redacted": True}
        )
    if not event.messages:
        return []
    ids = [message.external_id[:80] for message in event.messages]
    known = {row.external_id: row for row in TicketMessage.objects.filter(ticket=ticket, external_id__in=ids)}
    ours = _our_note_ids(ticket)
    new = []
    for message in event.messages:
        row = known.get(message.external_id[:80])
        if row is not None and row.author:
            continue
        fresh = _row(ticket, message, is_ours=_is_ours(message, options, ours), erased=mirror.stamps.get("erased", ""))
        if row is not None:
            fresh.pk, fresh.text, fresh.is_redacted = row.pk, "", True
        known[fresh.external_id] = fresh
        fresh.save()
        if not fresh.is_ours:
            new.append(fresh)
    return new


def holds_removed(ticket: Ticket, event: TicketEvent) -> bool:
    """Whether the event brings a message that was removed in the helpdesk."""
    ids = [message.external_id[:80] for message in event.messages]
    return bool(ids) and TicketMessage.objects.filter(ticket=ticket, external_id__in=ids, is_redacted=True).exists()


def customer_texts(ticket: Ticket) -> Sequence[TicketMessage]:
    """What the customer wrote after the opening, oldest first."""
    found = TicketMessage.objects.filter(ticket=ticket, author=Author.CUSTOMER, is_public=True, is_redacted=False)
    return list(found.order_by("at", "external_id"))


def _row(ticket: Ticket, message: Message, *, is_ours: bool, erased: str) -> TicketMessage:
    is_gone = bool(erased) and message.at.isoformat(timespec="microseconds") <= erased
    return TicketMessage(
        ticket=ticket,
        external_id=message.external_id[:80],
        author=message.author,
        author_name="" if is_gone else redact_text(message.author_name)[:200],
        author_email="" if is_gone else message.author_email[:254],
        is_public=message.is_public,
        text="" if is_gone else redact_text(message.text.replace("\x00", ""))[:LONGEST],
        at=message.at,
        is_ours=is_ours,
        is_redacted=is_gone,
    )


def _our_note_ids(ticket: Ticket) -> set[str]:
    return set(TicketNote.objects.filter(ticket=ticket).exclude(external_id="").values_list("external_id", flat=True))


def _is_ours(message: Message, options: Options, note_ids: set[str]) -> bool:
    """Written by Altor: by our user there, as the note we know, or with a marker of ours in it."""
    if options.own_user_id and message.author_id == options.own_user_id:
        return True
    return message.external_id in note_ids or (not message.is_public and bool(markers(message.text)))
