"""Texts with figures: `{expression|format}` over the facts of a run, written the way people read numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from altor.words import MISSING, counted, duration, money, number, percent
from investigations.playbooks.conditions import Unknown, evaluate

#: The words of a slot that is written as `counted`: {[facts.n, 'endpoint is', 'endpoints are']|counted}.
_COUNTED: Final = re.compile(r",\s*'([^']*)'\s*(?:,\s*'([^']*)'\s*)?\]$")
_SLOT: Final = re.compile(r"\{([^{}|]+(?:\|\|[^{}|]+)*)(?:\|([a-z_]+))?\}")


def milliseconds(value: float) -> str:
    return f"{value:.0f} ms" if value < 1000 else f"{value / 1000:.1f} s"


def moment(value: str) -> str:
    """2026-05-01T10:02:00Z -> 1 May 10:02 UTC."""
    at = datetime.fromisoformat(value).astimezone(UTC)
    return f"{at.day} {at:%b %H:%M} UTC"


#: A beginning that is known less exactly than this is told with "about", to five minutes.
_EXACT: Final = timedelta(minutes=20)
_ROUND: Final = timedelta(minutes=5)


def between(document: Mapping[str, Any]) -> list[str] | None:
    """The first and the last moment at which what a diagnosis tells may have begun; None where it is known well."""
    ends: list[str] | None = document.get("onset_between")
    if not ends:
        return None
    first, last = map(datetime.fromisoformat, ends)
    return ends if last - first > _EXACT else None


def since(document: Mapping[str, Any]) -> str | None:
    """The onset of a diagnosis as people say it: 1 May 10:02 UTC, or, where it is not known to the minute, about 1 May
    10:00 UTC. None without an onset.
    """
    onset: str | None = document["onset"]
    if not onset or not between(document):
        return moment(onset) if onset else None
    rounded = round(datetime.fromisoformat(onset).timestamp() / _ROUND.total_seconds()) * _ROUND.total_seconds()
    return f"about {moment(datetime.fromtimestamp(rounded, UTC).isoformat())}"


def _ratio(value: float) -> str:
    return "many times" if value > 999 else f"{value:.1f}×"


#: An onset is known to some minutes only: an event that seems to follow it by less may come first.
_UNSURE_MINUTES: Final = 60


def lead(minutes: float) -> str:
    """How an event stands to the onset: 12.4 -> 12 minutes before; 0.2 -> in the same minute as; -3 -> within 3
    minutes of, because the onset is known to some minutes only; -90 -> 90 minutes after.
    """
    whole = round(abs(minutes))
    if not whole:
        return "in the same minute as"
    if -_UNSURE_MINUTES <= minutes < 0:
        return f"within {counted(whole, 'minute')} of"
    told = counted(whole, "minute") if whole < 180 else counted(round(whole / 60), "hour")
    return f"{told} {'before' if minutes > 0 else 'after'}"


FORMATS: Final[dict[str, Callable[[Any], str]]] = {
    "percent": percent,
    "number": number,
    "ms": milliseconds,
    "seconds": duration,
    "time": moment,
    "ratio": _ratio,
    "lead": lead,
    "text": str,
    "sha": lambda value: str(value)[:7],
    "counted": lambda value: counted(*value),
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


def rewrite(template: str, write: Callable[[str, str], str]) -> str:
    """The template with every slot as `write(expression, format)` gives it; "" for a slot without a format."""
    return _SLOT.sub(lambda match: write(match.group(1).strip(), match.group(2) or ""), template)


def uncounted(expression: str, unknown: str) -> str:
    """A slot that is written as `counted`, where the number is not known: `– endpoints are`."""
    found = _COUNTED.search(expression)
    return f"{unknown} {found.group(2) or f'{found.group(1)}s'}" if found else unknown


def _is_missing(value: Any) -> bool:
    return isinstance(value, Unknown) or value is None or value == "" or value == []


def is_complete(template: str, names: Mapping[str, Any]) -> bool:
    """Whether every slot of the template is known."""
    return not any(_is_missing(evaluate(expression, names)) for expression, _ in slots(template))


def is_empty(template: str, names: Mapping[str, Any]) -> bool:
    """Whether the template has slots and none of them is known."""
    found = slots(template)
    return bool(found) and all(_is_missing(evaluate(expression, names)) for expression, _ in found)


def render(template: str, names: Mapping[str, Any], *, unknown: str = MISSING) -> str:
    """Fill the template; what is unknown reads as `unknown`. `money` takes a list [amount in minor units, currency],
    `counted` a list [number, what one is called, what many are called (an s more where it is left out)].
    """

    def fill(match: re.Match[str]) -> str:
        expression, form = match.group(1).strip(), match.group(2) or ""
        value = evaluate(expression, names)
        if _is_missing(value):
            return uncounted(expression, unknown) if form == "counted" else unknown
        try:
            if form == "money":
                return money(round(value[0]), str(value[1]))
            if form:
                return FORMATS[form](value)
        except (TypeError, ValueError, IndexError):
            return str(value)
        return number(value) if isinstance(value, float) else str(value)

    return _SLOT.sub(fill, template)
