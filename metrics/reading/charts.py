"""Charts as SVG made on the server: they print, follow the theme by classes, and say in words what they show."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from altor import words
from metrics.definitions.catalogue import PHASES
from metrics.reading.figures import Figure

_WIDTH: Final = 720
_HEIGHT: Final = 240
_LEFT: Final = 64
_RIGHT: Final = 8
_TOP: Final = 10
_BOTTOM: Final = 24
#: Of hours and minutes, what an axis is divided by, in seconds.
_STEPS: Final = tuple(
    60 * minutes
    for minutes in (1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 240, 360, 480, 720, 1440, 2880, 4320, 7200, 10_080, 20_160)
)
_PHASE_NAMES: Final = tuple(metric.name.removesuffix("-time") for metric in PHASES)


def phase_chart(weeks: Sequence[tuple[date, Sequence[Figure]]]) -> SafeString:
    """Medians of the four phases, one above the other, for each week."""
    sums = [sum(figure.value or 0 for figure in figures) for _, figures in weeks]
    top, ticks = _axis(max(sums, default=0))
    room = (_WIDTH - _LEFT - _RIGHT) / max(len(weeks), 1)
    wide = max(2.0, min(26.0, room * 0.62))
    bars = []
    for place, (week, figures) in enumerate(weeks):
        x, floor = _LEFT + room * (place + 0.5) - wide / 2, 0.0
        for name, figure in zip(_PHASE_NAMES, figures, strict=True):
            value = figure.value or 0.0
            if value:
                high, low = _y(floor + value, top), _y(floor, top)
                told = f"{_day(week)}: {name} {words.duration(value)}, {figure.n} closed"
                bars.append((name, round(x, 1), round(high, 1), round(wide, 1), round(max(low - high, 0.5), 1), told))
            floor += value
    drawn = format_html_join(
        "", '<rect class="al-ph al-ph--{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>', bars
    )
    said = _said("Median time in each phase", weeks, sums)
    return _svg(said, ticks, top, weeks, room, drawn)


def percentile_chart(weeks: Sequence[tuple[date, Figure]]) -> SafeString:
    """Median and 90th percentile of the investigation for each week; a week of nothing is a gap."""
    most = max((figure.p90 or 0 for _, figure in weeks), default=0)
    top, ticks = _axis(most)
    room = (_WIDTH - _LEFT - _RIGHT) / max(len(weeks), 1)
    drawn = SafeString("")
    for look, values in (
        ("p90", [figure.p90 for _, figure in weeks]),
        ("median", [figure.value for _, figure in weeks]),
    ):
        for run in _runs(values):
            points = " ".join(f"{_LEFT + room * (place + 0.5):.1f},{_y(value, top):.1f}" for place, value in run)
            drawn += format_html('<polyline class="al-pc al-pc--{}" points="{}"/>', look, points)
            drawn += format_html_join(
                "",
                '<circle class="al-pc__dot al-pc__dot--{}" cx="{}" cy="{}" r="3"><title>{}</title></circle>',
                (
                    (
                        look, round(_LEFT + room * (place + 0.5), 1), round(_y(value, top), 1),
                        f"{_day(weeks[place][0])}: {look} {words.duration(value)}, {weeks[place][1].n} closed",
                    )
                    for place, value in run
                ),
            )  # fmt: skip
    said = _said("Median investigation", weeks, [figure.value or 0 for _, figure in weeks])
    return _svg(said, ticks, top, weeks, room, drawn)


def _day(day: date) -> str:
    return f"{day.day} {day:%b}"


def _runs(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    found: list[list[tuple[int, float]]] = [[]]
    for place, value in enumerate(values):
        if value is None:
            found.append([])
        else:
            found[-1].append((place, value))
    return [run for run in found if run]


def _axis(most: float) -> tuple[float, list[float]]:
    """The top of the axis and its ticks: four or five round ones."""
    step = next((step for step in _STEPS if most <= 5 * step), _STEPS[-1])
    count = max(1, -(-int(most) // step))
    return float(count * step), [float(step * place) for place in range(count + 1)]


def _y(value: float, top: float) -> float:
    return _HEIGHT - _BOTTOM - value / top * (_HEIGHT - _TOP - _BOTTOM) if top else _HEIGHT - _BOTTOM


def _said(what: str, weeks: Sequence[tuple[date, object]], values: Sequence[float]) -> str:
    """One sentence: where it was and where it is."""
    told = [(week, value) for (week, _), value in zip(weeks, values, strict=True) if value]
    if not told:
        return f"{what}: nothing yet."
    (first, before), (last, now) = told[0], told[-1]
    return (
        f"{what}: {words.duration(before)} in the week of {_day(first)}, "
        f"{words.duration(now)} in the week of {_day(last)}."
    )


def _svg(
    said: str, ticks: Sequence[float], top: float, weeks: Sequence[tuple[date, object]], room: float, drawn: SafeString
) -> SafeString:
    right = _WIDTH - _RIGHT
    lines = [(round(_y(tick, top), 1), words.duration(tick) if tick else "0") for tick in ticks]
    grid = format_html_join(
        "",
        '<line class="al-ax" x1="{}" x2="{}" y1="{}" y2="{}"/>'
        '<text class="al-ax__t" x="{}" y="{}" text-anchor="end">{}</text>',
        ((_LEFT, right, y, y, _LEFT - 8, y + 4, told) for y, told in lines),
    )
    each = max(1, -(-len(weeks) // 6))
    names = format_html_join(
        "", '<text class="al-ax__t" x="{}" y="{}" text-anchor="middle">{}</text>',
        (
            (round(_LEFT + room * (place + 0.5), 1), _HEIGHT - 6, _day(week))
            for place, (week, _) in enumerate(weeks)
            if place % each == 0
        ),
    )  # fmt: skip
    return format_html(
        '<svg class="al-timechart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}{}</svg>',
        _WIDTH, _HEIGHT, said, grid, names, drawn,
    )  # fmt: skip
