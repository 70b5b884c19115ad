"""What the readings of one proof say together. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from escalations.models import Recovery, RecoveryReading

S = Recovery.Status
V = RecoveryReading.Verdict
#: A roll-out takes its time: before that nothing is held against a fix,
GRACE: Final = timedelta(minutes=30)
#: and only what was seen so often in a row.
IN_A_ROW: Final = 2
#: Customers without traffic are not waited for longer, where others show that it worked.
QUIET_FOR: Final = timedelta(hours=2)
#: After that the proof is over, whatever it shows.
LONGEST: Final = timedelta(hours=24)
#: (age of the fix, wait until the next measuring)
_WAITS: Final = (
    (timedelta(hours=1), timedelta(minutes=10)),
    (timedelta(hours=6), timedelta(minutes=30)),
    (LONGEST, timedelta(hours=2)),
)


@dataclass(frozen=True, slots=True)
class Decision:
    """`next_at` is None when it is over; `back_since` is known when it is proved."""

    status: S
    next_at: datetime | None
    back_since: datetime | None = None


def decide(readings: Sequence[RecoveryReading], *, fixed_at: datetime, began_at: datetime, now: datetime) -> Decision:
    """From the newest reading of each customer. A proof needs somebody who is back and nobody who is not."""
    age = now - fixed_at
    back = [one for one in readings if one.verdict == V.BACK]
    still = [one for one in readings if one.verdict == V.STILL]
    undecided = [one for one in readings if one.verdict in (V.WAITING, V.UNCLEAR, V.FAILED)]
    quiet = [one for one in readings if one.verdict == V.QUIET]
    since = max((one.since for one in back if one.since is not None), default=None)
    # A proof that began late (the fix was called done days ago) has its own time too.
    is_over = now - max(fixed_at, began_at) >= LONGEST
    if back and not still and not undecided and (not quiet or age >= QUIET_FOR):
        return Decision(S.PROVED, None, since)
    if age >= GRACE and any(one.streak >= IN_A_ROW for one in still):
        return Decision(S.FAILED, None if is_over else now + _wait(age))
    if is_over:
        return Decision(S.UNPROVEN, None, since)
    return Decision(S.MEASURING, now + _wait(age))


def _wait(age: timedelta) -> timedelta:
    return next((wait for limit, wait in _WAITS if age < limit), _WAITS[-1][1])
