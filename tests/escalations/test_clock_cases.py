"""Cases computed by hand, each with its arithmetic. `python -m pytest tests/escalations` holds them to the second."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from escalations.clocks.clock import Event, State, What, read
from tests.escalations.clock_hours import HOURS

# (hours, from, to, hours of open time, the arithmetic)
ELAPSED = [
    # one day, edges
    ("utc", "2026-03-02T09:00Z", "2026-03-02T17:00Z", 8, "Monday, the whole day: 17 - 9"),
    ("utc", "2026-03-02T08:00Z", "2026-03-02T10:30Z", 1.5, "before nine nothing: 10:30 - 9:00"),
    ("utc", "2026-03-02T16:30Z", "2026-03-02T19:00Z", 0.5, "after five nothing: 17:00 - 16:30"),
    ("utc", "2026-03-02T17:00Z", "2026-03-03T09:00Z", 0, "from closing to opening"),
    ("utc", "2026-03-02T12:00Z", "2026-03-02T12:00Z", 0, "no time at all"),
    ("utc", "2026-03-02T12:00Z", "2026-03-02T11:00Z", 0, "backwards is nothing"),
    ("utc", "2026-03-02T12:00:00Z", "2026-03-02T12:00:01Z", 1 / 3600, "one second"),
    ("utc", "2026-03-02T16:59:59Z", "2026-03-03T09:00:01Z", 2 / 3600, "one second on each side of the night"),
    # nights and weekends
    ("utc", "2026-03-02T16:00Z", "2026-03-03T10:00Z", 2, "17 - 16 on Monday, 10 - 9 on Tuesday"),
    ("utc", "2026-03-06T16:00Z", "2026-03-09T10:00Z", 2, "Friday 1, Saturday and Sunday 0, Monday 1"),
    ("utc", "2026-03-07T00:00Z", "2026-03-09T00:00Z", 0, "a weekend"),
    ("utc", "2026-03-02T00:00Z", "2026-03-09T00:00Z", 40, "a week: 5 x 8"),
    ("utc", "2026-01-01T00:00Z", "2027-01-01T00:00Z", 2088, "2026 has 261 weekdays: 261 x 8"),
    ("always", "2026-03-06T16:00Z", "2026-03-09T10:00Z", 66, "8 + 24 + 24 + 10"),
    ("always", "2026-03-29T00:00Z", "2026-03-30T00:00Z", 24, "daylight saving is no matter for the clock of the world"),
    # Berlin, winter UTC+1, summer UTC+2
    ("berlin", "2026-03-02T08:00Z", "2026-03-02T16:00Z", 8, "9 to 17 in Berlin is 8 to 16 UTC in winter"),
    ("berlin", "2026-07-06T07:00Z", "2026-07-06T15:00Z", 8, "and 7 to 15 UTC in summer"),
    ("berlin", "2026-07-06T08:00Z", "2026-07-06T16:00Z", 7, "8 UTC is 10 in Berlin: 17 - 10"),
    ("berlin", "2026-03-27T15:00Z", "2026-03-30T08:00Z", 2, "Friday 16 to 17 winter: 1; Monday 9 to 10 summer: 1"),
    ("berlin", "2026-10-23T14:00Z", "2026-10-26T09:00Z", 2, "Friday 16 to 17 summer: 1; Monday 9 to 10 winter: 1"),
    ("berlin", "2026-03-22T23:00Z", "2026-03-29T22:00Z", 40, "the week of the spring change: 5 x 8, Sunday is closed"),
    # holidays
    ("berlin", "2026-04-02T14:00Z", "2026-04-07T08:00Z", 2,
     "Thursday 16-17: 1; Good Friday, weekend, Easter Monday 0; Tuesday 9-10: 1"),
    ("berlin", "2026-05-01T00:00Z", "2026-05-02T00:00Z", 0, "Labour Day, a Friday"),
    ("berlin", "2026-03-08T00:00Z", "2026-03-10T00:00Z", 8, "Women's Day in Berlin falls on a Sunday; Monday 8"),
    ("berlin", "2027-03-08T00:00Z", "2027-03-09T00:00Z", 0, "and in 2027 on a Monday: closed in Berlin"),
    ("eves", "2027-03-08T00:00Z", "2027-03-09T00:00Z", 8, "but not in the rest of Germany"),
    ("eves", "2026-12-24T08:00Z", "2026-12-24T16:00Z", 3, "Christmas Eve 9 to 12"),
    ("eves", "2026-12-23T15:00Z", "2026-12-28T09:00Z", 5,
     "Wednesday 16-17: 1; Thursday 3; Friday 25 and weekend 0; Monday 9-10: 1"),
    ("eves", "2026-12-30T23:00Z", "2027-01-03T23:00Z", 0, "Thursday 31 closed by hand, Friday 1 January, weekend"),
    ("new_york", "2026-07-02T22:00Z", "2026-07-06T13:00Z", 1,
     "18:00 Thursday: 0; 3 July observed; weekend; Monday 8-9: 1"),
    ("new_york", "2026-11-25T22:00Z", "2026-11-27T14:00Z", 2,
     "Wednesday 17-18 UTC-5: 1; Thanksgiving 0; Friday 8-9: 1"),
    # the nights of daylight saving
    ("sunday", "2026-03-28T00:00Z", "2026-03-30T00:00Z", 5, "0 to 6 without the hour from 2 to 3"),
    ("sunday", "2026-10-24T00:00Z", "2026-10-26T00:00Z", 7, "0 to 6 with the hour from 2 to 3 twice"),
    ("sunday", "2026-03-29T00:00Z", "2026-03-29T01:00Z", 1, "1 to 2 in Berlin; at 2 it is 3"),
    ("sunday", "2026-03-29T01:00Z", "2026-03-29T02:00Z", 1, "3 to 4 in Berlin"),
    ("sunday", "2026-10-25T00:00Z", "2026-10-25T02:00Z", 2, "2 to 3 for the first time and for the second"),
    ("night", "2026-03-28T12:00Z", "2026-03-29T12:00Z", 7, "22 to 24: 2; 0 to 6 with five hours: 5"),
    ("night", "2026-10-24T12:00Z", "2026-10-25T12:00Z", 9, "2 + 7"),
    ("night", "2026-03-02T20:00Z", "2026-03-03T04:00Z", 7, "21 in Berlin, opens at 22; until 5: 2 + 5"),
    ("night", "2026-03-02T00:00Z", "2026-03-09T00:00Z", 56, "7 nights x 8; 1 to 6 first, 0 to 1 last: 5 + 6x8 + 2 + 1"),
    ("lord_howe", "2026-10-03T13:00Z", "2026-10-04T13:00Z", 5.5,
     "half an hour is skipped: 0 to 6 from 10:30 to 11 offset"),
    ("lord_howe", "2026-04-04T13:00Z", "2026-04-05T13:30Z", 6.5, "and comes twice in April"),
    ("apia", "2011-12-29T10:00Z", "2011-12-31T10:00Z", 16,
     "30 December 2011 did not exist in Samoa: 8 on the 29th, 8 on the 31st"),
    # two spans a day
    ("kolkata", "2026-03-02T04:30Z", "2026-03-02T13:30Z", 8, "10 to 13 and 14 to 19: 3 + 5"),
    ("kolkata", "2026-03-02T07:00Z", "2026-03-02T09:00Z", 1, "12:30 to 13: 0.5; 14 to 14:30: 0.5"),
    ("kolkata", "2026-03-06T13:00Z", "2026-03-09T05:00Z", 4, "Friday 18:30-19: 0.5; Saturday 3; Monday 10-10:30: 0.5"),
]  # fmt: skip

# (hours, from, hours to add, the instant, the arithmetic)
DUE = [
    ("utc", "2026-03-02T09:00Z", 0, "2026-03-02T09:00Z", "nothing to add"),
    ("utc", "2026-03-07T09:00Z", 0, "2026-03-07T09:00Z", "nothing to add, not even on a Saturday"),
    ("utc", "2026-03-02T09:00Z", 8, "2026-03-02T17:00Z", "due when the day ends, not when the next begins"),
    ("utc", "2026-03-02T09:00Z", 8 + 1 / 3600, "2026-03-03T09:00:01Z", "one second more is one on Tuesday"),
    ("utc", "2026-03-06T15:00Z", 4, "2026-03-09T11:00Z", "Friday 2, Monday 2"),
    ("utc", "2026-03-07T12:00Z", 1, "2026-03-09T10:00Z", "from a Saturday it begins on Monday at nine"),
    ("always", "2026-03-28T23:30Z", 24, "2026-03-29T23:30Z", "a day of the world has 24 hours"),
    ("berlin", "2026-03-27T15:00Z", 2, "2026-03-30T08:00Z", "Friday 16-17 winter: 1; Monday from 9 summer (7 UTC): 1"),
    ("berlin", "2026-04-02T14:00Z", 2, "2026-04-07T08:00Z", "Thursday 1, Easter 0, Tuesday from 7 UTC: 1"),
    ("eves", "2026-12-23T15:00Z", 8, "2026-12-28T12:00Z", "Wednesday 1, Thursday 3, Monday from 8 UTC: 4"),
    ("sunday", "2026-03-28T23:00Z", 2, "2026-03-29T01:00Z", "0 to 2 in Berlin"),
    ("sunday", "2026-03-28T23:00Z", 5.5, "2026-04-04T22:30Z",
     "5 on the short Sunday, the rest a week later from 22 UTC"),
    ("sunday", "2026-10-24T22:00Z", 6.5, "2026-10-25T04:30Z", "the long Sunday holds seven"),
    ("kolkata", "2026-03-07T07:00Z", 1, "2026-03-09T05:00Z", "Saturday 12:30-13: 0.5; Monday from 4:30 UTC: 0.5"),
    ("new_york", "2026-07-02T21:30Z", 1, "2026-07-06T12:30Z", "Thursday 17:30-18: 0.5; Monday from 12 UTC: 0.5"),
]  # fmt: skip
#: (hours, target in hours, what happened, now, state, elapsed, due, broken, the arithmetic)
CLOCKS = [
    ("utc", 4, "", "2026-03-02T12:00Z", "idle", 0, None, None, "nobody started it"),
    ("utc", 4, "09:00 activate", "2026-03-02T12:00Z", "running", 3, "2026-03-02T13:00Z", None, "12 - 9; due 9 + 4"),
    ("utc", 4, "09:00 activate", "2026-03-02T13:00Z", "running", 4, "2026-03-02T13:00Z", None,
     "all of the target is not more than the target"),
    ("utc", 4, "09:00 activate", "2026-03-02T13:00:01Z", "running", 4 + 1 / 3600, "2026-03-02T13:00Z",
     "2026-03-02T13:00Z", "one second later it is broken, since 13"),
    ("utc", 4, "15:00 activate", "2026-03-03T10:00Z", "running", 3, "2026-03-03T11:00Z", None,
     "17 - 15, 10 - 9; due in one"),
    ("utc", 4, "09:00 activate, 10:00 pause customer, 12:00 resume", "2026-03-02T13:00Z", "running", 2,
     "2026-03-02T15:00Z", None, "10 - 9 and 13 - 12; due 13 + 2"),
    ("utc", 4, "09:00 activate, 10:00 pause customer", "2026-03-02T16:00Z", "paused", 1, None, None,
     "10 - 9; nothing is due while the customer is waited for"),
    ("utc", 4, "09:00 activate, 10:00 pause a, 11:00 pause b, 12:00 resume", "2026-03-02T12:30Z", "running", 1.5,
     "2026-03-02T15:00Z", None, "a pause within a pause is one: 10 - 9 and 12:30 - 12; due 12:30 + 2.5"),
    ("utc", 4, "09:00 activate, 09:30 resume, 10:00 activate", "2026-03-02T11:00Z", "running", 2,
     "2026-03-02T13:00Z", None,
     "resuming and starting what runs changes nothing: 11 - 9"),
    ("utc", 4, "09:00 activate, 11:00 fulfil", "2026-03-02T16:00Z", "fulfilled", 2, None, None, "it stands at 11 - 9"),
    ("utc", 4, "09:00 activate, 14:00 fulfil", "2026-03-02T16:00Z", "fulfilled", 5, None, "2026-03-02T13:00Z",
     "too late: broken at 9 + 4"),
    ("utc", 4, "09:00 activate, 10:00 pause x, 14:00 fulfil", "2026-03-02T16:00Z", "fulfilled", 1, None, None,
     "fulfilled while it paused: 10 - 9"),
    ("utc", 4, "09:00 activate, 10:00 cancel, 11:00 resume", "2026-03-02T16:00Z", "cancelled", 1, None, None,
     "what is cancelled does not go on"),
    ("utc", 4, "09:00 activate, 10:00 fulfil, 12:00 activate", "2026-03-02T13:00Z", "running", 1,
     "2026-03-02T16:00Z", None,
     "started again it begins from zero: 13 - 12"),
    # severity and calendar change
    ("utc", 8, "09:00 activate, 11:00 retarget 3", "2026-03-02T11:30Z", "running", 2.5, "2026-03-02T12:00Z", None,
     "what has elapsed stays: 3 - 2 left at 11"),
    ("utc", 8, "09:00 activate, 13:00 retarget 3", "2026-03-02T13:00Z", "running", 4, "2026-03-02T13:00Z",
     "2026-03-02T13:00Z", "4 is over the new 3: broken when it was changed, not before"),
    ("utc", 2, "09:00 activate, 12:00 retarget 8", "2026-03-02T13:00Z", "running", 4, "2026-03-02T17:00Z",
     "2026-03-02T11:00Z", "broken at 9 + 2 under the old target; due under the new one 9 + 8"),
    ("utc", 8, "15:00 activate, 16:00 retarget 3 always", "2026-03-02T17:30Z", "running", 2.5, "2026-03-02T18:00Z",
     None,
     "1 in office hours, then round the clock 17:30 - 16; due 16 + 2"),
    ("always", 8, "15:00 activate, 17:00 retarget 8 utc", "2026-03-03T10:00Z", "running", 3, "2026-03-03T15:00Z", None,
     "2 round the clock, then office hours 10 - 9; due in 5"),
    ("utc", 8, "09:00 activate, 10:00 pause x, 11:00 retarget 1, 13:00 resume", "2026-03-02T13:00Z", "running", 1,
     "2026-03-02T13:00Z", None, "1 of the new 1 has elapsed: due at once, not broken yet"),
    # pauses over nights and daylight saving
    ("utc", 4, "16:00 activate, 16:30 pause x, +1 09:30 resume", "2026-03-03T10:00Z", "running", 1, "2026-03-03T13:00Z",
     None, "0.5 on Monday, 10 - 9:30 on Tuesday; due in 3"),
    ("utc", 2, "16:00 activate, 18:00 pause x, +1 08:00 resume", "2026-03-03T09:30Z", "running", 1.5,
     "2026-03-03T10:00Z",
     None, "a pause at night takes nothing away: 1 + 0.5"),
]  # fmt: skip


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def happened(text: str) -> list[Event]:
    """`09:00 pause customer, +1 08:00 resume`: on Monday, 2 March 2026 (UTC), and the day after."""
    found = []
    for part in filter(None, text.split(", ")):
        words = part.split()
        day = timedelta(days=int(words.pop(0))) if words[0].startswith("+") else timedelta()
        at, what, rest = instant(f"2026-03-02T{words[0]}Z") + day, What(words[1]), words[2:]
        if what is What.RETARGET:
            hours = HOURS[rest[1]] if len(rest) > 1 else None
            found.append(Event(at, what, target=timedelta(hours=float(rest[0])), hours=hours))
        else:
            found.append(Event(at, what, " ".join(rest)))
    return found


@pytest.mark.parametrize(("hours", "begin", "end", "expected", "why"), ELAPSED)
def test_open_time(hours: str, begin: str, end: str, expected: float, why: str) -> None:
    assert HOURS[hours].open_time(instant(begin), instant(end)) == timedelta(hours=expected), why


@pytest.mark.parametrize(("hours", "begin", "amount", "expected", "why"), DUE)
def test_due_times(hours: str, begin: str, amount: float, expected: str, why: str) -> None:
    assert HOURS[hours].add(instant(begin), timedelta(hours=amount)) == instant(expected), why


@pytest.mark.parametrize(
    ("hours", "target", "events", "now", "state", "elapsed", "due", "broken", "why"), CLOCKS
)  # fmt: skip
def test_clocks(
    hours: str, target: float, events: str, now: str, state: str, elapsed: float, due: str | None, broken: str | None,
    why: str,
) -> None:  # fmt: skip
    told = happened(events)
    for given in (told, told[::-1]):  # whatever the order in which they arrive
        found = read(given, target=timedelta(hours=target), hours=HOURS[hours], now=instant(now))
        assert found.state == State(state) and found.elapsed == timedelta(hours=elapsed), why
        assert found.due_at == (instant(due) if due else None), why
        assert found.broken_at == (instant(broken) if broken else None), why


def test_pauses_are_told_apart_by_their_reason() -> None:
    told = happened("09:00 activate, 10:00 pause customer, 11:00 pause vendor, 11:30 resume, 12:00 pause customer")
    found = read(told, target=timedelta(hours=4), hours=HOURS["utc"], now=instant("2026-03-02T14:00Z"))
    assert (
        found.paused == {"customer": timedelta(hours=3), "vendor": timedelta(minutes=30)} and found.pause == "customer"
    )


def test_there_are_at_least_sixty_cases() -> None:
    assert len(ELAPSED) + len(DUE) + len(CLOCKS) >= 60
