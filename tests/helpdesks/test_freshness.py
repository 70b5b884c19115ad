"""A reading counts from when it was made, by the helpdesk's clock."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from investigations.helpdesks.base import Status, TicketEvent
from investigations.helpdesks.freshness import as_read, http_date

AT = datetime(2026, 11, 23, 6, tzinfo=UTC)
LATER = datetime(2026, 11, 23, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mon, 23 Nov 2026 09:00:00 GMT", LATER),
        ("Mon, 23 Nov 2026 10:00:00 +0100", LATER),
        ("Mon, 23 Nov 2026 09:00:00", LATER),
        ("yesterday", None),
        ("", None),
        ("Mon, 99 Nov 2026 09:00:00 GMT", None),
    ],
)
def test_the_date_of_an_answer(text: str, expected: datetime | None) -> None:
    assert http_date(text) == expected


@pytest.mark.parametrize(
    ("status", "read", "expected"),
    [
        (Status.OPEN, LATER, LATER),
        (None, LATER, LATER),
        (Status.SOLVED, LATER, AT),
        (Status.CLOSED, LATER, AT),
        (Status.OPEN, None, AT),
        (Status.OPEN, datetime(2026, 1, 1, tzinfo=UTC), AT),
    ],
)
def test_what_is_over_keeps_its_time(status: Status | None, read: datetime | None, expected: datetime) -> None:
    assert as_read(TicketEvent("9", AT, "ticket", status=status), read).at == expected
