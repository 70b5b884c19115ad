"""The clocks against a simulation that looks at every minute, in zones and over nights that hurt."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escalations.clocks.clock import Event, State, What, read, warnings_at
from escalations.clocks.hours import ALWAYS, Hours
from escalations.clocks.zones import stretches
from tests.escalations.clock_hours import HOURS, OFFICE

MINUTE = timedelta(minutes=1)
#: Around changes of daylight saving, a change of zone, new year and ordinary days.
STARTS = [
    datetime(2026, 3, 27, 12, tzinfo=UTC), datetime(2026, 10, 23, 12, tzinfo=UTC), datetime(2026, 4, 3, tzinfo=UTC),
    datetime(2026, 12, 23, 7, tzinfo=UTC), datetime(2026, 11, 25, tzinfo=UTC), datetime(2026, 7, 2, tzinfo=UTC),
    datetime(2011, 12, 29, tzinfo=UTC), datetime(2026, 10, 3, 10, tzinfo=UTC), datetime(2026, 6, 9, 3, tzinfo=UTC),
]  # fmt: skip
ZONES = [
    "UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia",
    "Africa/Casablanca", "America/St_Johns", "Pacific/Chatham", "Asia/Kathmandu", "America/Santiago",
]  # fmt: skip
instants = st.builds(
    lambda start, minutes: start + minutes * MINUTE, st.sampled_from(STARTS), st.integers(0, 4 * 24 * 60)
)


@st.composite
def spans(draw: st.DrawFn) -> tuple[tuple[int, int], ...]:
    """Up to three spans of a day, to the minute."""
    edges = sorted(draw(st.sets(st.integers(0, 1440), max_size=6)))
    return tuple((edges[i] * 60, edges[i + 1] * 60) for i in range(0, len(edges) - 1, 2))


@st.composite
def calendars(draw: st.DrawFn) -> Hours:
    week = draw(st.lists(spans(), min_size=7, max_size=7))
    week[draw(st.integers(0, 6))] = (OFFICE,)
    start = draw(st.sampled_from(STARTS)).date()
    days = draw(st.dictionaries(st.integers(0, 5).map(lambda n: start + timedelta(days=n)), spans(), max_size=2))
    return Hours(ZoneInfo(draw(st.sampled_from(ZONES))), tuple(week), days, draw(st.sampled_from(["", "DE", "US"])))


any_hours = st.one_of(calendars(), st.sampled_from(list(HOURS.values())))


def minutes_open(hours: Hours, begin: datetime, end: datetime) -> int:
    return sum(hours.is_open(begin + n * MINUTE) for n in range(int((end - begin) / MINUTE)))


@settings(max_examples=60, deadline=None)
@given(any_hours, instants, st.integers(0, 3 * 24 * 60))
def test_open_time_is_the_open_minutes(hours: Hours, begin: datetime, minutes: int) -> None:
    end = begin + minutes * MINUTE
    assert hours.open_time(begin, end) == minutes_open(hours, begin, end) * MINUTE
    pieces = list(hours.open_between(begin, end))
    assert all(a < b for a, b in pieces) and all(b < c for (_, b), (c, _) in pairwise(pieces))


@settings(max_examples=100, deadline=None)
@given(any_hours, instants, st.integers(0, 30 * 3600))
def test_adding_is_the_reverse_of_measuring_and_never_later_than_needed(
    hours: Hours, begin: datetime, seconds: int
) -> None:
    amount = timedelta(seconds=seconds)
    due = hours.add(begin, amount)
    assert hours.open_time(begin, due) == amount
    if seconds:
        assert hours.open_time(begin, due - timedelta(seconds=1)) == amount - timedelta(seconds=1)


@settings(max_examples=100, deadline=None)
@given(any_hours, st.lists(instants, min_size=3, max_size=3))
def test_time_is_neither_lost_nor_counted_twice(hours: Hours, points: list[datetime]) -> None:
    first, middle, last = sorted(points)
    assert hours.open_time(first, last) == hours.open_time(first, middle) + hours.open_time(middle, last)


@given(st.sampled_from(ZONES), instants, instants)
def test_stretches_cover_the_time_and_agree_with_the_wall_clock(zone: str, one: datetime, other: datetime) -> None:
    here, (begin, end) = ZoneInfo(zone), sorted((one, other))
    found = list(stretches(here, begin, end))
    edges = [begin, *(high for _, high, _ in found)]
    assert [low for low, _, _ in found] == edges[:-1] and (edges[-1] == end or begin == end)
    for low, high, offset in found:
        for at in (low, low + (high - low) / 2, high - timedelta(microseconds=1)):
            assert at.astimezone(here).utcoffset() == offset


# ------------------------------------------------------------------------------------------------------------ clocks
WHATS = [*What, What.PAUSE, What.RESUME]


@st.composite
def stories(draw: st.DrawFn) -> tuple[list[Event], datetime]:
    """A start, then whatever; and the instant that is asked for."""
    start = draw(st.sampled_from(STARTS))
    events = [Event(start, What.ACTIVATE)]
    for minutes in sorted(draw(st.lists(st.integers(0, 3 * 24 * 60), max_size=7))):
        what = draw(st.sampled_from(WHATS))
        hours, target = None, None
        if what is What.RETARGET:
            target = draw(st.none() | st.integers(0, 1200).map(lambda n: n * MINUTE))
            hours = draw(st.none() | any_hours)
        events.append(Event(start + minutes * MINUTE, what, draw(st.sampled_from("ab")), target, hours))
    return events, start + draw(st.integers(0, 4 * 24 * 60)) * MINUTE


def simulated(
    events: list[Event], target: timedelta, hours: Hours, now: datetime
) -> tuple[State, timedelta, datetime | None]:
    """Minute by minute: state, elapsed, and the first minute's end at which more than the target had elapsed."""
    state, elapsed, broken = State.IDLE, timedelta(), None
    at = events[0].at
    while at <= now:
        for event in (one for one in events if one.at == at):
            if event.what is What.ACTIVATE and state not in (State.RUNNING, State.PAUSED):
                state, elapsed, broken = State.RUNNING, timedelta(), None
            elif event.what is What.REOPEN and state in (State.FULFILLED, State.CANCELLED):
                state = State.RUNNING
            elif event.what is What.RETARGET:
                target, hours = target if event.target is None else event.target, event.hours or hours
                if state is State.RUNNING and elapsed > target:
                    broken = broken or at
            elif state in (State.RUNNING, State.PAUSED):
                state = {
                    What.PAUSE: State.PAUSED, What.RESUME: State.RUNNING, What.FULFIL: State.FULFILLED,
                    What.CANCEL: State.CANCELLED,
                }.get(event.what, state)  # fmt: skip
        if at == now:
            break
        if state is State.RUNNING and hours.is_open(at):
            if elapsed >= target:  # above it where the target shrank while it did not run
                broken = broken or at
            elapsed += MINUTE
        at += MINUTE
    return state, elapsed, broken


