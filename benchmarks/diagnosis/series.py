"""Change detection on real series: `python -m benchmarks.diagnosis.series --data SHARED/diagnosis`.

TCPD (Turing Change Point Dataset): change points marked by five people. F1 as van den Burg and Williams define it:
precision against the union of all marks, recall as the mean over people, the start of the series counted as a mark
everywhere, margin five values. NAB (Numenta Anomaly Benchmark): a window counts as found when a spell touches it, a
spell that touches none is false.

Beside ours: finding nothing, the best partition into constant levels at the price of BIC (what PELT computes, faster),
and for NAB three standard deviations from the mean.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.diagnosis.texts import read
from investigations.diagnosis.likelihood import Array
from investigations.diagnosis.seasons import unusual_spells
from investigations.diagnosis.segments import turns

MARGIN = 5
#: Series of NAB are averaged into buckets that divide a day, at most this many.
BUCKETS = 1000
WIDTHS = (300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder with tcpd.jsonl.gz and nab.jsonl.gz")
    parser.add_argument("--each", action="store_true", help="a line per series")
    arguments = parser.parse_args()
    changes(read(arguments.data / "tcpd.jsonl.gz"), each=arguments.each)
    anomalies(read(arguments.data / "nab.jsonl.gz"), each=arguments.each)


# ---------------------------------------------------------------------------------------------------------------- TCPD
def changes(series: Sequence[Mapping[str, Any]], *, each: bool) -> None:
    methods: dict[str, Callable[[Array], list[int]]] = {
        "nothing": lambda values: [],
        "levels, BIC": constant_levels,
        "altor": turns,
    }
    print(f"TCPD, {len(series)} series, margin {MARGIN}")
    print(f"  {'':<14} {'F1':>5} {'precision':>10} {'recall':>7} {'s':>6}")
    for name, method in methods.items():
        begun, scores = perf_counter(), []
        for item in series:
            values = filled(item["value"])
            found = method(values)
            scores.append(f1(item["annotations"], found))
            if each and name == "altor":
                print(f"  {item['id']:<22} {scores[-1][0]:.2f} found {found}")
        mean = np.mean(scores, axis=0)
        print(f"  {name:<14} {mean[0]:>5.3f} {mean[1]:>10.2f} {mean[2]:>7.2f} {perf_counter() - begun:>6.2f}")


def f1(annotations: Mapping[str, Sequence[int]], found: Iterable[int]) -> tuple[float, float, float]:
    """(F1, precision, recall) of one series."""
    marks = {person: {0, *points} for person, points in annotations.items()}
    ours = {0, *found}
    precision = matched(set().union(*marks.values()), ours) / len(ours)
    recall = float(np.mean([matched(points, ours) / len(points) for points in marks.values()]))
    return 2 * precision * recall / (precision + recall), precision, recall


def matched(truth: Iterable[int], found: Iterable[int]) -> int:
    """True points with a found one within the margin; each found point serves once."""
    left, hits = set(found), 0
    for point in sorted(truth):
        near = [(abs(point - other), other) for other in left if abs(point - other) <= MARGIN]
        if near:
            left.discard(min(near)[1])
            hits += 1
    return hits


def filled(values: Sequence[float | None]) -> Array:
    found = np.array([np.nan if value is None else value for value in values], dtype=float)
    known = np.isfinite(found)
    return np.interp(np.arange(len(found)), np.flatnonzero(known), found[known])


def constant_levels(values: Array) -> list[int]:
    """The exact best partition into constant levels, Gaussian noise of one variance, three parameters a level."""
    spread = float(values.std())
    if spread == 0:
        return []
    scaled = (values - values.mean()) / spread
    noise = max(float(np.median(np.diff(scaled) ** 2)) / 0.91, 1e-6)
    length, price = len(scaled), 3 * np.log(len(scaled))
    sums, squares = (np.concatenate([[0.0], np.cumsum(column)]) for column in (scaled, scaled**2))
    best, back = np.full(length + 1, np.inf), np.zeros(length + 1, dtype=int)
    best[0] = -price
    for end in range(2, length + 1):
        start = np.arange(end - 1)
        rest = squares[end] - squares[start] - (sums[end] - sums[start]) ** 2 / (end - start)
        costs = best[start] + np.maximum(rest, 0) / noise + price
        back[end] = int(np.argmin(costs))
        best[end] = costs[back[end]]
    found, end = [], int(back[length])
    while end > 0:
        found.append(end)
        end = int(back[end])
    return found[::-1]


# ----------------------------------------------------------------------------------------------------------------- NAB
def anomalies(series: Sequence[Mapping[str, Any]], *, each: bool) -> None:
    methods: dict[str, Callable[[Array, float], list[tuple[int, int]]]] = {
        "three sigma": three_sigma,
        "levels, BIC": lambda values, step: [(at, at + 1) for at in constant_levels(values)],
        "altor": lambda values, step: [(spell.start, spell.end) for spell in unusual_spells(values, step)],
    }
    windows = sum(len(item["anomaly_windows"]) for item in series)
    print(f"NAB, {len(series)} series, {windows} windows")
    print(f"  {'':<14} {'F1':>5} {'precision':>10} {'recall':>7} {'s':>6}")
    for name, method in methods.items():
        begun, right, false, hit = perf_counter(), 0, 0, 0
        for item in series:
            start, step, values = bucketed(item["unix"], item["value"])
            spells = [(start + a * step, start + b * step) for a, b in method(values, step)]
            known = [(instant(a), instant(b)) for a, b in item["anomaly_windows"]]
            touching = [any(a <= end and begin <= b for a, b in known) for begin, end in spells]
            found = sum(any(a <= end and begin <= b for begin, end in spells) for a, b in known)
            right, false, hit = right + sum(touching), false + len(touching) - sum(touching), hit + found
            if each and name == "altor":
                wrong = len(touching) - sum(touching)
                print(f"  {item['id']:<55} {found} of {len(known)} windows, {wrong} false")
        precision, recall = right / max(right + false, 1), hit / max(windows, 1)
        both = 2 * precision * recall / max(precision + recall, 1e-9)
        print(f"  {name:<14} {both:>5.3f} {precision:>10.2f} {recall:>7.2f} {perf_counter() - begun:>6.2f}")


def three_sigma(values: Array, step: float) -> list[tuple[int, int]]:
    outside = np.abs(values - values.mean()) > 3 * values.std()
    edges = np.flatnonzero(np.diff(np.concatenate([[False], outside, [False]]).astype(int)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def bucketed(unix: Sequence[float], values: Sequence[float]) -> tuple[float, float, Array]:
    """(start, step in seconds, means); a bucket without a value takes a straight line between its neighbours."""
    at = np.array(unix, dtype=float)
    raw, span = float(np.median(np.diff(at))), float(at[-1] - at[0])
    step = next((width for width in WIDTHS if width >= raw and span / width <= BUCKETS), WIDTHS[-1])
    start = at[0] - at[0] % step
    index = ((at - start) // step).astype(int)
    count = np.bincount(index)
    sums = np.bincount(index, np.array(values, dtype=float))
    known = np.flatnonzero(count)
    return start, float(step), np.interp(np.arange(len(count)), known, sums[known] / count[known])


def instant(value: float | str) -> float:
    if isinstance(value, int | float):
        return float(value)
    return datetime.fromisoformat(value).replace(tzinfo=UTC).timestamp()


if __name__ == "__main__":
    main()
