"""Where a long series turned: changes of its level, its slope or its scatter, as many as there are.

Optimal partitioning (Jackson and others 2005; exact, like PELT without the pruning) of a series into stretches, each
with a straight line and a scatter of its own, at the price of the modified Bayesian information criterion (Zhang and
Siegmund 2007): the logarithm of the length for each of its three parameters (level, slope, scatter), and twice for
where it begins. Neighbouring values of real series resemble each other, so that a series holds less news than it has
values: the price is multiplied by (1 + r) / (1 - r), r being the correlation of neighbouring residuals (the variance
inflation of a first-order autoregression).

This answers "what happened before?" on days of history. Whether something is wrong now, against whom, is asked of
`signals`, which knows how much each value is worth.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np

from investigations.diagnosis.likelihood import Array

#: Values a stretch has at least: two less would fit a line and a scatter to anything.
LEAST: Final = 5
#: Longer series are averaged down to this many values; the work grows with the square.
MOST: Final = 1200
_PARAMETERS: Final = 5
#: A first cut, dear, from which the correlation of neighbours is measured: what is left of a missed turn inflates it.
_FIRST_PARAMETERS: Final = 6
_MOST_CORRELATED: Final = 0.6
#: Scatter below this share of the whole series' spread is not told apart: a turn that nobody would see is none.
_FINEST: Final = 0.05


def turns(values: Array) -> list[int]:
    """Indices at which a new stretch begins, ascending; [] for a series that never turned, is constant, or is shorter
    than two stretches. A turn of a thinned series is known to the width of its averages.
    """
    width = max(1, -(-len(values) // MOST))
    kept = len(values) // width * width
    series = np.asarray(values[:kept], dtype=float).reshape(-1, width).mean(axis=1)
    spread = float(series.std()) if series.size else 0.0
    if series.size < 2 * LEAST or spread <= 0:
        return []
    scaled = (series - series.mean()) / spread
    price = float(np.log(scaled.size))
    left = _residuals(scaled, _partition(scaled, _FIRST_PARAMETERS * price))
    correlated = float(left[1:] @ left[:-1]) / max(float(left @ left), 1e-12)
    correlated = min(max(correlated, 0.0), _MOST_CORRELATED)
    found = _partition(scaled, _PARAMETERS * price * (1 + correlated) / (1 - correlated))
    return [index * width for index in found]


def _partition(values: Array, price: float) -> list[int]:
    """The cheapest partition: minus twice the log-likelihood of each stretch's line, and `price` for each stretch."""
    length = len(values)
    at = np.arange(length) / length
    n, t, tt, y, ty, yy = (
        np.concatenate([[0.0], np.cumsum(column)])
        for column in (np.ones(length), at, at * at, values, at * values, values * values)
    )
    best, back = np.full(length + 1, np.inf), np.zeros(length + 1, dtype=int)
    best[0] = -price
    for end in range(LEAST, length + 1):
        start = np.arange(end - LEAST + 1)
        size = n[end] - n[start]
        mean_t, mean_y = (t[end] - t[start]) / size, (y[end] - y[start]) / size
        across = np.maximum(tt[end] - tt[start] - size * mean_t**2, 1e-12)
        along = ty[end] - ty[start] - size * mean_t * mean_y
        rest = yy[end] - yy[start] - size * mean_y**2 - along**2 / across
        costs = best[start] + size * np.log(np.maximum(rest / size, _FINEST**2)) + price
        cheapest = int(np.argmin(costs))
        best[end], back[end] = costs[cheapest], cheapest
    found = []
    end = int(back[length])
    while end > 0:
        found.append(end)
        end = int(back[end])
    return found[::-1]


def _residuals(values: Array, begins: list[int]) -> Array:
    left = np.empty_like(values)
    edges = [0, *begins, len(values)]
    for start, end in pairwise(edges):
        line = np.polynomial.Polynomial.fit(np.arange(end - start), values[start:end], 1)
        left[start:end] = values[start:end] - line(np.arange(end - start))
    return left
