"""Shifts as an iCalendar feed. Times are in UTC, so that no reader's idea of a time zone can move a shift."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings
from django.urls import reverse
from icalendar import Calendar, Event

from altor.models import User
from escalations.oncall.rotations import Plan
from escalations.oncall.turns import Turn, turns

PAST: Final = timedelta(weeks=4)
FUTURE: Final = timedelta(weeks=26)


def feed(plans: Iterable[Plan], *, title: str, now: datetime, person: User | None = None) -> bytes:
    """Every shift (of `person`) from four weeks ago to half a year ahead. The same shifts give the same bytes.

    A shift keeps its UID when its hours move within the day.
    """
    calendar = Calendar()
    calendar.add("prodid", "-//Altor//On call//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", title)
    calendar.add("refresh-interval", timedelta(hours=1), parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT1H")
    # Whole days: a feed that is read twice within one does not differ by its edges.
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    for plan in plans:
        seen: dict[str, int] = {}
        for turn in turns(plan, today - PAST, today + FUTURE, person=str(person.pk) if person else ""):
            for begin, end in turn.pieces:
                calendar.add_component(_event(plan, turn, begin, end, seen, personal=person is not None))
    return bytes(calendar.to_ical())


def _event(plan: Plan, turn: Turn, begin: datetime, end: datetime, seen: dict[str, int], *, personal: bool) -> Event:
    rotation, seat = plan.rotation, plan.seat_name(turn.seat)
    host = urlsplit(settings.BASE_URL).hostname or "localhost"
    day = begin.astimezone(ZoneInfo(rotation.zone)).strftime("%Y%m%d")
    stem = f"{rotation.slug}.{turn.seat}.{turn.person}.{day}"
    seen[stem] = seen.get(stem, 0) + 1
    event = Event()
    event.add("uid", f"{stem}.{seen[stem]}@{host}")
    event.add("dtstamp", plan.newest.in_force_from)
    event.add("dtstart", begin)
    event.add("dtend", end)
    who = str(plan.person(turn.person) or "")
    event.add("summary", f"On call: {rotation.owns} ({seat})" if personal else f"{who}: {rotation.name}, {seat}")
    event.add("description", f"{who} owns {rotation.owns} for {rotation.team.name}.")
    event.add("url", settings.BASE_URL + reverse("oncall:rotation", args=[rotation.slug]))
    event.add("transp", "TRANSPARENT")
    event.add("status", "CONFIRMED")
    return event
