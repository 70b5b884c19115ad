"""How far entries are trusted, who may read and change them: each change with its time, person and reason."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from altor.errors import InvalidInput, PermissionRefused
from knowledge.entries.changes import change_state, demote_overdue
from knowledge.entries.saving import save_entry
from knowledge.models import Entry
from tests.knowledge.entries.conftest import WORDS, Cast

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)


def _last(entry: Entry) -> tuple[str, str, str, str]:
    change = entry.changes.all()[0]
    return (change.field, change.before, change.after, change.why)


def test_a_reviewer_validates_and_the_review_is_due_in_half_a_year(cast: Cast) -> None:
    entry = change_state(cast.entry(), {"confidence": "validated"}, actor=cast.lead, reason="Tried", now=NOW)
    assert (entry.confidence, entry.review_on) == ("validated", date(2026, 11, 28))
    change = entry.changes.get(field="confidence", after="validated")
    assert (change.before, change.why, change.reason, change.by, change.at, change.version) == (
        "not_validated", "reviewer", "Tried", cast.lead, NOW, 1,
    )  # fmt: skip


def test_only_reviewers_change_the_state(cast: Cast) -> None:
    entry = cast.entry()
    for person in (cast.agent, cast.reader):
        with pytest.raises(PermissionRefused):
            change_state(entry, {"confidence": "validated"}, actor=person)
    assert change_state(entry, {"confidence": "validated"}, actor=cast.engineer).confidence == "validated"


def test_authors_take_their_own_unused_entry_out_of_use(cast: Cast) -> None:
    entry, others = cast.entry(), cast.entry(by=cast.colleague, title="His cause")
    with pytest.raises(InvalidInput):
        change_state(entry, {"confidence": "archived"}, actor=cast.agent)  # without a reason
    assert change_state(entry, {"confidence": "archived"}, actor=cast.agent, reason="Twice").is_archived
    with pytest.raises(PermissionRefused):
        change_state(others, {"confidence": "archived"}, actor=cast.agent, reason="Twice")
    Entry.objects.filter(pk=others.pk).update(reuses=1)
    with pytest.raises(PermissionRefused):
        change_state(others, {"confidence": "archived"}, actor=cast.colleague, reason="Twice")


def test_an_entry_without_owner_is_taken_over(cast: Cast) -> None:
    entry = change_state(cast.entry(), {"owner": None}, actor=cast.lead)
    assert change_state(entry, {"owner": cast.colleague}, actor=cast.colleague).owner == cast.colleague
    with pytest.raises(PermissionRefused):
        change_state(entry, {"owner": cast.agent}, actor=cast.agent)


@pytest.mark.parametrize(
    ("words", "wanted", "field"),
    [
        ({"root_cause": ""}, {"confidence": "validated"}, "confidence"),
        ({"customer_wording": ""}, {"audience": "customer"}, "audience"),
        ({}, {"audience": "everybody"}, "audience"),
        ({}, {"review_on": date(2026, 5, 31)}, "review_on"),
        ({}, {"review_on": date(2046, 5, 31)}, "review_on"),
    ],
)
def test_what_does_not_fit_is_refused(cast: Cast, words: dict[str, Any], wanted: dict[str, Any], field: str) -> None:
    entry = cast.entry(**words)
    with pytest.raises(InvalidInput) as refused:
        change_state(entry, wanted, actor=cast.lead, now=NOW)
    assert list(refused.value.extra["errors"]) == [field]
    entry.refresh_from_db()
    assert entry.changes.count() == 1


def test_an_entry_of_a_team_is_never_for_customers(cast: Cast) -> None:
    entry = cast.entry(team=cast.team)
    with pytest.raises(InvalidInput):
        change_state(entry, {"audience": "customer"}, actor=cast.lead)
    assert change_state(entry, {"audience": "customer", "team": None}, actor=cast.lead).audience == "customer"
    with pytest.raises(InvalidInput):
        change_state(entry, {"owner": cast.outsider, "team": cast.team, "audience": "internal"}, actor=cast.lead)


def test_the_same_again_changes_nothing(cast: Cast) -> None:
    entry = cast.entry()
    change_state(entry, {"confidence": "not_validated", "audience": "internal"}, actor=cast.lead)
    assert entry.changes.count() == 1


@pytest.mark.parametrize(
    ("changed", "confidence", "why"),
    [
        ({"detection": {**WORDS["detection"], "fires": "found.share > 0.9"}}, "not_validated", "query"),
        ({"detection": None}, "not_validated", "query"),
        ({"remediation": ""}, "wip", "edit"),
        ({"symptoms": "Clearer"}, "validated", "reviewer"),
    ],
)
def test_what_an_edit_does_to_a_validated_entry(cast: Cast, changed: dict[str, Any], confidence: str, why: str) -> None:
    entry = change_state(
        cast.entry(), {"confidence": "validated", "review_on": date(2026, 9, 1)}, actor=cast.lead, now=NOW
    )
    saved = save_entry(entry, changed, actor=cast.agent)
    assert saved.confidence == confidence
    assert entry.changes.filter(field="confidence")[0].why == why


def test_what_outsiders_read_is_validated_again_after_an_authors_edit(cast: Cast) -> None:
    entry = change_state(cast.entry(), {"confidence": "validated", "audience": "customer"}, actor=cast.lead)
    assert list(Entry.objects.public()) == [entry]
    assert save_entry(entry, {"remediation": "Inside"}, actor=cast.agent).confidence == "validated"
    assert save_entry(entry, {"customer_wording": "By the lead"}, actor=cast.lead).confidence == "validated"
    assert save_entry(entry, {"customer_wording": "By an agent"}, actor=cast.agent).confidence == "not_validated"
    assert not Entry.objects.public().exists()
    saved = save_entry(entry, {"customer_wording": ""}, actor=cast.lead)
    assert saved.audience == "internal" and _last(saved) == ("audience", "customer", "internal", "edit")


def test_a_passed_review_date_takes_the_validation_back(cast: Cast) -> None:
    due = change_state(
        cast.entry(), {"confidence": "validated", "review_on": date(2026, 6, 2)}, actor=cast.lead, now=NOW
    )
    later = change_state(cast.entry(title="Later"), {"confidence": "validated"}, actor=cast.lead, now=NOW)
    assert demote_overdue(NOW + timedelta(days=1)) == 0
    assert demote_overdue(NOW + timedelta(days=2)) == 1
    due.refresh_from_db()
    later.refresh_from_db()
    assert (due.confidence, later.confidence) == ("not_validated", "validated")
    assert _last(due) == ("confidence", "validated", "not_validated", "review")
    assert due.changes.all()[0].by is None
