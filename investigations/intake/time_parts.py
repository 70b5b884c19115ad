"""Parts of time expressions in corrected lower-case text: days, clock times, instants.

Every pattern has bounded repeats: the time is linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Final

from investigations.intake.zones import ZONE_PATTERN, parse_zone


@dataclass(frozen=True, slots=True)
class Day:
    """A local day or a stretch of it, hours counted from its midnight (to_hour may pass 24)."""

    start: int
    end: int
    date: date
    from_hour: float = 0
    to_hour: float = 24
    #: How this part was named: a date, or only a time of day that belongs to the date before it.
    only_hours: bool = False
    overnight: bool = False

    def begins(self, zone: tzinfo) -> datetime:
        return datetime.combine(self.date, time(), zone) + timedelta(hours=self.from_hour)

    def ends(self, zone: tzinfo) -> datetime:
        return datetime.combine(self.date, time(), zone) + timedelta(hours=self.to_hour)

    def narrowed(self, other: Day) -> Day | None:
        """This day with the other's time of day ("monday" + "morning"), None when they are two days."""
        if other.only_hours and not self.only_hours:
            return replace(other, start=self.start, date=self.date, only_hours=False)
        if self.only_hours and not other.only_hours:
            return replace(self, end=other.end, date=other.date, only_hours=False)
        return None


@dataclass(frozen=True, slots=True)
class Clock:
    start: int
    end: int
    hour: int
    minute: int
    second: int
    zone: tzinfo | None
    precision_s: int
    has_half: bool = False  # am or pm was said
    needs_day: bool = False  # a bare number is a time only beside a day


@dataclass(frozen=True, slots=True)
class Instant:
    start: int
    end: int
    at: datetime
    precision_s: int


Part = Day | Clock | Instant

_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        ("january jan", "february feb", "march mar", "april apr", "may", "june jun", "july jul", "august aug",
         "september sept sep", "october oct", "november nov", "december dec"), 1
    )
    for name in names.split()
}  # fmt: skip
_WEEKDAYS: Final = {
    name: number
    for number, names in enumerate(
        (
            "monday mon",
            "tuesday tues tue",
            "wednesday wed",
            "thursday thurs thu",
            "friday fri",
            "saturday sat",
            "sunday sun",
        )
    )
    for name in names.split()
}
#: Words that tickets mistype and this module must know.
TIME_WORDS: Final = frozenset(
    """since about around yesterday today tonight morning afternoon evening night overnight midnight minutes minute hours earlier
    started until between approximately roughly lunchtime weekend monday tuesday wednesday thursday friday saturday sunday
    january february september october november december""".split()
)
_NUMBERS: Final[dict[str, float]] = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "half an": 0.5, "half a": 0.5, "a couple of": 2,
    "a couple": 2, "couple of": 2, "couple": 2, "a few": 3, "few": 3, "some": 3, "several": 4, "an hour and a half": 1.5,
}  # fmt: skip
_VAGUE: Final = frozenset({"a couple of", "a couple", "couple of", "couple", "a few", "few", "some", "several"})
_UNITS: Final = {"s": 1, "mi": 60, "h": 3600, "d": 86400, "w": 604800, "mo": 2_592_000}
_COUNT = "|".join(sorted((re.escape(word) for word in _NUMBERS), key=len, reverse=True))
_AMOUNT: Final = rf"(?P<n>\d{{1,4}}(?:[.,]\d)?|{_COUNT})\s?(?P<unit>seconds?|secs?|minutes?|mins?|hours?|hrs?|h|days?|weeks?|months?)(?P<half>\s(?:and a half))?"
_MONTH_NAMES = "|".join(sorted(_MONTHS, key=len, reverse=True))
_WEEKDAY_NAMES = "|".join(sorted(_WEEKDAYS, key=len, reverse=True))

