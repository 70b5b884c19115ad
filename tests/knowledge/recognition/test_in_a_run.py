"""Known causes inside an investigation: asked beside its steps, told with their proof, and no part of its diagnosis."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from investigations.models import Connection, Investigation, StepResult
from knowledge.entries.changes import change_state
from knowledge.models import Entry, Recognition
from knowledge.recognition.known import known_entries, recognitions
from knowledge.recognition.packet import packet_part
from knowledge.recognition.settling import run_ended
from tests import factories as make
from tests.engine.scene import answering, asked_for, carry, playbook, queued, step
from tests.knowledge.entries.conftest import Cast
from tests.knowledge.recognition.conftest import Known, detection
from tests.loopback import Answer, Upstream

pytestmark = pytest.mark.django_db(transaction=True)


def _run(cast: Cast, upstream: Upstream, *steps: dict[str, Any], **ticket: Any) -> Investigation:
    of = make.ticket(subject="429 since the update", team=cast.team, incident_class="rate_limit", **ticket)
    run = carry(make.run(of, playbook=playbook(*(steps or (step("a"),)))), upstream)
    run_ended(run)
    return run


def test_a_known_cause_is_recognised_with_its_proof(cast: Cast, known: Known, upstream: Upstream) -> None:
    entry = known()
    run = _run(cast, upstream)
    found = Recognition.objects.get(investigation=run)
    assert (found.entry, found.answered, found.state) == (entry, "fired", "recognised")
    assert found.says == "n is 7"
    assert found.requests[0]["target"].endswith("/alpha/value?of=kb")
    assert found.facts["n"] == 7.0
    (shown,) = known_entries(run.ticket, cast.agent)
    assert shown.is_recognised


def test_the_diagnosis_is_the_same_with_and_without(cast: Cast, known: Known, upstream: Upstream) -> None:
    book = playbook(step("a"), step("b", "beta"))
    plain = carry(make.run(make.ticket(team=cast.team), playbook=book), upstream)
    known()
    beside = carry(make.run(make.ticket(team=cast.team), playbook=book), upstream)
    assert beside.result_hash == plain.result_hash
    assert Recognition.objects.filter(investigation=beside).exists()
    assert set(StepResult.objects.filter(investigation=beside).values_list("step_id", flat=True)) == {"a", "b"}


def test_the_same_question_is_asked_once(cast: Cast, known: Known, upstream: Upstream) -> None:
    """A draft takes its query from the playbook: source and customer must not pay for it twice."""
    known("a")
    _run(cast, upstream)
    assert asked_for(upstream) == ["a"]


def test_signs_of_a_cause_that_the_run_rules_out_are_no_recognition(
    cast: Cast, known: Known, upstream: Upstream
) -> None:
    known(label="rl.few")
    run = _run(cast, upstream)
    found = Recognition.objects.get(investigation=run)
    assert (found.answered, found.state) == ("fired", "elsewhere")
    assert not [one for one in known_entries(run.ticket, cast.agent) if one.is_recognised]


@pytest.mark.parametrize(
    ("labels", "states"),
    [
        (["rl.known"], ["recognised"]),
        (["rl.known", "rl.known"], ["recognised", "recognised"]),
        (["rl.known", "rl.other"], ["possible", "possible"]),
        ([""], ["possible"]),
    ],
)
def test_of_an_undecided_run_the_only_cause_whose_signs_are_there_is_recognised(
    cast: Cast, known: Known, upstream: Upstream, labels: list[str], states: list[str]
) -> None:
    for place, label in enumerate(labels):
        known(f"kb{place}", label=label)
    run = _run(cast, upstream)
    Investigation.objects.filter(pk=run.pk).update(top_label="inconclusive")
    run.refresh_from_db()
    run_ended(run)
    assert list(Recognition.objects.order_by("entry").values_list("state", flat=True)) == states


def test_what_is_not_there_and_what_could_not_be_asked_is_told(cast: Cast, known: Known, upstream: Upstream) -> None:
    quiet, away = known("quiet"), known("away", detection=detection("away", "beta"))
    upstream.behaviour = answering(quiet=Answer(body={"n": 0.0}), away=Answer(status=503))
    run = _run(cast, upstream)
    said = {one.entry: (one.answered, one.state) for one in Recognition.objects.select_related("entry")}
    assert said == {quiet: ("quiet", "quiet"), away: ("unknown", "unknown")}
    assert run.status == "done" and run.top_label == "rl.many"


def test_a_question_that_needs_what_is_not_known_costs_nothing(cast: Cast, known: Known, upstream: Upstream) -> None:
    known(detection=detection(params={"of": "inputs.endpoint"}))
    run = _run(cast, upstream)
    found = Recognition.objects.get(investigation=run)
    assert (found.answered, found.error_kind) == ("unknown", "input")
    assert asked_for(upstream) == ["a"]


def test_a_slow_source_of_a_known_cause_holds_the_run_for_a_moment_only(
    cast: Cast, known: Known, upstream: Upstream
) -> None:
    known("slow")
    upstream.behaviour = answering(slow=Answer(body={"n": 7.0}, delay_s=4.0))
    run = _run(cast, upstream)
    assert run.status == "done" and run.seconds is not None and run.seconds < 3.5
    assert not Recognition.objects.filter(investigation=run).exclude(answered="unasked").exists()


def test_a_broken_recogniser_costs_the_run_nothing(
    cast: Cast, known: Known, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    known()

    def broken(*args: Any) -> Any:
        raise RuntimeError("obviously broken")

    monkeypatch.setattr("knowledge.recognition.recogniser.candidates", broken)
    assert _run(cast, upstream).status == "done"


def test_entries_of_one_team_are_asked_for_and_shown_there_only(cast: Cast, known: Known, upstream: Upstream) -> None:
    of_team = known("ours", by=cast.agent, team=cast.team)
    known("theirs", by=cast.outsider, team=cast.elsewhere)
    run = _run(cast, upstream)
    assert [one.entry for one in Recognition.objects.all()] == [of_team]
    # Who may read the ticket without being of the team learns nothing of the entry, nor of its proof.
    address = reverse("knowledge:recognition", args=[run.ticket.ref, Recognition.objects.get().pk])
    for person, status in ((cast.agent, 200), (cast.admin, 200), (cast.outsider, 404)):
        client = Client()
        client.force_login(person)
        assert client.get(address).status_code == status
    run.ticket.team = cast.elsewhere
    run.ticket.save(update_fields=["team"])
    assert of_team not in [one.entry for one in known_entries(run.ticket, cast.outsider)]


def test_archived_entries_other_tiers_and_scratch_spaces_are_not_asked_for(
    cast: Cast, known: Known, upstream: Upstream
) -> None:
    change_state(known("old"), {"confidence": "archived"}, actor=cast.admin, reason="gone")
    known("gold", tiers=["gold"])
    customer = make.customer(tier="silver")
    _run(cast, upstream, customer=customer)
    assert asked_for(upstream) == ["a"]


def test_at_most_eight_are_asked_for_those_seen_today_first(cast: Cast, known: Known, upstream: Upstream) -> None:
    today = known("today", title="Something quite different", symptoms="", incident_class="", label="")
    Recognition.objects.create(
        entry=today, investigation=make.run(status="done"), version=1, query="x", answered="fired", seconds=0.1,
        at=timezone.now(),
    )  # fmt: skip
    for number in range(10):
        known(f"kb{number}", label="rl.few")
    run = _run(cast, upstream)
    asked = set(asked_for(upstream)) - {"a"}
    assert len(asked) == 8 and "today" in asked
    assert Recognition.objects.filter(investigation=run).count() == 8


def test_the_panel_says_this_is_it_and_leads_to_the_query(cast: Cast, known: Known, upstream: Upstream) -> None:
    entry = known()
    run = _run(cast, upstream)
    client = Client()
    client.force_login(cast.agent)
    page = client.get(reverse("knowledge:known", args=[run.ticket.ref])).content.decode()
    assert f"This is {entry.ref}" in page
    proof = client.get(reverse("knowledge:recognition", args=[run.ticket.ref, Recognition.objects.get().pk]))
    assert "/alpha/value?of=kb" in proof.content.decode()
    assert "n is 7" in proof.content.decode()


def test_a_run_that_is_queued_twice_keeps_one_row_each(cast: Cast, known: Known, upstream: Upstream) -> None:
    known()
    run = queued(step("a"))
    carry(run, upstream)
    carry(run, upstream)
    assert Recognition.objects.count() == 1


def test_what_the_steps_speak_for_is_asked_for_whatever_the_words_complain_of(
    cast: Cast, known: Known, upstream: Upstream
) -> None:
    """Eight others fit the ticket's words and class better."""
    for number in range(8):
        known(f"kb{number}", label="rl.few")
    entry = known(
        "suspected", title="Quite another story", symptoms="", root_cause="x", remediation="", customer_wording="",
        incident_class="billing",
    )  # fmt: skip
    run = _run(cast, upstream)
    found = Recognition.objects.get(investigation=run, entry=entry)
    assert (found.state, Recognition.objects.count()) == ("recognised", 9)


