"""From rows to facts: applies a playbook's measure to what a query returned."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from investigations.diagnosis import beginnings, signals
from investigations.diagnosis.beginnings import Beginning, Claim, Places, Points, beginning
from investigations.diagnosis.likelihood import Array
from investigations.diagnosis.signals import Change
from investigations.diagnosis.unrest import within_buckets
from investigations.playbooks.format import Affected, Compare, CountChange, LevelChange, ShareChange, Table, Usage

Row = Mapping[str, Any]
Facts = dict[str, Any]

#: A series kept with evidence has at most this many points.
SERIES_POINTS = 48


def select(rows: Sequence[Row], where: Mapping[str, Any]) -> list[Row]:
    """Rows whose columns equal `where`; 1/0 and true/false are the same."""

    def same(have: Any, want: Any) -> bool:
        if isinstance(want, bool) or isinstance(have, bool):
            return bool(have) == bool(want)
        if isinstance(want, int | float) and not isinstance(have, str):
            return have is not None and float(have) == float(want)
        return str(have) == str(want)

    return [row for row in rows if all(same(row.get(key), want) for key, want in where.items())]


def seconds(value: Any) -> float:
    """Time of a row (ISO text, datetime, or number of seconds) as seconds since the epoch."""
    if isinstance(value, int | float):
        return float(value)
    at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).replace(" ", "T"))
    return (at.replace(tzinfo=UTC) if at.tzinfo is None else at).timestamp()


def iso(value: float) -> str:
    return datetime.fromtimestamp(value, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


class Grid:
    """The regular time grid of a series: its buckets from the first to the last row, whatever is missing between."""

    def __init__(self, rows: Sequence[Row], column: str) -> None:
        # A bucket's time comes back with every group: each is read once.
        read = {value: seconds(value) for value in {row[column] for row in rows}}
        times = np.unique(list(read.values())) if read else np.array([])
        steps = np.diff(times)
        self.step = float(steps.min()) if steps.size else 300.0
        self.first = float(times[0]) if times.size else 0.0
        self.length = round((float(times[-1]) - self.first) / self.step) + 1 if times.size else 0
        self.column = column
        self._places = {value: round((moment - self.first) / self.step) for value, moment in read.items()}

    def index(self, row: Row) -> int:
        return self._places[row[self.column]]

    def fill(self, rows: Sequence[Row], column: str) -> Array:
        values = np.zeros(self.length)
        if rows:
            found = np.array([row.get(column) or 0.0 for row in rows], dtype=float)
            np.add.at(values, [self.index(row) for row in rows], found)
        return values

    def at(self, index: int) -> float:
        return self.first + index * self.step


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


def _nothing_measured() -> Facts:
    """The facts of a series without one record: how many there were. Zero of zero is not 0 %, and silence from the
    first bucket to the last is not "as always", so everything else stays unknown.
    """
    return {"n": 0.0, "series": []}


def _grouped(rows: Sequence[Row], group: str) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(str(row.get(group, "")), []).append(row)
    return groups


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


def share_change(measure: ShareChange, rows: Sequence[Row], claim: Claim | None = None) -> Facts:
    kept = select(rows, measure.where)
    grid = Grid(rows, measure.time)  # of all rows: silence at the end belongs to the series
    facts = _one_share(measure, kept, grid, claim)
    if measure.group:
        groups = [
            {"key": key, **_one_share(measure, part, grid, claim)}
            for key, part in _grouped(kept, measure.group).items()
        ]
        facts = _with_groups(facts, groups)
    return facts


def _one_share(measure: ShareChange, rows: Sequence[Row], grid: Grid, claim: Claim | None) -> Facts:
    hits, total = grid.fill(rows, measure.hits), grid.fill(rows, measure.total)
    spans = grid.fill(rows, measure.spans) if measure.spans else total
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
    )
    facts = _change_facts(change, grid, lambda spell: _points_of_share(measure, rows, grid, spell), claim)
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


def _points_of_share(measure: ShareChange, rows: Sequence[Row], grid: Grid, change: Change) -> Points:
    """What each bucket's records say of the beginning; of a bucket with hits and misses it counts when they came."""
    hits, misses = np.zeros(grid.length), np.zeros(grid.length)
    first_hits, last_misses = np.full(grid.length, np.nan), np.full(grid.length, np.nan)
    for row in rows:
        at, total = grid.index(row), float(row[measure.total] or 0.0)
        share = float(row[measure.hits] or 0.0) / total if total > 0 else 0.0
        spans = float(row[measure.spans] or 0.0) if measure.spans else total
        hits[at] += share * spans
        misses[at] += (1.0 - share) * spans
        if share > 0 and measure.first_hit and row.get(measure.first_hit):
            first_hits[at] = np.fmin(first_hits[at], seconds(row[measure.first_hit]))
        if share < 1 and total > 0 and measure.last_miss and row.get(measure.last_miss):
            last_misses[at] = np.fmax(last_misses[at], seconds(row[measure.last_miss]))
    places = Places(grid.first, grid.step)
    return beginnings.of_share(hits, misses, first_hits, last_misses, change.baseline, change.current, places)


