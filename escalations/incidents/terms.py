"""How often customers hear of an incident: the contract's interval at its severity, in the contract's hours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from escalations.clocks.format import hours_of
from escalations.clocks.hours import ALWAYS, Hours
from escalations.contracts.choosing import NoContract, contract_for
from escalations.contracts.format import SEVERITIES, ContractForm
from escalations.contracts.stored import form_of
from escalations.models import ContractVersion, Incident
from investigations.models import Investigation

#: Where the contract sets none at this severity.
USUAL_EVERY: Final = timedelta(hours=24)
#: Minutes that an interval may have.
SHORTEST_EVERY: Final = 5
LONGEST_EVERY: Final = 7 * 24 * 60


@dataclass(frozen=True, slots=True)
class Terms:
    """Of one severity. `form` is None where no contract covers the cause."""

    form: ContractForm | None
    severity: str

    @property
    def every(self) -> timedelta:
        level = self.form.level(self.severity) if self.form is not None else None
        return level.update_every if level is not None and level.update_every is not None else USUAL_EVERY

    @property
    def every_min(self) -> int:
        minutes = round(self.every.total_seconds() / 60)
        return min(max(minutes, SHORTEST_EVERY), LONGEST_EVERY)

    @property
    def hours(self) -> Hours:
        return hours_of(self.form.hours_at(self.severity)) if self.form is not None else ALWAYS

    def next_update(self, now: datetime, every_min: int) -> datetime:
        """`every_min` minutes of the contract's hours after `now`, to the full minute."""
        due = self.hours.add(now, timedelta(minutes=every_min))
        return due.replace(second=0, microsecond=0)


def contract_of(run: Investigation | None) -> tuple[ContractVersion | None, ContractForm | None]:
    """The contract in force for the run's cause; (None, None) where none covers it."""
    if run is None:
        return None, None
    try:
        chosen = contract_for(run)
    except NoContract:
        return None, None
    return chosen.version, chosen.form


def terms_of(incident: Incident) -> Terms:
    return Terms(form_of(incident.version) if incident.version is not None else None, incident.severity)


def severities(form: ContractForm | None) -> list[str]:
    """Those that an incident may have under the contract."""
    return list(form.levels) if form is not None else list(SEVERITIES)
