"""Whether a symptom is gone since a fix: the same measure, read against its own past. Pure.

What was measured since the fix is weighed under two hypotheses, "as before it began" and "as while it lasted", by the
logarithm of the likelihood ratio (sequential probability ratio test, Wald 1945): binomial for shares, Gaussian on
ln(value) for levels, Poisson for counts, divided by the series' own unrest. It is back when "as before" wins by
`PROOF` and the level itself is one that would not count as a change; it still shows when the level is beyond that by
more than chance. With few records neither holds, and then nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, log
from typing import Any, Final, Literal, Protocol

import numpy as np
import numpy.typing as npt

from investigations.diagnosis.frames import Frame, Part
from investigations.diagnosis.likelihood import Array, bernoulli, quotient, xlog
from investigations.diagnosis.unrest import buckets_an_hour, dispersion, within_buckets
from investigations.playbooks.format import CountChange, LevelChange, ShareChange

Series = ShareChange | LevelChange | CountChange
Verdict = Literal["back", "still", "quiet", "unclear"]
Mask = npt.NDArray[np.bool_]
#: Log-likelihood ratio at which "as before" is taken for shown: wrong in at most one of a hundred.
PROOF: Final = log(99)
#: The same for "beyond what counts as normal": a one-sided likelihood-ratio test at 1 %.
_BEYOND: Final = 2.7
#: Fewer records since the fix say nothing either way.
_LEAST: Final = 3.0
#: What still shows is looked for in the newest part, so that a slow roll-out is not held against a fix for long.
_NEWEST_S: Final = 1800.0


@dataclass(frozen=True, slots=True)
class Reading:
    """Levels are in the measure's unit (share 0 to 1, geometric mean, events a minute), None where nothing was
    recorded. `n`: records since; `since`: seconds since the epoch from which it has been as before, None unless back.
    """

    verdict: Verdict
    before: float | None = None
    during: float | None = None
    after: float | None = None
    n: float = 0.0
    since: float | None = None


class _Levels(Protocol):
    """One customer's series on a regular grid. Masks and arrays are over its buckets."""

    begins: Array  # seconds since the epoch
    step: float  # seconds
    records: Array

    def level(self, of: Mask) -> float | None:
        """None where nothing was recorded."""

    def gain(self, one: float, other: float) -> Array:
        """How much likelier each bucket is at level `one` than at `other`, as a logarithm."""

    def limit(self, before: float, during: float | None) -> float:
        """The level from which it would count as a change again."""

    def hit(self, normal: float, limit: float) -> float:
        """What stands for the level while it lasted, where this customer had nothing that counts as a change."""

    def unrest(self, of: Mask, level: float) -> float:
        """By how much more it scatters around its level than chance alone would have it, 1 = no more."""

    def assumed(self) -> float | None:
        """What stands for the level before where none was recorded; None where nothing may."""


def read(
    measure: Series, frame: Frame, *, where: Mapping[str, Any], onset: float, fixed: float, until: float
) -> Reading:
    """How the symptom stands at `until` for the rows `where` says. Times are seconds since the epoch.

    KeyError, TypeError and ValueError when the rows do not fit the measure.
    """
    series = _series(measure, frame.select(where), frame.grid(measure.time).step, until)
    if series is None:
        return Reading("quiet")
    ends = series.begins + series.step
    is_before = ends <= onset
    is_during = (series.begins >= onset) & (ends <= fixed)
    if not series.records[is_during].any():  # it was mended within a bucket or two
        is_during = (ends > onset) & (series.begins < fixed)
    is_after = series.begins >= fixed
    before, during = series.level(is_before), series.level(is_during)
    n = float(series.records[is_after].sum())
    told = Reading("unclear", before, during, series.level(is_after), n)
    normal = before if before is not None else series.assumed()
    if told.after is None or (n < _LEAST and not isinstance(measure, CountChange)):
        return _as(told, "quiet")
    if normal is None:
        return told
    limit = series.limit(normal, during)
    newest = is_after & (series.begins >= until - _NEWEST_S)
    if _is_beyond(series, newest if series.records[newest].sum() >= _LEAST else is_after, limit, normal):
        return _as(told, "still")
    back = _back(series, is_before, is_during, is_after, normal, during, limit)
    return told if back is None else Reading("back", before, during, series.level(series.begins >= back), n, back)


