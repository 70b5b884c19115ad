"""A correction proposes a change of the playbook: what is offered, what is not, and what becomes of it."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_q.models import OrmQ
from rest_framework.test import APIClient

from altor.models import AuditEvent, Team, User
from investigations.diagnosis.diagnose import diagnose
from investigations.engine.shadow import shadow_of_run
from investigations.engine.store import stored_outcomes
from investigations.engine.work import inputs_of, playbook_of
from investigations.models import (
    Feedback,
    Investigation,
    PlaybookDraft,
    PlaybookProposal,
    PlaybookVersion,
    StepResult,
    Ticket,
)
from investigations.playbooks.stored import stored_playbook
from investigations.services import playbook_proposals
from investigations.services.findings import record_finding
from investigations.services.lifecycle import resolve
from investigations.services.playbooks import store_version, withdraw
from investigations.services.runs import record_feedback
from investigations.tasks import propose_change
from tests import factories as make

pytestmark = pytest.mark.django_db
#: `rl.limiter` outweighs `rl.retry` where both speak: a notch more for the repeats turns it round.
TEXT = """\
# Ours. Comments, quotes and   odd spaces stay.
apiVersion: altor/v1
kind: Playbook
key: limits
title: Requests rejected
class: rate_limit
match: [{words: ["429"]}]
steps:
  - id: seen
    title: What is seen
    question: What?
    source: clickhouse
    query: SELECT count() AS n FROM requests
    facts: {cut: "seen.row_count > 1.0", repeats: "seen.row_count > 2.0", old: "seen.row_count > 3.0"}
    result: "{seen.row_count|number} rows"
symptom: {gate: "true", title: Requests are rejected}
hypotheses:
  - label: rl.limiter   # the usual one
    title: The limit of {seen.row_count|number} was cut
    prior: 0.0
    signals:
      - {when: seen.cut, for: strong, says: "The limit was cut {seen.row_count|number} times"}
  - label: rl.retry
    title: The client retries
    prior: 0.1
    signals:
      - when: seen.repeats   # of the same request
        for:   'moderate'    # not sure yet
        says: Many are repeats
      - {when: seen.old, against: weak, says: It began long ago}
