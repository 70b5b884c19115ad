"""Read shifts from an iCalendar file: single and recurring events, by the wall clock of their zone.

A recurring event that is described by its end lasts from wall clock to wall clock, so that a week from Monday nine to
Monday nine has neither gap nor overlap where clocks change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from dateutil.rrule import rrulestr
from icalendar import Calendar

from altor.errors import InvalidInput
from escalations.clocks.zones import instant

#: More than any calendar of shifts has; what is above is said and passed over.
MOST_EVENTS: Final = 2000
MOST_OCCURRENCES: Final = 5000
_DAY: Final = timedelta(days=1)
#: The longest event that may reach into the window from before it.
_LONGEST: Final = timedelta(days=62)


@dataclass(frozen=True, slots=True)
class Found:
    """One occurrence. `names` are texts that tell whom it may be about: the title, those who attend, who organizes."""

    begin: datetime
    end: datetime
    names: tuple[tuple[str, ...], ...]
    title: str
    uid: str = ""

    @property
    def name(self) -> str:
        """How it is called where nobody is found for it."""
        return self.title or next((text for group in self.names for text in group), "(an event without a title)")


@dataclass(slots=True)
class Reading:
    """`said`: sentences on what was passed over."""

    found: list[Found] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    zone: str = ""  # the calendar's own, "" when it names none


@dataclass(frozen=True, slots=True)
class _Wall:
    """A time as a calendar shows it: of a zone, of another offset rule, or an instant (`zone` UTC)."""

    wall: datetime  # without a zone
    zone: tzinfo
    is_date: bool

    def at(self, wall: datetime) -> datetime:
        if isinstance(self.zone, ZoneInfo):
            return instant(self.zone, wall)
        return wall.replace(tzinfo=self.zone).astimezone(UTC)


def read(data: bytes, begin: datetime, end: datetime, *, zone: str) -> Reading:
    """Occurrences that touch the time from `begin` to `end`, in order. `zone` is for times that name none, unless the
    calendar does. InvalidInput for what is no calendar.
    """
    try:
        calendars = Calendar.from_ical(data, multiple=True)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise InvalidInput(f"This is no iCalendar file: {_short(error)}") from None
    calendars = [one for one in calendars if getattr(one, "name", "") == "VCALENDAR"]
    if not calendars:
        raise InvalidInput("This is no iCalendar file: it does not begin with BEGIN:VCALENDAR.")
    reading = Reading()
    for calendar in calendars:
        own = str(calendar.get("X-WR-TIMEZONE", ""))
        reading.zone = own if own in available_timezones() else reading.zone
        _read_one(calendar, begin, end, ZoneInfo(reading.zone or zone), reading)
    reading.found.sort(key=lambda one: (one.begin, one.end, one.uid))
    return reading


def _read_one(calendar: Any, begin: datetime, end: datetime, zone: ZoneInfo, reading: Reading) -> None:
    events = calendar.walk("VEVENT")
    if len(events) > MOST_EVENTS:
        reading.said.append(f"Only the first {MOST_EVENTS} of {len(events)} events were read.")
    masters: list[Any] = []
    moved: dict[str, dict[datetime, Any]] = {}
    for event in events[:MOST_EVENTS]:
        if event.get("RECURRENCE-ID") is not None:
            try:
                which = _wall(event["RECURRENCE-ID"], zone)
                moved.setdefault(_uid(event), {})[which.at(which.wall)] = event
            except (ValueError, AttributeError, OverflowError) as error:
                reading.said.append(f"“{_title(event)}” was passed over: {_short(error)}")
        else:
            masters.append(event)
    known = {_uid(event) for event in masters}
    masters += [event for uid, many in moved.items() if uid not in known for event in many.values()]
    for event in masters:
        try:
            _occurrences(event, moved.get(_uid(event), {}) if _uid(event) in known else {}, begin, end, zone, reading)
        except (ValueError, TypeError, AttributeError, OverflowError) as error:
            reading.said.append(f"“{_title(event)}” was passed over: {_short(error)}")
    reading.said = reading.said[:20]


def _occurrences(
    event: Any, moved: Mapping[datetime, Any], begin: datetime, end: datetime, zone: ZoneInfo, reading: Reading
) -> None:
    start = _wall(event.get("DTSTART"), zone)
    starts = list(_starts(event, start, begin - _LONGEST, end, zone, reading))
    excluded = _excluded(event, start, zone)
    for wall in starts:
        at = start.at(wall)
        if at in excluded or (start.is_date and at in moved):
            continue
        if at in moved:
            continue
        _keep(event, at, _end(event, start, wall), begin, end, reading)
    for change in moved.values():
        own = _wall(change.get("DTSTART"), zone)
        _keep(change, own.at(own.wall), _end(change, own, own.wall), begin, end, reading, like=event)


def _keep(
    event: Any, at: datetime, until: datetime, begin: datetime, end: datetime, reading: Reading, like: Any = None
) -> None:
    """One occurrence, unless it is cancelled or lies outside."""
    if str(event.get("STATUS", "")).upper() == "CANCELLED" or until <= at or until <= begin or at >= end:
        return
    if len(reading.found) < MOST_OCCURRENCES:
        names = _names(event) or (_names(like) if like is not None else ())
        reading.found.append(Found(at, until, names, _title(event), _uid(event)))
    elif len(reading.found) == MOST_OCCURRENCES and "were read." not in "".join(reading.said):
        reading.said.append(f"Only the first {MOST_OCCURRENCES} shifts were read.")


def _starts(
    event: Any, start: _Wall, begin: datetime, end: datetime, zone: ZoneInfo, reading: Reading
) -> Iterator[datetime]:
    """Wall clock times at which it begins, from about `begin` to about `end`."""
    rules = _many(event.get("RRULE"))
    low = begin.replace(tzinfo=None) - _DAY
    high = end.replace(tzinfo=None) + _DAY
    found: set[datetime] = set()
    if not rules:
        found.add(start.wall)
    for rule in rules:
        found |= set(_ruled(rule, start, low, high, reading, _title(event)))
    for extra in _dates(event.get("RDATE"), zone):
        found.add(extra.at(extra.wall).astimezone(start.zone).replace(tzinfo=None) if not extra.is_date else extra.wall)
    yield from sorted(one for one in found if low <= one <= high)


def _ruled(rule: Any, start: _Wall, low: datetime, high: datetime, reading: Reading, title: str) -> Iterator[datetime]:
    """A rule is expanded on the wall clock; an end that is told in UTC is read as a time of that clock."""
    given = {name.upper(): values for name, values in rule.items()}
    if str(given.get("FREQ", [""])[0]).upper() in ("SECONDLY", "MINUTELY"):
        reading.said.append(f"“{title}” repeats every few minutes: that is no shift.")
        return
    untils = _many(given.pop("UNTIL", None))
    text = type(rule)(given).to_ical().decode()
    last = high
    if untils:
        last = min(last, _until(untils[0], start))
    repeats = rrulestr(text, dtstart=start.wall, ignoretz=True)
    for counted, one in enumerate(repeats):
        if one > last:
            return
        if one >= low:
            yield one
        if counted > 200_000:
            reading.said.append(f"“{title}” repeats too often to be read.")
            return


def _until(value: Any, start: _Wall) -> datetime:
    if not isinstance(value, datetime):
        return datetime.combine(value, time.max)
    if value.tzinfo is not None:
        return value.astimezone(start.zone).replace(tzinfo=None)
    return value


def _excluded(event: Any, start: _Wall, zone: ZoneInfo) -> set[datetime]:
    found = set()
    for one in _dates(event.get("EXDATE"), zone):
        wall = datetime.combine(one.wall.date(), start.wall.time()) if one.is_date else one.wall
        found.add(start.at(wall) if one.is_date else one.at(wall))
    return found


def _dates(value: Any, zone: ZoneInfo) -> Iterator[_Wall]:
    for many in _many(value):
        for one in getattr(many, "dts", ()):
            yield _wall(one, zone)


def _end(event: Any, start: _Wall, wall: datetime) -> datetime:
    """By DTEND from wall clock to wall clock; by DURATION its days so, its hours in real time; a day without either."""
    if event.get("DTEND") is not None:
        end = event["DTEND"].dt
        if isinstance(end, datetime) and end.tzinfo is not None and not start.is_date:
            length = end.astimezone(start.zone).replace(tzinfo=None) - start.wall
        else:
            plain = end.replace(tzinfo=None) if isinstance(end, datetime) else datetime.combine(end, time())
            length = plain - start.wall
        return start.at(wall + length)
    if event.get("DURATION") is not None:
        length = event["DURATION"].dt
        return start.at(wall + timedelta(days=length.days)) + timedelta(seconds=length.seconds)
    return start.at(wall + _DAY) if start.is_date else start.at(wall)


def _wall(value: Any, zone: ZoneInfo) -> _Wall:
    given = getattr(value, "dt", value)
    if isinstance(given, datetime):
        if given.tzinfo is None:
            return _Wall(given, zone, False)
        own = given.tzinfo
        key = getattr(own, "key", "")
        if (
            given.utcoffset() == timedelta()
            and (key in ("", "UTC", "Etc/UTC"))
            and not hasattr(own, "_utc_transition_times")
        ):
            return _Wall(given.replace(tzinfo=None), ZoneInfo("UTC"), False)
        return _Wall(given.replace(tzinfo=None), ZoneInfo(key) if key in available_timezones() else own, False)
    if isinstance(given, date):
        return _Wall(datetime.combine(given, time()), zone, True)
    raise ValueError("it does not say when it begins")


def _many(value: Any) -> Sequence[Any]:
    if value is None:
        return ()
    return value if isinstance(value, list) else [value]


def _names(event: Any) -> tuple[tuple[str, ...], ...]:
    groups = (
        [_title(event)],
        [part for one in _many(event.get("ATTENDEE")) for part in _address(one)],
        [part for one in _many(event.get("ORGANIZER")) for part in _address(one)],
    )
    return tuple(found for group in groups if (found := tuple(dict.fromkeys(text[:200] for text in group if text))))


def _address(value: Any) -> list[str]:
    text = str(value).strip()
    mail = text[7:] if text.lower().startswith("mailto:") else ""
    name = str(getattr(value, "params", {}).get("CN", "")).strip()
    return [part for part in (mail, name) if part]


def _title(event: Any) -> str:
    return " ".join(str(event.get("SUMMARY", "")).split())[:200]


def _uid(event: Any) -> str:
    return str(event.get("UID", ""))[:200] or f"#{id(event)}"


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
