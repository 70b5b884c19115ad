"""Measures of change over time: from the rows of an answer to what changed, by how much, since when."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from investigations.diagnosis import beginnings, signals
from investigations.diagnosis.beginnings import Beginning, Claim, Places, Points, beginning
from investigations.diagnosis.frames import Frame, Grid, Part, iso
from investigations.diagnosis.likelihood import Array, quotient
from investigations.diagnosis.signals import Change
from investigations.diagnosis.unrest import within_buckets
from investigations.playbooks.format import CountChange, LevelChange, ShareChange

Facts = dict[str, Any]

#: A series kept with evidence has at most this many points.
SERIES_POINTS = 48


def _thin(values: Array) -> list[float]:
    """At most SERIES_POINTS values, means of equal stretches, for sparklines."""
    if not len(values):
        return []
    begins = _begins(len(values))
    means = np.add.reduceat(values, begins) / np.diff(np.append(begins, len(values)))
    return [round(float(mean), 6) for mean in means]


def _begins(length: int) -> npt.NDArray[np.intp]:
    """Where each of the stretches begins that a series of this length is averaged into."""
    count = min(SERIES_POINTS, length)
    size, longer = divmod(length, count)
    sizes = np.full(count, size)
    sizes[:longer] += 1
    return np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.intp)


#: From this log-likelihood ratio on it is told when a change that is no certain one would have begun.
SUSPECTED_LLR = 3.0


def _change_facts(change: Change, grid: Grid, points: Callable[[Change], Points], claim: Claim | None) -> Facts:
    facts: Facts = {
        "current": change.current,
        "baseline": change.baseline,
        "ratio": change.ratio,
        "delta": change.delta,
        "n_current": change.n_current,
        "n_baseline": change.n_baseline,
        "significant": change.significant,
        "ongoing": change.ongoing,
        "llr": round(change.llr, 2),
        "bucket_minutes": grid.step / 60.0,
    }
    if change.start is not None and change.end is not None:
        began = _began(change, grid, points, claim)
        facts["onset"], facts["onset_from"], facts["onset_to"] = map(iso, (began.at, began.first, began.last))
        facts["minutes"] = (change.end - change.start) * grid.step / 60.0
        if not change.ongoing:
            facts["ended_at"] = iso(grid.at(change.end))
    elif change.suspected is not None and change.suspected.llr >= SUSPECTED_LLR:
        facts["suspected_onset"] = iso(_began(change.suspected, grid, points, claim).at)
    return facts


def _began(change: Change, grid: Grid, points: Callable[[Change], Points], claim: Claim | None) -> Beginning:
    said = points(change)
    end = grid.length if change.end is None else change.end
    return beginning(Points(said.times, said.ratios / change.unrest), grid.first, grid.at(end), claim)


#: A ticket's time and the beginning lie this far apart at most, beyond how exactly it is meant; people notice late.
NOTICED_S = 1800.0


def _expected(grid: Grid, claim: Claim | None) -> npt.NDArray[np.bool_] | None:
    """The buckets in which the ticket says that it began."""
    if claim is None:
        return None
    moments = grid.first + (np.arange(grid.length) + 0.5) * grid.step
    near: npt.NDArray[np.bool_] = np.abs(moments - claim.at) <= NOTICED_S + claim.precision
    return near


def _nothing_measured() -> Facts:
    """The facts of a series without one record: how many there were. Zero of zero is not 0 %, and silence from the
    first bucket to the last is not "as always", so everything else stays unknown.
    """
    return {"n": 0.0, "series": []}


def _with_groups(facts: Facts, groups: list[Facts]) -> Facts:
    """Adds groups[] (largest evidence first), top.*, and how many groups changed; a group without a record is none."""
    groups = [item for item in groups if "significant" in item]
    if not groups:
        return facts | {"groups": []}
    groups.sort(key=lambda item: (-int(item["significant"]), -item["llr"], item["key"]))
    changed = [item for item in groups if item["significant"]]
    facts["groups"] = groups[:40]
    facts["affected"] = float(len(changed))
    facts["unaffected"] = float(len(groups) - len(changed))
    facts["affected_keys"] = [item["key"] for item in changed]
    facts["top"] = groups[0]
    return facts


def share_change(measure: ShareChange, frame: Frame, claim: Claim | None = None) -> Facts:
    kept, grid = frame.select(measure.where), frame.grid(measure.time)
    facts = _one_share(measure, kept, grid, claim)
    if measure.group:
        parts = kept.groups(measure.group)
        facts = _with_groups(
            facts, [{"key": key, **_one_share(measure, part, grid, claim)} for key, part in parts.items()]
        )
    return facts


def _one_share(measure: ShareChange, part: Part, grid: Grid, claim: Claim | None) -> Facts:
    hits, total = (grid.sums(part, part.numbers(column)) for column in (measure.hits, measure.total))
    spans = grid.sums(part, part.numbers(measure.spans)) if measure.spans else total
    if not spans.sum() > 0:
        return _nothing_measured()
    change = signals.share_change(
        hits,
        total,
        spans,
        direction=measure.direction,
        min_n=measure.min_n,
        min_delta=measure.min_delta,
        min_ratio=measure.min_ratio,
        bucket_minutes=grid.step / 60.0,
        expected=_expected(grid, claim),
    )
    facts = _change_facts(change, grid, lambda spell: _points_of_share(measure, part, grid, spell), claim)
    start, end = change.start, change.end
    low, high = (start, end) if start is not None and end is not None else (grid.length * 3 // 4, grid.length)
    facts |= {
        "hits_now": float(hits[low:high].sum()),
        "total_now": float(total[low:high].sum()),
        "hits_before": float(hits.sum() - hits[low:high].sum()),
        "total_before": float(total.sum() - total[low:high].sum()),
        "n": float(spans.sum()),
        "overall": float(hits.sum() / total.sum()),
        "series": _thin(np.divide(hits, total, out=np.zeros_like(hits), where=total > 0)),
    }
    return facts


def _points_of_share(measure: ShareChange, part: Part, grid: Grid, spell: Change) -> Points:
    """What each bucket's records say of the beginning; of a bucket with hits and misses it counts when they came."""
    total = part.numbers(measure.total)
    share = quotient(part.numbers(measure.hits), total)
    spans = part.numbers(measure.spans) if measure.spans else total
    first_hits, last_misses = np.full(grid.length, np.nan), np.full(grid.length, np.nan)
    buckets = grid.buckets(part)
    if measure.first_hit:
        has = share > 0
        np.fmin.at(first_hits, buckets[has], part.times(measure.first_hit)[has])
    if measure.last_miss:
        has = (share < 1) & (total > 0)
        np.fmax.at(last_misses, buckets[has], part.times(measure.last_miss)[has])
    return beginnings.of_share(
        grid.sums(part, share * spans),
        grid.sums(part, (1.0 - share) * spans),
        first_hits,
        last_misses,
        spell.baseline,
        spell.current,
        Places(grid.first, grid.step),
    )