_ISO: Final = re.compile(
    r"(?<![\d\-])(\d{4})-(\d{2})-(\d{2})[t ]{1,2}(?P<h>\d{2}):(?P<m>\d{2})(?::(?P<s>\d{2})(?:[.,]\d{1,9})?)?"
    + ZONE_PATTERN
    + r"(?![\d:])"
)
_CLOCK: Final = re.compile(
    r"(?P<about>\b(?:about|around|approximately|approx\.?|roughly|circa|ca\.?|near)\s{1,2}|~\s?)?"
    r"(?<![\d:.,$€£/\-_#v])(?P<h>[01]?\d|2[0-4])"
    r"(?:(?::|h(?=[0-5]\d))(?P<m>[0-5]\d)(?::(?P<s>[0-5]\d)(?:[.,]\d{1,9})?)?|(?P<dot>\.[0-5]\d)(?=\s{0,2}[ap]\.?m|\s{0,2}(?:uhr|hrs|utc|gmt|ce[s]?t)\b))?"
    r"\s{0,2}(?P<half>[ap]\.?m\b\.?)?(?P<oclock>\s?o'?clock|\s?uhr\b|\s?hrs?(?![a-z])|h(?![a-z0-9]))?(?:ish)?"
    + ZONE_PATTERN
    + r"(?![\d%])"
)
_NAMED_CLOCK: Final = re.compile(r"\b(?P<name>noon|midday|midnight|lunchtime)\b" + ZONE_PATTERN)
_BARE: Final = re.compile(
    r"\b(?:at|around|about|since|@)\s{1,2}(?P<h>[01]?\d|2[0-3])(?![\d:.,%/\-a-z])(?!\s?(?:%|percent|(?!this\b)[a-z]+s\b|of\b))"
)
_AGO: Final = re.compile(rf"(?<![\w.])(?:(?:about|around|over|roughly|~)\s?)?{_AMOUNT}\s(?:or so\s)?ago\b")
_PAST: Final = re.compile(
    rf"\b(?:(?:for|in|within|over|during)\s(?:the\s)?(?:last|past)\s(?:about\s)?|since\s(?:about\s|over\s)?){_AMOUNT}(?!\w)"
    rf"|\bfor\s(?:about\s|around\s|over\s|more than\s|at least\s|roughly\s|~\s?)?{_AMOUNT.replace('?P<n>', '?P<n2>').replace('?P<unit>', '?P<unit2>').replace('?P<half>', '?P<half2>')}\s(?:now|already|straight)\b"
)
_LAST_UNIT: Final = re.compile(
    r"\b(?:in|within|for|during|over)\sthe\s(?:last|past)\s(hour|minute|day|week)\b|\b(just now|moments? ago|a moment ago|minutes ago|hours ago|days ago)\b"
)
_RELATIVE: Final = re.compile(
    r"\b(?P<word>day before yesterday|earlier today|today|yesterday|tonight|last night|overnight|this night|last weekend|this weekend|the weekend|last week|this week)\b"
)
_DAYPART: Final = re.compile(
    r"\b(?P<this>this|in the|the|every)?\s?(?P<edge>early|late|mid)?[\s-]?(?P<part>morning|afternoon|evening|night)\b"
)
_WEEKDAY: Final = re.compile(rf"\b(?P<last>last|past|this|on|next|by|until)?\s?(?P<day>{_WEEKDAY_NAMES})\b(?!['’]s)")
_NUMERIC_DATE: Final = re.compile(
    r"(?<![\d/.\-:])(?:(\d{4})-(\d{1,2})-(\d{1,2})|(\d{1,2})([./])(\d{1,2})\5(\d{4}|\d{2})|(\d{1,2})\.(\d{1,2})\.(?=\s))(?![\d/])(?!\.\d)"
)
_NAMED_DATE: Final = re.compile(
    rf"\b(?:(?P<m1>{_MONTH_NAMES})\.?\s(?P<d1>[0-3]?\d)(?:st|nd|rd|th)?|(?P<d2>[0-3]?\d)(?:st|nd|rd|th)?\.?\s(?:of\s)?(?P<m2>{_MONTH_NAMES}))\b(?:,?\s(?P<year>20\d\d))?"
)
_HOURS_OF: Final = {"morning": (6.0, 12.0), "afternoon": (12.0, 18.0), "evening": (17.0, 23.0), "night": (20.0, 30.0)}


