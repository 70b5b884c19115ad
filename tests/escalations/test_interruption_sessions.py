"""Sessions and their hours: cases computed by hand, each with its arithmetic, and what holds for all."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from escalations.clocks.format import WorkHours
from escalations.interruptions.sessions import Act, Counted, counted, merged
from escalations.interruptions.tally import Typed, grouped, lines, total

FRIDAY = datetime(2026, 5, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WEEK = WorkHours(zone="UTC", week={"mon-fri": "09:00-17:00"}).hours()
UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
BERLIN = ZoneInfo("Europe/Berlin")


def at(clock: str, day: int = 1) -> datetime:
    hour, minute = clock.split(":")
    return datetime(2026, 5, day, int(hour), int(minute), tzinfo=UTC)


def acts(*clocks: str, who: str = "eli", subject: str = "ESC-1", day: int = 1) -> list[Act]:
    return [Act(at(clock, day), who, subject, "updated") for clock in clocks]


def count(given: list[Act], paged: bool = False, zones: dict[str, ZoneInfo] | None = None) -> list[Counted]:
    found = merged(given)
    pieces = {one: [(one.begin, one.end)] if paged else list(WEEK.open_between(one.begin, one.end)) for one in found}
    return counted(found, pieces, zones or {}, frozenset(found) if paged else frozenset())


def minutes(found: list[Counted]) -> list[float]:
    return [float(one.seconds) / 60 for one in found]


@pytest.mark.parametrize(
    ("clocks", "expected"),
    [
        (["12:00"], [10]),  # one act: the floor
        (["12:00", "12:30"], [40]),  # exactly 30 min apart: one session, 30 + 10
        (["12:00", "12:31"], [10, 10]),  # 31 min apart: two sessions, 10 + 10
        (["12:00", "12:20", "12:40", "13:05"], [75]),  # 65 from first to last, + 10
        (["12:00", "12:05", "13:00", "13:10"], [15, 20]),  # 5 + 10; 10 + 10
        (["12:00", "12:00"], [10]),  # the same act told twice
        (["08:50", "09:10"], [20]),  # 08:50 to 09:20; open from 09:00: 20
        (["16:40", "17:05"], [20]),  # 16:40 to 17:15; open until 17:00: 20
        (["16:55"], [5]),  # 16:55 to 17:05: 5
        (["18:00"], [0]),  # after hours and not paged: nothing
        (["08:50", "09:00"], [10]),  # 08:50 to 09:10: 10
    ],
)
def test_hand_computed(clocks: list[str], expected: list[float]) -> None:
    assert minutes(count(acts(*clocks))) == expected


def test_whoever_was_paged_is_counted_around_the_clock() -> None:
    (one,) = count(acts("18:00", "18:20"), paged=True)
    assert (float(one.seconds) / 60, one.is_paged, one.is_clipped) == (30, True, False)


def test_a_weekend_counts_only_for_those_who_were_paged() -> None:
    saturday = acts("12:00", day=2)
    assert minutes(count(saturday)) == [0]
    assert count(saturday)[0].is_clipped
    assert minutes(count(saturday, paged=True)) == [10]


def test_two_things_at_once_share_the_time_and_a_minute_is_counted_once() -> None:
    # ESC-1 12:00 to 12:30 (20 + 10), ESC-2 12:10 to 12:50 (30 + 10). Alone: 12:00-12:10 = 10 and 12:30-12:50 = 20.
    # Together 12:10-12:30 = 20, 10 each. 10 + 10 = 20; 20 + 10 = 30. Both: 50 = 12:00 to 12:50.
    found = count([*acts("12:00", "12:20"), *acts("12:10", "12:40", subject="ESC-2")])
    assert [(one.session.subject, float(one.seconds) / 60, one.is_shared) for one in found] == [
        ("ESC-1", 20, True), ("ESC-2", 30, True),
    ]  # fmt: skip


def test_three_at_once_get_a_third_each_without_loss() -> None:
    found = count([one for n in range(3) for one in acts("12:00", subject=f"ESC-{n}")])
    assert [one.seconds for one in found] == [Fraction(200)] * 3  # 10 min = 600 s / 3


def test_two_people_on_one_escalation_are_two_peoples_time() -> None:
    found = count([*acts("12:00"), *acts("12:00", who="ida")])
    assert minutes(found) == [10, 10]
    assert not any(one.is_shared for one in found)


def test_what_lies_outside_of_one_subjects_hours_is_not_shared_with_it() -> None:
    found = merged([*acts("17:00"), *acts("17:00", subject="ESC-2")])
    paged = frozenset(one for one in found if one.subject == "ESC-2")
    pieces = {one: [(one.begin, one.end)] if one in paged else [] for one in found}
    assert minutes(counted(found, pieces, {}, paged)) == [0, 10]


def test_a_session_over_midnight_belongs_to_both_days_on_the_engineers_calendar() -> None:
    # 21:50 to 22:20 UTC; in Berlin (UTC+2 in May) midnight is at 22:00 UTC: 10 min on Friday, 20 on Saturday.
    (one,) = count(acts("21:50", "22:10"), paged=True, zones={"eli": BERLIN})
    assert dict(one.days) == {date(2026, 5, 1): 600, date(2026, 5, 2): 1200}
    assert one.day == date(2026, 5, 1)


def test_the_night_in_which_clocks_go_back_has_its_real_length() -> None:
    # 25 October 2026: 03:00 CEST becomes 02:00 CET at 01:00 UTC. 00:50 to 01:20 UTC and 10 min are 40 real minutes.
    night = datetime(2026, 10, 25, tzinfo=UTC)
    found = merged([Act(night + m * MINUTE, "eli", "ESC-1") for m in (50, 80)])
    (one,) = counted(found, {found[0]: [(found[0].begin, found[0].end)]}, {"eli": BERLIN}, frozenset(found))
    assert dict(one.days) == {date(2026, 10, 25): 2400}


def test_typed_hours_replace_what_was_measured_that_day_and_only_that() -> None:
    found = count([*acts("12:00", "12:30"), *acts("10:00", day=4), *acts("12:10", subject="ESC-2")])
    before = {(one.subject, one.day): one.seconds for one in lines(found)}
    told = lines(found, [Typed("eli", "ESC-1", date(2026, 5, 1), 90, by="eli")])
    after = {(one.subject, one.day): one.seconds for one in told}
    assert after.pop(("ESC-1", date(2026, 5, 1))) == 5400
    before.pop(("ESC-1", date(2026, 5, 1)))
    assert after == before  # the other escalation keeps its half of 12:10 to 12:20
    assert total(told).typed_s == 5400


def test_a_typed_day_on_which_nothing_was_seen_is_one_interruption_of_one_engineer() -> None:
    one = total(lines([], [Typed("eli", "ESC-1", date(2026, 5, 1), 45)]))
    assert (one.seconds, one.interruptions, one.people) == (2700, 1, 1)


def test_refocus_cost_stands_beside_the_hours() -> None:
    found = total(lines(count(acts("10:00", "12:00"))))
    assert (found.seconds, found.interruptions, found.refocus_s(23)) == (1200, 2, 2760)
    assert found.refocus_s(0) == 0


def test_groups_add_up_to_the_whole_and_count_people_once() -> None:
    found = lines(count([*acts("10:00"), *acts("12:00", subject="ESC-2"), *acts("10:00", who="ida")]))
    groups = grouped(found, lambda one: one.subject)
    assert sum(one.seconds for one in groups.values()) == total(found).seconds == 1800
    assert [(name, one.people) for name, one in groups.items()] == [("ESC-1", 2), ("ESC-2", 1)]
    assert total(found).people == 2


# -------------------------------------------------------------------------------------------------------- for all acts
some_acts = st.lists(
    st.builds(
        Act,
        st.integers(0, 3 * 24 * 60).map(lambda m: FRIDAY + m * MINUTE),
        st.sampled_from(["eli", "ida"]),
        st.sampled_from(["ESC-1", "ESC-2", "QU-3"]),
        st.sampled_from(["asked", "updated"]),
    ),
    max_size=40,
)


@UNTIMED
@given(some_acts, st.integers(0, 1000))
def test_the_order_of_acts_does_not_matter_and_telling_twice_changes_nothing(given_acts, seed) -> None:
    shuffled = [*given_acts, *given_acts[:5]]
    Random(seed).shuffle(shuffled)
    assert count(shuffled) == count(given_acts)


@UNTIMED
@given(some_acts)
def test_merging_what_was_merged_changes_nothing(given_acts) -> None:
    """Sessions of one person and subject lie more than the gap apart, so their ends merge into the same sessions."""
    found = merged(given_acts)
    again = merged([
        Act(edge, one.who, one.subject, "edge") for one in found
        for edge in _steps(one.begin, one.end - timedelta(minutes=10))
    ])  # fmt: skip
    assert [(one.who, one.subject, one.begin, one.end) for one in again] == [
        (one.who, one.subject, one.begin, one.end) for one in found
    ]


def _steps(begin: datetime, last: datetime) -> list[datetime]:
    """From the first to the last, no farther apart than a session allows."""
    found = [begin]
    while found[-1] < last:
        found.append(min(last, found[-1] + timedelta(minutes=30)))
    return found


@UNTIMED
@given(some_acts, st.booleans())
def test_a_persons_hours_are_the_minutes_in_which_they_were_at_anything(given_acts, paged) -> None:
    """Against a simulation by the minute: nothing twice, nothing below zero, nothing lost."""
    found = count(given_acts, paged)
    assert all(one.seconds >= 0 for one in found)
    assert all(one.seconds <= Fraction(one.session.seconds) for one in found)
    for who in ("eli", "ida"):
        own = [one for one in found if one.session.who == who]
        busy = set()
        for one in own:
            minute = one.session.begin
            while minute < one.session.end:
                if paged or WEEK.is_open(minute):
                    busy.add(minute)
                minute += MINUTE
        assert sum(one.seconds for one in own) == 60 * len(busy)


@UNTIMED
@given(some_acts)
def test_days_add_up_to_sessions_in_every_zone(given_acts) -> None:
    for zone in ("UTC", "Pacific/Kiritimati", "America/St_Johns"):
        found = count(given_acts, paged=True, zones=dict.fromkeys(("eli", "ida"), ZoneInfo(zone)))
        whole = sum((one.seconds for one in found), Fraction())
        assert sum((one.seconds for one in lines(found)), Fraction()) == whole


def test_the_example_of_the_documentation() -> None:
    friday = [
        *acts("12:00", "12:20", "16:55"), *acts("12:10", "12:40", "20:00", subject="ESC-2"),
    ]  # fmt: skip
    found = grouped(lines(count(friday)), lambda one: one.subject)
    assert {name: (one.seconds / 60, one.interruptions) for name, one in found.items()} == {
        "ESC-1": (25, 2), "ESC-2": (30, 2),
    }  # fmt: skip
    typed = lines(count(friday), [Typed("eli", "ESC-1", FRIDAY.date(), 90)])
    assert {name: one.seconds / 60 for name, one in grouped(typed, lambda one: one.subject).items()} == {
        "ESC-1": 90, "ESC-2": 30,
    }  # fmt: skip
