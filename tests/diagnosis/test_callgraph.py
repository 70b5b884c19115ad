"""Trouble flows down the call graph as far as callees explain it, and stays where they do not."""

from __future__ import annotations

import pytest

from investigations.diagnosis.callgraph import blame

CALLS = [("web", "orders"), ("web", "search"), ("orders", "pricing"), ("orders", "stock"), ("pricing", "rates")]


def shares(excess: dict[str, float], front: str = "web", calls: list[tuple[str, str]] = CALLS) -> dict[str, float]:
    return {item.part: round(item.share, 3) for item in blame(front, calls, excess)}


def test_the_deepest_part_that_explains_the_trouble_is_blamed() -> None:
    found = blame("web", CALLS, {"web": 100, "orders": 100, "pricing": 100})
    assert (found[0].part, found[0].share, found[0].path) == ("pricing", 1.0, ("web", "orders", "pricing"))


def test_what_callees_do_not_explain_stays() -> None:
    assert shares({"web": 100, "orders": 90, "pricing": 30}) == {
        "web": 0.1, "orders": 0.6, "pricing": 0.3,
    }  # fmt: skip


def test_a_part_off_the_way_or_without_an_excess_is_never_blamed() -> None:
    found = shares({"web": 50, "orders": 50, "elsewhere": 900, "search": 0, "stock": -5})
    assert found["orders"] == 1.0
    assert set(found) == {"web", "orders"}


def test_two_callees_share_by_their_excess() -> None:
    assert shares({"web": 100, "orders": 150, "search": 50}) == {"orders": 0.75, "search": 0.25, "web": 0.0}


def test_a_front_that_shows_nothing_itself_passes_everything_on() -> None:
    assert shares({"orders": 10, "stock": 10})["stock"] == 1.0


def test_circles_and_doubles_end() -> None:
    calls = [("a", "b"), ("b", "a"), ("b", "b"), ("a", "b"), ("b", "c"), ("c", "b")]
    found = blame("a", calls, {"a": 10, "b": 10, "c": 10})
    assert sum(item.share for item in found) == pytest.approx(1)
    assert found[0].part == "c"


def test_nothing_known_blames_the_front() -> None:
    assert [(item.part, item.share) for item in blame("web", [], {})] == [("web", 1.0)]


def test_shares_add_up_in_a_wide_and_deep_graph() -> None:
    calls = [(f"s{a}", f"s{b}") for a in range(14) for b in range(a + 1, min(a + 4, 15))]
    found = blame("s0", calls, {f"s{n}": float(100 - n) for n in range(15)})
    assert sum(item.share for item in found) == pytest.approx(1)
