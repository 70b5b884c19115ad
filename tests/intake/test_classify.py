"""Which class a ticket speaks of, and why."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    assert time.process_time() - started < 3.0


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
