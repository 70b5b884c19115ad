"""On-call in plain words: until when, layers of a rotation, hours as people write them in one line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from altor.errors import InvalidInput
from altor.models import User
from escalations.oncall.moves import moment_words, zone_of

_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")
_UNITS: Final = {"hour": "hour", "day": "day", "week": "week"}


def until_words(end: datetime, now: datetime, reader: User | None) -> str:
    """`until 17:00`, `until Mon 09:00`, `until Mon 7 Dec 09:00` in the reader's zone."""
    zone = zone_of(reader)
    local, here = end.astimezone(zone), now.astimezone(zone)
    days = (local.date() - here.date()).days
    if days == 0:
        return f"until {local:%H:%M}"
    if days < 6:
        return f"until {local:%a %H:%M}"
    return f"until {moment_words(local)}"


def layer_words(layer: Mapping[str, Any], people: Mapping[int, User]) -> str:
    """`Ana, Ben and Cleo take turns of a week, handing over on Mondays at 09:00, in mon-fri 09:00-17:00`."""
    if layer.get("calendar"):
        return f"As the calendar “{layer['calendar']}” says"
    names = [str(people.get(pk, f"#{pk}")) for pk in layer.get("people", [])]
    if not names:
        return "Nobody yet"
    begins = datetime.fromisoformat(layer["begins"])
    every, unit = layer.get("every", 1), layer.get("unit", "week")
    length = f"{'an' if unit == 'hour' else 'a'} {_UNITS[unit]}" if every == 1 else f"{every} {_UNITS[unit]}s"
    handover = {"hour": "", "day": f" at {begins:%H:%M}", "week": f" on {begins:%A}s at {begins:%H:%M}"}[unit]
    who = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    said = (
        f"{who} always"
        if len(names) == 1
        else f"{who} take turns of {length}" + (f", handing over{handover}" if handover else "")
    )
    since = f", from {begins.day} {begins:%b %Y} on"
    hours = f", in {hours_text(layer['hours'])}" if layer.get("hours") else ""
    return f"{said}{since}{hours}"


def hours_text(written: Mapping[str, Any] | None) -> str:
    """Hours in one line: `mon-fri 09:00-17:00; sat 10:00-12:00, 13:00-14:00; 2026-12-24 closed; holidays DE-BE`."""
    if not written:
        return ""
    parts = [f"{days} {_spans(spans)}" for days, spans in (written.get("week") or {}).items()]
    parts += [f"{day} {_spans(spans)}" for day, spans in (written.get("days") or {}).items()]
    parts += [f"{name} {written[name]}" for name in ("holidays", "zone") if written.get(name)]
    return "; ".join(parts)


def _spans(spans: Any) -> str:
    return ", ".join(map(str, spans)) if isinstance(spans, list) else str(spans)


def hours_of_text(text: str) -> dict[str, Any] | None:
    """The line back as a mapping; None for none at all. InvalidInput for a part that is nothing of it."""
    parts = [part.strip() for part in text.split(";") if part.strip()]
    if not parts:
        return None
    found: dict[str, Any] = {"week": {}}
    for part in parts:
        head, _, rest = part.partition(" ")
        rest = rest.strip()
        if head.lower() in ("holidays", "zone") and rest:
            found[head.lower()] = rest
            continue
        if not rest:
            raise InvalidInput(f"“{part}” is no hours: write days and times, like mon-fri 09:00-17:00.")
        spans = [one.strip() for one in rest.split(",") if one.strip()]
        place = found.setdefault("days", {}) if _DATE.fullmatch(head) else found["week"]
        place[head] = spans[0] if len(spans) == 1 else spans
    return found
