"""How figures of metrics read."""

from __future__ import annotations

from datetime import date
from typing import Final

from django import template

from altor import words
from metrics.definitions.metric import Kind, Metric
from metrics.reading.overview import Shown

register = template.Library()
_CLOCKS: Final = {"none": "no clock", "calendar": "calendar time"}


@register.filter
def in_unit(value: float | None, metric: Metric) -> str:
    """`12 min`, `86%`, `4.2`; a dash for nothing."""
    if value is None:
        return words.MISSING
    if metric.unit == "s":
        return spent(value)
    if metric.unit == "share":
        return words.percent(value)
    return f"{value:.1f}" if metric.unit == "points" else words.number(value)


@register.filter
def change(shown: Shown) -> str:
    """Against the period before: `3 points` of a share, `12%` of anything else, with its sign; "" for nothing."""
    if shown.change is None:
        return ""
    sign = "+" if shown.change > 0 else "−" if shown.change < 0 else "±"
    amount = abs(shown.change)
    if shown.metric.unit == "share":
        points = round(100 * amount, 1)
        return f"{sign}{points:g} points"
    return f"{sign}{words.percent(amount)}"


@register.filter
def of_what(shown: Shown) -> str:
    """What the figure rests on: `n = 41`, `17 of 20`."""
    n, hits = shown.now.n, shown.now.hits
    if shown.metric.kind in (Kind.SHARE, Kind.RATIO):
        return f"{words.number(hits)} of {words.number(n)}"
    return f"n = {words.number(n)}"


@register.filter
def spent(seconds: float | None) -> str:
    """As a duration; `0` for nothing, a dash where it does not apply."""
    return "0" if seconds == 0 else words.duration(seconds)


@register.filter
def clock_words(metric: Metric) -> str:
    return _CLOCKS.get(metric.clock, metric.clock)


@register.filter
def day(value: date) -> str:
    return f"{value.day} {value:%b}"
