"""What a version of a contract would have made of past escalations: sent, refused, windows broken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from altor.models import User
from escalations.attachments.reading import files_of
from escalations.contracts.checklist import Checked, checklist, missing
from escalations.contracts.choosing import fit, place_of
from escalations.contracts.format import ContractForm
from escalations.lifecycle.proposing import gate_items
from escalations.lifecycle.windows import TITLES, windows
from escalations.models import ChecklistAnswer, Escalation

#: How far back it looks, and at how many.
PERIOD: Final = timedelta(days=31)
AT_MOST: Final = 200


@dataclass(frozen=True, slots=True)
class Simulated:
    """One past escalation. `broken` are windows in words; `was_*` is what really happened."""

    escalation: Escalation
    missing: Sequence[Checked]
    broken: Sequence[str]
    was_incomplete: bool
    was_broken: bool
    no_level: bool = False

    @property
    def is_sent(self) -> bool:
        return not self.missing and not self.no_level

    @property
    def differs(self) -> bool:
        return self.is_sent == self.was_incomplete or bool(self.broken) != self.was_broken


@dataclass(frozen=True, slots=True)
class Simulation:
    """`outside`: escalations of the period that the contract's area does not cover."""

    since: datetime
    rows: Sequence[Simulated]
    outside: int
    is_cut: bool

    @property
    def sent(self) -> int:
        return sum(row.is_sent for row in self.rows)

    @property
    def refused(self) -> int:
        return len(self.rows) - self.sent

    @property
    def broken(self) -> int:
        return sum(bool(row.broken) for row in self.rows)


def simulate(form: ContractForm, user: User, *, now: datetime, period: timedelta = PERIOD) -> Simulation:
    """Over the escalations of the period that the person may see, newest first. Stores nothing.

    What people answered and attached by the time of sending counts; windows are read from what really happened since.
    """
    since = now - period
    found = list(
        Escalation.objects.visible_to(user).filter(sent_at__gte=since).with_context()
        .select_related("run__ticket__customer", "run__playbook")
        .prefetch_related("run__steps", "run__evidence", "history").defer("packet").order_by("-sent_at")[: AT_MOST + 1]
    )  # fmt: skip
    rows: list[Simulated] = []
    outside = 0
    for one in found[:AT_MOST]:
        if fit(form.area, *place_of(one.run)) is None:
            outside += 1
            continue
        rows.append(_simulated(one, form, now))
    return Simulation(since, rows, outside, len(found) > AT_MOST)


def _simulated(one: Escalation, form: ContractForm, now: datetime) -> Simulated:
    lacks = (Escalation.Completeness.OVERRIDDEN, Escalation.Completeness.PROVISIONAL)
    was_incomplete = one.completeness in lacks
    if form.level(one.severity) is None:
        return Simulated(one, [], [], was_incomplete, one.is_broken, no_level=True)
    said = ChecklistAnswer.objects.filter(ticket=one.ticket, at__lte=one.sent_at).order_by("pk")
    answers = dict(said.values_list("item", "text"))
    files = files_of(one.ticket, until=one.sent_at)
    items = [*checklist(form, one.run, one.severity, answers, files), *gate_items(one.run)]
    over = [TITLES[name] for name, window in windows(one.history.all(), form, now).items() if window.is_broken]
    return Simulated(one, missing(items), over, was_incomplete, one.is_broken)
