"""Golden logs: what happened to a ticket, and what its clocks say, computed by hand with the arithmetic beside it."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from escalations.clocks.clock import Reading, State
from escalations.ownership.facts import Fact, with_tiers
from escalations.ownership.plan import plan, reading
from escalations.ownership.policies import Case
from escalations.ownership.terms import NO_TERMS, Terms
from tests.escalations.clock_hours import HOURS

KINDS = ("first_reply", "next_reply", "resolution")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def terms(hours: str = "utc", targets: tuple[float, float, float] = (4, 8, 16), version: int = 1, **more: Any) -> Terms:
    return Terms(
        version=version,
        targets={kind: timedelta(hours=value) for kind, value in zip(KINDS, targets, strict=True)},
        hours=dict.fromkeys(KINDS, HOURS[hours]),
        pauses=more.pop("pauses", frozenset({"customer"})),
        **more,
    )


def log(*lines: str) -> list[Fact]:
    """`2026-03-02T09:00Z ticket.status status=pending`"""
    found = []
    for number, line in enumerate(lines):
        when, kind, *pairs = line.split()
        data: dict[str, Any] = dict(pair.split("=", 1) for pair in pairs)
        found.append(Fact(at(when), kind, f"k{number}", data, subject=data.pop("of", "")))
    return found


def clocks(facts: Sequence[Fact], now: str, under: Terms | None = None, **cases: Terms) -> dict[str, Reading]:
    """`cases`: tier or priority -> terms; `under` holds for the rest."""
    plain = under or terms()

    def choose(case: Case) -> Terms:
        return cases.get(case.priority) or cases.get(case.tier) or plain

    made = plan(facts, today=Case(), choose=choose, now=at(now))
    return {f"{kind} {number}": reading(kind, events, at(now))[0] for (kind, number), events in made.clocks.items()}


def hours(value: float) -> timedelta:
    return timedelta(hours=value)


MONDAY = "2026-03-02T09:00Z ticket.received"
#: The helpdesk tells statuses: an answer alone does not wait for the customer then.
OPEN = "2026-03-02T09:00Z ticket.status status=open"


# (name, log, now, clock, state, elapsed in hours, due, broken, arithmetic)
Golden = tuple[str, list[str], str, str, str, float, str, str, str]
GOLDEN: list[Golden] = [
    ("a ticket that just came", [MONDAY], "2026-03-02T10:00Z", "first_reply 1", "running", 1,
     "2026-03-02T13:00Z", "", "10 - 9; due 9 + 4"),
    ("answered in time", [MONDAY, "2026-03-02T12:00Z ticket.replied"], "2026-03-05T12:00Z", "first_reply 1",
     "fulfilled", 3, "", "", "12 - 9"),
    ("answered late", [MONDAY, "2026-03-02T15:00Z ticket.replied"], "2026-03-05T12:00Z", "first_reply 1", "fulfilled",
     6, "", "2026-03-02T13:00Z", "15 - 9 = 6 > 4: broken at 9 + 4"),
    ("exactly the target is in time", [MONDAY, "2026-03-02T13:00Z ticket.replied"], "2026-03-05T12:00Z",
     "first_reply 1", "fulfilled", 4, "", "", "13 - 9 = 4, not more than 4"),
    ("over a night", ["2026-03-02T15:00Z ticket.received"], "2026-03-03T10:00Z", "first_reply 1", "running", 3,
     "2026-03-03T11:00Z", "", "17 - 15 = 2, 10 - 9 = 1; due when 4 - 2 = 2 of Tuesday have passed"),
    ("in the night after its last open minute it is due since the evening", ["2026-03-02T13:00Z ticket.received"],
     "2026-03-02T22:00Z", "first_reply 1", "running", 4, "2026-03-02T17:00Z", "", "17 - 13 = 4; closed since"),
    ("over a weekend", ["2026-03-06T16:00Z ticket.received"], "2026-03-09T10:00Z", "resolution 1", "running", 2,
     "2026-03-10T16:00Z", "", "Friday 1, Monday 1; due: 16 - 1 = 15 = Monday 8 + Tuesday 7"),
    ("the next reply counts from the customer's message",
     [MONDAY, "2026-03-02T10:00Z ticket.replied", "2026-03-02T15:00Z ticket.customer_wrote"], "2026-03-02T16:00Z",
     "next_reply 1", "running", 1, "2026-03-03T15:00Z", "", "16 - 15; due: 8 = Monday 2 + Tuesday 6"),
    ("a second message does not begin it anew",
     [MONDAY, "2026-03-02T10:00Z ticket.replied", "2026-03-02T15:00Z ticket.customer_wrote",
      "2026-03-02T16:00Z ticket.customer_wrote"], "2026-03-02T16:30Z", "next_reply 1", "running", 1.5,
     "2026-03-03T15:00Z", "", "16:30 - 15"),
    ("each answer owed is a clock of its own",
     [MONDAY, "2026-03-02T10:00Z ticket.replied", "2026-03-02T11:00Z ticket.customer_wrote",
      "2026-03-02T12:00Z ticket.replied", "2026-03-02T14:00Z ticket.customer_wrote"], "2026-03-02T15:00Z",
     "next_reply 2", "running", 1, "2026-03-03T14:00Z", "", "15 - 14; the first took 12 - 11"),
    ("waiting on the customer pauses the resolution",
     [MONDAY, "2026-03-02T10:00Z ticket.replied", "2026-03-02T10:00Z ticket.status status=pending"],
     "2026-03-02T15:00Z", "resolution 1", "paused", 1, "", "", "10 - 9; then it waits"),
    ("a message resumes, whatever the status says",
     [MONDAY, "2026-03-02T10:00Z ticket.replied", "2026-03-02T10:00Z ticket.status status=pending",
      "2026-03-02T15:00Z ticket.customer_wrote"], "2026-03-02T16:00Z", "resolution 1", "running", 2,
     "2026-03-04T14:00Z", "", "10 - 9, 16 - 15; due: 15 left at 15 = Monday 2 + Tuesday 8 + Wednesday 5"),
    ("parking a ticket that the customer waits for pauses nothing",
     [MONDAY, "2026-03-02T10:00Z ticket.status status=pending"], "2026-03-02T12:00Z", "resolution 1", "running", 3,
     "2026-03-03T17:00Z", "", "12 - 9: nobody has answered; due: 16 = Monday 8 + Tuesday 8"),
    ("nor does parking it again after the customer wrote",
     [MONDAY, "2026-03-02T10:00Z ticket.replied", "2026-03-02T10:00Z ticket.status status=pending",
      "2026-03-02T12:00Z ticket.customer_wrote", "2026-03-02T12:30Z ticket.status status=open",
      "2026-03-02T13:00Z ticket.status status=pending"], "2026-03-02T15:00Z", "resolution 1", "running", 4,
     "2026-03-04T11:00Z", "", "10 - 9, 15 - 12; due: 12 left = Monday 2 + Tuesday 8 + Wednesday 2"),
    ("on hold counts, where the policy does not say otherwise",
     [MONDAY, OPEN, "2026-03-02T10:00Z ticket.replied", "2026-03-02T11:00Z ticket.status status=hold"],
     "2026-03-02T15:00Z", "resolution 1", "running", 6, "2026-03-03T17:00Z", "", "15 - 9"),
    ("solved", [MONDAY, OPEN, "2026-03-02T10:00Z ticket.replied", "2026-03-02T16:00Z ticket.resolved"],
     "2026-03-04T12:00Z", "resolution 1", "fulfilled", 7, "", "", "16 - 9"),
    ("solved without an answer cancels what was owed", [MONDAY, "2026-03-02T10:00Z ticket.resolved"],
     "2026-03-04T12:00Z", "first_reply 1", "cancelled", 1, "", "", "10 - 9"),
    ("an answer that is stamped a moment after the solving is one",
     [MONDAY, "2026-03-02T10:00:00Z ticket.resolved", "2026-03-02T10:00:20Z ticket.replied"], "2026-03-04T12:00Z",
     "first_reply 1", "fulfilled", 1, "", "", "10 - 9"),
    ("opened again, it goes on; the time between counts for nobody",
     [MONDAY, OPEN, "2026-03-02T10:00Z ticket.replied", "2026-03-02T15:00Z ticket.resolved",
      "2026-03-04T09:00Z ticket.reopened"], "2026-03-04T11:00Z", "resolution 1", "running", 8, "2026-03-05T11:00Z", "",
     "Monday 15 - 9 = 6; Wednesday 11 - 9 = 2; due: 10 left at 9 = Wednesday 8 + Thursday 2"),
    ("the message that opens it again is to be answered",
     [MONDAY, "2026-03-02T10:00Z ticket.replied", "2026-03-02T15:00Z ticket.resolved",
      "2026-03-04T09:00Z ticket.customer_wrote", "2026-03-04T09:00Z ticket.reopened"], "2026-03-04T11:00Z",
     "next_reply 1", "running", 2, "2026-03-04T17:00Z", "", "11 - 9; due 9 + 8"),
    ("a message into a closed ticket waits for its opening",
     [MONDAY, "2026-03-02T10:00Z ticket.replied", "2026-03-02T15:00Z ticket.resolved",
      "2026-03-03T09:00Z ticket.customer_wrote", "2026-03-04T09:00Z ticket.reopened"], "2026-03-04T11:00Z",
     "next_reply 1", "running", 2, "2026-03-04T17:00Z", "", "11 - 9 on Wednesday; Tuesday counts for nobody"),
    ("what was owed when it was closed goes on when it is opened",
     [MONDAY, "2026-03-02T11:00Z ticket.resolved", "2026-03-03T09:00Z ticket.reopened"], "2026-03-03T10:00Z",
     "first_reply 1", "running", 3, "2026-03-03T11:00Z", "", "11 - 9 = 2, 10 - 9 = 1; due: 2 left at 9"),
    ("merged: it goes on elsewhere",
     [MONDAY, "2026-03-02T10:00Z ticket.resolved merged_into=ZD-2"], "2026-03-04T12:00Z", "resolution 1", "cancelled",
     1, "", "", "10 - 9, and no more"),
    ("and taken apart again it goes on here",
     [MONDAY, "2026-03-02T10:00Z ticket.resolved merged_into=ZD-2", "2026-03-03T09:00Z ticket.reopened"],
     "2026-03-03T11:00Z", "resolution 1", "running", 3, "2026-03-04T16:00Z", "",
     "1 + 2; due: 15 left at 9 = Tuesday 8 + Wednesday 7"),
    ("without a status, an answer that rests on a diagnosis waits for the customer",
     [MONDAY, "2026-03-02T10:00Z ticket.replied"], "2026-03-02T15:00Z", "resolution 1", "paused", 1, "", "", "10 - 9"),
    ("a first acknowledgement does not",
     [MONDAY, "2026-03-02T10:00Z reply.sent kind=acknowledgement"], "2026-03-02T15:00Z", "resolution 1", "running", 6,
     "2026-03-03T17:00Z", "", "15 - 9"),
]  # fmt: skip


@pytest.mark.parametrize("case", GOLDEN, ids=[case[0] for case in GOLDEN])
def test_a_log_reads_as_it_was_computed_by_hand(case: Golden) -> None:
    _, lines, now, clock, state, elapsed, due, broken, arithmetic = case
    found = clocks(log(*lines), now)[clock]
    assert found.state == State(state), arithmetic
    assert found.elapsed == hours(elapsed), arithmetic
    assert found.due_at == (at(due) if due else None), arithmetic
    assert found.broken_at == (at(broken) if broken else None), arithmetic


# (hours, log, now, target of the resolution, elapsed in hours, due, arithmetic)
CALENDARS = [
    ("kolkata", ["2026-03-02T04:30Z ticket.received"], "2026-03-02T13:30Z", 8, 8, "2026-03-02T13:30Z",
     "a split shift, 5:30 before UTC: 10 to 13 and 14 to 19 is 3 + 5"),
    ("berlin", ["2026-04-02T14:00Z ticket.received"], "2026-04-07T08:00Z", 3, 2, "2026-04-07T09:00Z",
     "Thursday 16-17 in Berlin: 1; Good Friday, weekend, Easter Monday 0; Tuesday 9-10: 1; due 2 into Tuesday"),
    ("sunday", ["2026-03-28T12:00Z ticket.received"], "2026-03-30T00:00Z", 20, 5, "2026-04-19T01:00Z",
     "0 to 6 without the hour that is skipped: 5; then 6, 6, and 3 of 19 April: 1 UTC = 3 in Berlin"),
    ("sunday", ["2026-10-24T12:00Z ticket.received"], "2026-10-26T00:00Z", 20, 7, "2026-11-15T00:00Z",
     "0 to 6 with the hour that comes twice: 7; then 6, 6, and 1 of 15 November: 0 UTC = 1 in Berlin"),
    ("berlin", ["2026-03-27T15:00Z ticket.received"], "2026-03-30T08:00Z", 16, 2, "2026-03-31T14:00Z",
     "Friday 16-17 in winter: 1; Monday 9-10 in summer: 1; 16 - 1 - 8 = 7: Tuesday 16 in Berlin"),
]  # fmt: skip


@pytest.mark.parametrize("case", CALENDARS, ids=[f"{case[0]} {case[2][:10]}" for case in CALENDARS])
def test_hours_of_the_policy_count(case: tuple[str, list[str], str, float, float, str, str]) -> None:
    name, lines, now, target, elapsed, due, arithmetic = case
    found = clocks(log(*lines), now, terms(name, (100, 100, target)))["resolution 1"]
    assert found.elapsed == hours(elapsed), arithmetic
    assert found.due_at == at(due), arithmetic


def test_another_priority_keeps_what_has_elapsed_and_breaks_only_from_then_on() -> None:
    facts = log(MONDAY, "2026-03-02T12:00Z ticket.priority priority=urgent was=normal")
    urgent = terms("always", (1, 1, 2), version=2)
    before = clocks(facts, "2026-03-02T11:59Z", urgent=urgent)["resolution 1"]
    assert before.due_at == at("2026-03-03T17:00Z")  # 16 = Monday 8 + Tuesday 8
    after = clocks(facts, "2026-03-02T12:30Z", urgent=urgent)["resolution 1"]
    assert after.elapsed == hours(3.5)  # 12 - 9, and half an hour round the clock
    assert after.broken_at == at("2026-03-02T12:00Z")  # 3 > 2 from the change on, not from 11:00
    assert clocks(facts, "2026-03-02T12:30Z", urgent=urgent)["resolution 1"].target == hours(2)


def test_a_longer_target_does_not_undo_what_was_broken() -> None:
    facts = log(MONDAY, "2026-03-02T15:00Z ticket.priority priority=low was=normal")
    low = terms(targets=(24, 24, 80), version=2)
    found = clocks(facts, "2026-03-02T16:00Z", low=low)["first_reply 1"]
    assert found.broken_at == at("2026-03-02T13:00Z") and found.target == hours(24)


def test_the_first_customer_and_class_hold_from_the_beginning() -> None:
    gold = terms("always", (1, 1, 4), version=2)
    facts = log(MONDAY, "2026-03-02T16:00Z ticket.customer_set org_id=org_1 tier=gold")
    found = clocks(facts, "2026-03-02T16:00Z", gold=gold)["first_reply 1"]
    assert found.target == hours(1) and found.broken_at == at("2026-03-02T10:00Z")  # 9 + 1, not from 16:00 on


def test_a_tier_that_changes_later_counts_from_then_on() -> None:
    facts = log(
        MONDAY, "2026-03-02T09:01Z ticket.customer_set org_id=org_1", "2026-03-02T10:00Z ticket.tier tier=gold was=free"
    )
    told = with_tiers(facts, {"org_1": "gold"})
    assert told[1].data["tier"] == "free"  # today it is gold; then it was not
    gold = terms("always", (3, 3, 4), version=2)
    found = clocks(told, "2026-03-02T10:30Z", gold=gold)["first_reply 1"]
    assert found.target == hours(3) and found.elapsed == hours(1.5) and found.due_at == at("2026-03-02T12:00Z")


def test_a_policy_may_begin_the_resolution_anew() -> None:
    facts = log(MONDAY, "2026-03-02T15:00Z ticket.resolved", "2026-03-04T09:00Z ticket.reopened")
    found = clocks(facts, "2026-03-04T11:00Z", terms(restarts=True))
    assert found["resolution 1"].state is State.FULFILLED and found["resolution 1"].elapsed == hours(6)
    assert found["resolution 2"].elapsed == hours(2)


def test_hold_pauses_where_the_policy_says_so() -> None:
    facts = log(MONDAY, "2026-03-02T11:00Z ticket.status status=hold", "2026-03-02T14:00Z ticket.status status=open")
    both = terms(pauses=frozenset({"customer", "hold"}))
    assert clocks(facts, "2026-03-02T15:00Z", both)["resolution 1"].elapsed == hours(3)  # 11 - 9, 15 - 14


ENGINEERING = frozenset({"customer", "engineering"})


@pytest.mark.parametrize(
    ("lines", "elapsed", "state", "pause"),
    [
        # 10 - 9, and then engineering has it.
        (["10:00Z escalation.sent of=ESC-1"], 1, State.PAUSED, "engineering"),
        (["10:00Z escalation.sent of=ESC-1", "12:00Z escalation.rejected of=ESC-1"], 4, State.RUNNING, ""),  # 15 - 12
        (["10:00Z escalation.sent of=ESC-1", "12:00Z escalation.resolved of=ESC-1"], 4, State.RUNNING, ""),
        (["10:00Z escalation.sent of=ESC-1", "12:00Z escalation.withdrawn of=ESC-1"], 4, State.RUNNING, ""),
        # While engineering waits for support it is support's turn: 13 - 12.
        (["10:00Z escalation.sent of=ESC-1", "12:00Z escalation.asked of=ESC-1", "13:00Z escalation.answered of=ESC-1"],
         2, State.PAUSED, "engineering"),
        # It is not gone: 13 - 12.
        (["10:00Z escalation.joined of=ESC-1", "12:00Z escalation.resolved of=ESC-1",
          "13:00Z escalation.reopened of=ESC-1"], 2, State.PAUSED, "engineering"),
        # Of two the other is open still.
        (["10:00Z escalation.sent of=ESC-1", "10:30Z escalation.sent of=ESC-2", "12:00Z escalation.resolved of=ESC-1"],
         1, State.PAUSED, "engineering"),
        # The customer is told first.
        (["10:00Z escalation.sent of=ESC-1", "11:00Z ticket.replied", "11:00Z ticket.status status=pending"],
         1, State.PAUSED, "customer"),
        (["10:00Z escalation.sent of=ESC-1", "11:00Z ticket.resolved"], 1, State.FULFILLED, ""),
    ],
)  # fmt: skip
def test_an_open_escalation_pauses_the_resolution_where_the_policy_says_so(
    lines: list[str], elapsed: float, state: State, pause: str
) -> None:
    facts = log(MONDAY, *(f"2026-03-02T{line}" for line in lines))
    found = clocks(facts, "2026-03-02T15:00Z", terms(pauses=ENGINEERING))
    one = found["resolution 1"]
    assert (one.elapsed, one.state, one.pause) == (hours(elapsed), state, pause)


def test_where_the_policy_does_not_say_so_an_escalation_stops_nothing() -> None:
    facts = log(MONDAY, "2026-03-02T10:00Z escalation.sent of=ESC-1")
    one = clocks(facts, "2026-03-02T15:00Z", terms())["resolution 1"]
    assert (one.elapsed, one.state) == (hours(6), State.RUNNING)


def test_replies_are_owed_while_engineering_has_it() -> None:
    facts = log(MONDAY, "2026-03-02T10:00Z escalation.sent of=ESC-1")
    one = clocks(facts, "2026-03-02T12:00Z", terms(pauses=ENGINEERING))["first_reply 1"]
    assert (one.elapsed, one.state) == (hours(3), State.RUNNING)


def test_nothing_that_is_promised_only_measures() -> None:
    found = clocks(log(MONDAY), "2026-03-04T09:00Z", NO_TERMS)["resolution 1"]
    assert found.elapsed == hours(48) and found.broken_at is None


EVENTFUL = log(
    MONDAY,
    "2026-03-02T09:00Z ticket.customer_set org_id=org_1 tier=gold",
    "2026-03-02T09:30Z ticket.priority priority=urgent was=normal",
    "2026-03-02T10:00Z ticket.replied",
    "2026-03-02T10:00Z ticket.status status=pending",
    "2026-03-02T13:00Z ticket.customer_wrote",
    "2026-03-02T14:00Z ticket.status status=open",
    "2026-03-02T16:00Z ticket.replied",
    "2026-03-02T16:00Z ticket.status status=solved",
    "2026-03-02T16:00Z ticket.resolved",
    "2026-03-04T10:00Z ticket.customer_wrote",
    "2026-03-04T10:00Z ticket.reopened",
    "2026-03-04T11:00Z ticket.priority priority=normal was=urgent",
    "2026-03-05T12:00Z ticket.replied",
    "2026-03-05T13:00Z ticket.resolved merged_into=ZD-7",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(20))
def test_late_events_in_any_order_give_the_same_reading(seed: int) -> None:
    urgent = terms("always", (1, 2, 8), version=2)
    shuffled = random.Random(seed).sample(EVENTFUL, len(EVENTFUL))
    for now in ("2026-03-02T12:00Z", "2026-03-02T17:00Z", "2026-03-04T12:30Z", "2026-03-06T09:00Z"):
        assert clocks(shuffled, now, urgent=urgent) == clocks(EVENTFUL, now, urgent=urgent)


def test_each_event_that_is_missing_for_a_while_ends_in_the_same_reading() -> None:
    """Told one by one, with any one of them last: what counts is when it happened."""
    whole = clocks(EVENTFUL, "2026-03-06T09:00Z")
    for late in EVENTFUL:
        assert clocks([*(one for one in EVENTFUL if one is not late), late], "2026-03-06T09:00Z") == whole


def test_no_time_counts_while_a_ticket_is_closed() -> None:
    """Whatever came before: between solved and reopened no clock gains anything."""
    body = ["2026-03-02T10:00Z ticket.replied", "2026-03-02T11:00Z ticket.customer_wrote",
            "2026-03-02T11:30Z ticket.status status=pending"]  # fmt: skip
    for count in range(len(body) + 1):
        for chosen in itertools.combinations(body, count):
            facts = log(MONDAY, *chosen, "2026-03-02T12:00Z ticket.resolved", "2026-03-04T09:00Z ticket.reopened")
            closing, opening = clocks(facts, "2026-03-02T12:00Z"), clocks(facts, "2026-03-04T09:00Z")
            for name, found in closing.items():
                assert opening[name].elapsed == found.elapsed