def _as(told: Reading, verdict: Verdict) -> Reading:
    return Reading(verdict, told.before, told.during, told.after, told.n)


def _is_beyond(series: _Levels, of: Mask, limit: float, normal: float) -> bool:
    level = series.level(of)
    if level is None or not _passes(level, limit, normal):
        return False
    return float(series.gain(level, limit)[of].sum()) >= _BEYOND


def _passes(level: float, limit: float, normal: float) -> bool:
    """Whether the level lies beyond the limit, on whichever side of normal that is."""
    return level >= limit if limit > normal else level <= limit


def _back(
    series: _Levels, is_before: Mask, is_during: Mask, is_after: Mask, normal: float, during: float | None, limit: float
) -> float | None:
    """From when it has been as before, None while that is not shown. Only what came after the fix is proof."""
    hit = during if during is not None and _passes(during, limit, normal) else series.hit(normal, limit)
    unrest = series.unrest(is_before, normal)
    tails = np.cumsum((series.gain(normal, hit) / unrest)[::-1])[::-1]
    after = np.flatnonzero(is_after)
    best = int(after[np.argmax(tails[after])])
    level = series.level(series.begins >= series.begins[best])
    # The best of several beginnings is chosen: it has to be that much clearer.
    if tails[best] < PROOF + log(len(after)) or level is None or _passes(level, limit, normal):
        return None
    lasted = np.flatnonzero(is_during | is_after)
    return float(series.begins[int(lasted[np.argmax(tails[lasted])])])


def _series(measure: Series, part: Part, step: float, until: float) -> _Levels | None:
    """None where the customer has no record at all."""
    if not len(part.at):
        return None
    if isinstance(measure, ShareChange):
        return _Shares(measure, part, step, until)
    if isinstance(measure, LevelChange):
        return _Sizes(measure, part, step, until)
    return _Counts(measure, part, step, until)


class _Grid:
    """Buckets from the customer's first record to `until`, whatever is missing between."""

    def __init__(self, time: str, part: Part, step: float, until: float) -> None:
        moments = part.times(time)
        self.step = step
        first = float(moments.min())
        length = max(1, int(np.ceil((until - first) / step)))
        self.begins: Array = np.asarray(first + np.arange(length) * step, dtype=np.float64)
        self._places = np.rint((moments - first) / step).astype(np.intp)
        self._kept = self._places < length

    def _dispersion(self, seen: Array, expected: Array, variance: Array, *, size: Array | None = None) -> float:
        inside = np.zeros(len(seen), dtype=bool)
        return dispersion(seen, expected, variance, inside, size=size, least=buckets_an_hour(self.step / 60.0))

    def _sums(self, values: Array) -> Array:
        kept = self._kept
        return np.asarray(
            np.bincount(self._places[kept], weights=values[kept], minlength=len(self.begins)), dtype=np.float64
        )


class _Shares(_Grid):
    def __init__(self, measure: ShareChange, part: Part, step: float, until: float) -> None:
        super().__init__(measure.time, part, step, until)
        self._measure = measure
        total, hits = self._sums(part.numbers(measure.total)), self._sums(part.numbers(measure.hits))
        self.records = self._sums(part.numbers(measure.spans)) if measure.spans else total
        self._hits = self.records * quotient(hits, total)

    def level(self, of: Mask) -> float | None:
        n = float(self.records[of].sum())
        return float(self._hits[of].sum()) / n if n else None

    def gain(self, one: float, other: float) -> Array:
        return bernoulli(self._hits, self.records, self._held(one)) - bernoulli(
            self._hits, self.records, self._held(other)
        )

    def _held(self, share: float) -> float:
        """Never certain: of n records without a hit, the share may still be half of one in n."""
        least = 0.5 / (float(self.records.sum()) + 1.0)
        return min(max(share, least), 1.0 - least)

    def limit(self, before: float, during: float | None) -> float:
        measure = self._measure
        up = max(before + measure.min_delta, before * measure.min_ratio)
        down = min(before - measure.min_delta, before / measure.min_ratio)
        is_down = measure.direction == "down" or (measure.direction == "both" and (during or 0.0) < before)
        return max(down, 0.0) if is_down else min(up, 1.0)

    def hit(self, normal: float, limit: float) -> float:
        return limit + (limit - normal)

    def unrest(self, of: Mask, level: float) -> float:
        share, n = self._held(level), self.records[of]
        return self._dispersion(self._hits[of], n * share, n * share * (1 - share))

    def assumed(self) -> float | None:
        return 0.0 if self._measure.direction == "up" else None