def find_parts(text: str, written: datetime) -> list[Part]:
    """Non-overlapping parts in the order of the text. `written`: the moment of writing in the customer's zone."""
    taken: list[Part] = []
    spans: list[tuple[int, int]] = []
    for part in _candidates(text, written):
        if not any(part.start < end and start < part.end for start, end in spans):
            taken.append(part)
            spans.append((part.start, part.end))
        if len(taken) >= 60:
            break
    return sorted(taken, key=lambda part: part.start)


def _candidates(text: str, written: datetime) -> Iterator[Part]:
    """Most telling first: what is taken by one pattern is closed to the next."""
    yield from _iso(text, written)
    yield from _spans_of_time(text, written)
    yield from _dates(text, written)
    yield from _relative_days(text, written)
    yield from _clocks(text, written)
    yield from _dayparts(text, written)


def _iso(text: str, written: datetime) -> Iterator[Part]:
    for match in _ISO.finditer(text):
        zone = _zone(match, written)
        year, month, day, hour, minute, second = (int(match[name] or 0) for name in (1, 2, 3, "h", "m", "s"))
        try:
            at = datetime(year, month, day, hour, minute, second, tzinfo=zone or written.tzinfo)
        except ValueError:
            continue
        yield Instant(match.start(), match.end(), at, 1 if match["s"] else 60)


def _zone(match: re.Match[str], written: datetime) -> tzinfo | None:
    words = match["zone"]
    return parse_zone(words, written.tzinfo) if words and written.tzinfo else None


