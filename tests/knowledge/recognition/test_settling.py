"""How recognitions turned out: the precision of each entry, its weight, and when it is not asked for any more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from investigations.models import Investigation, Ticket
from investigations.services.runs import record_feedback
from knowledge.entries.reuse import use_entry, weight_of
from knowledge.entries.saving import save_entry
from knowledge.models import Entry, Recognition, SearchRow, Standing
from knowledge.recognition.candidates import candidates
from knowledge.recognition.recogniser import digest
from knowledge.recognition.settling import recognised_since, settle, settle_recent
from tests import factories as make
from tests.knowledge.entries.conftest import Cast
from tests.knowledge.recognition.conftest import Known

pytestmark = pytest.mark.django_db


def _recognised(entry: Entry, cast: Cast, *, state: str = "recognised", **values: Any) -> Ticket:
    run = make.run(make.ticket(team=cast.team), status=Investigation.Status.DONE, top_label="rl.many")
    given = {"version": entry.revision, "query": digest(entry.detection), "answered": "fired", "seconds": 0.1, **values}
    Recognition.objects.create(entry=entry, investigation=run, state=state, at=timezone.now(), **given)
    return run.ticket


def _found(ticket: Ticket, label: str, cast: Cast) -> None:
    run = Investigation.objects.get(ticket=ticket)
    verdict = "accepted" if label == run.top_label else "corrected"
    record_feedback(run, verdict=verdict, label=label, actor=cast.agent)


def _weight(entry: Entry) -> float:
    return float(SearchRow.objects.get(entry=entry).weight)


def test_precision_comes_from_verdicts_and_from_the_causes_that_were_found(cast: Cast, known: Known) -> None:
    entry = known()
    right, wrong, confirmed, other, unjudged = (_recognised(entry, cast) for _ in range(5))
    _recognised(entry, cast, state="elsewhere")  # no recognition: counts neither way
    use_entry(entry, right, verdict="helped", actor=cast.colleague)
    use_entry(entry, wrong, verdict="failed", actor=cast.colleague)
    _found(confirmed, "rl.many", cast)
    _found(other, "rl.few", cast)
    assert unjudged.pk
    found = recognised_since(timezone.now() - timedelta(days=1))[entry.pk]
    assert (found.right, found.wrong, found.open, found.unsaid) == (2, 2, 1, 1)
    assert found.share == 0.5
    low, high = found.interval or (0.0, 0.0)
    assert low < 0.5 < high


def test_the_word_on_the_entry_counts_before_the_cause_that_was_found(cast: Cast, known: Known) -> None:
    entry = known()
    ticket = _recognised(entry, cast)
    _found(ticket, "rl.few", cast)
    use_entry(entry, ticket, verdict="helped", actor=cast.colleague)
    found = recognised_since(timezone.now() - timedelta(days=1))[entry.pk]
    assert (found.right, found.wrong) == (1, 0)


def test_an_entry_that_misfires_loses_weight_and_is_left_in_peace_until_its_query_changes(
    cast: Cast, known: Known
) -> None:
    entry = known()
    before = _weight(entry)
    for _ in range(2):
        _found(_recognised(entry, cast), "rl.few", cast)
    assert settle_recent() == 1
    standing = Standing.objects.get(entry=entry)
    assert (standing.right, standing.wrong, standing.rests) == (0, 2, True)
    assert _weight(entry) == pytest.approx(weight_of(0, 2)) and _weight(entry) < before
    ticket = make.ticket(subject=entry.title, team=cast.team, incident_class="rate_limit")
    assert entry not in candidates(ticket)
    changed = save_entry(entry, {"detection": {**DETECTION, "fires": "found.share > 0.9"}}, actor=cast.agent)
    assert entry in candidates(ticket)
    assert _weight(changed) == pytest.approx(before)
    assert recognised_since(timezone.now() - timedelta(days=1)) == {}


def test_one_mistake_among_successes_leaves_it_asked_for(cast: Cast, known: Known) -> None:
    entry = known()
    for label in ("rl.many", "rl.many", "rl.few"):
        _found(_recognised(entry, cast), label, cast)
    standing = settle(entry)
    assert standing is not None and (standing.right, standing.wrong, standing.rests) == (2, 1, False)


def test_a_ticket_that_is_investigated_again_counts_once(cast: Cast, known: Known) -> None:
    entry = known()
    ticket = _recognised(entry, cast)
    again = make.run(ticket, status=Investigation.Status.DONE, top_label="rl.many")
    Recognition.objects.create(
        entry=entry, investigation=again, version=1, query=digest(entry.detection), answered="fired",
        state="recognised", seconds=0.1, at=timezone.now(),
    )  # fmt: skip
    use_entry(entry, ticket, verdict="helped", actor=cast.colleague)
    standing = settle(entry)
    assert standing is not None and (standing.right, standing.wrong, standing.open) == (1, 0, 0)


def test_what_was_settled_a_moment_ago_is_not_settled_again(cast: Cast, known: Known) -> None:
    _recognised(known(), cast)
    assert (settle_recent(), settle_recent()) == (1, 0)


#: Over the shipped views, so that it may be saved.
DETECTION: dict[str, Any] = {
    "source": "clickhouse",
    "query": "SELECT route, count() AS n FROM requests GROUP BY route",
    "facts": {"share": "found.row_count > 0.0 ? 1.0 : 0.0"},
    "fires": "found.share > 0.5",
    "says": "A share of {found.share|percent} is refused",
}