def test_that_nothing_is_wrong_is_an_answer_too(cast: Cast, known: Known, upstream: Upstream) -> None:
    known()
    run = _run(cast, upstream)
    Investigation.objects.filter(pk=run.pk).update(top_label="none.no_anomaly", confidence=0.9)
    run.refresh_from_db()
    run_ended(run)
    assert Recognition.objects.get().state == "elsewhere"


def test_a_cause_that_no_single_question_shows_is_told_by_its_playbook(
    cast: Cast, known: Known, upstream: Upstream
) -> None:
    book = playbook(step("a"))
    by_playbook = known(detection={"playbook": book.key, "label": "rl.many"})
    surer = known(detection={"playbook": book.key, "label": "rl.many", "at_least": 1.0})
    without, of_another = known(), known(label="rl.few")
    Entry.objects.filter(pk__in=[without.pk, of_another.pk]).update(detection=None)
    known(detection={"playbook": "other", "label": "rl.many"})
    run = carry(make.run(make.ticket(team=cast.team), playbook=book), upstream)
    told = {one.entry: state for one, state in recognitions(run, cast.agent)}  # before the run's end was told of
    assert told == {by_playbook: "recognised", without: "recognised", surer: "quiet"}
    assert asked_for(upstream) == ["a"]
    run_ended(run)
    kept = {one.entry: one.state for one in Recognition.objects.exclude(state="near")}
    assert kept == told