"""
#: Two notches are wanted, one for and one against.
FAR = TEXT.replace("for:   'moderate'", "for:   weak")


@pytest.fixture
def ours() -> Team:
    return make.team()


@pytest.fixture
def lead(ours: Team) -> User:
    return make.user("lena", role="lead", teams=(ours,))


@pytest.fixture
def client(lead: User) -> Client:
    client = Client()
    client.force_login(lead)
    return client


@pytest.fixture
def version() -> PlaybookVersion:
    return store_version(TEXT, name="limits.yaml")


def carried(version: PlaybookVersion, ours: Team, **facts: bool) -> Investigation:
    """A finished run that found these facts, as a worker stores one."""
    run = make.run(make.ticket(in_team=ours, customer=make.customer()), playbook=version)
    known = {"row_count": 3.0, "truncated": False, "cut": False, "repeats": False, "old": False, **facts}
    make.step(run, "seen", 1, verdict="abnormal", facts=known)
    found = diagnose(playbook_of(run), inputs_of(run), stored_outcomes(run.pk))
    Investigation.objects.filter(pk=run.pk).update(
        status="done", result_hash=found.result_hash, diagnosis=found.as_dict(), top_label=found.top_label,
        confidence=found.confidence,
    )  # fmt: skip
    return Investigation.objects.get(pk=run.pk)


def corrected(client: Client, run: Investigation, label: str) -> PlaybookProposal | None:
    """By a person on the run's page; then the queue's task."""
    client.post(reverse("investigations:run-feedback", args=[run.ref]), {"verdict": "corrected", "label": label})
    feedback = Feedback.objects.filter(investigation=run).latest("pk")
    tasks = [entry.task for entry in OrmQ.objects.order_by("pk")]
    asked = [task["args"] for task in tasks if task["func"] == "investigations.tasks.propose_change"]
    assert asked[-1:] == [(feedback.pk,)]
    propose_change(feedback.pk)
    return PlaybookProposal.objects.filter(feedback=feedback).first()


def proposed(client: Client, run: Investigation, label: str = "rl.retry") -> PlaybookProposal:
    found = corrected(client, run, label)
    assert found is not None
    return found


def at(proposal: PlaybookProposal, what: str) -> str:
    return reverse(f"investigations:playbook-proposal-{what}", args=[proposal.playbook_key, proposal.ref])


def page(client: Client, key: str = "limits") -> str:
    return client.get(reverse("investigations:playbook", args=[key]), follow=True).content.decode()


def edits(proposal: PlaybookProposal) -> list[list[tuple[str, str, str, str]]]:
    return [
        [(edit["label"], edit["side"], edit["from"], edit["after"]) for edit in change["edits"]]
        for change in proposal.changes
    ]


UP = [("rl.retry", "for", "moderate", "strong")]
DOWN = [("rl.limiter", "for", "strong", "moderate")]


# ------------------------------------------------------------------------------------------------- what is proposed
def test_a_correction_proposes_the_least_change_that_answers_it(client, version, ours):
    run = carried(version, ours, cut=True, repeats=True, old=True)
    assert run.top_label == "rl.limiter"
    proposal = proposed(client, run)
    assert (proposal.kind, proposal.status, proposal.base) == ("change", "open", version)
    assert edits(proposal) == [UP, DOWN]
    first = proposal.changes[0]
    assert proposal.effect["before"][0]["label"] == "rl.limiter" and first["after"][0]["label"] == "rl.retry"
    assert first["past"] == {"right": 0, "better": 0, "worse": 0, "wrong": 0}
    changed = [line for look, line in first["diff"] if look in ("add", "del")]
    assert changed == ["-        for:   'moderate'    # not sure yet", "+        for:   strong    # not sure yet"]


def test_taken_and_published_it_makes_the_runs_replay_answer_rightly(client, version, ours, lead):
    run = carried(version, ours, cut=True, repeats=True, old=True)
    proposal = proposed(client, run)
    shown = page(client)
    assert "Proposed from corrections" in shown and run.ref in shown and "“Many are repeats” speaks for it" in shown
    answer = client.post(at(proposal, "take"), {"choice": "0"}, follow=True)
    draft = PlaybookDraft.objects.get(owner=lead, key="limits")
    assert (
        draft.text == TEXT.replace("'moderate'", "strong") and "The change is in your draft" in answer.content.decode()
    )
    assert PlaybookVersion.objects.filter(key="limits").count() == 1, "nothing is published by itself"
    form = {"revision": draft.revision, "comment": proposal.ref}
    client.post(reverse("investigations:playbook-publish", args=["limits"]), form)
    now = PlaybookVersion.objects.active().get(key="limits")
    assert now.version == 2
    assert shadow_of_run(run, stored_playbook(now.pk, now.sha256), connections=None).diagnosis.top_label == "rl.retry"
    proposal.refresh_from_db()
    assert (proposal.status, proposal.decided_by) == ("taken", lead)
    assert AuditEvent.objects.filter(action="playbook.proposal_taken", actor=lead).exists()
    assert playbook_proposals.propose(proposal.feedback_id) == proposal, "a second delivery makes nothing"


def test_what_would_break_a_confirmed_run_is_told_and_not_offered(client, version, ours, lead):
    """There the limit was cut, with repeats and an old beginning, and that was right."""
    for label in ("rl.limiter", "rl.retry"):
        record_finding(carried(version, ours, cut=True, repeats=True, old=True).ticket, label=label, actor=lead)
    past = carried(version, ours, cut=True)
    record_finding(past.ticket, label="rl.limiter", actor=lead)
    proposal = proposed(client, carried(version, ours, cut=True, repeats=True, old=True))
    assert proposal.changes == [] and proposal.effect["checked"] == 3 and proposal.effect["right"] == 2
    told = {
        (change["edits"][0]["label"], len(change["edits"])): change["past"] for change in proposal.effect["rejected"]
    }
    assert told["rl.retry", 1] == {"right": 1, "better": 1, "worse": 1, "wrong": 0}
    shown = page(client)
    assert "without a loss elsewhere" in shown and "1 confirmed past run would become wrong" in shown
    assert "Take into a draft" not in shown


def test_a_run_that_the_change_repairs_too_is_counted(client, version, ours, lead):
    record_finding(carried(version, ours, cut=True, repeats=True, old=True).ticket, label="rl.retry", actor=lead)
    record_finding(carried(version, ours, cut=True).ticket, label="rl.limiter", actor=lead)
    carried(version, ours, cut=True)  # of which nobody has said anything
    proposal = proposed(client, carried(version, ours, cut=True, repeats=True, old=True))
    assert proposal.changes[0]["past"] == {"right": 1, "better": 1, "worse": 0, "wrong": 0}
    assert "2: 1 stay right, 1 become right, 0 become wrong" in page(client)


def test_two_weights_are_changed_only_where_one_does_not_suffice(client, ours):
    version = store_version(FAR, name="limits.yaml")
    proposal = proposed(client, carried(version, ours, cut=True, repeats=True, old=True))
    assert [sorted(change) for change in edits(proposal)] == [
        [("rl.limiter", "for", "strong", "moderate"), ("rl.retry", "for", "weak", "moderate")]
    ]


def test_a_price_for_what_was_not_so_is_written_into_the_signal(client, ours):
    """The limiter's signal is not true here: that it costs nothing is what is wrong."""
    text = (
        TEXT.replace("prior: 0.1", "prior: -0.2")
        .replace("for:   'moderate'", "for: 0.1")
        .replace("title: The limit of {seen.row_count|number} was cut", "title: The limit")
    )
    version = store_version(text, name="limits.yaml")
    run = carried(version, ours, old=True)
    assert run.top_label == "rl.limiter"
    proposal = proposed(client, run)
    assert edits(proposal) == [[("rl.limiter", "against", "nothing", "weak")]]
    client.post(at(proposal, "take"))
    assert PlaybookDraft.objects.get().text == text.replace("for: strong, says", "for: strong, against: weak, says")


