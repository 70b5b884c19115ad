"""Three truth values: what was not measured is unknown, never false."""

from __future__ import annotations

import pytest

from investigations.playbooks.conditions import ConditionInvalid, Truth, Unknown, check, evaluate, paths_in

NAMES = {"traffic": {"share": {"ratio": 3.5, "n": 40.0}, "empty": None, "rows": [{"key": "a", "n": 2.0}]}}


@pytest.mark.parametrize(
    ("condition", "truth"),
    [
        ("traffic.share.ratio > 3.0", Truth.YES),
        ("traffic.share.ratio > 4.0", Truth.NO),
        ("traffic.share.missing > 3.0", Truth.UNKNOWN),
        ("other.share > 3.0", Truth.UNKNOWN),
        ("traffic.empty > 3.0", Truth.UNKNOWN),
        # Kleene: a known answer decides where the unknown cannot change it.
        ("traffic.share.ratio > 3.0 || other.x > 1.0", Truth.YES),
        ("other.x > 1.0 || traffic.share.ratio > 3.0", Truth.YES),
        ("traffic.share.ratio > 4.0 && other.x > 1.0", Truth.NO),
        ("other.x > 1.0 && traffic.share.ratio > 4.0", Truth.NO),
        ("traffic.share.ratio > 3.0 && other.x > 1.0", Truth.UNKNOWN),
        ("!(other.x > 1.0)", Truth.UNKNOWN),
        ("traffic.rows.exists(r, r.n > 1.0)", Truth.YES),
        ("traffic.rows[3].n > 1.0", Truth.UNKNOWN),
        ("traffic.share.ratio", Truth.UNKNOWN),
        ("matches_any('Fix LIMITER config', ['limit*'])", Truth.YES),
        ("matches_any('unlimited', ['limit*'])", Truth.NO),
        ("minutes_between('2026-01-01T00:10:00Z', '2026-01-01T00:00:00Z') == 10.0", Truth.YES),
    ],
)
def test_condition(condition, truth):
    assert check(condition, NAMES) is truth


def test_a_truth_is_not_taken_for_a_bool():
    with pytest.raises(TypeError, match="three outcomes"):
        bool(check("true", {}))


@pytest.mark.parametrize("text", ["a >", "a ||", "(a", "'unfinished"])
def test_what_is_no_expression_is_refused(text):
    with pytest.raises(ConditionInvalid):
        evaluate(text, {})


def test_paths_name_what_is_read_and_leave_out_strings_and_calls():
    found = paths_in("traffic.share.ratio > 3.0 && matches_any(ticket.text, ['a.b.c']) && rows.exists(r, r.n > 1.0)")
    assert {"traffic.share.ratio", "ticket.text"} <= found and not any(path.startswith("a.") for path in found)


def test_an_expression_sees_only_what_it_names_and_still_reads_deep():
    names = {"a": {"b": {"c": [1.0, 2.0]}, "big": list(range(1000))}}
    assert evaluate("a.b.c[1]", names) == 2.0
    assert isinstance(evaluate("a.b.d", names), Unknown)
