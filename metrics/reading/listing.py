"""The tickets behind a figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db import connection

from metrics.definitions.metric import Kind, Metric
from metrics.models import Cycle
from metrics.reading.scope import Scope, condition

PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Line:
    """`value` is what the cycle adds to the figure: seconds, a score, a number; `hit` of a share."""

    cycle: Cycle
    value: float | None
    hit: bool


@dataclass(frozen=True, slots=True)
class Lines:
    lines: tuple[Line, ...]
    total: int
    page: int

    @property
    def last(self) -> int:
        return max(1, -(-self.total // PAGE))


def lines(metric: Metric, wanted: Scope, *, only: str = "", page: int = 1, size: int = PAGE) -> Lines:
    """The cycles of a metric's population, the longest (of a share: those that hit) first. `only` is "hit" or "miss" of
    a share, or "anti" for those with the anti-pattern. Three queries.
    """
    where, params = condition(wanted, metric.axis)
    value, hit = "NULL::float", "false"
    population = f"({metric.where})"
    match metric.kind:
        case Kind.SHARE:
            hit = f"coalesce({metric.hit}, false)"
        case Kind.RATIO:
            value, hit = f"({metric.value})::float", f"({metric.value}) >= ({metric.over})"
            population += f" AND ({metric.over}) > 0"
        case _:
            value = f"({metric.value})::float"
            population += f" AND ({metric.value}) IS NOT NULL"
    if only in ("hit", "miss"):
        population += f" AND {'' if only == 'hit' else 'NOT '}({hit})"
    elif only == "anti" and metric.anti is not None:
        population += f" AND ({metric.anti.where})"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM metrics_cycle WHERE {where} AND {population}", params)  # noqa: S608
        total = int(cursor.fetchone()[0])
        page = max(1, min(page, -(-total // size) or 1))
        order = "3 DESC, 2 DESC NULLS LAST, coalesce(closed_at, begun_at) DESC, id DESC"
        cursor.execute(
            f"SELECT id, {value}, {hit} FROM metrics_cycle WHERE {where} AND {population} "  # noqa: S608
            f"ORDER BY {order} LIMIT %s OFFSET %s",
            [*params, size, (page - 1) * size],
        )
        found = cursor.fetchall()
    cycles = Cycle.objects.select_related("ticket", "team").in_bulk([pk for pk, *_ in found])
    told = tuple(Line(cycles[pk], amount, bool(hits)) for pk, amount, hits in found if pk in cycles)
    return Lines(told, total, page)
