"""How well confidence keeps its word: calibration error, Brier score, reliability bins, and the fit of the map.

Sources: Brier 1950 (score), Guo et al. 2017 (expected calibration error with equal-width bins), Platt 1999 (the form of
the map), Wilson 1927 (intervals of the bins).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from investigations.diagnosis.calibration import Calibration
from investigations.diagnosis.likelihood import Array
from investigations.diagnosis.signals import wilson_interval

BINS: Final = 10
#: How strongly the fit holds on to "no change", in cases: with few cases little is changed.
PRIOR_CASES: Final = 8.0
#: And this many at each tenth of the range, right as often as was said: labelled cases are mostly the clear ones, and
#: what they tell must not lift a weak leader, of which they hold hardly any.
PRIOR_AT_EACH: Final = 8.0
_STEPS: Final = 60


@dataclass(frozen=True, slots=True)
class Case:
    """One labelled case: the raw probability of the leading candidate before map and caps, and whether it was right."""

    name: str
    share: float  # 0..1
    right: bool


@dataclass(frozen=True, slots=True)
class Bin:
    """Cases whose confidence lies in [low, high): mean confidence, share that was right with its 95 % interval."""

    low: float
    high: float
    n: int
    confidence: float
    right: float
    interval: tuple[float, float]


def brier(confidence: Sequence[float], right: Sequence[bool]) -> float:
    """Mean squared distance of confidence to what was right: 0 is perfect, 0.25 says nothing."""
    if not confidence:
        return 0.0
    return float(np.mean((np.asarray(confidence) - np.asarray(right, float)) ** 2))


def bins(confidence: Sequence[float], right: Sequence[bool]) -> list[Bin]:
    """The bins that hold cases, lowest first."""
    values, hits = np.asarray(confidence, float), np.asarray(right, float)
    found = []
    for index in range(BINS):
        low, high = index / BINS, (index + 1) / BINS
        inside = (values >= low) & ((values < high) | ((index == BINS - 1) & (values <= 1.0)))
        n = int(inside.sum())
        if n:
            share = float(hits[inside].mean())
            found.append(Bin(low, high, n, float(values[inside].mean()), share, wilson_interval(share * n, n)))
    return found


def expected_error(confidence: Sequence[float], right: Sequence[bool]) -> float:
    """Expected calibration error: mean distance of confidence and share of right cases, weighted by the bins' n."""
    total = len(confidence)
    return sum(item.n / total * abs(item.confidence - item.right) for item in bins(confidence, right)) if total else 0.0


def fit(cases: Sequence[Case], *, version: str = "") -> Calibration:
    """The map that makes the cases most likely, drawn towards "no change". Deterministic. ValueError without cases."""
    if not cases:
        raise ValueError("there are no cases to fit")
    tenths = np.linspace(0.1, 0.9, 9)
    x = _logit(np.concatenate([np.array([case.share for case in cases]), tenths]))
    y = np.concatenate([np.array([case.right for case in cases], float), tenths])
    n = np.concatenate([np.ones(len(cases)), np.full(len(tenths), PRIOR_AT_EACH)])
    theta, prior = np.array([1.0, 0.0]), np.array([1.0, 0.0])
    weight = PRIOR_CASES * np.diag([0.5, 0.25])
    design = np.stack([x, np.ones_like(x)], axis=1)
    for _ in range(_STEPS):  # Newton: two parameters, convex
        p = 1 / (1 + np.exp(-(design @ theta)))
        gradient = design.T @ (n * (p - y)) + weight @ (theta - prior)
        curvature = design.T @ (design * (n * p * (1 - p))[:, None]) + weight
        step = np.linalg.solve(curvature, gradient)
        theta = theta - np.clip(step, -1.0, 1.0)
        if float(np.abs(step).max()) < 1e-10:
            break
    slope = float(max(theta[0], 0.05))  # more evidence never means less confidence
    return Calibration(round(slope, 6), round(float(theta[1]), 6), version, len(cases))


def held_out(cases: Sequence[Case], *, folds: int = 5) -> list[float]:
    """Confidence of each case under a map fitted without its fold: what the map is worth on cases it has not seen."""
    ordered = sorted(range(len(cases)), key=lambda index: cases[index].name)
    told = [0.0] * len(cases)
    for fold in range(folds):
        test = ordered[fold::folds]
        train = [cases[index] for place, index in enumerate(ordered) if place % folds != fold]
        made = fit(train) if train else Calibration()
        for index in test:
            told[index] = made.apply(cases[index].share)
    return told


def _logit(p: Array) -> Array:
    clipped = np.clip(p, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(clipped / (1 - clipped)))


def diagram(before: Sequence[Bin], after: Sequence[Bin], *, title: str) -> str:
    """The reliability diagram as an SVG document: share right over confidence, the diagonal is a kept word."""
    size, pad = 360, 44

    def place(x: float, y: float) -> tuple[float, float]:
        return pad + x * size, pad + (1 - y) * size

    def dots(found: Sequence[Bin], colour: str, shift: float) -> list[str]:
        marks = []
        for item in found:
            x, y = place(item.confidence, item.right)
            low, high = place(0, item.interval[0])[1], place(0, item.interval[1])[1]
            marks += [
                f'<line x1="{x + shift:.1f}" y1="{low:.1f}" x2="{x + shift:.1f}" y2="{high:.1f}" stroke="{colour}"/>',
                f'<circle cx="{x + shift:.1f}" cy="{y:.1f}" r="{2 + min(6.0, item.n**0.5 / 2):.1f}" fill="{colour}"/>',
            ]
        return marks

    (x0, y0), (x1, y1) = place(0, 0), place(1, 1)
    grid = []
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        (gx, _), (_, gy) = place(tick, 0), place(0, tick)
        grid.append(f'<text x="{gx:.0f}" y="{y0 + 18:.0f}" text-anchor="middle">{tick:.0%}</text>')
        grid.append(f'<text x="{x0 - 8:.0f}" y="{gy + 4:.0f}" text-anchor="end">{tick:.0%}</text>')
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size + 2 * pad} {size + 2 * pad + 30}"'
            ' font-family="sans-serif" font-size="12" role="img">',
            f"<title>{title}</title>",
            f'<rect width="100%" height="100%" fill="#fff"/><text x="{pad}" y="22" font-size="14">{title}</text>',
            f'<rect x="{x0}" y="{y1}" width="{size}" height="{size}" fill="none" stroke="#999"/>',
            f'<line x1="{x0}" y1="{y0}" x2="{x1}" y2="{y1}" stroke="#999" stroke-dasharray="4 4"/>',
            *grid,
            *dots(before, "#c0a060", -2),
            *dots(after, "#1f6f5c", 2),
            f'<text x="{pad}" y="{size + 2 * pad + 8}" fill="#8a6d2f">before the map</text>',
            f'<text x="{pad + 120}" y="{size + 2 * pad + 8}" fill="#1f6f5c">after, on held-out cases</text>',
            f'<text x="{pad}" y="{size + 2 * pad + 24}">x: confidence, y: share right, bars: 95 % interval</text>',
            "</svg>\n",
        ]
    )