@settings(max_examples=60, deadline=None)
@given(stories(), any_hours, st.integers(0, 900))
def test_a_clock_is_what_a_minute_by_minute_simulation_says(
    story: tuple[list[Event], datetime], hours: Hours, target: int
) -> None:
    events, now = story
    goal = target * MINUTE
    found = read(events, target=goal, hours=hours, now=now)
    state, elapsed, broken = simulated(events, goal, hours, now)
    assert (found.state, found.elapsed) == (state, elapsed)
    if broken is not None and found.broken_at is not None:
        # The simulation notices at the next open minute what was broken when the hours before it ended.
        assert found.broken_at <= broken
    assert (found.broken_at is None) == (broken is None)


@settings(max_examples=60, deadline=None)
@given(stories(), any_hours, st.integers(1, 900))
def test_it_is_broken_just_after_it_was_due(story: tuple[list[Event], datetime], hours: Hours, target: int) -> None:
    events, now = story
    past = [one for one in events if one.at <= now]
    found = read(past, target=target * MINUTE, hours=hours, now=now)
    if found.due_at is None or found.is_over or found.broken_at:
        return
    then = read(past, target=target * MINUTE, hours=hours, now=found.due_at)
    assert then.left == timedelta() and then.broken_at is None
    later = read(past, target=target * MINUTE, hours=hours, now=found.due_at + timedelta(days=40))
    assert later.broken_at == found.due_at


@given(instants, st.integers(1, 900))
def test_warnings_come_in_order_and_before_the_end(at: datetime, target: int) -> None:
    hours, goal = HOURS["berlin"], target * MINUTE
    found = read([Event(at, What.ACTIVATE)], target=goal, hours=hours, now=at)
    marks = warnings_at(found, hours=hours, now=at, last=timedelta(minutes=15))
    assert marks == sorted(marks) and found.due_at and all(at <= mark <= found.due_at for mark in marks)


# ------------------------------------------------------------------------------------------------- what is refused
@pytest.mark.parametrize(
    "week",
    [((),) * 7, ((OFFICE,),) * 6, (((9, 5),),) * 7, (((0, 7200), (3600, 9000)),) * 7, (((0, 90_000),),) * 7,
     (((-1, 60),),) * 7],
)  # fmt: skip
def test_hours_that_make_no_sense_are_refused(week: tuple[tuple[tuple[int, int], ...], ...]) -> None:
    with pytest.raises(ValueError, match="hours"):
        Hours(ZoneInfo("UTC"), week)


def test_times_without_a_zone_and_amounts_below_zero_are_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        ALWAYS.add(datetime(2026, 1, 1), timedelta(hours=1))
    with pytest.raises(ValueError, match="added"):
        ALWAYS.add(STARTS[0], timedelta(hours=-1))


def test_more_than_thirty_years_away_is_never() -> None:
    rare = Hours(ZoneInfo("UTC"), (((0, 60),), *((),) * 6), {date(2026, 6, 8): ()})
    with pytest.raises(OverflowError):
        rare.add(STARTS[0], timedelta(days=30))