def _spans_of_time(text: str, written: datetime) -> Iterator[Part]:
    for match in _AGO.finditer(text):
        yield _back(match, match["n"], match["unit"], match["half"], written)
    for match in _PAST.finditer(text):
        yield _back(
            match, match["n"] or match["n2"], match["unit"] or match["unit2"], match["half"] or match["half2"], written
        )
    for match in _LAST_UNIT.finditer(text):
        unit = match[1]
        word = unit or (match[2] or "").split(" ", 1)[0].rstrip("s")
        seconds = {"hour": 3600, "minute": 60, "day": 86400, "week": 604800}.get(word, 300)
        seconds *= 1 if unit or seconds == 300 else 3
        yield Instant(match.start(), match.end(), written - timedelta(seconds=seconds), max(300, seconds // 2))


def _back(match: re.Match[str], number: str, unit: str, half: str | None, written: datetime) -> Instant:
    exact = number[0].isdigit()
    count = float(number.replace(",", ".")) if exact else _NUMBERS[number]
    size = _UNITS.get(unit[:2]) or _UNITS[unit[0]]
    seconds = (count + (0.5 if half else 0)) * size
    precision = seconds * (0.5 if number in _VAGUE else 0.25)
    return Instant(match.start(), match.end(), written - timedelta(seconds=seconds), int(max(60, precision)))


def _day(match: re.Match[str], day: date, from_hour: float = 0, to_hour: float = 24, **extra: bool) -> Day:
    return Day(match.start(), match.end(), day, from_hour, to_hour, **extra)


def _dates(text: str, written: datetime) -> Iterator[Part]:
    for match in _NUMERIC_DATE.finditer(text):
        year, month, day, first, separator, second, short, dotted_day, dotted_month = match.groups()
        if year:
            found = _date(int(year), int(month), int(day))
        elif dotted_day:
            found = _past_year(int(dotted_month), int(dotted_day), written)
        else:
            full = int(short) if len(short) == 4 else 2000 + int(short)
            day_first, month_first = _date(full, int(second), int(first)), _date(full, int(first), int(second))
            choices = (
                [day_first] if separator == "." else [c for c in (day_first, month_first) if c and c <= written.date()]
            )
            found = max((c for c in choices if c), default=None)
        if found:
            yield _day(match, found)
    for match in _NAMED_DATE.finditer(text):
        month, day = _MONTHS[match["m1"] or match["m2"]], int(match["d1"] or match["d2"])
        found = _date(int(match["year"]), month, day) if match["year"] else _past_year(month, day, written)
        if found:
            yield _day(match, found)
    for match in _WEEKDAY.finditer(text):
        if match["last"] in ("next", "by", "until") or (
            match["day"] in ("mon", "sat", "sun", "wed", "fri", "thu", "tue") and not match["last"]
        ):
            continue
        back = (written.weekday() - _WEEKDAYS[match["day"]]) % 7
        back = 7 if back == 0 and match["last"] in ("last", "past") else back
        yield _day(match, written.date() - timedelta(days=back))


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _past_year(month: int, day: int, written: datetime) -> date | None:
    found = _date(written.year, month, day)
    return _date(written.year - 1, month, day) if found and found > written.date() else found


def _relative_days(text: str, written: datetime) -> Iterator[Part]:
    today = written.date()
    back = {"yesterday": 1, "day before yesterday": 2}
    for match in _RELATIVE.finditer(text):
        word = match["word"]
        if word in ("last night", "overnight", "this night"):
            yield _day(match, today - timedelta(days=1), 18, 30, overnight=True)
        elif word == "tonight":
            yield _day(match, today, 17, 24)
        elif word.endswith("weekend"):
            saturday = today - timedelta(days=(today.weekday() - 5) % 7)
            yield _day(match, saturday, 0, 48)
        elif word.endswith("week"):
            monday = today - timedelta(days=today.weekday() + (7 if word.startswith("last") else 0))
            yield _day(match, monday, 0, 24 * 7)
        else:
            yield _day(match, today - timedelta(days=back.get(word, 0)))


def _clocks(text: str, written: datetime) -> Iterator[Part]:
    for match in _CLOCK.finditer(text):
        minute, dotted = match["m"], match["dot"]
        if not (minute or dotted or match["half"] or match["oclock"] or match["zone"]):
            continue
        if (
            match["oclock"]
            and not minute
            and match["oclock"].strip().startswith("h")
            and not match["zone"]
            and not _clock_word(text, match.start())
        ):
            continue  # "24h" is a length, "at 14h" a time
        hour = int(match["h"])
        half = match["half"]
        if half:
            if not 1 <= hour <= 12:
                continue
            hour = hour % 12 + (12 if half[0] == "p" else 0)
        if hour == 24:
            hour = 0
        minutes = int(minute or (dotted or ".0")[1:])
        second = match["s"]
        precision = 1 if second else 900 if match["about"] else 300 if minutes % 15 else 600
        if not minute and not dotted:
            precision = 1800
        yield Clock(
            match.start(),
            match.end(),
            hour,
            minutes,
            int(second or 0),
            _zone(match, written),
            precision,
            has_half=bool(half) or hour > 12,
        )
    for match in _NAMED_CLOCK.finditer(text):
        hour = 0 if match["name"] == "midnight" else 12
        yield Clock(match.start(), match.end(), hour, 0, 0, _zone(match, written), 1800, has_half=True)
    for match in _BARE.finditer(text):
        yield Clock(
            match.start("h"),
            match.end("h"),
            int(match["h"]),
            0,
            0,
            None,
            1800,
            has_half=int(match["h"]) > 12,
            needs_day=True,
        )


def _clock_word(text: str, start: int) -> bool:
    return (
        text[max(0, start - 7) : start].rstrip().endswith(("at", "since", "from", "about", "around", "until", "@", "~"))
    )


def _dayparts(text: str, written: datetime) -> Iterator[Part]:
    for match in _DAYPART.finditer(text):
        before, edge, part = match["this"], match["edge"], match["part"]
        if before == "every" or text[max(0, match.start() - 5) : match.start()].rstrip().endswith(("good", "fine")):
            continue  # a greeting
        first, last = _HOURS_OF[part]
        if edge == "early":
            first, last = (3.0, 8.0) if part == "morning" else (first, first + 2.5)
        elif edge == "late":
            first = last - 2.5
        day, overnight = written.date(), False
        if part == "night" and written.hour < 18:
            day, overnight = day - timedelta(days=1), True
        elif written.hour < first:
            day -= timedelta(days=1)
        named = before == "this"
        yield _day(match, day, first, last, only_hours=not named, overnight=overnight)