def level_change(measure: LevelChange, rows: Sequence[Row], claim: Claim | None = None) -> Facts:
    kept = select(rows, measure.where)
    grid = Grid(rows, measure.time)  # of all rows: silence at the end belongs to the series
    if not measure.group:
        return _one_level(measure, kept, grid, claim)
    parts = _grouped(kept, measure.group)
    # The whole: every group centred on its own mean, so that a shift of the mix is no change of level.
    centred: list[Row] = []
    groups = []
    base = _mean_log(measure, kept)
    for key, part in parts.items():
        own = _mean_log(measure, part)
        centred += [{**row, measure.mean_log: float(row[measure.mean_log] or 0.0) - own + base} for row in part]
        groups.append({"key": key, **_one_level(measure, part, grid, claim)})
    return _with_groups(_one_level(measure, centred, grid, claim), groups)


def _mean_log(measure: LevelChange, rows: Sequence[Row]) -> float:
    total = sum(float(row[measure.n]) for row in rows)
    # A bucket without a record has no mean.
    return sum(float(row[measure.n]) * float(row[measure.mean_log] or 0.0) for row in rows) / total if total else 0.0


def _one_level(measure: LevelChange, rows: Sequence[Row], grid: Grid, claim: Claim | None) -> Facts:
    n, first, second, weight = (np.zeros(grid.length) for _ in range(4))
    if rows:
        at = np.array([grid.index(row) for row in rows])
        counts, means, spreads = (
            np.array([row[column] or 0.0 for row in rows], dtype=float)
            for column in (measure.n, measure.mean_log, measure.var_log)
        )
        np.add.at(n, at, counts)
        np.add.at(first, at, counts * means)
        np.add.at(second, at, counts * (spreads + means * means))
        weights = np.array([row.get(measure.weight) or 0.0 for row in rows], dtype=float) if measure.weight else counts
        np.add.at(weight, at, weights)
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
    return facts | {"n": float(n.sum()), "weight": float(weight.sum()), "series": series}


def count_change(measure: CountChange, rows: Sequence[Row], claim: Claim | None = None) -> Facts:
    kept = select(rows, measure.where)
    grid = Grid(rows, measure.time)  # of all rows: silence at the end belongs to the series
    facts = _one_count(measure, kept, grid, claim)
    if measure.group:
        facts = _with_groups(
            facts,
            [
                {"key": key, **_one_count(measure, part, grid, claim)}
                for key, part in _grouped(kept, measure.group).items()
            ],
        )
    return facts


def _one_count(measure: CountChange, rows: Sequence[Row], grid: Grid, claim: Claim | None) -> Facts:
    count = grid.fill(rows, measure.count)
    spans = grid.fill(rows, measure.spans) if measure.spans else count
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
        return beginnings.of_count(
            spans, change.baseline * scale, change.current * scale, Places(grid.first, grid.step)
        )

    return _change_facts(change, grid, points, claim) | {
        "n": float(spans.sum()),
        "total": float(count.sum()),
        "series": _thin(count / (grid.step / 60.0)),
    }


def compare(measure: Compare, rows: Sequence[Row]) -> Facts:
    """Before and after per group; see `Compare` in the format for the facts."""
    groups = [_one_group(measure, row) for row in select(rows, measure.where)]
    kept = [item for item in groups if item["n_after"] >= measure.min_n or item["n_before"] >= measure.min_n]
    sign = 1.0 if measure.direction == "up" else -1.0
    kept.sort(key=lambda item: (-sign * item["excess"], item["key"]))
    excess = sum(max(0.0, sign * item["excess"]) for item in kept)
    shown = [item for item in kept if item["shows"]]
    total_after = sum(item["n_after"] for item in kept)
    for item in kept:
        item["excess_share"] = max(0.0, sign * item["excess"]) / excess if excess > 0 else 0.0
        item["traffic_share"] = item["n_after"] / total_after if total_after else 0.0
    facts: Facts = {
        "groups": kept[:40],
        "count": float(len(kept)),
        "spread": float(len(shown)),
        "shown_keys": [item["key"] for item in shown],
        "spread_share": len(shown) / len(kept) if kept else 0.0,
        "shown_traffic": sum(item["traffic_share"] for item in shown),
    }
    if kept:
        facts["top"] = kept[0]
        others = kept[1:]
        if others:
            facts["others"] = _pool(measure, others)
    return facts


