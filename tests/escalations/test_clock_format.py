"""Hours as they are written in files: what they mean, and what is said of those that make no sense."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from escalations.clocks.format import WorkHours, hours_of
from escalations.clocks.hours import ALWAYS
from tests.escalations.clock_hours import HOURS, h

NINE_TO_FIVE = (h(9), h(17))


def hours(**written: Any) -> Any:
    return WorkHours.model_validate(written).hours()


@pytest.mark.parametrize(
    ("week", "monday", "saturday", "sunday"),
    [
        ({"mon-fri": "09:00-17:00"}, (NINE_TO_FIVE,), (), ()),
        ({"Monday - Friday": "9:00 - 17:00", "sat,sun": "all day"}, (NINE_TO_FIVE,), ((0, h(24)),), ((0, h(24)),)),
        ({"sat-mon": ["13:00-17:00", "09:00-12:00"]}, *[((h(9), h(12)), (h(13), h(17)))] * 3),
        ({"mon": "00:00-24:00", "sat": "closed"}, ((0, h(24)),), (), ()),
        ({"sun": "22:00-06:00"}, ((0, h(6)),), (), ((h(22), h(24)),)),
        ({"mon-sun": "22:00-06:00"}, *[((0, h(6)), (h(22), h(24)))] * 3),
        ({"fri": "18:00-24:00", "sat": "00:00-08:00"}, (), ((0, h(8)),), ()),
    ],
)
def test_a_week_means_what_it_says(week: Any, monday: Any, saturday: Any, sunday: Any) -> None:
    found = hours(week=week).week
    assert (found[0], found[5], found[6]) == (monday, saturday, sunday)


def test_a_whole_calendar_is_the_one_that_the_hand_computed_cases_use() -> None:
    written = {
        "zone": "Europe/Berlin", "week": {"mon-fri": "09:00-17:00"}, "holidays": "DE",
        "days": {"2026-12-24": "09:00-12:00", date(2026, 12, 31): "closed"},
    }  # fmt: skip
    assert hours(**written) == HOURS["eves"]


def test_round_the_clock_is_one_word() -> None:
    assert hours_of("always") is ALWAYS
    begin = datetime.fromisoformat("2026-03-07T00:00Z")
    assert hours_of(WorkHours(week={"mon-sun": "all day"})).open_time(begin, begin + timedelta(3)) == timedelta(3)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"week": {"mon-fri": "nine to five"}}, "write it like 09:00-17:00"),
        ({"week": {"mon-fri": 9}}, "'9' is no span of hours"),
        ({"week": {"mon-fri": "09:00-25:00"}}, "no time of day"),
        ({"week": {"mon-fri": "09:70-17:00"}}, "no time of day"),
        ({"week": {"mon-fri": "09:00-09:00"}}, "no time at all"),
        ({"week": {"mon": ["09:00-12:00", "11:00-17:00"]}}, "overlap"),
        ({"week": {"mon": "22:00-06:00", "tue": "05:00-10:00"}}, "hours of tue overlap"),
        ({"week": {"mon-fri": "09:00-17:00", "wed": "10:00-11:00"}}, "wed is named twice"),
        ({"week": {"mun": "09:00-17:00"}}, "no day 'mun'"),
        ({"week": {"mon-frx": "09:00-17:00"}}, "no day 'frx'"),
        ({"week": {"mon": "closed"}}, "at least one day"),
        ({"week": {}}, "at least one day"),
        ({"week": {"mon": "all day"}, "zone": "Europe/Berlim"}, "did you mean 'Europe/Berlin'"),
        ({"week": {"mon": "all day"}, "holidays": "XX"}, "no holidays are known for 'XX'"),
        ({"week": {"mon": "all day"}, "holidays": "DE-XX"}, "no holidays are known"),
        ({"week": {"mon": "all day"}, "days": {"2026-12-24": "22:00-06:00"}}, "end by 24:00"),
        ({"week": {"mon": "all day"}, "days": {"Christmas": "closed"}}, "date"),
        ({"week": {"mon": "all day"}, "hollidays": "DE"}, "Extra inputs"),
    ],
)
def test_what_makes_no_sense_is_told_in_words(written: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        WorkHours.model_validate(written)
