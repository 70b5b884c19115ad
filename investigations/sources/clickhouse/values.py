"""Values on their way to ClickHouse and back: parameters by their declared type, results by their column's type."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_WRAPPERS: Final = re.compile(r"^(?:Nullable|LowCardinality)\((.*)\)$")
_INTEGER: Final = re.compile(r"^U?Int\d+$")
_FLOAT: Final = re.compile(r"^(?:Float|Decimal|BFloat)")
_TIME: Final = re.compile(r"^DateTime(?:64)?(?:\((?:\d+(?:,\s*)?)?(?:'([^']+)')?\))?$")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class ValueRefused(ValueError):
    """A value does not fit the type that the statement declares for it."""


def bare(kind: str) -> str:
    """The type without Nullable and LowCardinality: `LowCardinality(Nullable(String))` -> `String`."""
    while match := _WRAPPERS.match(kind):
        kind = match.group(1)
    return kind


def is_time(kind: str) -> bool:
    return _TIME.match(bare(kind)) is not None


def holds_text(kind: str) -> bool:
    """Whether values of the type can hold what somebody wrote: everything but numbers, moments and truth values."""
    inner = bare(kind)
    return not (_INTEGER.match(inner) or _FLOAT.match(inner) or _TIME.match(inner) or inner in ("Bool", "UUID", "Date"))


def bound(value: Any, kind: str) -> Any:
    """A parameter's value for the driver, which writes it as ClickHouse's text. ValueRefused when it does not fit."""
    inner = bare(kind)
    if value is None:
        if not kind.startswith("Nullable("):
            raise ValueRefused(f"a {kind} needs a value")
        return None
    if inner.startswith("Array("):
        if not isinstance(value, list | tuple | set | frozenset):
            raise ValueRefused(f"a {kind} needs a list")
        return [bound(item, inner[6:-1]) for item in value]
    if is_time(inner):
        return _moment(value, inner)
    if _INTEGER.match(inner):
        return _number(value, kind, int)
    if _FLOAT.match(inner):
        return _number(value, kind, float)
    if inner == "Bool":
        return bool(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Mapping | list | tuple):
        raise ValueRefused(f"a {kind} is one value")
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _number(value: Any, kind: str, of: Callable[[Any], Any]) -> Any:
    if of is int and isinstance(value, float) and not value.is_integer():
        raise ValueRefused(f"a {kind} needs a whole number")
    try:
        return of(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueRefused(f"a {kind} needs a number") from None


def _moment(value: Any, kind: str) -> str:
    """Seconds since 1970, which mean the same in every time zone."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        if not isinstance(moment, datetime) or moment.tzinfo is None:
            raise ValueError
    except ValueError:
        raise ValueRefused(f"a {kind} needs a moment with its time zone") from None
    micros = (moment - _EPOCH) // (datetime.resolution)
    seconds, rest = divmod(micros, 1_000_000)
    return f"{seconds}.{rest:06d}" if kind.startswith("DateTime64") else str(seconds)


def reader(kind: str, server_zone: str) -> Callable[[Any], Any]:
    """How a column's values are read: 64-bit integers as int, times as ISO 8601 UTC (the epoch is "no time": None)."""
    inner = bare(kind)
    if inner.startswith("Array("):
        item = reader(inner[6:-1], server_zone)
        return lambda value: [item(each) for each in value] if isinstance(value, list) else value
    if _INTEGER.match(inner):
        return lambda value: int(value) if isinstance(value, str) else value
    if _FLOAT.match(inner):
        return lambda value: float(value) if isinstance(value, str) else value
    found = _TIME.match(inner)
    if found:
        zone = _zone(found.group(1) or server_zone)
        return lambda value: _iso(value, zone) if isinstance(value, str) else value
    return lambda value: value


def _zone(name: str) -> ZoneInfo | None:
    """None for UTC under any of its names, and for a zone that is not known here."""
    if name in ("", "UTC", "Etc/UTC", "Etc/UCT", "UCT", "Zulu", "GMT", "Etc/GMT"):
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return None


def _iso(text: str, zone: ZoneInfo | None) -> str | None:
    short = text.replace(" ", "T")[:26]
    if zone is not None:
        moment = datetime.fromisoformat(short).replace(tzinfo=zone).astimezone(UTC)
        short = moment.replace(tzinfo=None).isoformat()
    return None if short.startswith("1970-01-01T00:00:00") else short + "Z"
