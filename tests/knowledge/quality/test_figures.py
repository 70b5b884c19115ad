"""Rates, gaps, effect and measurements: computed from small histories whose results can be counted by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from investigations.models import Investigation, Ticket
from investigations.services.findings import record_finding
from knowledge.entries.learning import learn
from knowledge.entries.reuse import use_entry
from knowledge.models import EntryUse, EntryVote, Measurement, Recognition
from knowledge.quality.effect import effects
from knowledge.quality.gaps import gaps
from knowledge.quality.measuring import is_due, keep_measurement, labelled_tickets, measure_own
from knowledge.quality.rates import left_behind, rates
from knowledge.quality.votes import counted, vote
from tests import factories as make
from tests.knowledge.entries.conftest import Cast

pytestmark = pytest.mark.django_db
NOW = timezone.now()
SINCE = NOW - timedelta(days=30)


def _closed(cast: Cast, **values: Any) -> Ticket:
    given = {"team": cast.team, "status": Ticket.Status.RESOLVED, "resolved_at": NOW, **values}
    return make.ticket(**given)


def test_rates_are_of_closed_tickets_and_open_them(cast: Cast) -> None:
    entry = cast.entry(by=cast.agent)
    linked, drafted, nothing, helped, silent = (_closed(cast) for _ in range(5))
    learn(linked, how="linked", entry=entry, actor=cast.colleague)
    learn(drafted, how="draft", actor=cast.agent)
    learn(nothing, how="nothing", why="question", actor=cast.agent)
    use_entry(entry, helped, verdict="helped", actor=cast.agent)  # an own entry: linked, no reuse
    make.ticket(team=cast.team)  # open
    _closed(cast, resolved_at=NOW - timedelta(days=60))
    _closed(cast, team=cast.elsewhere)
    found = {one.key: one for one in rates(cast.agent, SINCE)}
    assert (found["asked"].hits, found["asked"].of) == (3, 5)
    assert set(found["linked"].tickets) == {linked.ref, drafted.ref, helped.ref}
    assert set(found["linked"].others) == {nothing.ref, silent.ref}
    assert found["linked"].share == 0.6
    assert found["reused"].tickets == [linked.ref]
    assert (found["known"].hits, found["known"].of) == (2, 3)
    assert dict(left_behind(cast.agent, SINCE))["Nothing to learn: a question, no incident"] == 1


def test_without_closed_tickets_there_is_no_share(cast: Cast) -> None:
    assert [one.share for one in rates(cast.agent, SINCE)] == [None] * 4


def test_causes_that_come_again_without_an_entry_are_gaps(cast: Cast) -> None:
    book = make.playbook("rate_limit", is_active=True)
    labels = [item["label"] for item in book.document["hypotheses"]][:2]
    first, second = labels
    customers = [make.customer(), make.customer()]
    for customer in [*customers, customers[0]]:
        record_finding(make.ticket(team=cast.team, customer=customer, opened_at=NOW), label=first, actor=cast.agent)
    record_finding(make.ticket(team=cast.team, opened_at=NOW), label=second, actor=cast.agent)
    record_finding(make.ticket(team=cast.elsewhere, opened_at=NOW), label=second, actor=cast.outsider)
    (gap,) = gaps(cast.agent, SINCE)
    assert (gap.label, len(gap.tickets), gap.customers) == (first, 3, 2)
    cast.entry(by=cast.outsider, team=cast.elsewhere, label=first)
    assert [gap.label for gap in gaps(cast.agent, SINCE)] == [first]  # an entry that one may not read fills no gap
    cast.entry(label=first)
    assert gaps(cast.agent, SINCE) == []


def test_time_to_diagnosis_is_compared_within_a_class(cast: Cast) -> None:
    make.playbook("rate_limit", is_active=True)
    entry = cast.entry()
    for known in (True, False):
        for minutes in (10, 20, 30, 40, 50):
            received = NOW - timedelta(minutes=minutes if known else minutes * 4)
            ticket = make.ticket(team=cast.team, incident_class="rate_limit")
            Ticket.objects.filter(pk=ticket.pk).update(received_at=received)
            run = make.run(ticket, status=Investigation.Status.DONE, top_label="rl.many")
            record_finding(ticket, label="none.no_anomaly", actor=cast.agent)
            run.feedback.update(at=NOW)
            if known:
                Recognition.objects.create(
                    entry=entry, investigation=run, version=1, query="x", answered="fired", state="recognised",
                    seconds=0.1, at=NOW,
                )  # fmt: skip
    (found,) = effects(cast.agent, SINCE)
    assert (found.known, found.unknown, found.is_enough) == (5, 5, True)
    assert found.known_s == pytest.approx(30 * 60, abs=2) and found.unknown_s == pytest.approx(120 * 60, abs=2)


def test_the_search_is_measured_on_own_tickets_and_a_draft_is_no_answer_to_its_own(
    cast: Cast, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = cast.entry()
    cast.entry(title="Invoices show the wrong tax", symptoms="VAT", root_cause="x", label="", incident_class="")
    assert keep_measurement() is None and not is_due()
    for number in range(5):
        ticket = _closed(cast, subject="429 since the update of the client", description=f"Retry storm? {number}")
        use_entry(entry, ticket, verdict="helped", actor=cast.colleague)
    drafted = _closed(cast, subject="Something else")
    learn(drafted, how="draft", actor=cast.agent)
    EntryUse.objects.update_or_create(
        entry=drafted.learned.get().entry, ticket=drafted, defaults={"verdict": "helped", "at": NOW}
    )
    assert len(labelled_tickets()) == 5 and drafted.pk not in labelled_tickets()
    assert measure_own().figures["success@1"] == 1.0
    assert is_due()
    kept = keep_measurement()
    assert kept is not None and (kept.pairs, kept.figures["success@5"]) == (5, 1.0)
    assert not is_due() and Measurement.objects.count() == 1
    call_command("knowledge", "evaluate", "--own")
    assert "success@1\t1.0000" in capsys.readouterr().out


def test_votes_count_for_the_version_that_was_read_and_the_last_one_counts(cast: Cast) -> None:
    entry, client = cast.entry(), Client()
    address = reverse("knowledge:entry-vote", args=[entry.ref])
    client.force_login(cast.reader)
    client.post(address, {"helpful": "yes"})
    client.post(address, {"helpful": "no", "comment": "Step 2 fails, see kim.lee@copperlane.eu"})
    client.post(address, {"helpful": "maybe"})
    assert counted(entry) == (0, 1)
    assert "kim.lee" not in EntryVote.objects.get().comment and "Step 2 fails" in EntryVote.objects.get().comment
    vote(entry, is_helpful=True, actor=cast.agent)
    assert counted(entry) == (1, 1)
    client.force_login(cast.agent)
    assert "Step 2 fails" in client.get(reverse("knowledge:entry", args=[entry.ref])).content.decode()
    assert entry.ref in client.get(reverse("knowledge:entry-work"), {"list": "disliked"}).content.decode()
    client.force_login(cast.outsider)
    of_team = cast.entry(team=cast.team)
    assert client.post(reverse("knowledge:entry-vote", args=[of_team.ref]), {"helpful": "yes"}).status_code == 404


def test_the_page_shows_reviewers_what_they_may_see(cast: Cast) -> None:
    entry = cast.entry(team=cast.team, title="A secret of the team")
    ticket = _closed(cast)
    use_entry(entry, ticket, verdict="helped", actor=cast.colleague)
    run = make.run(ticket, status=Investigation.Status.DONE)
    Recognition.objects.create(
        entry=entry, investigation=run, version=1, query="x", answered="fired", state="recognised", seconds=0.1, at=NOW
    )
    other = make.user("olga", role="lead", teams=(cast.elsewhere,))
    client = Client()
    address = reverse("knowledge:quality")
    client.force_login(cast.agent)
    assert client.get(address).status_code == 403
    client.force_login(cast.lead)
    page = client.get(address, {"show": "linked", "period": "30"}).content.decode()
    assert ticket.ref in page and "1 of 1" in page
    client.force_login(other)
    page = client.get(address, {"show": "linked", "period": "nonsense"}).content.decode()
    assert ticket.ref not in page and entry.ref not in page and "A secret" not in page
