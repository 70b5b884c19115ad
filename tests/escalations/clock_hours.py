"""Calendars of the hand-computed cases."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from escalations.clocks.hours import ALWAYS, Hours, Span


def h(hour: float) -> int:
    return round(hour * 3600)


def weekdays(
    *spans: Span, saturday: tuple[Span, ...] = (), sunday: tuple[Span, ...] = ()
) -> tuple[tuple[Span, ...], ...]:
    return (*(spans,) * 5, saturday, sunday)


OFFICE = (h(9), h(17))
NIGHT = ((h(0), h(6)), (h(22), h(24)))
HOURS: dict[str, Hours] = {
    "always": ALWAYS,
    "utc": Hours(ZoneInfo("UTC"), weekdays(OFFICE)),
    "berlin": Hours(ZoneInfo("Europe/Berlin"), weekdays(OFFICE), region="DE-BE"),
    # Christmas Eve until noon; New Year's Eve closed.
    "eves": Hours(
        ZoneInfo("Europe/Berlin"),
        weekdays(OFFICE),
        {date(2026, 12, 24): ((h(9), h(12)),), date(2026, 12, 31): ()},
        "DE",
    ),
    "new_york": Hours(ZoneInfo("America/New_York"), weekdays((h(8), h(18))), region="US"),
    "night": Hours(ZoneInfo("Europe/Berlin"), (NIGHT,) * 7),
    "sunday": Hours(ZoneInfo("Europe/Berlin"), ((),) * 6 + (((h(0), h(6)),),)),
    "kolkata": Hours(ZoneInfo("Asia/Kolkata"), weekdays((h(10), h(13)), (h(14), h(19)), saturday=((h(10), h(13)),))),
    "lord_howe": Hours(ZoneInfo("Australia/Lord_Howe"), (((h(0), h(6)),),) * 7),
    "apia": Hours(ZoneInfo("Pacific/Apia"), ((OFFICE,),) * 7),
}
