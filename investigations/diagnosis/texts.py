"""Texts with figures: `{expression|format}` over the facts of a run, written the way people read numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from investigations.playbooks.conditions import Unknown, evaluate

MISSING: Final = "–"
_SLOT: Final = re.compile(r"\{([^{}|]+(?:\|\|[^{}|]+)*)(?:\|([a-z_]+))?\}")


def percent(value: float) -> str:
    """0.4312 -> 43%, 0.071 -> 7.1%, 0.0004 -> 0.04%."""
    points = value * 100
    if abs(points) >= 10 or points == 0:
        return f"{points:.0f}%"
    return f"{points:.1f}%" if abs(points) >= 0.1 else f"{points:.2f}%"


def number(value: float) -> str:
    """8412 -> 8,412; 3.25 -> 3.2; whole numbers stay whole."""
    return f"{value:,.0f}" if abs(value) >= 10 or value == int(value) else f"{value:.2g}"


def milliseconds(value: float) -> str:
    return f"{value:.0f} ms" if value < 1000 else f"{value / 1000:.1f} s"


def duration(seconds: float) -> str:
    """At most two units: 0.8 s, 12 s, 1 min 52 s, 2 h 05 min, 3 d 4 h."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest and minutes < 10 else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def moment(value: str) -> str:
    """2026-05-01T10:02:00Z -> 1 May 10:02 UTC."""
    at = datetime.fromisoformat(value).astimezone(UTC)
    return f"{at.day} {at:%b %H:%M} UTC"


#: Currencies without a minor unit (ISO 4217 exponent 0) and with three digits.
_EXPONENT: Final = {
    **dict.fromkeys(
        (
            "bif",
            "clp",
            "djf",
            "gnf",
            "jpy",
            "kmf",
            "krw",
            "mga",
            "pyg",
            "rwf",
            "ugx",
            "vnd",
            "vuv",
            "xaf",
            "xof",
            "xpf",
        ),
        0,
    ),
    **dict.fromkeys(("bhd", "jod", "kwd", "omr", "tnd"), 3),
}


def money(amount_minor: float, currency: str) -> str:
    """(241200, "usd") -> 2,412.00 USD."""
    digits = _EXPONENT.get(currency.lower(), 2)
    return f"{amount_minor / 10**digits:,.{digits}f} {currency.upper()}"


def _ratio(value: float) -> str:
    return "many times" if value > 999 else f"{value:.1f}×"


FORMATS: Final[dict[str, Callable[[Any], str]]] = {
    "percent": percent,
    "number": number,
    "ms": milliseconds,
    "seconds": duration,
    "time": moment,
    "ratio": _ratio,
    "text": str,
    "sha": lambda value: str(value)[:7],
    "list": lambda value: ", ".join(str(item) for item in value) or MISSING,
}


@lru_cache(maxsize=2048)
def slots(template: str) -> tuple[tuple[str, str], ...]:
    """The (expression, format) pairs in a template; ValueError for an unknown format."""
    found = []
    for match in _SLOT.finditer(template):
        expression, form = match.group(1).strip(), match.group(2) or ""
        if form and form not in FORMATS and form != "money":
            raise ValueError(
                f"unknown format {form!r} in {match.group(0)!r}; known: {', '.join(sorted([*FORMATS, 'money']))}"
            )
        found.append((expression, form))
    return tuple(found)


def render(template: str, names: Mapping[str, Any]) -> str:
    """Fill the template; what is unknown reads as "–". `money` takes a list [amount in minor units, currency]."""

    def fill(match: re.Match[str]) -> str:
        value = evaluate(match.group(1).strip(), names)
        if isinstance(value, Unknown) or value is None or value == "":
            return MISSING
        form = match.group(2) or ""
        try:
            if form == "money":
                return money(float(value[0]), str(value[1]))
            if form:
                return FORMATS[form](value)
        except (TypeError, ValueError, IndexError):
            return str(value)
        return number(value) if isinstance(value, float) else str(value)

    return _SLOT.sub(fill, template)