def test_an_entry_near_to_the_words_is_kept_with_the_run(cast: Cast, known: Known, upstream: Upstream) -> None:
    entry = known(label="")
    Entry.objects.filter(pk=entry.pk).update(detection=None)
    run = _run(cast, upstream, description=entry.symptoms)
    assert Recognition.objects.get(investigation=run).state == "near"


def test_a_playbook_is_asked_on_the_page(cast: Cast, known: Known, upstream: Upstream) -> None:
    book = playbook(step("a"), run_seconds=4.0, is_active=True)
    for name in ("alpha", "beta"):
        Connection.objects.create(source=name, name="main", base_url=upstream.url)
    entry = known(detection={"playbook": book.key, "label": "rl.many"})
    customer, client = make.customer(), Client()
    client.force_login(cast.agent)
    address = reverse("knowledge:entry-detection", args=[entry.ref])
    assert f"This is {entry.ref}" in client.post(address, {"about": customer.org_id}).content.decode()
    upstream.behaviour = answering(a=Answer(body={"n": 0.0}))
    assert f"This is not {entry.ref}" in client.post(address, {"about": customer.org_id}).content.decode()
    upstream.behaviour = answering(a=Answer(status=500))
    assert "Could not be checked" in client.post(address, {"about": customer.org_id}).content.decode()
    assert "that you may see" in client.post(address, {"about": "nobody"}).content.decode()


def test_engineering_reads_of_the_known_cause_in_the_packet(cast: Cast, known: Known, upstream: Upstream) -> None:
    entry, of_team = known(), known("ours", team=cast.team)
    run = _run(cast, upstream)
    part = packet_part(run.ticket, run, timezone.now())
    assert part is not None
    (related,) = part.related
    assert (related.kind, related.ref, related.why) == ("entry", entry.ref, "Its signs are there: n is 7")
    assert of_team.ref not in str(part)
    assert packet_part(make.ticket(team=cast.team), run, timezone.now()) is None
