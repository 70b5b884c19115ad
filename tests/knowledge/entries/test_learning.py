"""What a closed ticket leaves behind, drafts from investigations, and what reuse does to an entry."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from altor.errors import Conflict, InvalidInput, NotFound, PermissionRefused
from altor.models import PhaseEvent, User
from investigations.models import Feedback, Investigation, Ticket, TicketClaim
from investigations.services.lifecycle import resolve
from investigations.services.playbooks import load_library
from knowledge.entries.changes import change_state
from knowledge.entries.drafting import draft_content
from knowledge.entries.learning import learn, learning_question
from knowledge.entries.reuse import use_entry, weight_of
from knowledge.entries.saving import create_entry
from knowledge.models import Entry, EntryUse, Learned, SearchRow
from tests import factories as make
from tests.knowledge.entries.conftest import Cast

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)


@pytest.fixture
def closed(cast: Cast) -> Ticket:
    return _closed(cast)


def _closed(cast: Cast, **values: Any) -> Ticket:
    who = make.customer(name=f"Northwind Freight {Ticket.objects.count()}", stripe_customer="cus_fake0042")
    ticket = make.ticket(
        in_team=cast.team, customer=who, owner=cast.agent, requester_name="Noor Example",
        requester_email="noor@northwind.example",
        description="Noor Example of Northwind Freight here. Calls to GET /v2/orders are refused, see req_8Kq2LmX0a1.",
        **values,
    )  # fmt: skip
    TicketClaim.objects.create(ticket=ticket, kind="endpoint", value="GET /v2/orders")
    TicketClaim.objects.create(ticket=ticket, kind="request_id", value="req_8Kq2LmX0a1")
    make.finished_run(ticket)
    resolve(ticket, actor=cast.agent)
    return Ticket.objects.get(pk=ticket.pk)


def test_a_draft_speaks_of_the_cause_and_never_of_who_had_it(cast: Cast, closed: Ticket) -> None:
    run = Investigation.objects.get(ticket=closed)
    who = closed.customer
    assert who is not None
    text = (
        f"{who.name} ({who.org_id}, {who.domains[0]}) and Noor Example <noor@northwind.example> of {closed.ref} were "
        f"hit by req_8Kq2LmX0a1 from 203.0.113.9, says {cast.agent.username}; pay cus_fake0042, +49 30 1234567"
    )
    document = run.diagnosis or {}
    document["candidates"][0]["why"].append({"evidence": "E1", "effect": "+1", "says": text})
    Investigation.objects.filter(pk=run.pk).update(diagnosis=document)
    run.evidence.filter(ref_id="E1").update(summary=text, verdict="abnormal")
    content = draft_content(Investigation.objects.select_related("ticket", "playbook").get(pk=run.pk))
    told = str(content)
    for secret in (
        who.name, who.org_id, who.domains[0], "Noor", "noor@", closed.ref, "req_8Kq2LmX0a1", "203.0.113.9", "priya",
        "cus_fake0042", "1234567", "here. Calls",
    ):  # fmt: skip
        assert secret not in told, secret
    assert content["title"] == "A deployment changed the limiter" and content["label"] == "rl.limiter_deploy"
    assert content["incident_class"] == "rate_limit"
    assert "Requests are rejected" in content["symptoms"] and "`GET /v2/orders`" in content["symptoms"]
    assert "A deployment went live 14 min before the onset" in content["root_cause"]
    assert content["escalation_criteria"].startswith("SEV2")


def test_a_draft_takes_the_strongest_sign_as_its_detection_query(cast: Cast, closed: Ticket) -> None:
    load_library()
    from investigations.models import PlaybookVersion

    run = Investigation.objects.select_related("ticket").get(ticket=closed)
    found = {}
    for version in PlaybookVersion.objects.active():
        run.playbook = version
        for item in version.document["hypotheses"]:
            content = draft_content(run, label=item["label"])
            found[item["label"]] = content.get("detection")
            assert "{" not in content["title"]
            if content.get("remediation"):
                assert "{" not in content["remediation"]
    drafted = {label: one for label, one in found.items() if one}
    assert len(drafted) >= 5, found.keys()
    nameless = {"inconclusive", "none.no_anomaly", "other.out_of_scope"}
    # The first look's hypotheses are playbooks, no causes.
    assert {label for label, one in found.items() if not one and not label.startswith("class.")} <= nameless
    alone = {label for label, one in drafted.items() if "playbook" not in one}
    assert {"rl.retry_storm", "wh.queue_backlog_deploy"} <= alone
    assert drafted["lat.db_slow_query"] == {"playbook": "latency", "label": "lat.db_slow_query"}
    for label, document in drafted.items():
        if label in alone:
            assert "found." in document["fires"] and document["says"] and document["source"] != "manual"
        Entry(detection=document)  # stored as it is
        assert cast.entry(title="With this query", detection=document).detection == document


def test_a_corrected_diagnosis_is_drafted_as_what_it_really_was(cast: Cast, closed: Ticket) -> None:
    run = Investigation.objects.get(ticket=closed)
    Feedback.objects.create(investigation=run, verdict="corrected", label="rl.retry_storm", user=cast.agent)
    question = learning_question(closed, cast.agent)
    assert question is not None and question.corrected == run
    said = learn(closed, how="draft", actor=cast.agent)
    assert said.entry is not None and (said.entry.label, said.entry.title) == (
        "rl.retry_storm", "The client retries at once",
    )  # fmt: skip


@pytest.mark.parametrize("how", ["linked", "improved"])
def test_an_entry_that_says_it_is_linked_and_counts_as_having_helped(cast: Cast, closed: Ticket, how: str) -> None:
    entry = cast.entry(by=cast.colleague)
    said = learn(closed, how=how, entry=entry, actor=cast.agent)
    entry.refresh_from_db()
    assert (said.entry, entry.reuses) == (entry, 1)
    assert {(one.kind, one.ref) for one in entry.links.all()} == {
        ("ticket", closed.ref), ("investigation", Investigation.objects.get().ref),
    }  # fmt: skip
    event = PhaseEvent.objects.get(kind="ticket.learned")
    assert event.data == {"how": how, "why": "", "entry": entry.ref} and event.ticket_ref == closed.ref
    assert learning_question(closed, cast.agent) is None


def test_a_draft_is_made_linked_and_counted_once(cast: Cast, closed: Ticket) -> None:
    said = learn(closed, how="draft", actor=cast.agent)
    assert said.entry is not None and said.entry.confidence == "wip" and said.entry.history.get().origin == "draft"
    again = learn(closed, how="nothing", why="question", actor=cast.lead)
    assert again == said and Learned.objects.count() == 1 and Entry.objects.count() == 1


def test_nothing_to_learn_is_an_answer_with_a_reason(cast: Cast, closed: Ticket) -> None:
    with pytest.raises(InvalidInput):
        learn(closed, how="nothing", actor=cast.agent)
    said = learn(closed, how="nothing", why="one_off", reason="A \x00 fire", actor=cast.agent)
    assert (said.entry, said.why, said.reason) == (None, "one_off", "A fire")


def test_what_is_refused(cast: Cast, closed: Ticket) -> None:
    theirs = cast.entry(by=cast.admin, team=cast.elsewhere)
    with pytest.raises(NotFound):
        learn(closed, how="linked", entry=theirs, actor=cast.agent)
    with pytest.raises(NotFound):
        learn(closed, how="linked", actor=cast.agent)
    with pytest.raises(InvalidInput):
        learn(closed, how="forced", actor=cast.agent)
    with pytest.raises(PermissionRefused):
        learn(closed, how="draft", actor=cast.reader)
    with pytest.raises(Conflict):
        learn(make.ticket(in_team=cast.team), how="draft", actor=cast.agent)
    assert not Learned.objects.exists() and not EntryUse.objects.exists()


def test_proof_by_others_validates_and_failure_takes_it_back(cast: Cast) -> None:
    entry = cast.entry(by=cast.agent)
    tickets = [make.ticket(in_team=cast.team) for _ in range(4)]
    use_entry(entry, tickets[0], verdict="helped", actor=cast.agent)  # its author: no proof
    use_entry(entry, tickets[1], verdict="helped", actor=cast.colleague)
    entry.refresh_from_db()
    assert (entry.confidence, entry.reuses) == ("not_validated", 1)
    use_entry(entry, tickets[1], verdict="helped", actor=cast.lead)  # the same ticket again
    entry.refresh_from_db()
    assert entry.confidence == "not_validated"
    use_entry(entry, tickets[2], verdict="helped", actor=cast.lead)
    entry.refresh_from_db()
    assert (entry.confidence, entry.reuses) == ("validated", 2) and entry.review_on is not None
    assert entry.changes.filter(field="confidence")[0].why == "reuse"
    use_entry(entry, tickets[3], verdict="failed", actor=cast.colleague)
    entry.refresh_from_db()
    assert (entry.confidence, entry.failures) == ("not_validated", 1)
    assert entry.changes.filter(field="confidence")[0].why == "failed"
    # Old proof counts no more: it takes two new ones.
    use_entry(entry, make.ticket(in_team=cast.team), verdict="helped", actor=cast.lead)
    entry.refresh_from_db()
    assert entry.confidence == "not_validated"


def test_weight_follows_what_became_of_an_entry(cast: Cast) -> None:
    assert weight_of(0, 0) == 1.0 and weight_of(5, 0) == pytest.approx(1.1)
    assert weight_of(0, 1) > weight_of(0, 3) > weight_of(0, 30) > 0.5
    assert weight_of(9, 1) > weight_of(1, 1)
    entry = cast.entry(by=cast.agent)
    use_entry(entry, make.ticket(in_team=cast.team), verdict="failed", actor=cast.lead, now=NOW)
    assert SearchRow.objects.get(entry=entry).weight == pytest.approx(weight_of(0, 1))
    change_state(entry, {"audience": "partner"}, actor=cast.lead)
    assert SearchRow.objects.get(entry=entry).weight == pytest.approx(weight_of(0, 1))


def test_the_last_word_on_a_ticket_counts(cast: Cast) -> None:
    entry, ticket = cast.entry(by=cast.agent), make.ticket(in_team=cast.team)
    use_entry(entry, ticket, verdict="failed", actor=cast.lead, now=NOW)
    use_entry(entry, ticket, verdict="helped", actor=cast.lead, now=NOW + timedelta(hours=1))
    entry.refresh_from_db()
    assert (entry.reuses, entry.failures) == (1, 0) and entry.uses.count() == 1
    with pytest.raises(NotFound):
        use_entry(entry, make.ticket(in_team=cast.elsewhere), verdict="helped", actor=cast.agent)
    with pytest.raises(PermissionRefused):
        use_entry(entry, ticket, verdict="helped", actor=cast.reader)


def _as(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_known_causes_stand_beside_the_ticket(cast: Cast, closed: Ticket) -> None:
    entry = cast.entry()
    other = create_entry({"title": "Zeppelins are late", "root_cause": "Headwind"}, actor=cast.agent)
    address = reverse("knowledge:known", args=[closed.ref])
    page = _as(cast.agent).get(address).content.decode()
    assert entry.ref in page and f"{other.ref} Zep" not in page and "What does this ticket leave behind?" in page
    assert "What does this ticket leave behind?" not in _as(cast.reader).get(address).content.decode()
    assert _as(cast.outsider).get(address).status_code == 404
    used = _as(cast.agent).post(f"{address}use/", {"entry": entry.ref, "verdict": "helped"}, follow=True)
    assert 'aria-pressed="true"' in used.content.decode()
    refused = _as(cast.agent).post(f"{address}learned/", {"how": "linked", "reason": "My words"})
    assert refused.status_code == 422 and "My words" in refused.content.decode()
    drafted = _as(cast.agent).post(f"{address}learned/", {"how": "draft"}, headers={"HX-Request": "true"})
    made = Learned.objects.get().entry
    assert made is not None and drafted["HX-Redirect"] == reverse("knowledge:entry-edit", args=[made.ref])
    assert "A new entry was drafted" in _as(cast.reader).get(address).content.decode()
