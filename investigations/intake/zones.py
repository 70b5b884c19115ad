"""Time zones as people write them: "UTC+2", "(utc-8)", "EST", "Pacific time", "Berlin time", "+05:30"."""

from __future__ import annotations

import re
from datetime import UTC, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_HOURS: Final[dict[str, float]] = {
    "utc": 0, "gmt": 0, "z": 0, "wet": 0, "bst": 1, "west": 1, "cet": 1, "cest": 2, "eet": 2, "eest": 3, "msk": 3,
    "ist": 5.5, "sgt": 8, "hkt": 8, "jst": 9, "kst": 9, "aest": 10, "aedt": 11, "nzst": 12, "nzdt": 13,
    "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7, "brt": -3,
}  # fmt: skip
_NAMED: Final[dict[str, str]] = {
    "et": "America/New_York", "ct": "America/Chicago", "mt": "America/Denver", "pt": "America/Los_Angeles",
    "eastern": "America/New_York", "central": "America/Chicago", "mountain": "America/Denver", "pacific": "America/Los_Angeles",
    "central european": "Europe/Berlin", "uk": "Europe/London", "british": "Europe/London", "london": "Europe/London",
    "dublin": "Europe/Dublin", "lisbon": "Europe/Lisbon", "berlin": "Europe/Berlin", "german": "Europe/Berlin",
    "paris": "Europe/Paris", "french": "Europe/Paris", "madrid": "Europe/Madrid", "rome": "Europe/Rome",
    "amsterdam": "Europe/Amsterdam", "zurich": "Europe/Zurich", "vienna": "Europe/Vienna", "stockholm": "Europe/Stockholm",
    "warsaw": "Europe/Warsaw", "helsinki": "Europe/Helsinki", "new york": "America/New_York", "toronto": "America/Toronto",
    "chicago": "America/Chicago", "denver": "America/Denver", "san francisco": "America/Los_Angeles", "sf": "America/Los_Angeles",
    "seattle": "America/Los_Angeles", "sao paulo": "America/Sao_Paulo", "singapore": "Asia/Singapore", "tokyo": "Asia/Tokyo",
    "japan": "Asia/Tokyo", "india": "Asia/Kolkata", "sydney": "Australia/Sydney", "melbourne": "Australia/Melbourne",
    "auckland": "Pacific/Auckland",
}  # fmt: skip

_ABBREVIATIONS = "|".join(sorted((k for k in _HOURS if k not in ("utc", "gmt", "z")), key=len, reverse=True))
_PLACES = "|".join(sorted((k for k in _NAMED if len(k) > 2 or k == "uk"), key=len, reverse=True))
#: Matches lower-case text right after a clock time.
ZONE_PATTERN: Final = (
    r"(?:\s{0,2}[(\[]?\s?(?P<zone>"
    r"(?:utc|gmt)(?:\s?[+\-−–]\s?\d{1,2}(?::?\d{2})?)?"
    r"|z(?![a-z0-9])|[+\-−]\d{2}:?\d{2}(?!\d)"
    rf"|(?:{_ABBREVIATIONS})(?![a-z0-9])"
    r"|[ecmp]t(?![a-z0-9'])"
    rf"|(?:{_PLACES})\s(?:standard\s|daylight\s|summer\s)?time"
    r"|(?:our|my|local)\s(?:local\s)?time"
    r")\s?[)\]]?)?"
)
_OFFSET = re.compile(r"([+\-−–])\s?(\d{1,2}):?(\d{2})?$")


def parse_zone(words: str, default: tzinfo) -> tzinfo | None:
    """The zone that `words` (lower case) name; `default` for "our time"; None when it cannot be one."""
    words = " ".join(words.split())
    offset = _OFFSET.search(words)
    if offset:
        sign, hours, minutes = offset.groups()
        seconds = int(hours) * 3600 + int(minutes or 0) * 60
        return timezone(timedelta(seconds=-seconds if sign != "+" else seconds)) if seconds <= 14 * 3600 else None
    if words in _HOURS:
        return timezone(timedelta(hours=_HOURS[words]))
    place = words.removesuffix(" time").removesuffix(" standard").removesuffix(" daylight").removesuffix(" summer")
    if place in _NAMED:
        return ZoneInfo(_NAMED[place])
    return default if words.endswith("time") else None


def zone_named(name: str) -> tzinfo | None:
    """A zone of the tz database, or an offset like "+02:00"; None when there is no such zone."""
    if not name or len(name) > 60:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return parse_zone(name.lower(), UTC) if not name.lower().endswith("time") else None
