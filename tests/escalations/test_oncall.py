"""Schedules over years of daylight saving: one person a seat at every instant, or a gap that is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escalations.oncall.schedule import Layer, Override, Planned, Seat, Shift, Unit, double_bookings, gaps, shares
from tests.escalations.clock_hours import HOURS
from tests.escalations.test_clock_properties import ZONES, any_hours

BERLIN = ZoneInfo("Europe/Berlin")
YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def told(shifts: list[Shift]) -> list[tuple[str, str]]:
    return [(f"{one.begin:%m-%d %H:%M}", one.person) for one in shifts]


# -------------------------------------------------------------------------------------------------- computed by hand
def test_a_weekly_rotation_hands_over_at_the_same_time_of_the_wall_clock() -> None:
    seat = Seat("primary", (Layer(("ana", "ben"), datetime(2026, 3, 16, 9), BERLIN),))
    found = seat.shifts(at("2026-03-16T08:00Z"), at("2026-04-06T07:00Z"))
    # Nine in Berlin is eight UTC until the 29th of March and seven after; the second week has 167 hours.
    assert told(found) == [("03-16 08:00", "ana"), ("03-23 08:00", "ben"), ("03-30 07:00", "ana")]
    assert found[1].length == timedelta(hours=167)


def test_a_handover_at_a_time_that_is_skipped_is_when_the_clock_changes() -> None:
    layer = Layer(("ana", "ben"), datetime(2026, 3, 28, 2, 30), BERLIN, unit=Unit.DAY)
    found = Seat("primary", (layer,)).shifts(at("2026-03-28T01:30Z"), at("2026-03-30T00:30Z"))
    assert told(found) == [("03-28 01:30", "ana"), ("03-29 01:00", "ben")]


def test_a_handover_at_a_time_that_comes_twice_is_at_the_first() -> None:
    layer = Layer(("ana", "ben"), datetime(2026, 10, 24, 2, 30), BERLIN, unit=Unit.DAY)
    found = Seat("primary", (layer,)).shifts(at("2026-10-24T00:30Z"), at("2026-10-26T01:30Z"))
    assert told(found) == [("10-24 00:30", "ana"), ("10-25 00:30", "ben")]
    assert found[1].length == timedelta(hours=25)


def test_hours_of_turns_are_real_hours() -> None:
    layer = Layer(("ana", "ben", "cleo"), datetime(2026, 3, 29), BERLIN, every=8, unit=Unit.HOUR)
    found = Seat("primary", (layer,)).shifts(at("2026-03-28T23:00Z"), at("2026-03-29T23:00Z"))
    assert [one.length for one in found] == [timedelta(hours=8)] * 3


def test_the_upper_layer_wins_where_it_applies_and_overrides_over_all() -> None:
    office = Layer(("olga",), datetime(2026, 1, 5), BERLIN, hours=HOURS["berlin"])
    base = Layer(("ana",), datetime(2026, 1, 5), BERLIN)
    swap = Override(at("2026-03-02T12:00Z"), at("2026-03-02T18:00Z"), "zoe")
    found = Seat("primary", (office, base), (swap,)).shifts(at("2026-03-02T00:00Z"), at("2026-03-03T00:00Z"))
    assert told(found) == [
        ("03-02 00:00", "ana"), ("03-02 08:00", "olga"), ("03-02 12:00", "zoe"), ("03-02 18:00", "ana"),
    ]  # fmt: skip
    assert [one.source for one in found] == ["layer 2", "layer 1", "override", "layer 2"]


def test_of_two_overrides_the_later_given_wins() -> None:
    one = Override(at("2026-03-02T10:00Z"), at("2026-03-02T14:00Z"), "one")
    two = Override(at("2026-03-02T12:00Z"), at("2026-03-02T16:00Z"), "two")
    found = Seat("primary", (), (one, two)).shifts(at("2026-03-02T09:00Z"), at("2026-03-02T17:00Z"))
    assert told(found) == [
        ("03-02 09:00", ""), ("03-02 10:00", "one"), ("03-02 12:00", "two"), ("03-02 16:00", ""),
    ]  # fmt: skip


def test_gaps_and_double_bookings_are_found() -> None:
    office = Layer(("ana",), datetime(2026, 1, 5), BERLIN, hours=HOURS["berlin"])
    primary = Seat("primary", (office,))
    secondary = Seat("secondary", (Layer(("ben", "ana"), datetime(2026, 3, 2), BERLIN, unit=Unit.DAY),))
    span = at("2026-03-02T08:00Z"), at("2026-03-04T08:00Z")
    assert [(seat, told([one])[0][0], one.length) for seat, one in gaps([primary, secondary], *span)] == [
        ("primary", "03-02 16:00", timedelta(hours=16)), ("primary", "03-03 16:00", timedelta(hours=16)),
    ]  # fmt: skip
    both = double_bookings([primary, secondary], *span)
    assert [(one, two, told([when])[0], when.length) for one, two, when in both] == [
        ("primary", "secondary", ("03-03 08:00", "ana"), timedelta(hours=8))
    ]


def test_shares_tell_who_carries_nights_and_weekends() -> None:
    seat = Seat("primary", (Layer(("ana", "ben"), datetime(2026, 3, 2), ZoneInfo("UTC")),))
    found = shares([seat], at("2026-03-02T00:00Z"), at("2026-03-23T00:00Z"), working=HOURS["utc"])
    assert list(found) == ["ana", "ben"]
    assert found["ana"].total == timedelta(weeks=2) and found["ana"].unsocial == timedelta(hours=2 * (168 - 40))


@pytest.mark.parametrize("wrong", [{"every": 0}, {"begins": YEAR}])
def test_layers_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"turn|wall"):
        Layer(**{"people": ("ana",), "begins": datetime(2026, 1, 1), "zone": BERLIN, **wrong})


# --------------------------------------------------------------------------------------------------- any schedule
people = st.lists(st.sampled_from("abcd"), max_size=4).map(tuple)


@st.composite
def layers(draw: st.DrawFn) -> Layer:
    begins = datetime(2025, 12, 1) + timedelta(minutes=draw(st.integers(0, 90 * 24 * 60)))
    unit = draw(st.sampled_from(list(Unit)))
    every = draw(st.integers(6, 30) if unit is Unit.HOUR else st.integers(1, 3))
    hours = draw(st.none() | any_hours)
    return Layer(draw(people), begins, ZoneInfo(draw(st.sampled_from(ZONES))), every, unit, hours)


@st.composite
def seats(draw: st.DrawFn) -> Seat:
    overrides = []
    for _ in range(draw(st.integers(0, 3))):
        begin = YEAR + timedelta(minutes=draw(st.integers(0, 400 * 24 * 60)))
        length = timedelta(minutes=draw(st.integers(1, 20 * 24 * 60)))
        overrides.append(Override(begin, begin + length, draw(st.sampled_from("abcd"))))
    return Seat("seat", tuple(draw(st.lists(layers(), max_size=3))), tuple(overrides))


def simply(seat: Seat, when: datetime) -> str:
    """Who it is, by asking each part in turn."""
    for override in reversed(seat.overrides):
        if override.begin <= when < override.end:
            return override.person
    for layer in seat.layers:
        number = layer.turn_at(when)
        if layer.people and number >= 0 and (layer.hours is None or layer.hours.is_open(when)):
            return layer.people[number % len(layer.people)]
    return ""


@settings(max_examples=40, deadline=None)
@given(seats(), st.integers(0, 700), st.lists(st.integers(0, 60 * 24 * 60), min_size=20, max_size=20))
def test_every_instant_has_exactly_one_holder_or_a_gap(seat: Seat, day: int, minutes: list[int]) -> None:
    begin = YEAR + timedelta(days=day)
    end = begin + timedelta(days=60)
    found = seat.shifts(begin, end)
    assert found[0].begin == begin and found[-1].end == end
    assert all(one.end == two.begin and one.begin < one.end for one, two in pairwise(found))
    for minute in minutes:
        when = begin + timedelta(minutes=minute)
        if when < end:
            assert next(one.person for one in found if one.begin <= when < one.end) == simply(seat, when)


@settings(max_examples=40, deadline=None)
@given(layers(), st.integers(-50, 2000))
def test_turns_follow_each_other_without_a_gap_over_years(layer: Layer, number: int) -> None:
    opens, closes = layer.turn_begins(number), layer.turn_begins(number + 1)
    assert opens < closes
    assert layer.turn_at(opens) == number and layer.turn_at(closes - timedelta(microseconds=1)) == number


@settings(max_examples=30, deadline=None)
@given(st.lists(layers().filter(lambda layer: layer.hours is None and layer.people), min_size=2, max_size=2))
def test_a_layer_round_the_clock_leaves_no_gap_and_shares_add_up(found: list[Layer]) -> None:
    both = [Seat("one", (found[0],)), Seat("two", (found[1],))]
    begin = datetime(2026, 4, 1, tzinfo=UTC)
    end = begin + timedelta(days=400)
    assert gaps(both, begin, end) == []
    total = sum((one.total for one in shares(both, begin, end, working=HOURS["utc"]).values()), timedelta())
    assert total == 2 * (end - begin)


# ------------------------------------------------------------------------------------------ stand-ins and plans
def test_an_override_for_one_person_leaves_everybody_else_alone() -> None:
    office = Layer(("olga",), datetime(2026, 1, 5), BERLIN, hours=HOURS["berlin"])
    base = Layer(("ana",), datetime(2026, 1, 5), BERLIN)
    cover = Override(at("2026-03-02T00:00Z"), at("2026-03-03T00:00Z"), "zoe", instead_of="ana")
    found = Seat("primary", (office, base), (cover,)).shifts(at("2026-03-01T22:00Z"), at("2026-03-03T01:00Z"))
    assert told(found) == [
        ("03-01 22:00", "ana"), ("03-02 00:00", "zoe"), ("03-02 08:00", "olga"), ("03-02 16:00", "zoe"),
        ("03-03 00:00", "ana"),
    ]  # fmt: skip


def test_of_stand_ins_the_later_given_stands_in_for_the_earlier() -> None:
    base = Layer(("ana",), datetime(2026, 1, 5), BERLIN)
    day = at("2026-03-02T00:00Z"), at("2026-03-03T00:00Z")
    chain = (Override(*day, "ben", instead_of="ana"), Override(*day, "cleo", instead_of="ben"))
    assert told(Seat("primary", (base,), chain).shifts(*day)) == [("03-02 00:00", "cleo")]
    assert told(Seat("primary", (base,), chain[::-1]).shifts(*day)) == [("03-02 00:00", "ben")]
    # A plain one given later covers them all, given earlier it is what they stand in for.
    plain = Override(*day, "dora")
    assert told(Seat("primary", (base,), (*chain, plain)).shifts(*day)) == [("03-02 00:00", "dora")]
    assert told(Seat("primary", (base,), (plain, *chain)).shifts(*day)) == [("03-02 00:00", "dora")]


def test_planned_shifts_are_a_layer_like_any_other() -> None:
    spans = (
        (at("2026-03-02T06:00Z"), at("2026-03-02T12:00Z"), "ana"),
        (at("2026-03-02T14:00Z"), at("2026-03-02T20:00Z"), "ben"),
    )
    found = Seat("primary", (Planned(spans), Layer(("nora",), datetime(2026, 3, 2, 9), BERLIN)))
    assert told(found.shifts(at("2026-03-02T07:00Z"), at("2026-03-02T21:00Z"))) == [
        ("03-02 07:00", "ana"), ("03-02 12:00", "nora"), ("03-02 14:00", "ben"), ("03-02 20:00", "nora"),
    ]  # fmt: skip
