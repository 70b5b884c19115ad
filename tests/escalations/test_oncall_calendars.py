"""Calendars in and out: what is read from a feed, over real sockets; what is written comes back the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse
from django_q.models import OrmQ
from hypothesis import given
from hypothesis import settings as tuned
from hypothesis import strategies as st

from altor.errors import InvalidInput
from altor.models import Notice, User
from escalations.clocks.zones import instant
from escalations.models import ImportedCalendar, Rotation
from escalations.oncall.calendars import choose_names, refresh, start_import, sweep
from escalations.oncall.ical_in import read
from escalations.oncall.matching import People
from escalations.oncall.now import on_call
from escalations.oncall.rotations import load_one
from tests import factories as make
from tests.escalations.oncall_scene import NOW, at, layer, people, rotation
from tests.loopback import Answer, Upstream, serving

BERLIN = ZoneInfo("Europe/Berlin")


def calendar(*events: str, head: str = "") -> bytes:
    body = "\r\n".join(f"BEGIN:VEVENT\r\n{one.strip()}\r\nEND:VEVENT" for one in events)
    text = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\n{head}{body}\r\nEND:VCALENDAR\r\n"
    return text.replace("\r\n", "\n").replace("\n", "\r\n").encode()


def event(uid: str = "a@example", summary: str = "Ana Example", **values: str) -> str:
    lines = {"UID": uid, "SUMMARY": summary, "DTSTAMP": "20260101T000000Z", **values}
    return "\r\n".join(f"{name}:{value}" for name, value in lines.items())


def times(
    body: bytes, begin: str = "2026-01-01T00:00Z", end: str = "2027-01-01T00:00Z", zone: str = "Europe/Berlin"
) -> list[str]:
    return [f"{one.begin:%m-%d %H:%M} {one.end:%m-%d %H:%M}" for one in read(body, at(begin), at(end), zone=zone).found]


TZ = "DTSTART;TZID=Europe/Berlin"
END = "DTEND;TZID=Europe/Berlin"


#: The weeks of `week`.
FIRST, SECOND, THIRD = "03-16 08:00 03-23 08:00", "03-23 08:00 03-30 07:00", "03-30 07:00 04-06 07:00"


def week(**values: str) -> str:
    return event(**{TZ: "20260316T090000", END: "20260323T090000", "RRULE": "FREQ=WEEKLY;COUNT=3", **values})


# ------------------------------------------------------------------------------------------------------ recurrence
def test_a_weekly_shift_goes_from_wall_clock_to_wall_clock_over_a_change_of_clocks() -> None:
    assert times(calendar(week())) == [FIRST, SECOND, THIRD]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        # Told by a length: days by the wall clock, hours in real time.
        ({END: "", "DURATION": "P7D"}, [FIRST, SECOND, THIRD]),
        ({"RRULE": "FREQ=WEEKLY;UNTIL=20260330T070000Z"}, [FIRST, SECOND, THIRD]),
        ({"RRULE": "FREQ=WEEKLY;UNTIL=20260330T065959Z"}, [FIRST, SECOND]),
        ({"EXDATE;TZID=Europe/Berlin": "20260323T090000"}, [FIRST, THIRD]),
        ({"EXDATE": "20260330T070000Z"}, [FIRST, SECOND]),
        ({"RRULE": "FREQ=WEEKLY;COUNT=1", "RDATE;TZID=Europe/Berlin": "20260330T090000"}, [FIRST, THIRD]),
        ({"STATUS": "CANCELLED"}, []),
        ({"RRULE": "FREQ=MONTHLY;BYDAY=3MO;COUNT=2"}, [FIRST, "04-20 07:00 04-27 07:00"]),
        ({"RRULE": "FREQ=SECONDLY;COUNT=100000"}, []),
    ],
)  # fmt: skip
def test_rules_exceptions_and_lengths(values: dict[str, str], expected: list[str]) -> None:
    body = week(**values)
    body = "\r\n".join(line for line in body.split("\r\n") if not line.endswith(":"))
    assert times(calendar(body)) == expected


def test_one_occurrence_that_was_moved_takes_the_place_of_its_own() -> None:
    moved = event(
        summary="Ben Example",
        **{"RECURRENCE-ID;TZID=Europe/Berlin": "20260323T090000", TZ: "20260323T120000", END: "20260330T090000"},
    )
    found = read(calendar(week(), moved), at("2026-01-01T00:00Z"), at("2027-01-01T00:00Z"), zone="UTC").found
    assert [(f"{one.begin:%m-%d %H:%M}", one.title) for one in found] == [
        ("03-16 08:00", "Ana Example"), ("03-23 11:00", "Ben Example"), ("03-30 07:00", "Ana Example"),
    ]  # fmt: skip


def test_whole_days_are_in_the_calendars_zone_or_else_in_the_rotations() -> None:
    days = event(**{"DTSTART;VALUE=DATE": "20260328", "DTEND;VALUE=DATE": "20260330"})
    assert times(calendar(days)) == ["03-27 23:00 03-29 22:00"]
    assert times(calendar(days, head="X-WR-TIMEZONE:Asia/Tokyo\r\n")) == ["03-27 15:00 03-29 15:00"]
    assert times(calendar(event(**{"DTSTART;VALUE=DATE": "20260328"}))) == ["03-27 23:00 03-28 23:00"]
    assert times(calendar(event(DTSTART="20260328T090000", DTEND="20260328T100000"))) == ["03-28 08:00 03-28 09:00"]


def test_a_zone_that_the_file_itself_describes_is_used() -> None:
    zone = (
        "BEGIN:VTIMEZONE\r\nTZID:Our office\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0330\r\n"
        "TZOFFSETTO:+0330\r\nTZNAME:OFF\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
    )
    office = event(**{"DTSTART;TZID=Our office": "20260316T090000", "DTEND;TZID=Our office": "20260316T170000"})
    assert times(calendar(office, head=zone)) == ["03-16 05:30 03-16 13:30"]


@pytest.mark.parametrize(
    "body", [b"", b"<html>Sign in</html>", b"\x00\xff\xfe" * 40, b"BEGIN:VEVENT\r\nEND:VEVENT\r\n"]
)
def test_what_is_no_calendar_is_refused_with_words(body: bytes) -> None:
    with pytest.raises(InvalidInput, match="no iCalendar file"):
        read(body, NOW, NOW + timedelta(days=1), zone="UTC")


def test_a_broken_event_is_passed_over_and_said() -> None:
    reading = read(
        calendar(event(summary="No beginning"), week()), at("2026-01-01T00:00Z"), at("2027-01-01T00:00Z"), zone="UTC"
    )
    assert len(reading.found) == 3 and "“No beginning” was passed over" in reading.said[0]


@given(
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"]),
    year=st.integers(2019, 2031), hour=st.integers(0, 23), minute=st.sampled_from([0, 15, 30]), every=st.integers(1, 3),
)  # fmt: skip
@tuned(max_examples=60, deadline=None)
def test_a_feed_of_weeks_has_neither_gap_nor_overlap_in_any_year(
    zone: str, year: int, hour: int, minute: int, every: int
) -> None:
    first = datetime(year, 1, 6, hour, minute)
    last = first + timedelta(weeks=every)
    form = "%Y%m%dT%H%M%S"
    one = event(
        **{
            f"DTSTART;TZID={zone}": first.strftime(form),
            f"DTEND;TZID={zone}": last.strftime(form),
            "RRULE": f"FREQ=WEEKLY;INTERVAL={every}",
        }
    )
    begin = datetime(year, 1, 1, tzinfo=UTC)
    found = read(calendar(one), begin, begin + timedelta(days=400), zone="UTC").found
    assert len(found) > 15 and all(low.end == high.begin for low, high in pairwise(found))
    assert found[0].begin == instant(ZoneInfo(zone), first)


# -------------------------------------------------------------------------------------------------------- who is meant
def test_people_are_found_by_address_and_by_name_and_never_by_a_shared_one() -> None:
    ana = User(pk=1, username="ana", email="Ana@altor.example", first_name="Ana", last_name="Example")
    ben = User(pk=2, username="ben.f", email="ben@altor.example", first_name="Ben", last_name="Fischer")
    other = User(pk=3, username="bf2", email="bf2@altor.example", first_name="Ben", last_name="Fischer")
    known = People([ana, ben, other], {"Team Rocket": "bf2"})
    for names, who in (
        (("ana@altor.example",), ana), (("On call: ANA EXAMPLE",), ana), (("Example, Ana",), ana), (("Ana",), ana),
        (("ana - support",), ana), (("Primary <ben@altor.example>",), ben), (("ben.f",), ben), (("Ben Fischer",), None),
        (("Ben",), None),
        (("team rocket",), other), (("Ana and ben.f",), None), (("Somebody",), None), (("",), None),
    ):  # fmt: skip
        assert known.match([names]) is who, names
    # The title before those who attend; several of these mean nobody.
    assert known.match([("Shift",), ("ana@altor.example",), ("ben@altor.example",)]) is ana
    assert known.match([("ben.f",), ("ana@altor.example",)]) is ben
    assert known.match([("Shift",), ("ana@altor.example", "ben@altor.example")]) is None


# ---------------------------------------------------------------------------------------------------- over real sockets
@pytest.fixture
def _loopback(settings: Any) -> None:
    settings.ALLOW_LOOPBACK_UPSTREAMS = True


def serve(body: bytes, **values: Any) -> Any:
    return serving(lambda asked: Answer(body=body, headers={"Content-Type": "text/calendar"}, **values))


def imported(upstream: Upstream, **values: Any) -> Rotation:
    lead = User.objects.filter(username="lena").first() or make.user("lena", role="lead", teams=(make.team(),))
    given = {
        "name": "Support",
        "team": make.team(),
        "owns": "urgent triage",
        "zone": "Europe/Berlin",
        "url": f"{upstream.url}/secret.ics",
    }
    return start_import(actor=lead, now=NOW, **{**given, **values})


SHIFTS = (
    event("1@x", "Ana Example", DTSTART="20260302T080000Z", DTEND="20260309T080000Z"),
    event(
        "2@x",
        "Shift",
        DTSTART="20260309T080000Z",
        DTEND="20260316T080000Z",
        **{"ATTENDEE;CN=Ben": "mailto:ben@altor.example"},
    ),
    event("3@x", "Zoe Nobody", DTSTART="20260316T080000Z", DTEND="20260323T080000Z"),
)


@pytest.mark.django_db
@pytest.mark.usefixtures("_loopback")
def test_an_imported_calendar_says_who_is_on_call_and_whom_it_could_not_find() -> None:
    ana, ben = people("ana", "ben")
    with serve(calendar(*SHIFTS)) as upstream:
        row = imported(upstream)
        assert upstream.asked[0].headers["accept"].startswith("text/calendar")
    (seat,) = on_call(NOW)
    assert (seat.person, seat.end, seat.next_person) == (ana, at("2026-03-09T08:00Z"), ben)
    kept = ImportedCalendar.objects.get()
    assert kept.unmatched == [["Zoe Nobody", 1]] and kept.error == ""
    plan = load_one(row, now=NOW)
    assert [one.begin for one in plan.gaps("primary", NOW, at("2026-03-23T08:00Z"))] == [at("2026-03-16T08:00Z")]
    choose_names(kept, {"Zoe Nobody": "ana"}, actor=User.objects.get(username="lena"), now=NOW)
    with serve(calendar(*SHIFTS)) as upstream:
        ImportedCalendar.objects.update(url=f"{upstream.url}/secret.ics")
        assert refresh(kept.pk, now=NOW) == ""
    assert load_one(row, now=NOW).gaps("primary", NOW, at("2026-03-23T08:00Z")) == []


@pytest.mark.django_db
@pytest.mark.usefixtures("_loopback")
def test_the_address_is_not_in_the_database_nor_in_the_audit_log() -> None:
    from django.db import connection

    people("ana")
    with serve(calendar(*SHIFTS)) as upstream:
        imported(upstream)
    with connection.cursor() as cursor:
        cursor.execute("SELECT url FROM escalations_importedcalendar")
        assert "secret.ics" not in cursor.fetchone()[0]
        cursor.execute("SELECT count(*) FROM altor_auditevent WHERE after::text LIKE '%secret.ics%'")
        assert cursor.fetchone()[0] == 0


@pytest.mark.django_db
@pytest.mark.usefixtures("_loopback")
def test_the_last_good_copy_counts_while_the_calendar_is_away_and_leads_are_told_once() -> None:
    (ana,) = people("ana")
    with serve(calendar(*SHIFTS)) as upstream:
        imported(upstream)
    kept, now = ImportedCalendar.objects.get(), NOW
    Notice.objects.all().delete()
    for behaviour in (
        Answer(500, b""),
        Answer(404, b""),
        Answer(200, b"<html>sign in</html>"),
        Answer(reset=True),
        Answer(503, b""),
    ):
        with serving(lambda asked, answer=behaviour: answer) as upstream:
            ImportedCalendar.objects.update(url=f"{upstream.url}/secret.ics")
            now += timedelta(hours=1)
            assert refresh(kept.pk, now=now) != ""
    kept.refresh_from_db()
    assert kept.failures == 5 and kept.fetched_at == NOW and kept.next_fetch_at == now + timedelta(hours=4)
    assert on_call(now)[0].person == ana
    (notice,) = Notice.objects.filter(kind="oncall.calendar")
    assert "The last good copy counts" in notice.lines[1]
    with serve(calendar(*SHIFTS)) as upstream:
        ImportedCalendar.objects.update(url=f"{upstream.url}/secret.ics")
        assert refresh(kept.pk, now=now) == ""
    kept.refresh_from_db()
    assert (kept.failures, kept.error) == (0, "")


@pytest.mark.django_db
@pytest.mark.usefixtures("_loopback")
def test_a_newer_copy_counts_from_then_on_tells_whom_it_moves_and_keeps_the_past() -> None:
    _ana, _ben = people("ana", "ben")
    with serve(calendar(*SHIFTS)) as upstream:
        row = imported(upstream)
    Notice.objects.all().delete()
    later = at("2026-03-11T00:00Z")
    newer = event("9@x", "Ana", DTSTART="20260312T080000Z", DTEND="20260323T080000Z")
    with serve(calendar(newer)) as upstream:
        ImportedCalendar.objects.update(url=f"{upstream.url}/secret.ics")
        refresh(ImportedCalendar.objects.get().pk, now=later)
    plan = load_one(row, now=later)
    told = [
        (f"{one.begin:%m-%d %H:%M}", str(plan.person(one.person) or ""))
        for one in plan.shifts("primary", NOW, at("2026-03-23T08:00Z"))
    ]
    assert told == [
        ("03-02 11:00", "Ana Example"),
        ("03-09 08:00", "Ben Example"),
        ("03-11 00:00", ""),
        ("03-12 08:00", "Ana Example"),
    ]
    assert Notice.objects.filter(kind="oncall.moved").count() == 2


@pytest.mark.django_db
@pytest.mark.usefixtures("_loopback")
def test_an_unchanged_calendar_is_not_read_twice() -> None:
    people("ana")
    with serving(
        lambda asked: (
            Answer(304)
            if asked.headers.get("if-none-match") == '"v1"'
            else Answer(body=calendar(*SHIFTS), headers={"ETag": '"v1"'})
        )
    ) as upstream:
        imported(upstream)
        stamp = Rotation.objects.get().stamp
        assert refresh(ImportedCalendar.objects.get().pk, now=NOW + timedelta(hours=1)) == ""
        assert len(upstream.asked) == 2 and Rotation.objects.get().stamp == stamp
    assert ImportedCalendar.objects.get().fetched_at == NOW + timedelta(hours=1)


@pytest.mark.django_db
@pytest.mark.usefixtures("_loopback")
def test_two_people_at_once_are_told_apart_and_said() -> None:
    ana, ben = people("ana", "ben")
    short = event("2@x", "Ben", DTSTART="20260303T080000Z", DTEND="20260303T180000Z")
    with serve(calendar(SHIFTS[0], short)) as upstream:
        imported(upstream)
    assert on_call(at("2026-03-03T09:00Z"))[0].person == ben and on_call(at("2026-03-03T19:00Z"))[0].person == ana
    assert "1 times two events overlap" in ImportedCalendar.objects.get().said[0]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "url",
    [
        "http://calendar.example/a.ics",
        "https://127.0.0.1/a.ics",
        "https://10.0.0.7/a.ics",
        "file:///etc/passwd",
        "nonsense",
        "",
    ],
)
def test_an_address_that_may_not_be_fetched_is_refused_and_nothing_is_made(url: str) -> None:
    lead = make.user("lena", role="lead", teams=(make.team(),))
    with pytest.raises(InvalidInput):
        start_import(name="S", team=make.team(), owns="x", zone="UTC", url=url, actor=lead, now=NOW)
    assert not Rotation.objects.exists()


@pytest.mark.django_db
@pytest.mark.usefixtures("_loopback")
def test_the_form_shows_why_a_calendar_cannot_be_read_and_keeps_what_was_typed() -> None:
    lead = make.user("lena", role="lead", teams=(make.team(),))
    client = Client()
    client.force_login(lead)
    with serving(lambda asked: Answer(404, b"")) as upstream:
        data = {
            "name": "Nights",
            "team": "support",
            "owns": "nights",
            "url": f"{upstream.url}/x.ics",
            "zone": "Europe/Berlin",
        }
        answer = client.post(reverse("oncall:import"), data)
        html = answer.content.decode()
        assert (
            answer.status_code == 422
            and "It answered 404" in html
            and f"{upstream.url}/x.ics" in html
            and "Nights" in html
        )
        upstream.behaviour = lambda asked: Answer(body=calendar(*SHIFTS))
        html = client.post(reverse("oncall:import"), data, follow=True).content.decode()
    assert "As the calendar “calendar” says" in html and "Zoe Nobody" in html and "Nobody here is found" in html


@pytest.mark.django_db
def test_due_calendars_are_queued_once_and_a_lost_one_again() -> None:
    people("ana")
    row = rotation(layer("ana"))
    kept = ImportedCalendar.objects.create(rotation=row, key="c", url="https://c.example/a.ics", next_fetch_at=NOW)
    OrmQ.objects.all().delete()
    assert (sweep(NOW), sweep(NOW), OrmQ.objects.count()) == (1, 0, 1)
    assert sweep(NOW + timedelta(minutes=6)) == 1
    Rotation.objects.update(is_active=False)
    assert sweep(NOW + timedelta(hours=6)) == 0 and kept.pk
