"""What the period before would have been with this period's classes: a team does not get faster because easy tickets
came.

Direct standardisation (as of death rates): each class counts as often as it did now. Of a duration it is the weighted
median: every ticket of before has the weight of its class, n now / n before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.db import connection

from metrics.definitions.metric import Kind, Metric
from metrics.reading.figures import Figure, Key
from metrics.reading.scope import Scope, condition

#: Of this period's tickets, those whose class occurred before too. Below it would be another population.
COVERED: Final = 0.8


def at_mix(metric: Metric, now: Mapping[Key, Figure], before: Mapping[Key, Figure], former: Scope) -> float | None:
    """The figure of the period `former` at the mix of now. `now` and `before` are the metric's figures by class. None
    where too few of today's tickets are of a class that occurred then. One query for a duration.
    """
    both = [key for key, figure in now.items() if figure.n and key in before and before[key].n]
    total = sum(figure.n for figure in now.values())
    known = sum(now[key].n for key in both)
    if not total or known < COVERED * total:
        return None
    if metric.kind is Kind.DURATION:
        return _median(metric, {str(key[0]): now[key].n / before[key].n for key in both}, former)
    return sum(now[key].n * (before[key].value or 0.0) for key in both) / known


def _median(metric: Metric, weights: Mapping[str, float], former: Scope) -> float | None:
    """The lowest value up to which lies half of the weight."""
    where, params = condition(former, metric.axis)
    names = list(weights)
    statement = f"""
        WITH mix AS (SELECT * FROM unnest(%s::text[], %s::float[]) AS mix (incident_class, weight)),
        ordered AS (
          SELECT {metric.value} AS value, sum(weight) OVER (ORDER BY {metric.value}) AS upto,
            sum(weight) OVER () AS total
          FROM metrics_cycle JOIN mix USING (incident_class)
          WHERE {where} AND ({metric.where}) AND {metric.value} IS NOT NULL)
        SELECT min(value) FROM ordered WHERE upto >= total / 2"""  # noqa: S608 -- definitions are our own text
    given: list[Any] = [names, [weights[name] for name in names], *params]
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        (value,) = cursor.fetchone()
    return float(value) if value is not None else None
