"""The outgoing side: writing to what is handed over, and signing it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from altor.audit import record_event
from altor.errors import Conflict, InvalidInput, PermissionRefused
from altor.models import User
from escalations.handoffs.drafting import locked, read_again
from escalations.handoffs.switching import may_lead
from escalations.handoffs.telling import item_line, tell
from escalations.lifecycle.history import clean
from escalations.lifecycle.owners import leads
from escalations.models import Handoff, HandoffItem

#: Characters of a note and of a next step.
LONGEST: Final = 2000
#: What the outgoing writes: reference of an item -> {"note": …, "next_step": …}; what is left out stays as it is.
Words = Mapping[str, Mapping[str, str]]


def may_give(actor: User, handoff: Handoff) -> bool:
    """The outgoing, and for somebody who is away a lead."""
    if not handoff.is_open or handoff.is_signed:
        return False
    return (actor.pk == handoff.outgoing_id and actor.may("handoff.take")) or may_lead(actor, handoff.team)


@transaction.atomic
def write(
    handoff: Handoff, *, actor: User, note: str | None = None, items: Words | None = None, now: datetime
) -> Handoff:
    """Keep what the outgoing writes. InvalidInput names an item that is not in it; nothing is kept then."""
    row = locked(handoff)
    _allow(actor, row)
    _write(row, note, items or {})
    return row


def sign(
    handoff: Handoff, *, actor: User, note: str | None = None, items: Words | None = None, seen: int | None = None,
    now: datetime,
) -> Handoff:  # fmt: skip
    """Read it once more, keep what is written, and hand it to the incoming. Signed already: nothing changes.

    `seen` is the revision the caller looked at: Changed when items came or went since. What is written is kept then.
    """
    with transaction.atomic():
        row = locked(handoff)
        if row.is_signed and actor.pk == row.outgoing_id:
            return row
        _allow(actor, row)
        _write(row, note, items or {})
        read_again(row, now)
        changed = seen is not None and seen != row.revision
        if not changed:
            _sign(row, actor, now)
    if changed:
        raise Changed(f"What is in {row.ref} has changed while you wrote. Look at it again, then sign.")
    return row


def _sign(row: Handoff, actor: User, now: datetime) -> None:
    row.status, row.signed_at = Handoff.Status.SIGNED, now
    row.save(update_fields=["status", "signed_at"])
    offered = list(row.items.offered().select_related("ticket", "escalation"))
    record_event(actor=actor, action="handoff.signed", target=row, after={"items": len(offered)})
    single = [one for one in offered if one.is_single]
    lines = [f"{len(single)} to accept one by one, {len(offered) - len(single)} together"]
    lines += [item_line(one) for one in single[:3]]
    people = [row.incoming] if row.incoming is not None else leads(row.team)
    tell(
        "handoff.signed", row, f"{actor} signed it", people=people, lines=lines, actor=actor, now=now,
        key=now.isoformat(),
    )  # fmt: skip


class Changed(Conflict):
    code = "handoff_changed"
    title = "The handoff has changed meanwhile"


def _allow(actor: User, row: Handoff) -> None:
    if not row.is_open:
        raise Conflict(f"{row.ref} is {row.get_status_display().lower()}.", handoff=row.ref)
    if row.is_signed:
        raise Conflict(f"{row.ref} is signed already.", handoff=row.ref)
    if not may_give(actor, row):
        raise PermissionRefused(f"{row.ref} is {row.outgoing}'s to write and to sign.")


def _write(row: Handoff, note: str | None, items: Words) -> None:
    by_ref = {one.ref: one for one in row.items.select_related("ticket", "escalation")}
    unknown = [ref for ref in items if ref not in by_ref]
    if unknown:
        raise InvalidInput(f"{unknown[0]} is not in {row.ref}.", errors={"items": [f"{unknown[0]} is not in it"]})
    texts = [note or "", *(text for words in items.values() for text in words.values())]
    if any(len(text) > LONGEST for text in texts):
        raise InvalidInput(f"At most {LONGEST} characters each.", errors={"note": [f"at most {LONGEST} characters"]})
    if note is not None and clean(note) != row.note:
        row.note = clean(note)
        row.save(update_fields=["note"])
    for ref, words in items.items():
        _write_item(by_ref[ref], words)


def _write_item(item: HandoffItem, words: Mapping[str, Any]) -> None:
    if "note" in words:
        item.note = clean(words["note"])
    if "next_step" in words:
        said = clean(words["next_step"])
        item.own_next_step = "" if said == item.next_step else said
    item.save(update_fields=["note", "own_next_step"])