class _Sizes(_Grid):
    """Of several groups (endpoints) each is centred on its own mean, so that a shift of the mix is no change."""

    def __init__(self, measure: LevelChange, part: Part, step: float, until: float) -> None:
        super().__init__(measure.time, part, step, until)
        self._measure = measure
        counts, means, spreads = (part.numbers(name) for name in (measure.n, measure.mean_log, measure.var_log))
        if measure.group:
            whole = _mean(counts, means)
            means = means.copy()
            keys = np.array([str(part.frame.rows[at].get(measure.group, "")) for at in part.at.tolist()])
            for key in np.unique(keys):
                own = keys == key
                means[own] += whole - _mean(counts[own], means[own])
        self.records = self._sums(counts)
        self._means = quotient(self._sums(counts * means), self.records)
        second = quotient(self._sums(counts * (spreads + means * means)), self.records)
        spread = np.maximum(second - self._means**2, 0.0)
        self._variance = max(within_buckets(self.records, self._means, spread), 1e-4)

    def level(self, of: Mask) -> float | None:
        n = float(self.records[of].sum())
        return exp(_mean(self.records[of], self._means[of])) if n else None

    def gain(self, one: float, other: float) -> Array:
        far, near = (self._means - log(other)) ** 2, (self._means - log(one)) ** 2
        return np.asarray(self.records * (far - near) / (2 * self._variance))

    def limit(self, before: float, during: float | None) -> float:
        measure = self._measure
        is_down = measure.direction == "down" or (measure.direction == "both" and (during or before) < before)
        return before / measure.min_ratio if is_down else before * measure.min_ratio

    def hit(self, normal: float, limit: float) -> float:
        return limit * limit / normal

    def unrest(self, of: Mask, level: float) -> float:
        n = self.records[of]
        return self._dispersion(n * self._means[of], n * log(level), n * self._variance, size=n)

    def assumed(self) -> float | None:
        return None


class _Counts(_Grid):
    """Events a minute; a bucket that is not over yet counts for as long as it has lasted."""

    def __init__(self, measure: CountChange, part: Part, step: float, until: float) -> None:
        super().__init__(measure.time, part, step, until)
        self._measure = measure
        self.records = self._sums(part.numbers(measure.spans or measure.count))
        count = self._sums(part.numbers(measure.count))
        self._minutes = np.minimum(self.step, until - self.begins) / 60.0
        # The scatter is that of records, not of the events they stand for.
        self._weight = float(count.sum()) / max(float(self.records.sum()), 1e-9)

    def level(self, of: Mask) -> float | None:
        minutes = float(self._minutes[of].sum())
        return float(self.records[of].sum()) * self._weight / minutes if minutes else None

    def _expected(self, rate: float) -> Array:
        least = 0.5 / max(float(self._minutes.sum()), 1.0)
        return np.asarray(max(rate / max(self._weight, 1e-9), least) * self._minutes)

    def gain(self, one: float, other: float) -> Array:
        near, far = self._expected(one), self._expected(other)
        return np.asarray(xlog(self.records, near) - near - xlog(self.records, far) + far)

    def limit(self, before: float, during: float | None) -> float:
        measure = self._measure
        is_up = measure.direction == "up" or (measure.direction == "both" and (during or 0.0) > before)
        return before * measure.min_ratio if is_up else before / measure.min_ratio

    def hit(self, normal: float, limit: float) -> float:
        return limit + (limit - normal)

    def unrest(self, of: Mask, level: float) -> float:
        expected = self._expected(level)[of]
        return self._dispersion(self.records[of], expected, expected)

    def assumed(self) -> float | None:
        return None


def _mean(counts: Array, means: Array) -> float:
    total = float(counts.sum())
    return float(counts @ means) / total if total else 0.0
