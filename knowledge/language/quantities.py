"""Figures, times and ids as they stand in a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final

_SECONDS: Final = {
    "ms": 0.001, "millisecond": 0.001, "millisekunde": 0.001, "s": 1.0, "sec": 1.0, "second": 1.0, "sekunde": 1.0,
    "min": 60.0, "mins": 60.0, "minute": 60.0, "h": 3600.0, "hour": 3600.0, "hr": 3600.0, "stunde": 3600.0,
    "day": 86400.0, "tag": 86400.0, "week": 604800.0, "woche": 604800.0, "month": 2592000.0, "monat": 2592000.0,
}  # fmt: skip
_BYTES: Final = {"kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "kib": 1024.0, "mib": 1024.0**2, "gib": 1024.0**3}
_MONEY: Final = {
    "eur": "eur", "€": "eur", "euro": "eur", "usd": "usd", "$": "usd", "dollar": "usd", "gbp": "gbp", "£": "gbp",
    "pound": "gbp", "chf": "chf", "jpy": "jpy", "¥": "jpy", "sek": "sek",
}  # fmt: skip
_TIMES: Final = frozenset({"x", "times", "fold", "mal", "fach"})
_PERCENT: Final = frozenset({"%", "percent", "prozent"})
_SCALES: Final = {"k": 1e3, "thousand": 1e3, "tausend": 1e3, "million": 1e6, "millionen": 1e6, "m": 1e6, "billion": 1e9}
_SPELLED: Final = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11,
    "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "hundred": 100,
    "zwei": 2, "drei": 3, "vier": 4, "funf": 5, "sechs": 6, "sieben": 7, "acht": 8, "neun": 9, "zehn": 10, "elf": 11,
    "zwolf": 12, "zwanzig": 20, "dreissig": 30,
}  # fmt: skip
_FACTORS: Final = {
    "doubled": 2.0,
    "tripled": 3.0,
    "quadrupled": 4.0,
    "threefold": 3.0,
    "twofold": 2.0,
    "fourfold": 4.0,
} | {"tenfold": 10.0, "fivefold": 5.0, "verdoppelt": 2.0, "verdreifacht": 3.0}
_UNIT: Final = (
    r"ms|milliseconds?|millisekunden?|s|secs?|seconds?|sekunden?|mins?|minutes?|minuten?|h|hrs?|hours?|stunden?|days?|tage?n?|weeks?"
    r"|wochen?|months?|monaten?|%|percent|prozent|[kmgt]i?b|x|times|fold|mal|fach|eur|usd|gbp|chf|jpy|sek|euros?|dollars?|pounds?|[€$£¥]"
)
_NUMBER: Final = re.compile(
    r"(?<![\w.,#/:+\-])(?:(?P<currency>[€$£¥]|(?:EUR|USD|GBP|CHF|SEK|JPY)\s)\s?)?"
    r"(?P<digits>\d{1,3}(?:[., ']\d{3}){1,4}(?:[.,]\d{1,4})?(?!\d)|\d{1,15}(?:[.,]\d{1,6})?)"
    rf"(?:\s?(?P<scale>k|m|thousand|million|millionen|billion|tausend)(?![\w]))?(?:[\s-]?(?P<unit>{_UNIT})(?![\w]))?(?![\w]|[.,:/]\d|-\d)",
    re.IGNORECASE,
)
_WORDED: Final = re.compile(
    rf"\b(?P<word>{'|'.join(_SPELLED)})[\s-](?P<unit>{_UNIT})(?!\w)|\b(?P<factor>{'|'.join(_FACTORS)})\b", re.IGNORECASE
)
_ZONES: Final = {
    "utc": 0,
    "gmt": 0,
    "z": 0,
    "bst": 1,
    "cet": 1,
    "cest": 2,
    "mez": 1,
    "mesz": 2,
    "est": -5,
    "edt": -4,
} | {"cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7}
_ZONE: Final = rf"(?:\s?(?P<zone>{'|'.join(_ZONES)})\b|\s?(?P<offset>[+-]\d{{2}}:?\d{{2}}))"
_STAMP: Final = re.compile(
    rf"(?<![\w.])(?P<day>\d{{4}}-\d{{2}}-\d{{2}})(?:[T ]|\s(?:at\s)?)(?P<hour>\d{{2}}):(?P<minute>\d{{2}})"
    rf"(?::(?P<second>\d{{2}})(?:[.,]\d{{1,9}})?)?{_ZONE}?(?![\w])",
    re.IGNORECASE,
)
_CLOCK: Final = re.compile(
    rf"(?<![\w.:+\-])(?:(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)(?::[0-5]\d)?(?:\s?(?P<half>[ap]m)\b)?"
    rf"|(?P<hour2>1[0-2]|0?[1-9])\s?(?P<half2>[ap]m)\b|(?P<hour3>[01]?\d|2[0-3])(?=\sUhr\b))(?:\sUhr\b)?{_ZONE}?(?![\w:])",
    re.IGNORECASE,
)
_MONTHS: Final = {
    name[:3]: number
    for number, names in enumerate(
        ("january jan januar", "february feb februar", "march mar marz", "april", "may mai", "june jun juni", "july jul juli",
         "august aug", "september sep", "october oct oktober okt", "november nov", "december dec dezember dez"), 1)
    for name in names.split()
}  # fmt: skip
_MONTH: Final = (
    r"jan(?:uar[y]?)?|feb(?:ruar[y]?)?|mar(?:ch|z)?|apr(?:il)?|may|mai|june?i?|july?i?|aug(?:ust)?|sep(?:t|tember)?|o[ck]t(?:ober)?"
    r"|nov(?:ember)?|de[cz](?:ember)?"
)
_DATE: Final = re.compile(
    rf"(?<![\w.\-])(?:(?P<iso>\d{{4}}-\d{{2}}-\d{{2}})|(?P<day>[0-3]?\d)(?:st|nd|rd|th|\.)?\s(?:of\s)?(?P<month>{_MONTH})\b"
    rf"|(?P<month2>{_MONTH})\s(?P<day2>[0-3]?\d)(?:st|nd|rd|th)?(?![\d:]))(?:,?\s(?P<year>20\d\d))?(?![\w\-])",
    re.IGNORECASE,
)
_ID: Final = re.compile(
    r"(?<![\w/.\-])(?:[a-z]{2,12}_(?=[A-Za-z]{0,40}\d)[A-Za-z0-9]{6,60}|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
    r"|(?=[0-9a-f]{0,15}[a-f])(?=[a-f]{0,15}\d)[0-9a-f]{16,64})(?![\w\-])"
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """`unit`: "s", "ratio" (of percentages, 0 to 1), "times", "byte", a currency as "eur", or "" for a count.

    `step` is the worth of the last digit as written: 0.1 for "3.1", 100 for "400", 0.01 for "58.00".
    """

    value: float
    unit: str = ""
    step: float = 0.0


@dataclass(frozen=True, slots=True)
class Moment:
    """A time of day, a date, or both, as written. `minute_of_day` and `day` are UTC where a zone was named."""

    day: date | None
    minute_of_day: int | None
    has_zone: bool = True


@dataclass(frozen=True, slots=True)
class Figure:
    """Something in a text that can be held against the evidence."""

    start: int
    end: int
    said: Quantity | Moment | str


def figures_in(text: str, language: str = "en") -> Iterator[Figure]:
    """Ids, times and numbers of a folded text, without overlaps: what belongs to an id or a time is no number."""
    taken = bytearray(len(text))
    for pattern, read in ((_ID, _identity), (_STAMP, _stamp), (_DATE, _date), (_CLOCK, _clock)):
        for match in pattern.finditer(text):
            if any(taken[match.start() : match.end()]):
                continue
            said = read(match)
            if said is not None:
                taken[match.start() : match.end()] = b"\1" * (match.end() - match.start())
                yield Figure(match.start(), match.end(), said)
    for pattern in (_WORDED, _NUMBER):
        for match in pattern.finditer(text):
            if not any(taken[match.start() : match.end()]):
                yield Figure(match.start(), match.end(), _quantity(match, language))


def _identity(match: re.Match[str]) -> str:
    return match[0]


def _stamp(match: re.Match[str]) -> Moment | None:
    day = _day(match["day"])
    if day is None or int(match["hour"]) > 23 or int(match["minute"]) > 59:
        return None
    local = datetime(day.year, day.month, day.day, int(match["hour"]), int(match["minute"]), tzinfo=_zone(match))
    moment = _in_utc(local)
    return Moment(moment.date(), moment.hour * 60 + moment.minute, _has_zone(match))


def _clock(match: re.Match[str]) -> Moment:
    hour = int(match["hour"] or match["hour2"] or match["hour3"])
    half = (match["half"] or match["half2"] or "").casefold()
    hour = hour % 12 + 12 * (half == "pm") if half else hour
    moment = _in_utc(datetime(2000, 1, 2, hour, int(match["minute"] or 0), tzinfo=_zone(match)))
    return Moment(None, moment.hour * 60 + moment.minute, _has_zone(match))


def _date(match: re.Match[str]) -> Moment | None:
    """Without a year the year is 4, a leap year that nobody means."""
    if match["iso"]:
        day = _day(match["iso"])
        return Moment(day, None) if day else None
    month = _MONTHS[(match["month"] or match["month2"]).casefold()[:3]]
    day = _day(f"{match['year'] or '0004'}-{month:02d}-{int(match['day'] or match['day2']):02d}")
    return Moment(day, None) if day else None


def _day(written: str) -> date | None:
    try:
        return date.fromisoformat(written)
    except ValueError:
        return None


def _zone(match: re.Match[str]) -> timezone:
    if match["zone"]:
        return timezone(timedelta(hours=_ZONES[match["zone"].casefold()]))
    if match["offset"]:
        sign = -1 if match["offset"][0] == "-" else 1
        minutes = int(match["offset"][1:3]) * 60 + int(match["offset"][-2:])
        return timezone(sign * timedelta(minutes=min(minutes, 14 * 60)))
    return UTC


def _has_zone(match: re.Match[str]) -> bool:
    return bool(match["zone"] or match["offset"])


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:  # the first or last day that there is
        return moment.replace(tzinfo=UTC)


def _quantity(match: re.Match[str], language: str) -> Quantity:
    groups = match.groupdict()
    if groups.get("factor"):
        return Quantity(_FACTORS[groups["factor"].casefold()], "times", 1.0)
    unit = (groups.get("unit") or "").casefold()
    if groups.get("word"):
        value, step = float(_SPELLED[groups["word"].casefold()]), 1.0
    else:
        value, step = number_of(groups["digits"], language)
        scale = _SCALES.get((groups["scale"] or "").casefold(), 1.0)
        value, step = value * scale, step * scale
        unit = unit or (groups["currency"] or "").strip().casefold()
    return _in_base_unit(value, step, unit)


def _in_base_unit(value: float, step: float, unit: str) -> Quantity:
    singular = unit if unit in _SECONDS else unit.rstrip("s") if unit.rstrip("s") in _SECONDS else unit.rstrip("n")
    if singular in _SECONDS:
        return Quantity(value * _SECONDS[singular], "s", step * _SECONDS[singular])
    if unit in _PERCENT:
        return Quantity(value / 100, "ratio", step / 100)
    if unit in _BYTES:
        return Quantity(value * _BYTES[unit], "byte", step * _BYTES[unit])
    if unit in _TIMES:
        return Quantity(value, "times", step)
    return Quantity(value, _MONEY.get(unit, _MONEY.get(unit.rstrip("s"), "")), step)


def number_of(digits: str, language: str = "en") -> tuple[float, float]:
    """(value, worth of the last digit that counts) of "1,200", "3.10", "1.200,50" in German."""
    compact = re.sub(r"[ ']", "", digits)
    point, group = (",", ".") if language == "de" else (".", ",")
    # One separator with three digits behind is a group in its own language, otherwise what stands there is a point.
    if compact.count(point) == 0 and compact.count(group) == 1 and not re.search(r"\d[.,]\d{3}$", compact):
        point, group = group, point
    whole, _, decimals = compact.replace(group, "").partition(point)
    decimals = re.sub(r"\D", "", decimals)
    if decimals:
        return float(f"{whole or 0}.{decimals}"), 10.0 ** -len(decimals)
    zeros = len(whole) - len(whole.rstrip("0")) if whole.strip("0") else 0
    return float(whole or 0), 10.0**zeros
