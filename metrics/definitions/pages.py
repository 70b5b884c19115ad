"""The reference page of the metrics, made from their catalogue."""

from __future__ import annotations

from typing import Final

from metrics.definitions.catalogue import METRICS
from metrics.definitions.metric import Axis, Good, Kind, Metric
from metrics.phases import lanes

_KINDS: Final = {
    Kind.DURATION: "median and 90th percentile",
    Kind.SHARE: "share",
    Kind.RATIO: "share",
    Kind.MEAN: "mean",
    Kind.SUM: "sum",
}
_GOOD: Final = {Good.DOWN: "lower is better", Good.UP: "higher is better", Good.NEITHER: "neither is better"}
_AXES: Final = {Axis.CLOSED: "the closing", Axis.BEGUN: "the beginning"}
_HEAD: Final = """# Metrics

What each figure of *Metrics*, of `GET /api/v1/metrics/` and of the CSV files means; the same words stand beside it on
the page. How they come about: [from events to figures](../explanation/metrics.md).

A **cycle** is a ticket's life from its beginning, or from a reopening, to the next closing: what is counted.
Percentiles lie between values where they must (`percentile_cont`). Weeks begin on Monday, in the time zone of the
ticket's team. A figure of fewer than five is said to be of few. A metric that changes its meaning gets another version;
figures of two versions are not comparable.
"""


def pages() -> dict[str, str]:
    told = (lanes.__doc__ or "").splitlines()[2:]
    phases = "## Lanes\n\n" + "\n".join(told).strip() + "\n"
    return {"metrics.md": "\n".join([_HEAD, phases, *(_section(metric) for metric in METRICS.values())])}


def _section(metric: Metric) -> str:
    rows = {
        "formula": metric.formula, "counted": metric.population, "left out": metric.exclusions, "clock": metric.clock,
        "example": metric.example, "source": metric.source,
    }  # fmt: skip
    settles = f" It may change for {metric.settles_days} days." if metric.settles_days else ""
    told = [
        f"## `{metric.name}`",
        f"**{metric.title}**, {_KINDS[metric.kind]}; {_GOOD[metric.good]}. By the week of {_AXES[metric.axis]}."
        f"{settles} Version {metric.version}.",
        "| | |\n| --- | --- |\n" + "\n".join(f"| {name} | {text} |" for name, text in rows.items()),
    ]
    if metric.anti is not None:
        told.append(f"Beside it: **{metric.anti.title}**. {metric.anti.text}")
    return "\n\n".join(told) + "\n"
