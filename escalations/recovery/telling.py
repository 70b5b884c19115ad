"""Who hears how a proof goes: engineering when it did not work, support when it did, the history both."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from altor.notify.kinds import NoticeKind
from escalations.contracts.stored import form_of
from escalations.lifecycle.acting import lock, save
from escalations.lifecycle.history import W
from escalations.lifecycle.history import tell as remember
from escalations.lifecycle.owners import owners
from escalations.lifecycle.telling import tell_owner, tell_support
from escalations.models import Recovery, RecoveryReading
from escalations.recovery.words import for_engineering

S = Recovery.Status
#: For the setting NOTICE_KINDS.
NOTICES: Final = {
    "recovery.failed": NoticeKind("A fix did not work: customers still show the symptom"),
    "recovery.proved": NoticeKind("A fix worked: every affected customer was measured"),
    "recovery.unproven": NoticeKind("It could not be shown whether a fix worked"),
}
_TOLD: Final = {S.FAILED: "recovery.failed", S.PROVED: "recovery.proved", S.UNPROVEN: "recovery.unproven"}


def tell(recovery: Recovery, readings: Sequence[RecoveryReading], before: str, now: datetime) -> None:
    """In the caller's transaction, when the status has changed to one that somebody waits for."""
    kind, escalation = _TOLD.get(S(recovery.status)), recovery.escalation
    if kind is None or recovery.status == before or escalation is None:
        return
    locked = lock(escalation)
    text, key = for_engineering(recovery, readings), f"{locked.pk}:{recovery.ref}:{recovery.status}"
    # Linear hears of it with the history.
    event = remember(
        locked,
        W.MEASURED,
        at=now,
        via="clock",
        text=text,
        key=key,
        data={"proof": recovery.ref, "status": recovery.status},
    )
    if event is None:
        return
    save(locked, now)
    head, *lines = text.split("\n")
    told = f"escalation:{key}"
    if recovery.status == S.FAILED:
        people = [one for one in (locked.accepted_by, locked.owner_person) if one is not None]
        people = people or list(owners(form_of(locked.version).owner_at(locked.severity), locked.ticket, now).people)
        tell_owner(kind, locked, f": {head}", people=people, lines=lines, now=now, key=f"{told}:o")
    tell_support(kind, locked, f": {head}", lines=lines, now=now, key=told, and_leads=recovery.status == S.FAILED)
