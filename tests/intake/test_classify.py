"""Which class a ticket speaks of, and why."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from investigations.diagnosis.types import RunInputs, StepOutcome
from investigations.engine.triage import decide
from investigations.intake.typos import distance, resembles
from investigations.playbooks.format import MatchRule, Playbook
from investigations.services.classify import classify_text


@pytest.mark.parametrize(
    ("subject", "text", "expected"),
    [
        ("429 Too Many Requests", "", "rate_limit"),
        ("rate limit??", "Our workeers lOg 'Too Many Requeests' ver and over, started this morning.", "rate_limit"),
        ("sync job stuck", "The log is full of 'rate limt exceeded, retrying'.", "rate_limit"),
        ("We are being throtled", "", "rate_limit"),
        ("API is slow", "REssponsE times went up", "latency"),
        ("requests taKe forever", "Everything is slow since this morning.", "latency"),
        ("sloooow", "", "latency"),
        ("high latnecy", "", "latency"),
        (
            "no events since earlier today",
            "No events arrive at our endpoint. Please resend the missing ones.",
            "webhook",
        ),
        ("webhooks are slow", "They arrive very late", "webhook"),
        ("webohok problem", "", "webhook"),
        (
            "invoice doesn't match our plan",
            "We expected our usual amount but the invoice says something else.",
            "billing",
        ),
        ("charged twice", "Please refund one of the payments.", "billing"),
        ("Why is there VAT on the invoic now", "", "billing"),
        ("Question", "Nothing changed on our side. We quoted you. How do I add a colleague?", "other"),
        ("Where are my hands", "the changes are charming, the average is fine", ""),
        ("", "", ""),
    ],
)
def test_the_class_of_a_ticket(playbooks: list[Playbook], subject: str, text: str, expected: str) -> None:
    found = classify_text(subject, text, [], playbooks)
    assert found.incident_class == expected, found.reasons
    assert found.reasons


def test_the_reasons_name_the_words_as_written_and_as_read(playbooks: list[Playbook]) -> None:
    found = classify_text("Too Many Requeests", "", [], playbooks)
    assert "The subject says 'too many requeests', read as 'too many requests'." in found.reasons
    assert found.playbook_key == "rate_limit"


def test_a_tag_decides_and_is_named(playbooks: list[Playbook]) -> None:
    found = classify_text("help", "please", ["Webhooks"], playbooks)
    assert (found.incident_class, found.reasons) == ("webhook", ["Tag 'webhooks'."])


def test_the_loser_is_named_with_its_score(playbooks: list[Playbook]) -> None:
    found = classify_text("429 rate limit", "and the invoice is wrong", [], playbooks)
    assert found.incident_class == "rate_limit"
    assert list(found.scores) == ["rate_limit", "billing"]
    assert found.reasons[-1].startswith("Less speaks for billing")


def test_a_tie_goes_to_the_more_specific_class(playbooks: list[Playbook]) -> None:
    rules = {"latency": ["alpha"], "rate_limit": ["beta"]}
    made = [
        book.model_copy(update={"match": [MatchRule(words=rules[book.key])]}) for book in playbooks if book.key in rules
    ]
    found = classify_text("", "alpha beta", [], made)
    assert (found.incident_class, found.scores) == ("rate_limit", {"rate_limit": 1.0, "latency": 1.0})
    assert "more specific" in found.reasons[-1]


def test_fields_are_a_condition_and_unless_switches_a_rule_off(playbooks: list[Playbook]) -> None:
    rule = MatchRule(words=["alpha"], fields={"priority": "urgent"}, unless=["beta"])
    books = [playbooks[0].model_copy(update={"match": [rule]})]
    assert classify_text("", "alpha", [], books, fields={"priority": "Urgent"}).incident_class
    assert not classify_text("", "alpha", [], books, fields={"priority": "low"}).incident_class
    assert not classify_text("", "alpha beta", [], books, fields={"priority": "urgent"}).incident_class


def test_a_long_hostile_text_is_read_quickly(playbooks: list[Playbook]) -> None:
    text = " ".join(f"{chr(97 + n % 26)}aymen{n}" for n in range(20_000))
    started = time.process_time()
    classify_text("x", text, [], playbooks)
    assert time.process_time() - started < 30


words = st.text(alphabet="abcd", max_size=12)


@given(words, words)
def test_the_distance_is_symmetric_and_zero_only_for_the_same_word(left: str, right: str) -> None:
    assert distance(left, right, 3) == distance(right, left, 3)
    assert (distance(left, right, 3) == 0) == (left == right)


@given(st.sampled_from(["throttling", "webhook", "invoice", "latency", "requests"]), st.data())
def test_one_swap_or_one_lost_letter_is_forgiven(word: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(1, len(word) - 2))
    assert resembles(word[:place] + word[place + 1 :], word)
    assert resembles(word[:place] + word[place + 1] + word[place] + word[place + 2 :], word)


def test_what_stands_only_far_below_counts_less_and_is_told_so(playbooks: list[Playbook]) -> None:
    letter = "please order the chairs we talked of last week " * 8
    above = classify_text("", f"an error, {letter}", [], playbooks)
    below = classify_text("", f"{letter} if you received this in error, delete it", [], playbooks)
    assert 0 < below.playbooks["api_error"] < above.playbooks["api_error"]
    assert "The text far below says 'error'." in below.reasons


def test_a_word_that_one_rule_asks_for_is_no_mistyped_word_of_another(playbooks: list[Playbook]) -> None:
    found = classify_text("", "There is a charge of 4 USD that we do not know", [], playbooks)
    assert (found.incident_class, found.playbooks["triage"]) == ("billing", 0)  # "charger" is of the workplace


LOOKED = {
    "look_requests": dict.fromkeys(["is_limited", "is_failing", "is_rejected", "is_refused", "is_slow"], False)
    | {"is_fine": True},
    "look_deliveries": {"is_failing": False, "is_late": False},
    "look_everyone": dict.fromkeys(["limited_now", "failed_now", "rejected_now", "slow_now"], False)
    | {"is_fine": True},
}


@pytest.mark.parametrize(
    ("text", "goes_to"),
    [
        ("Please order a second monitor for the new starter, the old one shows an error", "triage"),
        ("my computer is slow, can I have more ram?", "triage"),
        ("kind regards, J. Doe, senior accountant", "triage"),
        ("a task called error report", "triage"),
        ("Please install the new licence of visual studio, my subscription has ended", "triage"),
        ("The API is slow when I call it from my computer", "latency"),
        ("We were charged twice for our licences", "billing"),
        ("The invoice is in euros instead of dollars", "billing"),
    ],
)
def test_a_stray_word_about_the_workplace_is_no_incident_while_the_traffic_is_fine(
    playbooks: list[Playbook], text: str, goes_to: str
) -> None:
    fits = classify_text("", text, [], playbooks).playbooks
    values = {"org_id": "org_1", "window_misses": False, "opened_at": "2026-01-01T00:00:00Z"}
    inputs = RunInputs(datetime(2026, 1, 1, tzinfo=UTC), {"text": text, "fits": fits}, {}, values, {})
    looked = {key: StepOutcome(key, "clickhouse", "done", facts=facts) for key, facts in LOOKED.items()}
    first_look = next(book for book in playbooks if book.key == "triage")
    assert decide(first_look, inputs, looked).playbook_key == goes_to
