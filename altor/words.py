"""How numbers, durations and times are written for people, everywhere in Altor (pages, mail, exports for reading)."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

MISSING: Final = "–"
#: Currencies without minor units, as payment systems treat them.
ZERO_DECIMAL: Final = frozenset(
    ("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof", "xpf")
)
THREE_DECIMAL: Final = frozenset(("bhd", "jod", "kwd", "omr", "tnd"))
SYMBOLS: Final = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}


def duration(seconds: float | timedelta | None) -> str:
    """`0.8 s`, `12 s`, `1 min 52 s`, `38 min`, `2 h 05 min`, `3 d 4 h`: two units at most."""
    if seconds is None:
        return MISSING
    value = seconds.total_seconds() if isinstance(seconds, timedelta) else float(seconds)
    if value < 0:
        return f"-{duration(-value)}"
    if value < 9.95:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 60:
        return f"{whole} s"
    minutes, left = divmod(whole, 60)
    if minutes < 10:
        return f"{minutes} min {left} s" if left else f"{minutes} min"
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes:02d} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def age(at: datetime | None, now: datetime) -> str:
    """`48 s`, `5 min`, `3 h`, `2 d`: one unit, for lists; `now` when under a second."""
    if at is None:
        return MISSING
    seconds = max(0, int((now - at).total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s" if seconds else "now"


def number(value: float | int | Decimal | None) -> str:
    """`8,412`; up to three significant digits below 100, none invented above."""
    if value is None:
        return MISSING
    figure = float(value)
    if figure == int(figure) or abs(figure) >= 100:
        return f"{round(figure):,}"
    return f"{figure:.1f}" if abs(figure) >= 10 else f"{figure:.2f}"


def counted(n: float, one: str, many: str = "") -> str:
    """`1 endpoint is`, `3 endpoints are`: the number with what agrees with it. Without `many` it is `one` with an s."""
    return f"{number(n)} {one if n == 1 else many or f'{one}s'}"


def size(count: int) -> str:
    """Bytes as `812 B`, `12.4 kB`, `3.1 MB`: decimal units."""
    for unit, step in (("MB", 1_000_000), ("kB", 1_000)):
        if count >= step:
            return f"{count / step:.1f} {unit}"
    return f"{count} B"


def percent(share: float | None) -> str:
    """A share of 0 to 1 as `43%`, with one decimal below 10 (`7.1%`)."""
    if share is None:
        return MISSING
    value = share * 100
    if value == 0 or abs(value) >= 9.95:
        return f"{value:.0f}%"
    return "<0.1%" if 0 < value < 0.05 else f"{value:.1f}%"


def money(minor: int, currency: str) -> str:
    """An amount in minor units as `$2,412.00`, `1,200 JPY` style when there is no usual sign."""
    code = currency.lower()
    digits = 0 if code in ZERO_DECIMAL else 3 if code in THREE_DECIMAL else 2
    text = f"{abs(Decimal(minor)) / (10**digits):,.{digits}f}"
    sign = "-" if minor < 0 else ""
    return f"{sign}{SYMBOLS[code]}{text}" if code in SYMBOLS else f"{sign}{text} {currency.upper()}"


def figure(value: float | None, unit: str) -> str:
    """A measured value with its unit as evidence states it: `%` holds a share of 0 to 1, `ms` and `s` a time,
    `money:eur` an amount in minor units."""
    if value is None:
        return MISSING
    match unit:
        case "%":
            return percent(value)
        case "ms":
            return f"{number(round(value, 1))} ms" if value < 1000 else duration(value / 1000)
        case "s":
            return duration(value)
        case "":
            return number(value)
        case _ if unit.startswith("money:"):
            return money(round(value), unit.removeprefix("money:"))
        case _ if unit.startswith("/"):
            return f"{number(value)}{unit}"
        case _:
            return f"{number(value)} {unit}"


def moment(at: datetime, now: datetime) -> str:
    """`09:14` on the same day, `21 Nov 16:40` this year, `21 Nov 2025` otherwise. Both in the reader's zone already."""
    if at.date() == now.date() and abs(now - at) < timedelta(hours=24):
        return f"{at:%H:%M}"
    if at.year == now.year:
        return f"{at.day} {at:%b %H:%M}"
    return f"{at.day} {at:%b %Y}"
