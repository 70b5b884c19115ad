"""A confirmed earlier case is a hint: what it adds, and what it cannot do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from investigations.diagnosis.diagnose import Diagnosis, diagnose
from investigations.diagnosis.types import RunInputs, StepOutcome
from investigations.playbooks.format import Earlier, Playbook
from investigations.playbooks.loader import PlaybookInvalid, parse_playbook
from tests.playbooks.test_loader import GOOD
from tests.shipped import playbooks

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
COUNTS = {"same_customer": "weak", "same_endpoint": 0.5, "anybody": 0.3}


def case(label: str = "t.one", days: float = 12.0, **values: Any) -> dict[str, Any]:
    return {"ref": "INV-7", "label": label, "days": days, "same_customer": False, "same_endpoint": False, **values}


def own(label: str = "t.one", days: float = 12.0) -> dict[str, Any]:
    return case(label, days, same_customer=True)


def signal(fact: str, weight: Any = 0.0, against: Any = 0.0, **more: Any) -> dict[str, Any]:
    return {"when": f"s.{fact}", "for": weight, "against": against, "says": fact, **more}


def book(*hypotheses: dict[str, Any], earlier: dict[str, Any] | None = COUNTS, gate: str = "true") -> Playbook:
    steps = [
        {"id": name, "title": name, "question": "?", "source": "clickhouse", "query": "SELECT 1"} for name in ("s", "t")
    ]
    return Playbook.model_validate(
        {
            "apiVersion": "altor/v1", "kind": "Playbook", "key": "test", "title": "T", "class": "test",
            "steps": steps, "symptom": {"gate": gate, "title": "It happens"}, "earlier": earlier,
            "hypotheses": [{"title": item["label"], "signals": [], **item} for item in hypotheses],
        }
    )  # fmt: skip


def weigh(playbook: Playbook, *cases: dict[str, Any], away: tuple[str, ...] = (), **facts: Any) -> Diagnosis:
    outcomes = {"s": StepOutcome("s", "clickhouse", "done", facts=facts)}
    outcomes |= {
        step: StepOutcome(step, "clickhouse", "unavailable", error_kind="timeout", error="none") for step in away
    }
    return diagnose(playbook, RunInputs(NOW, {}, {}, {"org_id": "org_1"}, {}, cases), outcomes)


def candidate(found: Diagnosis, label: str) -> dict[str, Any]:
    return next(item for item in found.document["candidates"] if item["label"] == label)


def hint(*cases: dict[str, Any]) -> tuple[str, str]:
    """(effect, sentence) of the only hypothesis, ("", "") where nothing is added."""
    why = candidate(weigh(book({"label": "t.one"}), *cases), "t.one")["why"]
    return (why[0]["effect"], why[0]["says"]) if why else ("", "")


def test_the_nearest_case_counts_and_only_once() -> None:
    near = case(days=3, same_endpoint=True, endpoint="GET /v2/orders", ref="INV-9")
    assert hint(near, own(), own(days=30)) == (
        "+0.7", "The same cause was confirmed for this customer 12 days ago (INV-7)",
    )  # fmt: skip
    assert hint(near) == ("+0.5", "The same cause was confirmed on GET /v2/orders 3 days ago (INV-9)")
    assert hint(own(days=0.2))[1].endswith("for this customer less than a day ago (INV-7)")
    assert hint(own(days=1.2))[1].endswith("1 day ago (INV-7)")
    assert hint(own("t.other")) == ("", "")


def test_cases_of_others_count_in_an_outbreak_only() -> None:
    assert hint(case(days=1)) == ("", "")
    assert hint(case(days=1), case(days=15)) == ("", "")
    assert hint(case(days=1), case(days=13)) == (
        "+0.3", "The same cause was confirmed for 2 tickets in the last 14 days, most recently 1 day ago (INV-7)",
    )  # fmt: skip


def test_an_old_case_counts_half_and_a_very_old_one_nothing() -> None:
    playbook = book({"label": "t.one"}, earlier={**COUNTS, "within_days": 90})
    fresh, old, gone = (candidate(weigh(playbook, own(days=days)), "t.one")["log_odds"] for days in (59.0, 61.0, 91.0))
    assert (fresh - gone, old - gone) == (pytest.approx(0.7), pytest.approx(0.35))


@pytest.mark.parametrize(
    ("label", "says", "adds"),
    [("t.one", None, True), ("none.calm", None, False), ("none.calm", True, True), ("t.one", False, False)],
)
def test_that_nothing_was_wrong_last_time_counts_only_where_the_hypothesis_says_so(label, says, adds) -> None:
    playbook = book({"label": label, "earlier": says})
    assert bool(candidate(weigh(playbook, own(label)), label)["why"]) is adds


@pytest.mark.parametrize("earlier", [None, COUNTS])
def test_without_cases_or_without_the_key_nothing_is_added(earlier) -> None:
    causes = ({"label": "t.one", "signals": [signal("a", "strong")]}, {"label": "t.two"})
    plain = weigh(book(*causes, earlier=None), a=True)
    assert weigh(book(*causes, earlier=earlier), *([] if earlier else [own()]), a=True).document == plain.document


def test_measured_facts_against_a_cause_have_the_last_word() -> None:
    denied = {"label": "t.one", "signals": [signal("a", "strong", "strong")]}
    decided = {"label": "t.one", "signals": [signal("a", 0.0, 1.0, decisive=True), signal("b", "strong")]}
    for cause, facts in ((denied, {"a": False}), (decided, {"a": False, "b": True})):
        playbook = book(cause, {"label": "t.two", "signals": [signal("c", "strong")]})
        with_case, without = (weigh(playbook, *cases, c=True, **facts) for cases in ([own()], []))
        assert with_case.document == without.document
    absent = book({"label": "t.one"}, gate="false")
    assert weigh(absent, own()).document == weigh(absent).document


def test_a_case_alone_names_no_cause() -> None:
    playbook = book({"label": "t.one", "prior": -1.5})
    alone, hinted = (candidate(weigh(playbook, *cases), "t.one") for cases in ([], [own()]))
    assert alone["confidence"] < hinted["confidence"] == 0.39
    assert hinted["caps"] == ["an earlier case alone names no cause"]
    assert not weigh(playbook, own()).document["escalate"]


def test_what_was_measured_stays_named_and_first() -> None:
    playbook = book(
        {"label": "t.one", "prior": -2.0, "signals": [signal("a", 1.8)]},
        {"label": "t.two", "prior": -2.0, "signals": [signal("a", 1.4)]},
        earlier={"same_customer": "moderate"},
    )
    found = weigh(playbook, own("t.two"), a=True)
    plain = weigh(playbook, a=True)
    assert candidate(plain, "t.one")["confidence"] >= 0.4 > candidate(plain, "t.two")["confidence"]
    assert found.top_label == "t.one" and (found.confidence or 0.0) >= 0.4
    assert candidate(found, "t.two")["confidence"] == 0.39


@pytest.mark.parametrize(("lead", "first", "added"), [(0.4, "t.one", "+0.4"), (0.0, "t.two", "+1.5")])
def test_a_case_comes_level_with_what_is_named_first_and_decides_between_equals(lead, first, added) -> None:
    playbook = book(
        {"label": "t.one", "signals": [signal("a", 3.0 + lead)]}, {"label": "t.two", "signals": [signal("a", 3.0)]},
        earlier={"same_customer": "moderate"},
    )  # fmt: skip
    plain, found = (weigh(playbook, *cases, a=True) for cases in ([], [own("t.two")]))
    assert (plain.top_label, found.top_label) == ("t.one", first)
    assert [why["effect"] for why in candidate(found, "t.two")["why"]] == ["+3.0", added]
    confidences = [item["confidence"] for item in found.document["candidates"]]
    assert confidences == sorted(confidences, reverse=True)


def test_no_cap_is_lifted_by_a_case() -> None:
    blind = {"label": "t.two", "prior": -3.0, "signals": [{**signal("x", 2.9, decisive=True), "when": "t.x"}]}
    own_cap = {"label": "t.one", "prior": 0.0, "signals": [{**signal("y", decisive=True), "when": "t.y"}]}
    rival = book({"label": "t.one", "prior": -2.0, "signals": [signal("a", 1.8)]}, blind)
    for playbook in (rival, book(own_cap, {"label": "t.two"})):
        plain, hinted = (weigh(playbook, *cases, away=("t",), a=True) for cases in ([], [own()]))
        before, after = (candidate(found, "t.one") for found in (plain, hinted))
        assert before["caps"] and before["caps"] == after["caps"] and after["confidence"] <= 0.6


def test_weights_are_those_of_a_hint() -> None:
    for wrong in ({"same_customer": "strong"}, {"anybody": -0.3}, {"same_endpoint": 0.2}):
        with pytest.raises(ValidationError):
            Earlier.model_validate(wrong)
    Earlier.model_validate({"same_customer": "moderate", "same_endpoint": "moderate", "anybody": 0.0})


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("    signals:", "    earlier: true\n    signals:", "how much an earlier case counts"),
        ("when: speed.slow,", "when: \"earlier.exists(e, e.lable == 'x')\",", "an earlier case has no 'lable'"),
        ("when: speed.slow,", "when: earlier.days > 3.0,", "`earlier` is a list"),
        ("  - id: speed", "  - id: earlier", "'earlier' is a reserved name"),
        ("hypotheses:", "earlier: {same_customr: weak}\nhypotheses:", "same_customr"),
        ("hypotheses:", "earlier: {same_customer: decisive}\nhypotheses:", "an earlier case is a hint"),
    ],
)
def test_a_mistake_is_named(old: str, new: str, words: str) -> None:
    with pytest.raises(PlaybookInvalid) as refused:
        parse_playbook(GOOD.replace(old, new, 1), name="sample.yaml")
    assert any(words in str(problem) for problem in refused.value.problems), refused.value.problems


def test_a_condition_over_the_cases_is_valid_and_a_test_can_give_them() -> None:
    text = GOOD.replace("when: speed.slow,", "when: \"earlier.exists(e, e.label == 'lat.sample' && e.days < 9.0)\",", 1)
    text += "tests:\n  - name: again\n    facts: {speed: {slow: true}}\n"
    text += "    earlier: [{label: lat.sample, days: 3}]\n    expect: {label: lat.sample, min_confidence: 0.5}\n"
    parse_playbook(text, name="sample.yaml")


@pytest.mark.parametrize(("item", "words"), [("{lable: x}", "no 'lable'"), ("{days: soon}", "days are a number")])
def test_a_mistake_in_the_cases_of_a_test_is_named(item: str, words: str) -> None:
    text = f"{GOOD}tests:\n  - name: again\n    facts: {{}}\n    earlier: [{item}]\n    expect: {{}}\n"
    with pytest.raises(PlaybookInvalid) as refused:
        parse_playbook(text, name="sample.yaml")
    assert any(words in str(problem) for problem in refused.value.problems)


def test_every_shipped_playbook_but_the_first_look_says_how_much_a_case_counts() -> None:
    books = playbooks().values()
    assert {item.key for item in books if item.earlier is None} == {"triage"}
