"""A proof as pages and REST tell it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q

from altor.models import User
from altor.words import figure
from escalations.models import Escalation, Incident, Recovery, RecoveryReading
from escalations.models.recovery import RecoveryQuerySet
from escalations.recovery.words import headline, name_of
from investigations.models import Ticket

#: Rows of the panel; the proof's own page has all.
IN_PANEL = 8


@dataclass(frozen=True, slots=True)
class Line:
    """One customer's reading, in words. `name` is "" for somebody who may not read the customer directory."""

    row: RecoveryReading
    name: str
    ticket: Ticket | None
    before: str
    during: str
    after: str


@dataclass(frozen=True, slots=True)
class Shown:
    recovery: Recovery
    headline: str
    lines: Sequence[Line]

    @property
    def first(self) -> Sequence[Line]:
        return self.lines[:IN_PANEL]

    @property
    def more(self) -> int:
        return max(0, len(self.lines) - IN_PANEL)


def visible_recoveries(user: User) -> RecoveryQuerySet:
    """Those of escalations and incidents that the person may open."""
    return Recovery.objects.filter(
        Q(escalation__in=Escalation.objects.visible_to(user)) | Q(incident__in=Incident.objects.visible_to(user))
    )


def by_ref(user: User, ref: str) -> Recovery | None:
    """The proof called `REC-57`, None where there is none or the person may not see it."""
    prefix, _, number = ref.partition("-")
    if prefix != "REC" or not number.isdecimal() or len(number) > 17:
        return None
    rows = visible_recoveries(user).select_related("escalation__ticket", "incident", "run__ticket")
    return rows.filter(pk=int(number)).first()


def newest_of(of: Escalation | Incident) -> Recovery | None:
    """The newest proof of an escalation or an incident. One query."""
    mine = Q(escalation=of) if isinstance(of, Escalation) else Q(incident=of)
    return Recovery.objects.filter(mine).select_related("escalation", "incident", "run").first()


def shown(recovery: Recovery, user: User) -> Shown:
    """Two queries, however many customers there are. Those who still show it come first."""
    rows = list(recovery.readings.select_related("customer", "ticket"))
    unit = str(recovery.symptom.get("unit") or "")
    mine = set(
        Ticket.objects.visible_to(user).filter(pk__in=[row.ticket_id for row in rows if row.ticket_id]).values_list(
            "pk", flat=True
        )
    )  # fmt: skip
    reads = user.may("customer.read")
    rank = {RecoveryReading.Verdict.STILL: 0, RecoveryReading.Verdict.FAILED: 1, RecoveryReading.Verdict.BACK: 3}
    rows.sort(key=lambda row: (rank.get(RecoveryReading.Verdict(row.verdict), 2), row.position))

    def told(value: float | None) -> str:
        return figure(value, unit) if value is not None else ""

    lines = [
        Line(
            row, name_of(row) if reads else "", row.ticket if row.ticket_id in mine else None, told(row.before),
            told(row.during), told(row.after),
        )
        for row in rows
    ]  # fmt: skip
    return Shown(recovery, headline(recovery, rows), lines)