def test_its_own_tests_have_a_say(client, ours):
    tests = """\
tests:
  - {name: repeats alone are not it, facts: {seen: {cut: true, repeats: true, old: true}}, expect: {label: rl.limiter}}
"""
    version = store_version(TEXT + tests, name="limits.yaml")
    proposal = proposed(client, carried(version, ours, cut=True, repeats=True, old=True))
    assert not proposal.changes and {change["tests"] for change in proposal.effect["rejected"]} == {1}
    assert "1 expectation of its own tests would fail" in page(client)


def test_an_older_run_is_read_under_the_version_in_force(client, version, ours):
    run = carried(version, ours, cut=True, repeats=True, old=True)
    newer = store_version(TEXT.replace("odd spaces", "even"), name="limits.yaml")
    assert proposed(client, run).base == newer
    other = carried(version, ours, cut=True, repeats=True, old=True)
    store_version(TEXT.replace("'moderate'", "strong"), name="limits.yaml")
    assert corrected(client, other, "rl.retry") is None, "the version in force answers rightly already"
    store_version(TEXT.replace("count() AS n", "sum(1) AS n"), name="limits.yaml")
    assert "cannot be held against the case" in (proposed(client, other) and page(client))


def test_what_speaks_against_the_right_cause_speaks_more_softly(client, ours):
    version = store_version(TEXT.replace("against: weak", "against: strong"), name="limits.yaml")
    proposal = proposed(client, carried(version, ours, cut=True, repeats=True))
    assert not proposal.changes, "one notch of two does not suffice"
    text = TEXT.replace("for:   'moderate'", "for:   decisive").replace("against: weak", "against: strong")
    version = store_version(text, name="limits.yaml")
    proposal = proposed(client, carried(version, ours, cut=True, repeats=True))
    assert [("rl.retry", "against", "strong", "moderate")] in edits(proposal)


def test_a_version_that_comes_meanwhile_is_what_it_is_worked_out_for(client, version, ours, lead):
    run = carried(version, ours, cut=True, repeats=True, old=True)
    feedback = Feedback.objects.create(investigation=run, verdict="corrected", label="rl.retry", user=lead)
    newer = TEXT.replace("odd spaces", "even")
    assert playbook_proposals.propose(feedback.pk, alive=lambda: store_version(newer, name="x") and None) is None
    assert [entry.task["args"] for entry in OrmQ.objects.all()] == [(feedback.pk,)], "it is asked for again"
    propose_change(feedback.pk)
    assert PlaybookProposal.objects.get().base.version == 2


