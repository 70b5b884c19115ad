"""Figures of how often diagnoses were right. Colours come from classes, every text is escaped by `format_html`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from altor import words
from investigations.services.accuracy import ConfidenceBin, Period, Reliability

register = template.Library()
_WIDTH: Final = 640
_HEIGHT: Final = 190
_LEFT: Final = 38
_TOP: Final = 10
_BOTTOM: Final = 42


def _y(share: float) -> float:
    return round(_TOP + (1 - share) * (_HEIGHT - _TOP - _BOTTOM), 1)


def _axis() -> SafeString:
    return format_html_join(
        "",
        '<line class="al-acc__grid" x1="{}" x2="{}" y1="{}" y2="{}"/><text x="{}" y="{}" text-anchor="end">{}</text>',
        (
            (_LEFT, _WIDTH - 4, _y(share), _y(share), _LEFT - 6, _y(share) + 4, words.percent(share))
            for share in (0.0, 0.5, 1.0)
        ),
    )


def _marks(places: Sequence[tuple[float, Any, str, str]]) -> SafeString:
    """(x, what has n, low, high, share and is_enough, stated share, label) drawn as range, dot and stated line."""
    parts = []
    for x, item, label, below in places:
        stated = _y(item.stated)
        one = format_html(
            '<g class="al-acc__one{}"><title>{}</title><line class="al-acc__range" x1="{x}" x2="{x}" y1="{}" y2="{}"/>'
            '<circle class="al-acc__dot" cx="{x}" cy="{}" r="4.5"/>',
            "" if item.share.is_enough else " al-acc--few", label,
            _y(item.share.low), _y(item.share.high), _y(item.share.share), x=x,
        )  # fmt: skip
        line = '<line class="al-acc__stated" x1="{}" x2="{}" y1="{y}" y2="{y}"/></g>'
        text = '<text x="{}" y="{}" text-anchor="middle">{}</text>'
        parts += [
            one,
            format_html(line, x - 9, x + 9, y=stated),
            format_html(text, x, _HEIGHT - 24, below),
            format_html(text, x, _HEIGHT - 9, f"n = {item.share.n}"),
        ]
    return SafeString("".join(parts))


def _figure(places: Sequence[tuple[float, Any, str, str]], said: str) -> SafeString:
    return format_html(
        '<svg class="al-acc" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}</svg>',
        _WIDTH, _HEIGHT, said, _axis(), _marks(places),
    )  # fmt: skip


def _spread(count: int) -> list[float]:
    room = (_WIDTH - _LEFT - 10) / max(count, 1)
    return [round(_LEFT + room * (index + 0.5), 1) for index in range(count)]


def _told(item: Any) -> str:
    share = f"{item.share.hits} of {item.share.n} right"
    if not item.share.is_enough:
        return f"{share}, too few for a share; stated {words.percent(item.stated)}"
    low, high = words.percent(item.share.low), words.percent(item.share.high)
    return f"{share}, between {low} and {high}; stated {words.percent(item.stated)}"


@register.simple_tag
def accuracy_over_time(periods: Sequence[Period]) -> SafeString | str:
    """Share right per period as dot with its 95 % range, stated confidence as a short line. Nothing for no period."""
    if not periods:
        return ""
    places = [
        (x, item, f"{item.name}: {_told(item)}", item.name)
        for x, item in zip(_spread(len(periods)), periods, strict=True)
    ]
    said = f"Share of right diagnoses per {periods[0].unit}, {periods[0].name} to {periods[-1].name}. "
    return _figure(places, said + "; ".join(label for _, _, label, _ in places))


@register.simple_tag
def reliability_figure(bands: Sequence[Reliability]) -> SafeString | str:
    """Share right per band of stated confidence. Well calibrated: each dot on its short line."""
    if not bands:
        return ""
    places = [
        (x, item, f"{item.band}: {_told(item)}", item.band) for x, item in zip(_spread(len(bands)), bands, strict=True)
    ]
    said = "Share of right diagnoses per band of stated confidence. "
    return _figure(places, said + "; ".join(label for _, _, label, _ in places))


#: The diagram is square, so that a kept word lies on the diagonal; it is read on phones without scrolling.
_SIDE: Final = 264
_PAD_LEFT: Final = 52
_PAD_TOP: Final = 10


def _at(x: float, y: float) -> tuple[float, float]:
    return round(_PAD_LEFT + x * _SIDE, 1), round(_PAD_TOP + (1 - y) * _SIDE, 1)


@register.simple_tag
def reliability_diagram(bins: Sequence[ConfidenceBin]) -> SafeString | str:
    """Share right over stated confidence, a dot per tenth with its 95 % bar, larger for more diagnoses; hollow for few.

    Nothing for no bin.
    """
    if not bins:
        return ""
    (left, bottom), (right, top) = _at(0, 0), _at(1, 1)
    ticks = (0.0, 0.25, 0.5, 0.75, 1.0)
    grid = format_html_join(
        "",
        '<line class="al-acc__grid" x1="{l}" x2="{r}" y1="{y}" y2="{y}"/>'
        '<line class="al-acc__grid" x1="{x}" x2="{x}" y1="{t}" y2="{b}"/>'
        '<text x="{before}" y="{mid}" text-anchor="end">{said}</text>'
        '<text x="{x}" y="{below}" text-anchor="middle">{said}</text>',
        (
            {
                "l": left, "r": right, "t": top, "b": bottom, "x": _at(tick, 0)[0], "y": _at(0, tick)[1],
                "before": left - 6, "mid": _at(0, tick)[1] + 4, "below": bottom + 17, "said": words.percent(tick),
            }
            for tick in ticks
        ),
    )  # fmt: skip
    labels = [f"stated {_range(item)}: {_told(item)}" for item in bins]
    dots = format_html_join(
        "",
        '<g class="al-acc__one{}"><title>{}</title><line class="al-acc__range" x1="{}" x2="{}" y1="{}" y2="{}"/>'
        '<circle class="al-acc__dot" cx="{}" cy="{}" r="{}"/></g>',
        (
            (
                "" if item.share.is_enough else " al-acc--few", label,
                x, x, _at(0, item.share.low)[1], _at(0, item.share.high)[1],
                x, _at(0, item.share.share)[1], round(3.5 + min(4.5, item.share.n**0.5 / 2), 1),
            )
            for item, label in zip(bins, labels, strict=True)
            for x in (_at(item.stated, 0)[0],)
        ),
    )  # fmt: skip
    return format_html(
        '<svg class="al-acc al-acc--square" viewBox="0 0 {} {}" role="img" aria-label="{}">{}'
        '<line class="al-acc__even" x1="{}" y1="{}" x2="{}" y2="{}"/>{}'
        '<text x="{}" y="{}" text-anchor="middle">Stated confidence</text>'
        '<text transform="rotate(-90 12 {mid})" x="12" y="{mid}" text-anchor="middle">Share right</text></svg>',
        _PAD_LEFT + _SIDE + 18, bottom + 40, "Share right over stated confidence, by tenths. " + "; ".join(labels),
        grid, left, bottom, right, top, dots, (left + right) / 2, bottom + 35, mid=(top + bottom) / 2,
    )  # fmt: skip


def _range(item: ConfidenceBin) -> str:
    return f"{words.percent(item.low)} to {words.percent(item.high)}"