def level_change(measure: LevelChange, frame: Frame, claim: Claim | None = None) -> Facts:
    kept, grid = frame.select(measure.where), frame.grid(measure.time)
    if not measure.group:
        return _one_level(measure, kept, grid, kept.numbers(measure.mean_log), claim)
    # The whole: every group centred on its own mean, so that a shift of the mix is no change of level.
    base, parts = _mean_log(measure, kept), kept.groups(measure.group)
    centred = frame.numbers(measure.mean_log).copy()
    groups = []
    for key, part in parts.items():
        centred[part.at] += base - _mean_log(measure, part)
        groups.append({"key": key, **_one_level(measure, part, grid, part.numbers(measure.mean_log), claim)})
    return _with_groups(_one_level(measure, kept, grid, centred[kept.at], claim), groups)


def _mean_log(measure: LevelChange, part: Part) -> float:
    n = part.numbers(measure.n)
    total = float(n.sum())
    return float(n @ part.numbers(measure.mean_log)) / total if total else 0.0


def _one_level(measure: LevelChange, part: Part, grid: Grid, means: Array, claim: Claim | None) -> Facts:
    """`means` are of ln(value), one a row."""
    counts, spreads = part.numbers(measure.n), part.numbers(measure.var_log)
    n, first, second = (
        grid.sums(part, values) for values in (counts, counts * means, counts * (spreads + means * means))
    )
    weight = float((part.numbers(measure.weight) if measure.weight else counts).sum())
    if not n.sum() > 0:
        return _nothing_measured() | {"weight": 0.0}
    mean_log = np.divide(first, n, out=np.zeros_like(n), where=n > 0)
    var_log = np.maximum(np.divide(second, n, out=np.zeros_like(n), where=n > 0) - mean_log**2, 0.0)
    change = signals.level_change(
        n,
        mean_log,
        var_log,
        direction=measure.direction,
        min_n=measure.min_n,
        min_ratio=measure.min_ratio,
        bucket_minutes=grid.step / 60.0,
        expected=_expected(grid, claim),
    )

    def points(spell: Change) -> Points:
        before, inside = np.log(spell.baseline), np.log(spell.current)
        variance = max(within_buckets(n, mean_log, var_log), 1e-4)
        return beginnings.of_level(n, mean_log, before, inside, variance, Places(grid.first, grid.step))

    facts = _change_facts(change, grid, points, claim)
    begins = _begins(len(n))
    known = np.add.reduceat((n > 0).astype(float), begins)
    sums = np.add.reduceat(np.where(n > 0, np.exp(mean_log), 0.0), begins)
    series = [round(float(total / held), 4) for total, held in zip(sums, known, strict=True) if held]
    return facts | {"n": float(n.sum()), "weight": weight, "series": series}


def count_change(measure: CountChange, frame: Frame, claim: Claim | None = None) -> Facts:
    kept, grid = frame.select(measure.where), frame.grid(measure.time)
    facts = _one_count(measure, kept, grid, claim)
    if measure.group:
        parts = kept.groups(measure.group)
        facts = _with_groups(
            facts, [{"key": key, **_one_count(measure, part, grid, claim)} for key, part in parts.items()]
        )
    return facts


def _one_count(measure: CountChange, part: Part, grid: Grid, claim: Claim | None) -> Facts:
    count = grid.sums(part, part.numbers(measure.count))
    spans = grid.sums(part, part.numbers(measure.spans)) if measure.spans else count
    if not spans.sum() > 0:
        return _nothing_measured() | {"total": 0.0}
    change = signals.count_change(
        count,
        spans,
        bucket_minutes=grid.step / 60.0,
        direction=measure.direction,
        min_n=measure.min_n,
        min_ratio=measure.min_ratio,
    )

    def points(spell: Change) -> Points:
        # The scatter is that of records, not of the events they stand for.
        scale = float(spans.sum()) / max(float(count.sum()), 1e-9) * grid.step / 60.0
        before, inside = spell.baseline * scale, spell.current * scale
        return beginnings.of_count(spans, before, inside, Places(grid.first, grid.step))

    return _change_facts(change, grid, points, claim) | {
        "n": float(spans.sum()),
        "total": float(count.sum()),
        "series": _thin(count / (grid.step / 60.0)),
    }