def test_a_verdict_that_comes_meanwhile_has_the_last_word(client, version, ours, lead):
    run = carried(version, ours, cut=True, repeats=True, old=True)
    feedback = Feedback.objects.create(investigation=run, verdict="corrected", label="rl.retry", user=lead)

    def accept() -> None:
        record_feedback(run, verdict="accepted", actor=lead)

    assert playbook_proposals.propose(feedback.pk, alive=accept) is None
    assert not PlaybookProposal.objects.exists()


def test_working_it_out_asks_nobody_and_changes_nothing_else(client, version, ours, lead):
    record_finding(carried(version, ours, cut=True).ticket, label="rl.limiter", actor=lead)
    run = carried(version, ours, cut=True, repeats=True, old=True)
    feedback = Feedback.objects.create(investigation=run, verdict="corrected", label="rl.retry", user=lead)

    def rows() -> list[object]:
        kinds = (Investigation, StepResult, Ticket, PlaybookVersion, PlaybookDraft, Feedback)
        return [list(kind.objects.order_by("pk").values()) for kind in kinds]

    before = rows()
    propose_change(feedback.pk)
    assert PlaybookProposal.objects.open().exists() and rows() == before


def test_work_that_takes_too_long_ends_and_says_so(version, ours, lead, client):
    run = carried(version, ours, cut=True, repeats=True, old=True)
    feedback = Feedback.objects.create(investigation=run, verdict="corrected", label="rl.retry", user=lead)
    found = playbook_proposals.propose(feedback.pk, limit_s=0.0)
    assert found is not None and (found.changes, found.effect["is_whole"]) == ([], False)
    assert "not everything was tried" in page(client)


def test_a_cause_of_another_playbook_says_so_and_invents_nothing(client, version, ours):
    other = store_version(
        TEXT.replace("key: limits", "key: speed").replace("rl.", "lat.").replace("class: rate_limit", "class: latency")
        .replace('["429"]', '["slow", "takes ages"]').replace("Requests rejected", "Requests are slow"), name="x",
    )  # fmt: skip
    proposal = proposed(client, carried(version, ours, cut=True), "lat.retry")
    assert (proposal.kind, proposal.changes, proposal.effect["playbooks"][0]["key"]) == ("elsewhere", [], other.key)
    shown = page(client)
    assert "The first look chose wrongly" in shown and "slow, takes ages" in shown and "Take into" not in shown
    client.post(at(proposal, "take"))
    assert not PlaybookDraft.objects.exists()


def test_a_cause_that_nobody_knows_begins_a_hypothesis(client, version, ours, lead):
    proposal = proposed(client, carried(version, ours, cut=True), "rl.own_proxy")
    assert proposal.kind == "missing" and "a hypothesis is missing" in page(client)
    client.post(at(proposal, "take"))
    text = PlaybookDraft.objects.get(owner=lead).text
    assert text.startswith(TEXT.rstrip("\n")) and "  - label: rl.own_proxy\n" in text
    draft = PlaybookDraft.objects.get()
    client.post(
        reverse("investigations:playbook-publish", args=["limits"]), {"revision": draft.revision, "comment": "x"}
    )
    assert PlaybookVersion.objects.active().get(key="limits").document["hypotheses"][-1]["label"] == "rl.own_proxy"


@pytest.mark.parametrize(
    "label", ["<script>alert(1)</script>", "org_0042 said: their proxy", "rl.x: [y]\n- z", "A" * 60, "northwind"]
)
def test_a_label_that_is_none_harms_nothing(version, ours, lead, client, label):
    run = carried(version, ours, cut=True)
    api = APIClient()
    api.force_authenticate(lead)
    api.post(f"/api/v1/investigations/{run.ref}/feedback/", {"verdict": "corrected", "label": label}, format="json")
    propose_change(Feedback.objects.get().pk)
    proposal = PlaybookProposal.objects.get()
    assert proposal.kind == "missing" and "<script>alert" not in page(client)
    client.post(at(proposal, "take"))
    text = PlaybookDraft.objects.get().text
    assert "- label: rl.new_cause\n" in text and label not in text


