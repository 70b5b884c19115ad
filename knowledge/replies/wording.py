"""Figures and times as a customer reads them, in each language that a draft can be written in.

A figure is rounded so far that its digits are all meant: about 40 %, about 2.3 seconds, about 8,400. Money, codes and
ids are never rounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from altor import words

_ROUND: Final = timedelta(minutes=5)
#: Counts up to this are told as they are.
_COUNTED: Final = 20


@dataclass(frozen=True, slots=True)
class Language:
    """How one language writes figures. Texts with {} take the figure."""

    code: str
    name: str
    about: str
    below: str
    nearly: str
    percent: str  # how the sign stands after the number
    decimal: str
    thousands: str
    units: Mapping[str, tuple[str, str]]  # unit -> singular, plural
    months: tuple[str, ...]
    moment: str  # {clock}, {zone}, {day}, {month}
    span: str  # {first}, {last}, {zone}, {day}, {month}
    span_over_days: str  # {first}, {last}: moments


LANGUAGES: Final[dict[str, Language]] = {
    "en": Language(
        code="en",
        name="English",
        about="about {}",
        below="less than {}",
        nearly="nearly {}",
        percent="%",
        decimal=".",
        thousands=",",
        units={
            "ms": ("millisecond", "milliseconds"), "s": ("second", "seconds"), "min": ("minute", "minutes"),
            "h": ("hour", "hours"), "d": ("day", "days"),
        },
        months=("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
                "November", "December"),
        moment="{clock} {zone} on {day} {month}",
        span="{first} and {last} {zone} on {day} {month}",
        span_over_days="{first} and {last}",
    ),
    "de": Language(
        code="de",
        name="Deutsch",
        about="etwa {}",
        below="weniger als {}",
        nearly="fast {}",
        percent=" %",
        decimal=",",
        thousands=".",
        units={
            "ms": ("Millisekunde", "Millisekunden"), "s": ("Sekunde", "Sekunden"), "min": ("Minute", "Minuten"),
            "h": ("Stunde", "Stunden"), "d": ("Tag", "Tage"),
        },
        months=("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober",
                "November", "Dezember"),
        moment="{clock} Uhr ({zone}) am {day}. {month}",
        span="{first} und {last} Uhr ({zone}) am {day}. {month}",
        span_over_days="{first} und {last}",
    ),
}  # fmt: skip


def language(code: str) -> Language:
    """The language's words; English for one that is not known."""
    return LANGUAGES.get(code, LANGUAGES["en"])


def share(value: float, code: str) -> str:
    """A share of 0 to 1: to 5 points from 10 % on, to one point below; 0.417 -> about 40%, 0.982 -> nearly 100%."""
    said = language(code)
    points = value * 100
    if points <= 0 or points >= 100:
        return _with_sign(min(max(points, 0), 100), said)
    if points < 1:
        return said.below.format(_with_sign(1, said))
    if points < 9.5:
        return said.about.format(_with_sign(round(points), said))
    rounded = round(points / 5) * 5
    return said.nearly.format(_with_sign(100, said)) if rounded >= 100 else said.about.format(_with_sign(rounded, said))


def _with_sign(points: float, said: Language) -> str:
    return f"{points:.0f}{said.percent}"


def lasting(seconds: float, code: str) -> str:
    """A duration of at least 0 s, with two digits that count: 2.347 -> about 2.3 seconds, 5400 -> about 1.5 hours."""
    said = language(code)
    for unit, size, until in (("ms", 0.001, 0.9995), ("s", 1, 90), ("min", 60, 90 * 60), ("h", 3600, 48 * 3600)):
        if seconds < until:
            return said.about.format(_amount(seconds / size, unit, said))
    return said.about.format(_amount(seconds / 86_400, "d", said))


def _amount(value: float, unit: str, said: Language) -> str:
    rounded = _two_digits(value)
    text = _number(rounded, said)
    return f"{text} {said.units[unit][0 if rounded == 1 else 1]}"


def _two_digits(value: float) -> float:
    return float(f"{value:.2g}") if value < 100 else float(round(value, 2 - len(str(int(value)))))


def count(value: float, code: str) -> str:
    """8412 -> about 8,400; up to 20 exactly."""
    said = language(code)
    if abs(value - round(value)) < 1e-9 and abs(value) <= _COUNTED:
        return _number(round(value), said)
    return said.about.format(_number(_two_digits(value), said))


def _number(value: float, said: Language) -> str:
    text = f"{value:,.0f}" if value == int(value) else f"{value:,.2f}".rstrip("0")
    return "".join({",": said.thousands, ".": said.decimal}.get(sign, sign) for sign in text)


def times(value: float, code: str) -> str:
    """A ratio: 3.44 -> 3.4."""
    return _number(float(f"{value:.1f}"), language(code))


def money(minor: int, currency: str) -> str:
    """Exactly, as on the invoice."""
    return words.money(minor, currency)


def moment(at: datetime, code: str, *, about: bool = False) -> str:
    """`at` (aware, in the reader's zone) to the minute: 14:02 UTC on 1 May; with `about` to five minutes."""
    said = language(code)
    at = _to_five_minutes(at) if about else at
    text = said.moment.format(clock=f"{at:%H:%M}", zone=at.tzname(), day=at.day, month=said.months[at.month - 1])
    return said.about.format(text) if about else text


def span(first: datetime, last: datetime, code: str) -> str:
    """Two moments as the ends of a range: 13:10 and 14:45 UTC on 1 May."""
    said = language(code)
    first, last = _to_five_minutes(first), _to_five_minutes(last)
    if first.date() != last.date():
        return said.span_over_days.format(first=moment(first, code), last=moment(last, code))
    return said.span.format(
        first=f"{first:%H:%M}", last=f"{last:%H:%M}", zone=last.tzname(), day=last.day,
        month=said.months[last.month - 1],
    )  # fmt: skip


def _to_five_minutes(at: datetime) -> datetime:
    step = _ROUND.total_seconds()
    return datetime.fromtimestamp(round(at.timestamp() / step) * step, at.tzinfo)
