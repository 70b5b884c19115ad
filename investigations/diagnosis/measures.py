"""From rows to facts: applies a playbook's measure to what a query returned. Changes over time are in `changes`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from investigations.diagnosis.frames import Row, is_same, iso, seconds
from investigations.playbooks.format import Affected, Compare, Table, Usage

Facts = dict[str, Any]


def select(rows: Sequence[Row], where: Mapping[str, Any]) -> list[Row]:
    """Rows whose columns equal `where`; 1/0 and true/false are the same."""
    return [row for row in rows if all(is_same(row.get(key), want) for key, want in where.items())]


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