@pytest.mark.parametrize("label", ["", "inconclusive"])
def test_words_alone_propose_nothing(version, ours, lead, client, label):
    run = carried(version, ours, cut=True)
    client.post(
        reverse("investigations:run-feedback", args=[run.ref]),
        {"verdict": "corrected", "label": label, "comment": "Their proxy"},
    )
    propose_change(Feedback.objects.get().pk)
    assert not PlaybookProposal.objects.exists() and "Proposed from corrections" not in page(client)


# --------------------------------------------------------------------------------------------- what becomes of it
def test_another_verdict_takes_its_place(client, version, ours):
    run = carried(version, ours, cut=True, repeats=True, old=True)
    first, second = proposed(client, run), proposed(client, run)
    first.refresh_from_db()
    assert (first.status, second.status, PlaybookProposal.objects.open().count()) == ("outdated", "open", 1)
    propose_change(first.feedback_id)
    client.post(reverse("investigations:run-feedback", args=[run.ref]), {"verdict": "accepted"})
    propose_change(second.feedback_id)
    assert not PlaybookProposal.objects.open().exists() and "Proposed from corrections" not in page(client)


def test_another_version_outdates_it(client, version, ours, lead):
    run = carried(version, ours, cut=True, repeats=True, old=True)
    proposal = proposed(client, run)
    store_version(TEXT.replace("odd spaces", "even"), name="limits.yaml")
    proposal.refresh_from_db()
    assert proposal.status == "outdated"
    answer = client.post(at(proposal, "take"), follow=True)
    assert "is not open any more" in answer.content.decode() and not PlaybookDraft.objects.exists()
    withdraw(PlaybookVersion.objects.active().get(key="limits"))
    assert corrected(client, run, "rl.retry") is None


def test_an_open_draft_is_changed_only_when_asked_and_can_be_taken_back(client, version, ours, lead):
    proposal = proposed(client, carried(version, ours, cut=True, repeats=True, old=True))
    mine = TEXT.replace("title: Requests rejected", "title: Too many requests")
    client.post(reverse("investigations:playbook-save", args=["limits"]), {"text": mine, "revision": "0"})
    answer = client.post(at(proposal, "take"), follow=True).content.decode()
    assert "You have an open draft" in answer and "Put into my open draft" in answer
    assert PlaybookDraft.objects.get().text == mine
    client.post(at(proposal, "take"), {"into": "open"})
    assert PlaybookDraft.objects.get().text == mine.replace("'moderate'", "strong")
    client.post(reverse("investigations:playbook-undo", args=["limits"]))
    assert PlaybookDraft.objects.get().text == mine


def test_a_draft_without_the_signal_is_left_as_it_is(client, version, ours):
    proposal = proposed(client, carried(version, ours, cut=True, repeats=True, old=True))
    for mine in (
        TEXT.replace("'moderate'", "decisive"),
        TEXT.replace("when: seen.repeats", "when: seen.old"),
        "key: [",
    ):
        PlaybookDraft.objects.all().delete()
        client.post(reverse("investigations:playbook-save", args=["limits"]), {"text": mine, "revision": "0"})
        client.post(at(proposal, "take"), {"into": "open"})
        assert PlaybookDraft.objects.get().text == mine
    proposal.refresh_from_db()
    assert proposal.is_open


def test_it_is_dismissed_with_a_reason_once(client, version, ours, lead):
    proposal = proposed(client, carried(version, ours, cut=True, repeats=True, old=True))
    client.post(at(proposal, "dismiss"), {"reason": "  "})
    assert PlaybookProposal.objects.open().exists()
    client.post(at(proposal, "dismiss"), {"reason": "One odd <b>case</b>"})
    client.post(at(proposal, "dismiss"), {"reason": "Again"})
    proposal.refresh_from_db()
    assert (proposal.status, proposal.reason, proposal.decided_by) == ("dismissed", "One odd <b>case</b>", lead)
    shown = page(client)
    assert "One odd &lt;b&gt;case" in shown and "<b>case" not in shown
    assert client.post(at(proposal, "take")).status_code == 302 and not PlaybookDraft.objects.exists()


