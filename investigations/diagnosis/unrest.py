"""How restless a series is anyway: what a change has to stand out from.

Over-dispersion around given levels (quasi-likelihood, Wedderburn 1974), the scatter of single records, and whether an
ordinary day explains a growth of counts (Poisson regression, Nelder and Wedderburn 1972).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from investigations.diagnosis.likelihood import Array, xlog

#: Unrest is judged on blocks of neighbouring buckets that hold at least this many expected events (records of a level),
_BLOCK_EVENTS: Final = 5.0
#: and that last at least this long: what drifts, or comes in clumps, shows in hours and not in minutes.
_BLOCK_MINUTES: Final = 60.0
#: A series at least this long is also asked whether an ordinary day would explain it.
_DAY_MINUTES: Final = 1440.0
_DAY_FROM: Final = 1200.0
#: Blocks' worth of "no unrest" that the estimate begins with: few blocks prove little.
_PRIOR_BLOCKS: Final = 4.0
_MAX_DISPERSION: Final = 20.0


def buckets_an_hour(bucket_minutes: float) -> int:
    return max(1, round(_BLOCK_MINUTES / bucket_minutes))


def within_buckets(n_bucket: Array, mean_log: Array, var_log: Array) -> float:
    """Variance of one record around its bucket's mean, unbiased: each mean took one record's freedom. Where buckets
    hold hardly more than one record, from the differences of neighbouring means instead.
    """
    has = n_bucket > 0
    freedom = float(n_bucket.sum() - has.sum())
    if freedom >= 10:
        return float(np.sum(n_bucket * var_log) / freedom)
    means, counts = mean_log[has], n_bucket[has]
    if len(means) < 4:
        return 0.0
    # The median of a squared standard normal is 0.455.
    return float(np.median(np.diff(means) ** 2 / (1.0 / counts[1:] + 1.0 / counts[:-1]))) / 0.455


def beside_a_day(counts: Array, start: int, end: int, bucket_minutes: float) -> float:
    """How much better the spell explains the counts than an ordinary day does, divided by the unrest that is left.

    Poisson regression (Nelder and Wedderburn 1972) on one harmonic of 24 hours, with and without the spell: a day rises
    and falls gently, a job begins at once. A series shorter than a day is compared with a constant rate.
    """
    length = len(counts)
    inside = np.zeros(length, dtype=bool)
    inside[start:end] = True
    columns = [np.ones(length)]
    if length * bucket_minutes >= _DAY_FROM:
        angle = np.arange(length) * bucket_minutes * 2 * np.pi / _DAY_MINUTES
        columns += [np.sin(angle), np.cos(angle)]
    day, both = np.stack(columns, axis=1), np.stack([*columns, inside.astype(float)], axis=1)
    without, fitted = _poisson_fit(day, counts), _poisson_fit(both, counts)
    llr = float(np.sum(xlog(counts, fitted) - fitted) - np.sum(xlog(counts, without) - without))
    return max(llr, 0.0) / dispersion(counts, fitted, fitted, inside, least=buckets_an_hour(bucket_minutes))


def _poisson_fit(design: Array, counts: Array) -> Array:
    """Fitted rates by iteratively reweighted least squares; a slight ridge keeps an empty spell finite."""
    eta = np.log(np.full(len(counts), max(float(counts.mean()), 1e-3)))
    ridge = np.eye(design.shape[1]) * 1e-3
    for _ in range(12):
        rate = np.exp(np.clip(eta, -12, 12))
        working = eta + (counts - rate) / np.maximum(rate, 1e-6)
        weighted = design * rate[:, None]
        eta = design @ np.linalg.solve(design.T @ weighted + ridge, weighted.T @ working)
    return np.asarray(np.exp(np.clip(eta, -12, 12)))


def dispersion(
    seen: Array,
    expected: Array,
    variance: Array,
    inside: npt.NDArray[np.bool_],
    *,
    size: Array | None = None,
    least: int = 1,
) -> float:
    """Over-dispersion around the two levels (1 = none): Pearson's statistic over blocks of neighbouring buckets of one
    level, each with `_BLOCK_EVENTS` expected events (of `size`, where the values are no counts) and `least` buckets.
    """
    weight = np.abs(expected) if size is None else size
    total, blocks = 0.0, 0
    gap, spread, held, buckets = 0.0, 0.0, 0.0, 0
    for at in range(len(seen)):
        if at and inside[at] != inside[at - 1]:
            gap = spread = held = 0.0  # a remainder too small to judge
            buckets = 0
        gap += float(seen[at] - expected[at])
        spread += float(variance[at])
        held += float(weight[at])
        buckets += 1
        if held >= _BLOCK_EVENTS and buckets >= least and spread > 0:
            total, blocks = total + gap * gap / spread, blocks + 1
            gap = spread = held = 0.0
            buckets = 0
    # Two levels were fitted: two blocks' worth of freedom is used up.
    phi = (total + _PRIOR_BLOCKS) / (max(blocks - 2, 0) + _PRIOR_BLOCKS)
    return float(np.clip(phi, 1.0, _MAX_DISPERSION))
