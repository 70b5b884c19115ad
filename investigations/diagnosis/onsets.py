"""When a symptom began, with its uncertainty: what events are held against."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from investigations.diagnosis.beginnings import Claim
from investigations.diagnosis.facts import FactSpace
from investigations.diagnosis.types import RunInputs
from investigations.playbooks.conditions import Unknown


@dataclass(frozen=True, slots=True)
class Began:
    """An onset: as stated, and the first and last moment at which it may have been."""

    onset: str
    at: datetime
    first: datetime
    last: datetime

    def minutes_after(self, event: datetime) -> float:
        """How long after the event the onset was, in minutes; negative when the event came later."""
        return (self.at - event).total_seconds() / 60.0

    def is_before(self, event: datetime, slack_minutes: float) -> bool:
        return event > self.last + timedelta(minutes=slack_minutes)

    def is_after(self, event: datetime, slack_minutes: float) -> bool:
        return event < self.first - timedelta(minutes=slack_minutes)

    def nearness(self, event: datetime) -> float:
        """1 around the onset, halved each 15 minutes further away; within its uncertainty distance counts a third."""
        outside = max((self.first - event).total_seconds(), (event - self.last).total_seconds(), 0.0) / 60.0
        distance = abs(self.minutes_after(event))
        return math.exp(-math.log(2) * max(0.0, outside + (distance - outside) / 3.0 - 3.0) / 15.0)


def began_of(space: FactSpace, expressions: Sequence[str]) -> Began | None:
    """The first expression that is known: a time, or a change that holds one."""
    for expression in expressions:
        value = space.value(expression)
        change = value if isinstance(value, Mapping) else {"onset": value}
        onset = change.get("onset")
        if onset is None or isinstance(onset, Unknown):
            continue
        at = datetime.fromisoformat(str(onset))
        first, last = (datetime.fromisoformat(str(change.get(name) or onset)) for name in ("onset_from", "onset_to"))
        return Began(str(onset), at, min(first, at), max(last, at))
    return None


#: What a ticket says less exactly than this ("this morning", a time without its zone) does not date a beginning.
_EXACT_ENOUGH: Final = timedelta(hours=1)


def claim_of(inputs: RunInputs) -> Claim | None:
    """When it began in the customer's words, if the ticket names a time to the hour or better."""
    at, precision = inputs.values.get("claimed_onset"), float(inputs.values.get("claim_precision_s") or 0)
    if not at or precision > _EXACT_ENOUGH.total_seconds():
        return None
    moment = at if isinstance(at, datetime) else datetime.fromisoformat(str(at))
    return Claim(moment.timestamp(), precision)
