"""When a customer's figures are back to normal after a fix, "back to normal since 14:05" is drafted on their tickets.

Only from the proof, for each ticket from its own customer's reading, and not while any customer still shows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.utils import timezone

from altor.notify.kinds import NoticeKind
from altor.notify.storing import notify
from altor.words import figure
from escalations.models import Recovery, RecoveryReading
from escalations.recovery.starting import tickets_of
from investigations.models import Ticket
from knowledge.replies.owners_draft import begin

#: What the case is called among the templates.
LABEL: Final = "recovery.back"
#: For the setting NOTICE_KINDS.
NOTICES: Final = {"recovery.drafted": NoticeKind("A ticket's customer is back to normal, and the update is drafted")}
_V = RecoveryReading.Verdict


def recovery_moved(recovery: Recovery, readings: Sequence[RecoveryReading]) -> None:
    """For the setting RECOVERY_MOVED. In the caller's transaction; told twice, it does nothing the second time."""
    if any(one.verdict == _V.STILL for one in readings):
        return
    back = {one.org_id: one for one in readings if one.verdict == _V.BACK and one.since is not None}
    for ticket in tickets_of(recovery):
        own = back.get(ticket.customer.org_id) if ticket.customer is not None else None
        if own is not None and ticket.status != Ticket.Status.RESOLVED:
            _draft(recovery, own, ticket, timezone.now())


def _draft(recovery: Recovery, reading: RecoveryReading, ticket: Ticket, now: datetime) -> None:
    owner = ticket.owner
    if owner is None and recovery.escalation is not None:
        owner = recovery.escalation.sent_by
    elif owner is None and recovery.incident is not None:
        owner = recovery.incident.commander
    if owner is None or reading.since is None:
        return
    key = f"{recovery.ref}:{reading.org_id}"
    is_drafted = begin(
        ticket, owner, label=LABEL, key=key, now=now, via="recovery", recovered=(reading.since, recovery.ref)
    )
    unit = str(recovery.symptom.get("unit") or "")
    figures = [(name, value) for name, value in (("now", reading.after), ("while it lasted", reading.during))
               if value is not None]  # fmt: skip
    notify(
        "recovery.drafted", subject_ref=ticket.ref,
        title=f"{ticket.ref}: {ticket.customer} is back to normal since {reading.since:%H:%M UTC on %-d %B}",
        lines=[
            f"{recovery.symptom.get('title')}: {', '.join(f'{name} {figure(value, unit)}' for name, value in figures)}",
            "An update is drafted: read it and send it yourself." if is_drafted else "Your own draft is still open.",
        ],
        url_path=f"/tickets/{ticket.ref}/", key=f"recovery.drafted:{key}:{ticket.pk}"[:160], team=ticket.team,
        people=[owner], now=now,
    )  # fmt: skip
