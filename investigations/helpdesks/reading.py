"""Reading foreign payloads: a value of the expected kind or nothing, never an exception of Python's own.

Payloads are written by vendors, by administrators' templates and by attackers; what has the wrong shape is left out
where the event can do without it, and named by InvalidInput where it cannot.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import nh3

from altor.errors import InvalidInput

_SAFE_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:\-]{0,63}")
#: What no database takes: control characters but tab and line feeds, and lone surrogates.
_UNFIT: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_ADDRESS: Final = re.compile(r"[^@\s<>\"']{1,64}@[^@\s<>\"']{1,189}")
#: No id and no amount is larger; a longer number is an attack on whoever writes it out.
_LARGEST: Final = 10**40
_MOST_TAGS, _MOST_CUSTOM = 50, 200
_BREAKS: Final = re.compile(r"<(?:br|/p|/div|/li|/tr|/h[1-6]|/blockquote)\b[^>]{0,200}>", re.IGNORECASE)
_BLANKS: Final = re.compile(r"[ \t\xa0]+")
_LINES: Final = re.compile(r"\n{3,}")
_MOST_HTML: Final = 500_000
_OLDEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_NEWEST: Final = datetime(2200, 1, 1, tzinfo=UTC)


def part(value: Any, *path: str) -> Mapping[str, Any]:
    """The object at the path, {} when there is none."""
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def items(value: Any) -> Iterator[Mapping[str, Any]]:
    """The objects of a list; whatever else stands in it is passed over."""
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, Mapping))


def text(value: Any, length: int = 2_000_000) -> str:
    """A text, or a number as text, without characters that no database takes; "" for anything else. Cut at `length`."""
    if isinstance(value, str):
        return _UNFIT.sub("", value[:length])
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    if abs(value) > _LARGEST or math.isnan(value):  # in this order: a number may be too long to be a float
        return ""
    return str(int(value) if value == int(value) else value)


def texts(value: Any) -> list[str]:
    """The texts of a list."""
    return [text(item) for item in value if text(item)] if isinstance(value, list) else []


def fit(value: Any, depth: int = 6) -> Any:
    """Any JSON value without characters that no database takes; what is nested deeper is left out."""
    if isinstance(value, str):
        return _UNFIT.sub("", value)
    if isinstance(value, list):
        return [fit(item, depth - 1) for item in value] if depth else []
    if isinstance(value, Mapping):
        return {fit(str(name)): fit(held, depth - 1) for name, held in value.items()} if depth else {}
    return value


def words(value: Any, length: int) -> str:
    """A text of one line."""
    return " ".join(text(value, length).split())


def address(value: Any) -> str:
    """An e-mail address in lower case; "" for anything else, such as a phone number in the same place."""
    found = text(value, 300).strip().lower()
    return found if _ADDRESS.fullmatch(found) else ""


def tags(value: Any) -> list[str]:
    """The labels of a list, each once, as many and as long as a ticket takes."""
    found = (words(item, 80) for item in value[:1000]) if isinstance(value, list) else iter(())
    return list(dict.fromkeys(tag for tag in found if tag))[:_MOST_TAGS]


def custom_values(value: Any, prefix: str = "") -> dict[str, str]:
    """Custom fields by their names, as text: a checkbox as "true" or "false", a list with commas. Others are left out.

    A field that stands there with null or "" is stated as empty.
    """
    found = {}
    for name, held in list(value.items())[:_MOST_CUSTOM] if isinstance(value, Mapping) else ():
        if (key := words(name, 80)) and (held is None or isinstance(held, str | int | float | list)):
            found[f"{prefix}{key}"] = _held(held)
    return found


def _held(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(part for item in value[:50] if not isinstance(item, list) and (part := _held(item)))[:500]
    if isinstance(value, bool):
        return "true" if value else "false"
    return text(value, 500)


def identifier(value: Any, what: str = "ticket") -> str:
    """The id as text. InvalidInput when it is missing or cannot stand in an address."""
    found = text(value).strip()
    if not _SAFE_ID.fullmatch(found):
        raise InvalidInput(f"The event names no {what}: its id is missing or holds characters that no id has.")
    return found


def safe_id(value: Any) -> str:
    """The id as text, "" when there is none that could stand in an address."""
    found = text(value).strip()
    return found if _SAFE_ID.fullmatch(found) else ""


def moment(value: Any) -> datetime | None:
    """ISO 8601 (without a zone: UTC) or epoch seconds as number or digits, aware UTC; None for anything else and for
    times outside 2000 to 2200.
    """
    if isinstance(value, bool) or value in (None, ""):
        return None
    try:
        if isinstance(value, int | float) or (isinstance(value, str) and re.fullmatch(r"\d{9,11}(\.\d{1,6})?", value)):
            at = datetime.fromtimestamp(float(value), UTC)
        elif isinstance(value, str):
            at = datetime.fromisoformat(value.strip())
            at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
        else:
            return None
    except (ValueError, OverflowError, OSError):
        return None
    return at if _OLDEST <= at < _NEWEST else None


def plain(markup: str) -> str:
    """HTML as plain text: line breaks where blocks end, entities read, the rest dropped. Linear in its length."""
    markup = _UNFIT.sub("", markup)
    if "<" not in markup and "&" not in markup:
        return markup.strip()
    body = nh3.clean(_BREAKS.sub("\\g<0>\n", markup[:_MOST_HTML]), tags=set())
    lines = [_BLANKS.sub(" ", line).strip() for line in html.unescape(body).replace("\r", "").split("\n")]
    return _UNFIT.sub("", _LINES.sub("\n\n", "\n".join(lines))).strip()


def stated(**values: Any) -> dict[str, Any]:
    """Those of the values that say something: None and empty texts are left out."""
    return {name: value for name, value in values.items() if value not in (None, "", {})}
