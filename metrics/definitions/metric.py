"""What a metric is made of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How its figure comes about, of the cycles of its population."""

    DURATION = "duration"  # median and 90th percentile of a column of seconds, interpolated (percentile_cont)
    SHARE = "share"  # cycles that hit, of all
    RATIO = "ratio"  # one column's sum, of another's
    MEAN = "mean"  # of a column
    SUM = "sum"


class Axis(StrEnum):
    """By which week a cycle is counted."""

    CLOSED = "closed"
    BEGUN = "begun"


class Good(StrEnum):
    DOWN = "down"
    UP = "up"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class AntiPattern:
    """How the metric is made to look better without being better: counted beside it, and opens its tickets."""

    name: str
    title: str
    text: str
    where: str  # condition on a cycle of the metric's population


@dataclass(frozen=True, slots=True)
class Metric:
    """`value`, `over`, `hit` and `where` are conditions and columns of a cycle that PostgreSQL and ClickHouse read
    alike. A metric that changes its meaning gets the next `version`; figures of two versions are never compared.
    """

    name: str
    title: str
    kind: Kind
    unit: str  # "s", "share", "points", "count"
    good: Good
    formula: str
    population: str
    exclusions: str
    clock: str  # "open hours of the team", "calendar", "none"
    source: str  # of the definition
    example: str  # a worked one
    where: str = "true"
    value: str = ""  # of a duration, mean or sum; the upper part of a ratio
    over: str = ""  # the lower part of a ratio
    hit: str = ""  # of a share
    axis: Axis = Axis.CLOSED
    anti: AntiPattern | None = None
    front: int = 0  # its place on the first screen; 0: behind "more"
    version: int = 1
    #: Days for which a closing counts as provisional: until then it may still change.
    settles_days: int = 0
