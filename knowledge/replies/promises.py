"""When a text promises the next update: "by 15:00 UTC", "within two hours", "tomorrow", in English and German.

Only sentences that speak of writing again count: a refund "within 5 to 10 business days" is no promise of an update.
What is read is offered for confirmation, never taken by itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

_SENTENCE: Final = re.compile(
    r"(?<=[.!?])\s+(?!(?:Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember)\b)|\n+"
)
_OF_AN_UPDATE: Final = re.compile(
    r"\b(?:updates?|hear (?:back )?from us|write (?:to you )?again|writ(?:e|ing) (?:back )?to you|get back to you"
    r"|be in touch|let you know|come back to you|reply|tell you|follow up|keep you (?:posted|informed)"
    r"|h[öo]ren|melden|schreiben|nachricht|zwischenstand|informieren|bescheid)\b",
    re.IGNORECASE,
)
_NUMBERS: Final = {
    word: value
    for value, words in enumerate(
        ("", "one an a ein eine einer einem", "two zwei zwo", "three drei", "four vier", "five fünf", "six sechs",
         "seven sieben", "eight acht", "nine neun", "ten zehn", "eleven elf", "twelve zwölf")
    )
    for word in words.split()
}  # fmt: skip
_UNITS: Final = {
    "min": timedelta(minutes=1), "minute": timedelta(minutes=1), "minutes": timedelta(minutes=1),
    "minuten": timedelta(minutes=1), "hour": timedelta(hours=1), "hours": timedelta(hours=1), "h": timedelta(hours=1),
    "stunde": timedelta(hours=1), "stunden": timedelta(hours=1), "day": timedelta(days=1), "days": timedelta(days=1),
    "tag": timedelta(days=1), "tage": timedelta(days=1), "tagen": timedelta(days=1), "tages": timedelta(days=1),
}  # fmt: skip
_WITHIN: Final = re.compile(
    r"\b(?:within|in)(?: the)?(?: next)? (\d{1,3}|[a-zäöü]{1,6}) (min|minutes?|hours?|h|days?)\b"
    r"|\b(?:innerhalb(?: von)?|binnen|in)(?: den)?(?: nächsten)? (\d{1,3}|[a-zäöü]{1,6})"
    r" (minuten?|stunden?|tag(?:en?|es)?)\b",
    re.IGNORECASE,
)
_CLOCK: Final = re.compile(
    r"(?<![\d:.])(\d{1,2})(?::(\d{2}))?\s*(am|pm|a\.m\.|p\.m\.|uhr)?(?:\s*\(?\b(UTC|GMT|Z|CEST|CET|EST|EDT|PST|PDT|BST"
    r"|[A-Z]{3,4})\b\)?)?(?![\d:%])",
    re.IGNORECASE,
)
_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        ("", "january jan januar", "february feb februar", "march mar märz", "april apr", "may mai", "june jun juni",
         "july jul juli", "august aug", "september sep sept", "october oct oktober okt", "november nov",
         "december dec dezember dez")
    )
    for name in names.split()
}  # fmt: skip
_DATE: Final = re.compile(r"\b(\d{1,2})\.?\s+([A-Za-zä]{3,9})\b")
_DAYS: Final = {
    name: number
    for number, names in enumerate(
        ("monday montag", "tuesday dienstag", "wednesday mittwoch", "thursday donnerstag", "friday freitag",
         "saturday samstag", "sunday sonntag")
    )
    for name in names.split()
}  # fmt: skip
_WEEKDAY: Final = re.compile(rf"\b({'|'.join(_DAYS)})\b", re.IGNORECASE)
_TOMORROW: Final = re.compile(r"\b(?:tomorrow|morgen)\b", re.IGNORECASE)
_TODAY: Final = re.compile(r"\b(?:today|heute|end of (?:the )?day|tonight)\b", re.IGNORECASE)
_ZONES: Final = {
    "utc": UTC, "gmt": UTC, "z": UTC, "cet": ZoneInfo("Europe/Berlin"), "cest": ZoneInfo("Europe/Berlin"),
    "bst": ZoneInfo("Europe/London"), "est": ZoneInfo("America/New_York"), "edt": ZoneInfo("America/New_York"),
    "pst": ZoneInfo("America/Los_Angeles"), "pdt": ZoneInfo("America/Los_Angeles"),
}  # fmt: skip
#: The hour meant by a day that is named without one.
_EVENING: Final = 17
_LONGEST: Final = 20_000
_FURTHEST: Final = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class Promise:
    """`due_at` is aware; `quote` the sentence it was read from."""

    due_at: datetime
    quote: str


def read_promise(text: str, *, now: datetime, zone: tzinfo = UTC) -> Promise | None:
    """The earliest moment after `now` by which the text promises to write again; None when it names none. A time
    without a zone is one of `zone`.
    """
    found = []
    for sentence in map(str.strip, _SENTENCE.split(text[:_LONGEST])):
        if sentence and _OF_AN_UPDATE.search(sentence):
            at = _moment(sentence, now, zone)
            if at is not None and now < at <= now + _FURTHEST:
                found.append(Promise(at, sentence[:300]))
    return min(found, key=lambda one: one.due_at) if found else None


def update_spans(text: str) -> list[tuple[int, int]]:
    """(start, end) of the sentences that speak of writing again."""
    found, start = [], 0
    text = text[:_LONGEST]
    for gap in [*_SENTENCE.finditer(text), None]:
        end = gap.start() if gap is not None else len(text)
        if _OF_AN_UPDATE.search(text, start, end):
            found.append((start, end))
        start = gap.end() if gap is not None else end
    return found


def _moment(sentence: str, now: datetime, zone: tzinfo) -> datetime | None:
    if within := _WITHIN.search(sentence):
        said, unit = (within.group(1), within.group(2)) if within.group(1) else (within.group(3), within.group(4))
        amount = int(said) if said.isdecimal() else _NUMBERS.get(said.lower(), 0)
        return now + amount * _UNITS[unit.lower()] if amount else None
    here = now.astimezone(zone)
    day, rest = _day(sentence, here)
    for match in _CLOCK.finditer(rest):
        hour, minute = int(match.group(1)), int(match.group(2) or 0)
        half = (match.group(3) or "").lower().replace(".", "")
        if match.group(2) is None and not half and not match.group(4):
            continue  # a bare number is no time
        if half in ("am", "pm") and hour <= 12:
            hour = hour % 12 + (12 if half == "pm" else 0)
        if hour > 23 or minute > 59:
            continue
        where = _ZONES.get((match.group(4) or "").lower(), zone)
        at = _at(now.astimezone(where) if day is None else day, hour, minute, where)
        return at + timedelta(days=1) if day is None and at <= now else at
    return _at(day, _EVENING, 0, zone) if day is not None else None


def _day(sentence: str, here: datetime) -> tuple[datetime | None, str]:
    """The day that is named, at any hour, and the sentence without its date."""
    if _TOMORROW.search(sentence):
        return here + timedelta(days=1), sentence
    if match := next((one for one in _DATE.finditer(sentence) if one.group(2).lower() in _MONTHS), None):
        month, number = _MONTHS[match.group(2).lower()], int(match.group(1))
        rest = sentence[: match.start()] + " " + sentence[match.end() :]
        try:
            day = here.replace(month=month, day=number)
        except ValueError:
            return None, rest
        return (day.replace(year=day.year + 1) if day.date() < here.date() else day), rest
    if match := _WEEKDAY.search(sentence):
        ahead = (_DAYS[match.group(1).lower()] - here.weekday()) % 7 or 7
        return here + timedelta(days=ahead), sentence
    return (here, sentence) if _TODAY.search(sentence) else (None, sentence)


def _at(day: datetime, hour: int, minute: int, zone: tzinfo) -> datetime:
    return day.replace(hour=hour, minute=minute, second=0, microsecond=0, tzinfo=zone)
