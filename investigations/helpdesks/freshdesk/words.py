"""Freshdesk's numbers and names for statuses, priorities and channels, and its ways of writing a time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from investigations.helpdesks import neutral
from investigations.helpdesks.base import Status
from investigations.helpdesks.reading import moment, text

_STATUS: Final = {
    "2": Status.OPEN, "3": Status.PENDING, "4": Status.SOLVED, "5": Status.CLOSED, "6": Status.PENDING,
    "7": Status.HOLD, "open": Status.OPEN, "pending": Status.PENDING, "resolved": Status.SOLVED,
    "closed": Status.CLOSED, "waiting on customer": Status.PENDING, "waiting on third party": Status.HOLD,
}  # fmt: skip
_PRIORITY: Final = {"1": "low", "2": "medium", "3": "high", "4": "urgent"}
_CHANNEL: Final = {
    "1": "email", "2": "portal", "3": "phone", "7": "chat", "9": "feedback widget", "10": "outbound email",
}  # fmt: skip


def status(value: Any, own: Mapping[str, str]) -> Status | None:
    """By number or name; `own` are the statuses that the account added, by number or name too."""
    found = neutral.word(value)
    named = {name.strip().lower(): word for name, word in own.items()}.get(found)
    return Status(named) if named in tuple(Status) else _STATUS.get(found)


def priority(value: Any) -> str:
    found = neutral.word(value)
    return _PRIORITY.get(found, found)


def channel(value: Any) -> str:
    found = neutral.word(value)
    return _CHANNEL.get(found, found)


def when(value: Any) -> datetime | None:
    """ISO 8601 as the API writes it, or `2026-11-23 07:00:00 UTC` as its placeholders do."""
    return moment(text(value, 60).strip().removesuffix("UTC").strip())
