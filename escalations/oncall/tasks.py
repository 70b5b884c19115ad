"""Entry points of the queue: ids in, nothing out."""

from __future__ import annotations


def fetch_calendar(calendar_id: int) -> None:
    """Read one imported calendar. Safe to deliver twice."""
    from escalations.oncall.calendars import refresh

    refresh(int(calendar_id))


def sweep_calendars() -> None:
    """Queue imported calendars that are due."""
    from escalations.oncall.calendars import sweep

    sweep()


def sweep_gaps() -> None:
    """Tell leads of gaps and double bookings that come close."""
    from escalations.oncall.ahead import sweep

    sweep()
