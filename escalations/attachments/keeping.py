"""Attach a file to an item of a ticket's checklist, and take it away again while nobody was sent it."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Q

from altor.audit import record_event
from altor.errors import Conflict, NotFound, PermissionRefused
from altor.models import User
from altor.redaction import redact_text
from escalations.attachments.kinds import kind_of, refused
from escalations.attachments.redacting import redacted
from escalations.contracts.choosing import contract_for
from escalations.contracts.stored import form_of
from escalations.lifecycle.gaps import supply
from escalations.lifecycle.proposing import escalatable
from escalations.models import AttachedFile, Escalation, EscalationEvent, ItemFile
from escalations.models.escalations import EscalationQuerySet
from investigations.models import Ticket

MOST_BYTES: Final = 5_000_000
#: Files of a ticket.
MOST_FILES: Final = 10
_LONGEST_NAME: Final = 120


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it came: `name` is the sender's, nothing in it is to be trusted."""

    name: str
    content: bytes


def read_upload(file: UploadedFile[Any]) -> Upload:
    """InvalidInput for one that is too large; it is not read then."""
    if file.size is None or file.size > MOST_BYTES:
        raise refused(f"{clean_name(file.name or '')} is too large: a file has at most {MOST_BYTES // 10**6} MB.")
    return Upload(file.name or "", file.read(MOST_BYTES + 1))


def attach(
    ticket: Ticket, item: str, upload: Upload, *, actor: User, now: datetime, via: str = "page"
) -> tuple[ItemFile, bool]:
    """The file at its item, and whether it is new there. Gaps of escalations that are out already are closed by it.

    The same file (by what is stored of it) lies there once for a ticket, however many items it supplies.
    PermissionRefused by role. NotFound for an item that takes no files. InvalidInput (field `file`) for a file that may
    not be attached, and for one too many. Conflict and NoContract as `propose`.
    """
    if not actor.may("escalation.send"):
        raise PermissionRefused("Your role may not attach files to an escalation.")
    if item not in attachable(ticket):
        raise NotFound(f"No file can be attached to {item[:60]!r}.")
    name = clean_name(upload.name)
    if len(upload.content) > MOST_BYTES:
        raise refused(f"{name} is too large: a file has at most {MOST_BYTES // 10**6} MB.")
    kind = kind_of(name, upload.content)
    content, is_redacted = redacted(name, kind, upload.content)
    with transaction.atomic():
        # One at a time for a ticket: neither one too many nor the same twice.
        Ticket.objects.select_for_update(of=("self",)).get(pk=ticket.pk)
        file = _stored(ticket, name, kind, content, is_redacted, actor, now)
        link, is_new = ItemFile.objects.get_or_create(file=file, item=item, defaults={"by": actor, "at": now})
        if is_new:
            _record(actor, "attachment.added", file, item, via)
            for escalation in Escalation.objects.filter(ticket=ticket, gaps__item=item, gaps__closed_at=None):
                supply(escalation, now=now, by=actor, via=via)
    return link, is_new


@transaction.atomic
def detach(file: AttachedFile, item: str, *, actor: User, via: str = "page") -> None:
    """Take it from the item; with its last item it is deleted. Conflict once an escalation went out with it."""
    if not actor.may("escalation.send"):
        raise PermissionRefused("Your role may not take files from an escalation.")
    Ticket.objects.select_for_update(of=("self",)).get(pk=file.ticket_id)
    if sent_with(file).exists():
        raise Conflict(f"{file.name} went out with an escalation: it stays as it was sent.")
    gone, _ = ItemFile.objects.filter(file=file, item=item).delete()
    if gone:
        _record(actor, "attachment.removed", file, item, via)
    if not file.items.exists():
        file.delete()


def attachable(ticket: Ticket) -> dict[str, str]:
    """Items that take files -> their titles: of the contract in force for the ticket, and of what is owed already."""
    forms = [contract_for(escalatable(ticket)).form]
    owing = Escalation.objects.filter(ticket=ticket, gaps__closed_at=None, gaps__isnull=False).distinct()
    forms += [form_of(one.version) for one in owing.select_related("version")]
    return {item.id: item.title for form in forms for item in form.checklist if item.attach}


def sent_with(file: AttachedFile) -> EscalationQuerySet:
    """Escalations whose packet, as it was frozen or with what came later, names the file."""
    later = EscalationEvent.objects.filter(data__files__contains=[file.ident]).values("escalation")
    named = [{"files": [{"id": file.ident}]}]
    of_ticket = Escalation.objects.filter(ticket=file.ticket_id)
    return of_ticket.filter(Q(packet__checklist__contains=named) | Q(pk__in=later))


def clean_name(name: str) -> str:
    """The last part of a path, on one line, without what a person or a shell could be led astray with."""
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    shown = " ".join("".join(sign if sign.isprintable() and sign not in '"<>|:*?' else " " for sign in last).split())
    shown = redact_text(shown.lstrip(". ")) or "file"
    stem, dot, ending = shown.rpartition(".")
    return f"{stem[: _LONGEST_NAME - len(ending) - 1]}.{ending}" if dot and len(ending) < 9 else shown[:_LONGEST_NAME]


def _stored(
    ticket: Ticket, name: str, kind: AttachedFile.Kind, content: bytes, is_redacted: bool, actor: User, now: datetime
) -> AttachedFile:
    sha256 = hashlib.sha256(content).hexdigest()
    there = AttachedFile.objects.filter(ticket=ticket).defer("content")
    known = there.filter(sha256=sha256).first()
    if known is not None:
        return known
    if there.count() >= MOST_FILES:
        raise refused(f"A ticket holds at most {MOST_FILES} files. Take one away first.")
    return AttachedFile.objects.create(
        ticket=ticket, name=name, kind=kind, size=len(content), sha256=sha256, is_redacted=is_redacted,
        content=content, added_by=actor, added_at=now,
    )  # fmt: skip


def _record(actor: User, action: str, file: AttachedFile, item: str, via: str) -> None:
    """Without the name, which may be a person's: the log is never emptied."""
    after = {"item": item, "ticket": file.ticket.ref, "kind": file.kind, "size": file.size, "sha256": file.sha256,
             "via": via}  # fmt: skip
    record_event(actor=actor, action=action, object_kind="attachment", object_ref=file.ident, after=after)