# ------------------------------------------------------------------------------------------------------ who sees it
def test_the_run_and_the_closed_tickets_panel_lead_to_it(client, version, ours, lead):
    run = carried(version, ours, cut=True, repeats=True, old=True)
    proposal = proposed(client, run)
    resolve(run.ticket, actor=lead)
    there = f"{reverse('investigations:playbook', args=['limits'])}#{proposal.ref}"
    places = [reverse("investigations:run", args=[run.ref]), reverse("knowledge:known", args=[run.ticket.ref])]
    agent = Client()
    agent.force_login(make.user(role="agent", teams=(ours,)))
    for place in places:
        assert there in client.get(place).content.decode()
        assert there not in agent.get(place).content.decode(), "who may not edit has nothing to do there"


def test_who_may_not_open_the_ticket_sees_the_change_and_not_the_case(client, version, ours):
    run = carried(version, ours, cut=True, repeats=True, old=True)
    proposal = proposed(client, run)
    odd = carried(version, ours, cut=True)
    proposed(client, odd, "Northwind said so")
    stranger = make.user(role="lead", teams=(make.team("Other"),))
    other, api = Client(), APIClient()
    other.force_login(stranger)
    api.force_authenticate(stranger)
    shown = page(other)
    assert proposal.ref in shown and "A case that you may not open" in shown
    found = api.get("/api/v1/playbooks/limits/proposals/").json()
    assert [item["investigation"] for item in found] == [None, None] and {item["found"] for item in found} == {
        "",
        "rl.retry",
    }
    for text in (shown, str(found)):
        assert run.ref not in text and run.ticket.ref not in text and "Northwind" not in text


def test_a_page_with_many_asks_no_more_than_one_with_one(client, version, ours, django_assert_max_num_queries):
    proposed(client, carried(version, ours, cut=True, repeats=True, old=True))
    page(client)
    with CaptureQueriesContext(connection) as asked:
        page(client)
    of_one = len(asked)
    for label in ("rl.retry", "rl.other"):
        proposed(client, carried(version, ours, cut=True, repeats=True, old=True), label)
    with django_assert_max_num_queries(of_one):
        assert page(client).count("A case that") == 0


def test_over_rest_it_is_read_as_playbooks_are(client, version, ours, lead):
    run = carried(version, ours, cut=True, repeats=True, old=True)
    proposal = proposed(client, run)
    api = APIClient()
    assert api.get("/api/v1/playbooks/limits/proposals/").status_code == 401
    api.force_authenticate(lead)
    assert api.get("/api/v1/playbooks/nothing/proposals/").status_code == 404
    assert api.post("/api/v1/playbooks/limits/proposals/", {}).status_code == 405
    [told] = api.get("/api/v1/playbooks/limits/proposals/").json()
    assert (told["ref"], told["investigation"], told["said"], told["found"]) == (
        proposal.ref, run.ref, "rl.limiter", "rl.retry",
    )  # fmt: skip
    [edit] = told["changes"][0]["edits"]
    assert (edit["before"], edit["after"], edit["says"]) == ("moderate", "strong", "Many are repeats")
    assert "+        for:   strong    # not sure yet" in told["changes"][0]["diff"]


@pytest.mark.parametrize("role", ["agent", "read_only"])
def test_who_may_not_edit_decides_nothing(client, version, ours, role):
    proposal = proposed(client, carried(version, ours, cut=True, repeats=True, old=True))
    other = Client()
    for what in ("take", "dismiss"):
        assert other.post(at(proposal, what)).status_code == 302
    other.force_login(make.user(role=role, teams=(ours,)))
    for what in ("take", "dismiss"):
        assert other.post(at(proposal, what), {"reason": "x"}).status_code == 403
        assert client.get(at(proposal, what)).status_code == 405
        wrong = reverse(f"investigations:playbook-proposal-{what}", args=["other", proposal.ref])
        assert client.post(wrong).status_code == 404
        assert client.post(wrong.replace("other", "limits").replace(proposal.ref, "PB-x")).status_code == 404
    assert "Proposed from corrections" not in page(other)
    proposal.refresh_from_db()
    assert proposal.is_open and not PlaybookDraft.objects.exists()
