"""Over years of daylight saving, through the database: at every instant a seat holds exactly one person or the gap is
told. Held against a search for the person at single instants, written without any of the code it checks.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from altor.models import User
from escalations.models import Rotation, RotationOverride
from escalations.oncall.ahead import problems, sweep
from escalations.oncall.editing import save_rotation
from escalations.oncall.format import read_form
from escalations.oncall.now import seat_now
from escalations.oncall.rotations import load_one
from escalations.oncall.shares import shares
from tests.escalations.oncall_scene import NOW, at, layer, people, rotation, written

pytestmark = pytest.mark.django_db

ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Africa/Casablanca",
    "Asia/Kathmandu",
)
NAMES = ("ana", "ben", "cleo")
layers = st.fixed_dictionaries(
    {
        "people": st.lists(st.sampled_from(NAMES), min_size=1, max_size=4),
        "begins": st.datetimes(datetime(2023, 1, 1), datetime(2024, 12, 31)).map(
            lambda one: one.strftime("%Y-%m-%d %H:%M")
        ),
        "every": st.integers(1, 3),
        "unit": st.sampled_from(["day", "week"]),
        "hours": st.sampled_from([None, {"week": {"mon-fri": "09:00-17:00"}}, {"week": {"fri-sun": "22:00-06:00"}}]),
    }
)


def by_hand(found: list[dict[str, Any]], zone: ZoneInfo, instant: datetime) -> str:
    """Who it is, on the wall clock alone. For instants whose wall clock time is shown once and exists."""
    wall = instant.astimezone(zone).replace(tzinfo=None)
    for one in found:
        begins = datetime.strptime(one["begins"], "%Y-%m-%d %H:%M")
        length = timedelta(days=one["every"] * (7 if one["unit"] == "week" else 1))
        number = (wall - begins) // length
        if number < 0:
            continue
        hours = one["hours"]
        minute = wall.hour * 60 + wall.minute
        if hours and "mon-fri" in hours["week"] and not (wall.weekday() < 5 and 540 <= minute < 1020):
            continue
        if hours and "fri-sun" in hours["week"]:
            evening = wall.weekday() in (4, 5, 6) and minute >= 1320
            morning = wall.weekday() in (5, 6, 0) and minute < 360
            if not (evening or morning):
                continue
        return str(one["people"][number % len(one["people"])])
    return ""


def is_plain(zone: ZoneInfo, instant: datetime) -> bool:
    """No change of clocks within three hours to either side."""
    near = [instant + timedelta(hours=n) for n in (-3, 0, 3)]
    return len({one.astimezone(zone).utcoffset() for one in near}) == 1


@given(
    found=st.lists(layers, min_size=1, max_size=3),
    zone=st.sampled_from(ZONES),
    start=st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31)),
    edit=st.booleans(),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_instant_has_one_person_or_a_gap_that_is_told(
    found: list[dict[str, Any]], zone: str, start: datetime, edit: bool
) -> None:
    RotationOverride.objects.all().delete()
    if not User.objects.filter(username="ana").exists():
        people(*NAMES)
    begin = start.replace(tzinfo=UTC, second=0, microsecond=0)
    end = begin + timedelta(days=400)
    plain = [{name: value for name, value in one.items() if value is not None} for one in found]
    row = rotation(
        *plain, zone=zone, now=begin, slug=f"r{Rotation.objects.count()}", name=f"R {Rotation.objects.count()}"
    )
    changes = begin + timedelta(days=100)
    second = list(reversed(found))
    if edit:
        turned = [{name: value for name, value in one.items() if value is not None} for one in second]
        save_rotation(
            row, read_form(written(*turned, zone=zone)), actor=None, now=begin, based_on=1, in_force_from=changes
        )
    plan = load_one(row, now=begin)
    shifts = plan.shifts("primary", begin, end)
    assert shifts[0].begin == begin and shifts[-1].end == end
    assert all(
        one.end == two.begin and one.begin < one.end and one.person != two.person for one, two in pairwise(shifts)
    )
    told = {(one.begin, one.end) for one in problems(plan, begin, end)}
    assert told == {(one.begin, one.end) for one in shifts if not one.person}
    names = {str(one.pk): one.username for one in plan.people.values()}
    place = ZoneInfo(zone)
    for step in range(0, 400 * 24, 31):
        instant = begin + timedelta(hours=step, minutes=7)
        if not is_plain(place, instant):
            continue
        held = next(one for one in shifts if one.begin <= instant < one.end)
        wanted = by_hand(second if edit and instant >= changes else found, place, instant)
        assert names.get(held.person, "") == wanted, instant
    total = sum((one.total for one in shares([plan], begin, end)), timedelta())
    assert total == sum((one.length for one in shifts if one.person), timedelta())


def test_the_seat_at_an_instant_is_the_one_of_the_schedule_over_a_whole_year() -> None:
    people(*NAMES)
    row = rotation(layer("ana", "ben", unit="day", every=2), since=NOW)
    plan = load_one(row, now=NOW)
    for one in plan.shifts("primary", NOW, NOW + timedelta(days=365))[1:-1]:
        for instant in (one.begin, one.end - timedelta(seconds=1)):
            seat = seat_now(plan, "primary", instant)
            assert (seat.begin, seat.end) == (one.begin, one.end) and str(
                seat.person.pk if seat.person else ""
            ) == one.person


# ----------------------------------------------------------------------------------------------- problems found ahead
def test_one_person_at_two_seats_is_found_also_across_rotations_of_a_team() -> None:
    people("ana", "ben")
    seats = [
        {"key": "a", "name": "Primary", "layers": [layer("ana", "ben")]},
        {"key": "b", "name": "Secondary", "layers": [layer("ben", "ben", "ana")]},
    ]
    row, other = rotation(seats=seats), rotation(layer("ana"), slug="nights", name="Nights")
    plan, second = load_one(row, now=NOW), load_one(other, now=NOW)
    found = [one.words(None) for one in problems(plan, NOW, at("2026-03-23T08:00Z"))]
    assert found[0] == "Ben Example is Primary and Secondary at once from Mon 9 Mar 08:00 to Mon 16 Mar 08:00 (UTC)"
    assert len(found) == 2 and found[1].startswith("Ana Example is Primary and Secondary at once from Mon 16 Mar")
    across = [one.words(None) for one in problems(plan, NOW, at("2026-03-09T08:00Z"), others=[plan, second])]
    assert across == [
        "Ana Example is Primary and Primary of Nights at once from Mon 2 Mar 11:00 to Mon 9 Mar 08:00 (UTC)"
    ]


def test_leads_are_told_once_when_a_gap_comes_close() -> None:
    from altor.models import Notice
    from tests import factories as make

    people("ana")
    lead = make.user("lena", role="lead", teams=(make.team(),))
    row = rotation(layer("ana"))
    assert sweep(NOW) == 0 and not Notice.objects.filter(kind="oncall.gap").exists()
    away = written(layer("ana", hours={"week": {"mon-sun": "00:00-23:00"}}))
    save_rotation(row, read_form(away), actor=None, now=NOW, based_on=1, in_force_from=NOW + timedelta(days=9))
    assert sweep(NOW) == 0 and sweep(NOW + timedelta(minutes=59)) == 0  # more than a week away
    assert sweep(NOW + timedelta(days=3)) > 0
    (notice,) = Notice.objects.filter(kind="oncall.gap")
    assert "Nobody is Primary from Wed 11 Mar 22:00 to Wed 11 Mar 23:00" in notice.lines[0] and lead.pk
    assert sweep(NOW + timedelta(days=3, minutes=30)) == 0 and sweep(NOW + timedelta(days=3, hours=2)) == 0
    assert sweep(NOW + timedelta(days=4, hours=2)) > 0  # the next one comes close


def test_a_gap_without_an_end_is_told_once() -> None:
    people("ana")
    row = rotation(layer("ana"))
    User.objects.filter(username="ana").update(is_active=False)
    from tests import factories as make

    make.user("lena", role="lead", teams=(make.team(),))
    assert sweep(NOW) > 0 and row.pk
    assert [sweep(NOW + timedelta(hours=n)) for n in (2, 30, 100)] == [0, 0, 0]


def test_shares_count_nights_and_weekends_where_a_person_lives() -> None:
    ana, ben = people("ana", "ben")
    ben.timezone = "America/New_York"
    ben.save()
    plan = load_one(rotation(layer("ana", "ben"), since=NOW), now=NOW)
    found = {one.person: one for one in shares([plan], at("2026-03-09T08:00Z"), at("2026-03-23T08:00Z"))}
    # Two weeks of 168 hours with 40 working hours each; Ben's are New York's, Ana's the rotation's.
    assert (found[ben].total, found[ben].unsocial) == (timedelta(hours=168), timedelta(hours=128))
    assert (found[ana].total, found[ana].unsocial) == (timedelta(hours=168), timedelta(hours=128))
    morning = {one.person: one for one in shares([plan], at("2026-03-10T08:00Z"), at("2026-03-10T14:00Z"))}
    # Two in the morning to ten in New York, of which one hour is work.
    assert morning[ben].unsocial == timedelta(hours=5)