def _one_group(measure: Compare, row: Row) -> Facts:
    n_before, n_after = float(row[measure.n_before] or 0), float(row[measure.n_after] or 0)
    item: Facts = {"key": str(row.get(measure.group, "")), "n_before": n_before, "n_after": n_after}
    if measure.hits_after:
        hits_before, hits_after = float(row[measure.hits_before] or 0), float(row[measure.hits_after] or 0)
        item |= {"hits_before": hits_before, "hits_after": hits_after}
        item["before"] = hits_before / n_before if n_before else 0.0
        item["after"] = hits_after / n_after if n_after else 0.0
        item["excess"] = hits_after - item["before"] * n_after
    elif measure.value_after:
        item["before"], item["after"] = float(row[measure.value_before] or 0), float(row[measure.value_after] or 0)
        item["excess"] = (item["after"] - item["before"]) * n_after if n_before > 0 and n_after > 0 else 0.0
    else:
        item["before"], item["after"] = n_before, n_after
        item["excess"] = n_after - n_before
    before, after = item["before"], item["after"]
    item["ratio"] = after / before if before > 0 else (999.0 if after > 0 else 1.0)
    item["delta"] = after - before
    enough = (float(row[measure.spans_after] or 0) if measure.spans_after else n_after) >= measure.min_n
    if measure.direction == "up":
        moved = item["ratio"] >= measure.min_ratio and item["delta"] >= measure.min_delta
    else:
        moved = item["ratio"] <= 1 / measure.min_ratio and -item["delta"] >= measure.min_delta
    item["shows"] = bool(moved and enough and (n_before > 0 or not measure.value_after))
    known = {
        measure.group,
        measure.n_before,
        measure.n_after,
        measure.hits_before,
        measure.hits_after,
        measure.value_before,
        measure.value_after,
    }
    return item | {key: value for key, value in row.items() if key not in known and key not in item}


def _pool(measure: Compare, items: Sequence[Facts]) -> Facts:
    """The groups beside the top one, taken together (weighted by their traffic)."""
    n_before, n_after = sum(item["n_before"] for item in items), sum(item["n_after"] for item in items)
    if measure.hits_after or measure.value_after:
        before = sum(item["before"] * item["n_before"] for item in items) / n_before if n_before else 0.0
        after = sum(item["after"] * item["n_after"] for item in items) / n_after if n_after else 0.0
    else:
        before, after = n_before, n_after
    return {
        "before": before,
        "after": after,
        "ratio": after / before if before > 0 else (999.0 if after > 0 else 1.0),
        "delta": after - before,
        "n_before": n_before,
        "n_after": n_after,
        "shown": float(sum(1 for item in items if item["shows"])),
        "count": float(len(items)),
    }


def table(measure: Table, rows: Sequence[Row]) -> Facts:
    kept = select(rows, measure.where)
    facts: Facts = {"rows": [dict(row) for row in kept[: measure.limit]], "count": float(len(kept))}
    if kept:
        facts["first"] = dict(kept[0])
        facts["last"] = dict(kept[-1])
    return facts


def affected(measure: Affected, rows: Sequence[Row]) -> Facts:
    """The customers as the query chose and ordered them; `count` is its own count of all."""
    kept = [row for row in select(rows, measure.where) if row.get(measure.tenant)]
    customers: list[Facts] = [
        {
            "key": str(row[measure.tenant]),
            "value": float(row[measure.value] or 0),
            "before": None if row[measure.before] is None else float(row[measure.before]),
            "n": float(row[measure.n] or 0),
        }
        for row in kept
    ]
    count = float(kept[0][measure.count] or 0) if kept else 0.0
    return {"customers": customers, "shown": float(len(kept)), "count": max(count, float(len(kept)))}


def _part_of_first_day(over: Sequence[Facts]) -> float:
    """Which part of its first day the wrong count filled, 0 to 1: by how much less that day is over than later ones,
    requests coming evenly. All of it where nothing later tells, or where the difference is within ordinary scatter.
    """
    later = [day["ratio"] - 1 for day in over[1:]]
    if not later or over[0]["served"] <= 0:
        return 1.0
    part = (over[0]["ratio"] - 1) / max(float(np.median(later)), 1e-9)
    return part if part < 0.9 else 1.0


def usage(measure: Usage, rows: Sequence[Row]) -> Facts:
    """Metered against served per day: since which day the meter counts more than was served, and how much more."""
    kept = sorted(select(rows, measure.where), key=lambda row: str(row[measure.day]))
    days: list[Facts] = []
    for row in kept:
        served_day, metered_day = float(row[measure.served] or 0), float(row[measure.metered] or 0)
        ratio = metered_day / served_day if served_day else 1.0
        days.append({"day": str(row[measure.day]), "served": served_day, "metered": metered_day, "ratio": ratio})
    over = [day for day in days if day["ratio"] >= measure.min_ratio]
    served, metered = sum(day["served"] for day in days), sum(day["metered"] for day in days)
    facts: Facts = {
        "days": days,
        "count": float(len(days)),
        "served": served,
        "metered": metered,
        "excess": metered - served,
        "ratio": metered / served if served else 1.0,
        "over_days": float(len(over)),
    }
    if over:
        facts["onset_day"] = over[0]["day"]
        facts["onset_at"] = iso(seconds(over[0]["day"]) + 86_400 * (1 - _part_of_first_day(over)))
        facts["over_excess"] = sum(day["metered"] - day["served"] for day in over)
        facts["over_ratio"] = sum(day["metered"] for day in over) / max(sum(day["served"] for day in over), 1e-9)
    return facts
