"""Who had a ticket when: cases by hand, and properties over many lives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from escalations.ownership.custody import PATIENCE, custody
from escalations.ownership.facts import Fact

BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def minute(number: int) -> datetime:
    return BEGIN + timedelta(minutes=number)


def fact(number: int, kind: str, **data: str) -> Fact:
    return Fact(minute(number), kind, f"{kind}:{number}", data)


def given_to(number: int, owner: str) -> Fact:
    return fact(number, "ticket.assigned", owner=owner)


RECEIVED = fact(0, "ticket.received")


def test_the_times_without_an_owner_add_up() -> None:
    found = custody([RECEIVED, given_to(10, "ana"), given_to(30, ""), given_to(45, "ben")], minute(60))
    assert [(one.begin, one.end) for one in found.unowned] == [(minute(0), minute(10)), (minute(30), minute(45))]
    assert found.unowned_time(minute(60)) == timedelta(minutes=25)  # 10 + 15
    assert found.owner == "ben" and found.since == minute(45) and found.unowned_since is None
    assert found.age(minute(60)) == timedelta(minutes=60)


def test_closed_time_is_nobodys_and_an_interval_of_its_own() -> None:
    facts = [RECEIVED, fact(20, "ticket.resolved"), fact(50, "ticket.reopened")]
    found = custody(facts, minute(60))
    assert found.unowned_time(minute(60)) == timedelta(minutes=30)  # 20 + 10
    assert [(one.begin, one.end) for one in found.closed] == [(minute(20), minute(50))]
    assert found.unowned_since == minute(50)
    over = custody(facts[:2], minute(60))
    assert over.unowned_since is None and over.age(minute(60)) == timedelta(minutes=20)


def test_the_first_owner_and_the_way_back_from_the_queue_are_no_changes() -> None:
    found = custody([RECEIVED, given_to(1, "ana"), given_to(2, ""), given_to(3, "ana")], minute(9))
    assert found.changes == []


def test_by_way_of_the_queue_it_is_one_change() -> None:
    found = custody([RECEIVED, given_to(1, "ana"), given_to(2, ""), given_to(3, "ben")], minute(9))
    assert [(one.giver, one.taker, one.number) for one in found.changes] == [("ana", "ben", 1)]


def test_two_changes_without_news_are_no_circle_and_the_third_is() -> None:
    names = ["ana", "ben", "cem", "dora"]
    found = custody([RECEIVED, *(given_to(n, name) for n, name in enumerate(names, 1))], minute(9))
    assert [one.circles for one in found.changes] == ["", "", "handed on again"]


def test_back_to_an_earlier_owner_without_news_circles_at_once() -> None:
    found = custody([RECEIVED, given_to(1, "ana"), given_to(2, "ben"), given_to(3, "ana")], minute(9))
    assert [one.circles for one in found.changes] == ["", "it came back"]


def test_news_while_the_giver_had_it_is_a_reason() -> None:
    for kind in ("run.finished", "ticket.customer_wrote", "ticket.replied", "run.answered", "diagnosis.corrected"):
        facts = [RECEIVED, given_to(1, "ana"), given_to(2, "ben"), fact(3, kind), given_to(4, "ana")]
        assert custody(facts, minute(9)).circles == [], kind
    stale = [RECEIVED, given_to(1, "ana"), fact(2, "ticket.replied"), given_to(3, "ben"), given_to(4, "ana")]
    assert len(custody(stale, minute(9)).circles) == 1  # ben learned nothing


_STEPS = st.lists(
    st.tuples(
        st.integers(1, 60),
        st.one_of(
            st.sampled_from(["a", "b", "c", ""]).map(lambda name: ("ticket.assigned", name)),
            st.sampled_from(["ticket.resolved", "ticket.reopened", "ticket.customer_wrote"]).map(
                lambda kind: (kind, "")
            ),
        ),
    ),
    max_size=14,
)


def life(steps: list[tuple[int, tuple[str, str]]]) -> list[Fact]:
    return [RECEIVED, *(Fact(minute(n), kind, f"{i}", {"owner": name}) for i, (n, (kind, name)) in enumerate(steps))]


@given(_STEPS)
def test_every_minute_is_owned_unowned_or_closed_and_only_one_of_them(steps: list[tuple[int, tuple[str, str]]]) -> None:
    now = minute(70)
    found = custody(life(steps), now)
    owned = [one for one in found.held if one.owner]
    for number in range(70):
        at = minute(number)
        inside = [
            any(one.begin <= at < (one.end or now) for one in stretches) for stretches in (found.unowned, found.closed)
        ]
        is_owned = any(one.begin <= at < (one.end or now) for one in owned)
        assert not all(inside)
        assert any(inside) or is_owned
        assert not (inside[0] and is_owned)


@given(_STEPS, st.randoms(use_true_random=False))
def test_the_order_of_telling_does_not_matter(steps: list[tuple[int, tuple[str, str]]], chance: object) -> None:
    facts = life(steps)
    shuffled = list(facts)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert custody(shuffled, minute(70)) == custody(facts, minute(70))


@given(_STEPS)
def test_a_circle_is_a_change_without_news_that_is_late_or_leads_back(steps: list[tuple[int, tuple[str, str]]]) -> None:
    facts = life(steps)
    found = custody(facts, minute(70))
    assert [one.number for one in found.changes] == list(range(1, len(found.changes) + 1))
    takers = [owner for owner in (one.owner for one in found.held) if owner]
    for change in found.circles:
        assert change.number >= PATIENCE or takers.count(change.taker) > 1
        assert change.giver != change.taker
