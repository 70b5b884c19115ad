"""When a spell began, from what was recorded around its beginning.

Given the levels before and inside the spell, each record says by its log-likelihood ratio whether it is rather inside
or before. With every moment equally likely beforehand, the moment of the beginning has a density that is constant
between two records (the posterior of a single change point with known levels, Hinkley 1970; Smith 1975). So a long
silence between the last success and the first failure is told as what it is: the beginning lies somewhere within.

A time that the ticket names makes the moments around it likelier beforehand. It decides where records are few; where
they are many it changes nothing, and a wrong one is outvoted by a handful of clear records.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from investigations.diagnosis.likelihood import Array

#: The moment that is stated is the middle of what lies within this many seconds of it more likely than anywhere else.
_REACH: Final = 600.0
_PLACES: Final = 60.0
#: Neighbouring moments of which this much of the most lies within reach are as good; the middle of them is stated.
_AS_GOOD: Final = 0.97
#: A bucket's records are placed one by one up to this many; more would say nothing more.
_MOST_PLACED: Final = 10
#: A share is known no better than this, however many records there were: some always stray.
_STRAY: Final = 0.002


#: How often a time that a ticket names is meant as the beginning, and how exact it is at best (seconds, one sigma).
_MEANT: Final = 0.8
_EXACT: Final = 600.0


@dataclass(frozen=True, slots=True)
class Claim:
    """When it began in the customer's words: seconds since the epoch, and within how many seconds that is meant."""

    at: float
    precision: float


@dataclass(frozen=True, slots=True)
class Beginning:
    """Seconds since the epoch: the stated moment, and the first and the last that are possible (95 %)."""

    at: float
    first: float
    last: float


@dataclass(frozen=True, slots=True)
class Points:
    """Moments (seconds since the epoch) and what each says: ln(likelihood inside / likelihood before)."""

    times: Array
    ratios: Array


def beginning(points: Points, opens: float, closes: float, claim: Claim | None = None) -> Beginning:
    """The beginning of a spell that lasts to `closes`, in a series that starts at `opens`."""
    inside = (points.times > opens) & (points.times < closes)
    minutes = np.arange(opens + _PLACES, closes, _PLACES)
    times = np.concatenate([points.times[inside], minutes])
    ratios = np.concatenate([points.ratios[inside], np.zeros(len(minutes))])
    order = np.argsort(times, kind="stable")
    edges = np.concatenate([[opens], times[order], [closes]])
    widths = np.diff(edges)
    # Begun between two records: those after it are inside, those before are not.
    support = np.append(np.cumsum(ratios[order][::-1])[::-1], 0.0)
    density = np.exp(support - support[widths > 0].max()) * _beforehand((edges[1:] + edges[:-1]) / 2, claim)
    below = np.concatenate([[0.0], np.cumsum(density * widths)])
    below /= below[-1]

    def share_below(moments: Array) -> Array:
        return np.asarray(np.interp(moments, edges, below), dtype=np.float64)

    def moment(share: float) -> float:
        return float(np.interp(share, below, edges))

    middles = np.arange(opens, closes + _PLACES, _PLACES)
    near = share_below(middles + _REACH) - share_below(middles - _REACH)
    best = int(np.argmax(near))
    low = high = best
    while low > 0 and near[low - 1] >= _AS_GOOD * near[best]:
        low -= 1
    while high + 1 < len(middles) and near[high + 1] >= _AS_GOOD * near[best]:
        high += 1
    held = share_below(np.array([middles[low] - _REACH, middles[high] + _REACH]))
    return Beginning(moment(float(held.mean())), moment(0.025), moment(0.975))


def _beforehand(moments: Array, claim: Claim | None) -> Array:
    """How likely each moment is before any record is looked at: all alike, or likelier around what the ticket says."""
    if claim is None:
        return np.ones(len(moments))
    sigma = max(_EXACT, claim.precision / 2)  # what is meant lies within two of them
    near = np.exp(-0.5 * ((moments - claim.at) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))
    alike = 1.0 / max(float(np.ptp(moments)), sigma)
    return np.asarray(_MEANT * near + (1.0 - _MEANT) * alike, dtype=np.float64)


def of_share(
    hits: Array, misses: Array, first_hits: Array, last_misses: Array, before: float, inside: float, grid: Places
) -> Points:
    """Points of a share. `first_hits` and `last_misses` are seconds since the epoch by bucket, NaN where unknown."""
    before, inside = (min(max(level, _STRAY), 1.0 - _STRAY) for level in (before, inside))
    placed = _placed(hits, first_hits, np.full(len(hits), np.nan), grid)
    missed = _placed(misses, np.full(len(misses), np.nan), last_misses, grid)
    hit, miss = np.log(inside / before), np.log((1.0 - inside) / (1.0 - before))
    return Points(
        np.concatenate([placed.times, missed.times]), np.concatenate([placed.ratios * hit, missed.ratios * miss])
    )


def of_level(n: Array, mean_log: Array, before: float, inside: float, variance: float, grid: Places) -> Points:
    """Points of a level: `before` and `inside` are means of ln(value), `variance` that of one record around them."""
    said = ((mean_log - before) ** 2 - (mean_log - inside) ** 2) / (2.0 * variance)
    # Durations have long tails: one very slow request says no more than twice what a typical one inside says.
    most = 2.0 * (inside - before) ** 2 / (2.0 * variance)
    said = np.clip(said, -most, most)
    placed = _placed(n, np.full(len(n), np.nan), np.full(len(n), np.nan), grid)
    return Points(placed.times, placed.ratios * said[placed.buckets])


def of_count(counts: Array, before: float, inside: float, grid: Places) -> Points:
    """Points of a rate, in records a bucket: what came, and the time in which nothing came."""
    least = 0.02
    before, inside = max(before, least), max(inside, least)
    unknown = np.full(len(counts), np.nan)
    came = _placed(counts, unknown, unknown, grid)
    passed = _placed(np.full(len(counts), float(_MOST_PLACED)), unknown, unknown, grid)
    return Points(
        np.concatenate([came.times, passed.times]),
        np.concatenate([came.ratios * np.log(inside / before), passed.ratios * (before - inside) / _MOST_PLACED]),
    )


@dataclass(frozen=True, slots=True)
class Places:
    """The buckets' grid: the first one's start and the width, in seconds."""

    first: float
    step: float


@dataclass(frozen=True, slots=True)
class _Placed:
    times: Array
    ratios: Array
    buckets: npt.NDArray[np.intp]


def _placed(counts: Array, first: Array, last: Array, grid: Places) -> _Placed:
    """Spreads each bucket's records evenly over it; from `first` on, or up to `last`, where that is known."""
    number = np.minimum(np.ceil(counts), _MOST_PLACED).astype(np.intp)
    buckets = np.repeat(np.arange(len(counts), dtype=np.intp), number)
    place = np.arange(len(buckets)) - np.repeat(np.cumsum(number) - number, number)
    start = grid.first + buckets * grid.step
    end = start + grid.step
    begin, close = first[buckets], last[buckets]
    many = number[buckets]
    evenly = start + (place + 0.5) * grid.step / many
    up_to_last = start + (place + 1) * (close - start) / many
    times = np.where(np.isfinite(close), up_to_last, evenly)
    times = np.where(np.isfinite(begin), begin + place * (end - begin) / many, times)
    return _Placed(times, counts[buckets] / many, buckets)
