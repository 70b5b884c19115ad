"""Figures straight from the cycles: exact, one query for all metrics of an axis."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from django.db import connection

from metrics.definitions.metric import Kind, Metric
from metrics.reading.scope import Scope, columns, condition


@dataclass(frozen=True, slots=True)
class Figure:
    """`value` is the median of a duration (seconds), a share from 0 to 1, a mean or a sum; None of nothing. `n` cycles
    are of the metric's population (of a ratio: the lower part), `hits` of them the upper part; `anti` show the
    anti-pattern; `estimated` were read back from the helpdesk's history.
    """

    n: int
    value: float | None
    p90: float | None = None
    hits: float = 0
    anti: int = 0
    estimated: int = 0


NONE: Final = Figure(0, None)
Key = tuple[Any, ...]


def figures(metrics: Iterable[Metric], wanted: Scope, groups: Sequence[str] = ()) -> dict[str, dict[Key, Figure]]:
    """Metric -> key of the group (in the order of `groups`) -> figure; without groups the only key is (). Groups
    without any cycle are left out. One query for each axis. InvalidInput as `columns`.
    """
    found: dict[str, dict[Key, Figure]] = {}
    chosen = sorted(metrics, key=lambda one: one.axis)
    for axis, of_axis in groupby(chosen, key=lambda one: one.axis):
        here = list(of_axis)
        by, given = columns(groups, axis, wanted.zone)
        where, params = condition(wanted, axis)
        parts = [*by, *(part for metric in here for part in _parts(metric))]
        # By their places: the same expression with the same parameter is another one to the server.
        grouped = f" GROUP BY {', '.join(str(place + 1) for place in range(len(by)))}" if by else ""
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {', '.join(parts)} FROM metrics_cycle WHERE {where}{grouped}", [*given, *params])  # noqa: S608 -- definitions are our own text
            for row in cursor.fetchall():
                key, rest = tuple(row[: len(by)]), list(row[len(by) :])
                for metric in here:
                    taken, rest = rest[:_WIDTH], rest[_WIDTH:]
                    found.setdefault(metric.name, {})[key] = _figure(metric, taken)
    return found


_WIDTH: Final = 4


def _parts(metric: Metric) -> list[str]:
    """n, what the figure is made of, cycles with the anti-pattern, estimated ones."""
    filtered = f"FILTER (WHERE {metric.where})"
    anti = f"count(*) FILTER (WHERE ({metric.where}) AND ({metric.anti.where}))" if metric.anti else "0"
    estimated = f"count(*) FILTER (WHERE ({metric.where}) AND estimated)"
    n, first = f"count(*) {filtered}", "NULL"
    match metric.kind:
        case Kind.DURATION:
            n = f"count({metric.value}) {filtered}"
            first = f"percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY {metric.value}) {filtered}"
        case Kind.SHARE:
            first = f"count(*) FILTER (WHERE ({metric.where}) AND ({metric.hit}))"
        case Kind.RATIO:
            n = f"coalesce(sum({metric.over}) {filtered}, 0)"
            first = f"coalesce(sum({metric.value}) {filtered}, 0)"
        case Kind.MEAN | Kind.SUM:
            first = f"sum({metric.value}) {filtered}"
    return [n, first, anti, estimated]


def _figure(metric: Metric, row: Sequence[Any]) -> Figure:
    n, first, anti, estimated = int(row[0]), row[1], int(row[2]), int(row[3])
    match metric.kind:
        case Kind.DURATION:
            median, p90 = first or (None, None)
            return Figure(n, median, p90, 0, anti, estimated)
        case Kind.SHARE | Kind.RATIO:
            return Figure(n, first / n if n else None, None, first, anti, estimated)
        case Kind.MEAN:
            return Figure(n, float(first) / n if n else None, None, float(first or 0), anti, estimated)
        case _:
            return Figure(n, float(first or 0), None, float(first or 0), anti, estimated)


def only(found: Mapping[str, Mapping[Key, Figure]], name: str) -> Figure:
    """The figure of a metric that was read without groups."""
    return found.get(name, {}).get((), NONE)
