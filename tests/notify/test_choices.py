"""Quiet hours and the digest's hour, in the person's own zone."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altor.models import NoticePreference, User
from altor.notify.choices import Wishes
from altor.notify.kinds import NoticeKind


def wishes(zone: str = "Europe/Berlin", **values: object) -> Wishes:
    return Wishes(ZoneInfo(zone), NoticePreference(**values))  # type: ignore[misc]  # any field


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "end", "now", "expected"),
    [
        (time(22), time(7), "2026-05-01T19:59", None),
        (time(22), time(7), "2026-05-01T20:00", "2026-05-02T05:00"),
        (time(22), time(7), "2026-05-01T22:30", "2026-05-02T05:00"),  # after midnight there
        (time(22), time(7), "2026-05-02T04:59", "2026-05-02T05:00"),
        (time(22), time(7), "2026-05-02T05:00", None),
        (time(12), time(13, 30), "2026-05-01T10:30", "2026-05-01T11:30"),
        (time(12), time(12), "2026-05-01T10:00", None),
        (None, None, "2026-05-01T23:00", None),
        (time(22), time(7), "2026-03-28T23:00", "2026-03-29T05:00"),  # the night the clock goes forward
        (time(22), time(7), "2026-10-24T22:00", "2026-10-25T06:00"),  # and back
    ],
)
def test_quiet_hours_end_where_the_person_lives(
    start: time | None, end: time | None, now: str, expected: str | None
) -> None:
    found = wishes(quiet_from=start, quiet_until=end).quiet_until(utc(now))
    assert found == (utc(expected) if expected else None)


@settings(deadline=None)
@given(
    st.times(), st.times(), st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York", "Pacific/Apia"]),
)  # fmt: skip
def test_the_end_of_quiet_hours_is_later_and_within_a_day_and_a_bit(
    start: time, end: time, now: datetime, zone: str
) -> None:
    who = wishes(zone, quiet_from=start, quiet_until=end)
    until = who.quiet_until(now)
    if until is not None:
        assert timedelta(0) < until - now < timedelta(hours=27)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-05-01T05:59", "2026-05-01T06:00"),
        ("2026-05-01T06:00", "2026-05-02T06:00"),
        ("2026-05-01T23:00", "2026-05-02T06:00"),
        ("2026-03-28T07:00", "2026-03-29T06:00"),
    ],
)
def test_the_digest_comes_at_its_hour_there(now: str, expected: str) -> None:
    assert wishes(digest_hour=8).next_digest(utc(now)) == utc(expected)


def test_choices_fall_back_to_the_kinds_own_when_they_are_unknown() -> None:
    kind = NoticeKind("T", mail="digest", own="off")
    who = wishes(choices={"a": {"mail": "off", "own": "now"}, "b": {"mail": "loudly", "own": "digest"}})
    assert [(who.mail(name, kind), who.own(name, kind)) for name in ("a", "b", "c")] == [
        ("off", "now"), ("digest", "off"), ("digest", "off"),
    ]  # fmt: skip


@pytest.mark.django_db
def test_an_unknown_zone_counts_as_utc() -> None:
    assert Wishes.of(User(timezone="Nowhere/Land")).zone.key == "UTC"
    assert Wishes.of(User(timezone="../../etc/passwd")).zone.key == "UTC"
