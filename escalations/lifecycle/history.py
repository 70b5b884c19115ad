"""Write an escalation's history, and keep on its row what lists and clocks look up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db import IntegrityError, transaction

from altor import events
from altor.models import User
from altor.redaction import redact_text
from escalations.contracts.stored import form_of
from escalations.lifecycle.filing import mirror
from escalations.lifecycle.windows import ACKNOWLEDGE, RESOLVE, UPDATE, climbs, windows
from escalations.models import Escalation, EscalationEvent

W = EscalationEvent.What
LONGEST_TEXT: Final = 4000
#: What is a phase event of the tickets too.
_PHASES: Final[Mapping[str, str]] = {
    W.SENT: "escalation.sent", W.JOINED: "escalation.joined", W.ACKNOWLEDGED: "escalation.acknowledged",
    W.ACCEPTED: "escalation.accepted", W.ASKED: "escalation.asked", W.ANSWERED: "escalation.answered",
    W.REJECTED: "escalation.rejected", W.RESOLVED: "escalation.resolved",
    W.REOPENED: "escalation.reopened", W.VERIFIED: "escalation.verified", W.WITHDRAWN: "escalation.withdrawn",
    W.BROKEN: "escalation.broken",
}  # fmt: skip


def tell(
    escalation: Escalation, what: EscalationEvent.What, *, at: datetime, by: User | None = None, via: str = "page",
    text: str = "", data: Mapping[str, Any] | None = None, key: str = "",
) -> EscalationEvent | None:  # fmt: skip
    """Append to the history, in the caller's transaction; None for what was told before under this key. The phase
    events of all tickets of the escalation go with it.
    """
    event = EscalationEvent(
        escalation=escalation, what=what, at=at, by=by, via=via, text=clean(text), data=dict(data or {}),
        key=key or f"{escalation.pk}:{what}:{at.isoformat()}:{escalation.revision}",
    )  # fmt: skip
    try:
        with transaction.atomic():
            event.save(force_insert=True)
    except IntegrityError:
        return None
    phase = _PHASES.get(what)
    if phase:
        said = {"severity": escalation.severity, "via": via, **(data or {})}
        for ref in [str((data or {})["ticket"])] if what == W.JOINED else ticket_refs(escalation):
            events.record(
                phase, ticket_ref=ref, subject_ref=escalation.ref, at=at, actor=by, data=said,
                key=f"{phase}:{ref}:{event.key}"[:160],
            )  # fmt: skip
    mirror(escalation, event)
    return event


def clean(text: str) -> str:
    return redact_text(text.replace("\x00", "")).strip()[:LONGEST_TEXT]


def ticket_refs(escalation: Escalation) -> list[str]:
    return list(escalation.links.order_by("pk").values_list("ticket__ref", flat=True))


def keep_clocks(escalation: Escalation, now: datetime) -> None:
    """Read the windows anew and set what the row keeps of them, and when to look again. Does not save."""
    history = list(escalation.history.all())
    form = form_of(escalation.version)
    found = windows(history, form, now)

    def due(name: str) -> datetime | None:
        return found[name].reading.due_at if name in found else None

    escalation.acknowledge_by, escalation.update_by, escalation.resolve_by = due(ACKNOWLEDGE), due(UPDATE), due(RESOLVE)
    escalation.is_broken = any(one.is_broken for one in found.values()) or any(e.what == W.BROKEN for e in history)
    told = {str(one.data.get("mark")) for one in history if one.what in (W.WARNED, W.BROKEN, W.CLIMBED)}
    marks: list[datetime] = []
    for name, window in found.items():
        marks += [at for at in window.warnings(now) if at > now]
        if window.reading.due_at is not None and mark(name, window.reading.due_at) not in told:
            marks.append(window.reading.due_at)
    if escalation.status == Escalation.Status.SENT:
        due_climbs = climbs(history, form, escalation.severity)
        marks += [at for number, at in enumerate(due_climbs) if f"climb:{number}" not in told]
    marks += escalation.gaps.filter(closed_at=None, late_at=None).values_list("due_at", flat=True)
    escalation.next_look_at = min(marks, default=None)


def mark(name: str, due_at: datetime) -> str:
    """Names one telling of a window's end: another due time is another telling."""
    return f"{name}:{due_at:%Y%m%dT%H%M%S}"
