"""What is usual at that time of day, and spells in which a long series was not as usual.

The usual value of a bucket is the median of the same time of day over all days (a robust day profile); it is used only
where it explains the series better than one level does. What is left is scanned for spells like any other level.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from investigations.diagnosis.likelihood import Array
from investigations.diagnosis.signals import level_change

#: Fewer days are no habit.
LEAST_DAYS: Final = 3
_DAY_S: Final = 86_400.0
#: The day profile must leave at most this part of the scatter around one level.
_WORTH: Final = 0.8
#: One value counts as at most this many robust standard deviations: a spike is no spell.
_MOST_DEVIANT: Final = 8.0
#: The scatter is taken for at least this part of the series' spread: what nobody would see is no spell.
_FINEST: Final = 0.05


@dataclass(frozen=True, slots=True)
class Spell:
    """Buckets from `start` to `end` (exclusive) in which the series lay `deviations` robust standard deviations above
    (below, if negative) its usual values, on average.
    """

    start: int
    end: int
    deviations: float


def usual(values: Array, step_s: float) -> Array:
    """The usual value of each bucket, by time of day where the days resemble each other, else the median of all.

    `values` must be complete (no NaN) and evenly spaced, `step_s` seconds apart. A step that does not divide a day, or
    fewer than LEAST_DAYS whole days, give no profile.
    """
    level = np.full(len(values), float(np.median(values)) if len(values) else 0.0)
    a_day = round(_DAY_S / step_s)
    if a_day < 4 or abs(a_day * step_s - _DAY_S) > 1 or len(values) < LEAST_DAYS * a_day:
        return level
    days = -(-len(values) // a_day)
    table = np.full(days * a_day, np.nan)
    table[: len(values)] = values
    profile = np.nanmedian(table.reshape(days, a_day), axis=0)
    by_day = profile[np.arange(len(values)) % a_day]
    is_worth = np.median(np.abs(values - by_day)) < _WORTH * np.median(np.abs(values - level))
    return by_day if is_worth else level


def unusual_spells(values: Array, step_s: float, *, most: int = 6, min_deviations: float = 1.5) -> list[Spell]:
    """Up to `most` spells that differ by at least `min_deviations`, in the order of time. See `usual` for the input."""
    if len(values) < 8:
        return []
    left = values - usual(values, step_s)
    left = left - np.median(left)
    scatter = max(1.4826 * float(np.median(np.abs(left))), _FINEST * float(values.std()), 1e-12)
    scaled = np.clip(left / scatter, -_MOST_DEVIANT, _MOST_DEVIANT)
    known, alike = np.ones(len(values)), np.ones(len(values))
    found: list[Spell] = []
    while len(found) < most:
        change = level_change(
            known, scaled, alike, direction="both", min_n=2.0, min_ratio=float(np.exp(min_deviations)),
            bucket_minutes=step_s / 60.0,
        )  # fmt: skip
        if change.start is None or change.end is None:
            break
        found.append(Spell(change.start, change.end, float(np.log(change.current))))
        known[change.start : change.end] = 0.0
    return sorted(found, key=lambda spell: spell.start)
