"""Starting, stopping and repeating runs; what people add to them."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ

from altor.errors import Conflict, InvalidInput, NotFound, PermissionRefused
from altor.models import AuditEvent, PhaseEvent
from investigations.engine import store
from investigations.models import Evidence, Investigation, StepResult, Ticket
from investigations.services.compare import compare_runs
from investigations.services.gates import gate_state, override_gate
from investigations.services.runs import (
    NoPlaybook,
    RunAlreadyActive,
    answer_step,
    cancel_investigation,
    record_feedback,
    rerun_investigation,
    start_investigation,
)
from tests import factories
from tests.engine.scene import ASKED, answering, carry, playbook, queued, step
from tests.loopback import Answer, Upstream


# ------------------------------------------------------------------------------------------------------ start
@pytest.mark.django_db
def test_a_start_queues_the_run_and_tells_of_it() -> None:
    lead, book = factories.user(role="lead"), playbook(step("a"))
    run = start_investigation(ticket=factories.ticket(), actor=lead, playbook_key=book.key)
    assert (run.status, run.playbook, run.requested_by) == ("queued", book, lead)
    assert OrmQ.objects.get().task["args"] == (run.pk,)
    assert run.ticket.investigations.get() == run
    assert Ticket.objects.get().status == Ticket.Status.INVESTIGATING
    assert PhaseEvent.objects.get().kind == "run.queued"
    assert AuditEvent.objects.get(action="run.started").actor == lead


@pytest.mark.django_db
def test_a_second_click_is_refused_while_the_first_run_works() -> None:
    factories.playbook()
    ticket = factories.ticket()
    first = start_investigation(ticket=ticket)
    with pytest.raises(RunAlreadyActive, match=first.ref) as refused:
        start_investigation(ticket=ticket)
    assert (refused.value.status, refused.value.code) == (409, "run_already_active")
    assert OrmQ.objects.count() == 1


@pytest.mark.django_db
def test_the_same_ticket_event_gives_the_same_run_even_when_it_is_over() -> None:
    factories.playbook()
    ticket = factories.ticket()
    first = start_investigation(ticket=ticket, event_key="ticket:TK-1:v1")
    assert start_investigation(ticket=ticket, event_key="ticket:TK-1:v1") == first
    cancel_investigation(first)
    assert start_investigation(ticket=ticket, event_key="ticket:TK-1:v1") == first
    assert OrmQ.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_starters_at_once_one_wins() -> None:
    factories.playbook()
    ticket, together, outcomes = factories.ticket(), threading.Barrier(6), []

    def click() -> None:
        try:
            together.wait()
            outcomes.append(start_investigation(ticket=ticket).ref)
        except RunAlreadyActive:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=click) for _ in range(6)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert sorted(outcomes)[1:] == ["refused"] * 5
    assert Investigation.objects.count() == OrmQ.objects.count() == 1


@pytest.mark.django_db
def test_a_ticket_whose_class_has_no_playbook_says_so() -> None:
    factories.playbook()
    with pytest.raises(NoPlaybook, match="which has no playbook"):
        start_investigation(ticket=factories.ticket(incident_class="auth"))
    with pytest.raises(NoPlaybook, match="class is not known"):
        start_investigation(ticket=factories.ticket(incident_class=""))
    with pytest.raises(InvalidInput, match="rate_limit"):
        start_investigation(ticket=factories.ticket(), playbook_key="nonsense")
    assert not Investigation.objects.exists()


# ------------------------------------------------------------------------------------------------------ cancel
@pytest.mark.django_db
def test_a_cancelled_run_gives_its_ticket_back_and_is_over() -> None:
    factories.playbook()
    ticket = factories.ticket()
    run = cancel_investigation(start_investigation(ticket=ticket), actor=factories.user())
    ticket.refresh_from_db()
    assert (run.status, ticket.status) == ("cancelled", Ticket.Status.CLASSIFIED)
    with pytest.raises(Conflict):
        cancel_investigation(run)
    assert start_investigation(ticket=ticket).status == "queued"


# ------------------------------------------------------------------------------------------------------ re-run
@pytest.mark.django_db(transaction=True)
def test_a_rerun_is_compared_with_the_run_before(upstream: Upstream) -> None:
    first = carry(queued(step("a"), step("b", "beta"), step("c", depends_on=["a"])), upstream)
    upstream.behaviour = answering(7.0, a=Answer(body={"n": 0.0}), beta=Answer(status=500))
    second = carry(rerun_investigation(first, as_of=first.as_of), upstream)
    assert (second.previous, second.playbook, second.as_of) == (first, first.playbook, first.as_of)
    found = compare_runs(second, first)
    assert not found["same"]
    assert {item["label"] for item in found["candidates"]} == {"rl.many", "rl.few"}
    steps = {item["step"]: item for item in found["steps"]}
    assert set(steps) == {"a", "b"}
    assert steps["a"]["facts"]["n"] == {"before": 7.0, "after": 0.0}
    assert steps["b"]["before"] == "Done: n is 7" and steps["b"]["after"].startswith("Could not be checked")
    assert [item["after"] for item in found["evidence"]["changed"]] == ["a has n = 0"]
    assert [item["summary"] for item in found["evidence"]["gone"]] == ["b has n = 7"]
    assert found["changed"]["unavailable"] == {"before": [], "after": ["beta"]}


@pytest.mark.django_db(transaction=True)
def test_a_rerun_at_the_same_moment_over_the_same_data_is_the_same(upstream: Upstream) -> None:
    first = carry(queued(step("a"), step("b", "beta")), upstream)
    second = carry(rerun_investigation(first, as_of=first.as_of), upstream)
    found = compare_runs(second, first)
    assert found["same"]
    assert (found["candidates"], found["steps"], found["changed"]) == ([], [], {})
    assert found["evidence"] == {"added": [], "gone": [], "changed": []}


# ------------------------------------------------------------------------------------------------------ answers
@pytest.mark.django_db(transaction=True)
def test_an_answer_becomes_evidence_and_weighs(upstream: Upstream) -> None:
    person = factories.user()
    told = {"when": "m.yes", "for": "decisive", "against": "decisive", "says": "A new job started"}
    many = {"when": "a.n > 1.0", "for": "moderate", "says": "Many"}
    hypotheses = [
        {"label": "rl.job", "title": "A new job", "signals": [told]},
        {"label": "rl.other", "title": "Other", "signals": [many]},
    ]
    book = playbook(step("a"), ASKED, hypotheses=hypotheses)
    run = carry(factories.run(playbook=book), upstream)
    before = Investigation.objects.get(pk=run.pk)
    after = answer_step(run, "m", "yes", actor=person)
    assert (before.top_label, after.top_label) == ("rl.other", "rl.job")
    assert after.live_version > before.live_version and after.result_hash != before.result_hash
    row = StepResult.objects.get(investigation=run, step_id="m")
    assert (row.status, row.answer, row.answered_by) == ("done", "yes", person)
    assert Evidence.objects.get(investigation=run, source="manual").summary == "Did a new job start? – yes"
    assert answer_step(run, "m", "no", actor=person).top_label == "rl.other", "an answer can be corrected"


@pytest.mark.django_db(transaction=True)
def test_an_answer_given_while_the_run_works_is_in_its_diagnosis(upstream: Upstream) -> None:
    person = factories.user()
    run = queued(step("a"), ASKED)

    def behave(asked: object) -> Answer:
        answer_step(run, "m", "yes", actor=person)
        connection.close()
        return Answer(body={"n": 7.0})

    upstream.behaviour = behave
    after = carry(run, upstream)
    assert after.diagnosis is not None
    assert not any("Waiting for an answer" in sentence for sentence in after.diagnosis["missing"])
    assert StepResult.objects.get(investigation=run, step_id="m").status == "done"


@pytest.mark.django_db(transaction=True)
def test_an_answer_that_does_not_fit_changes_nothing(upstream: Upstream) -> None:
    run = carry(queued(step("a"), ASKED), upstream)
    with pytest.raises(InvalidInput, match="yes or no"):
        answer_step(run, "m", "perhaps", actor=factories.user())
    with pytest.raises(NotFound):
        answer_step(run, "a", "yes", actor=factories.user())
    assert StepResult.objects.get(investigation=run, step_id="m").status == "asked"


@pytest.mark.django_db
def test_a_run_that_was_stopped_takes_no_answer() -> None:
    run, person = queued(step("a"), ASKED), factories.user()
    cancel_investigation(run, actor=person)
    with pytest.raises(Conflict, match="is cancelled"):
        answer_step(run, "m", "yes", actor=person)
    assert StepResult.objects.filter(investigation=run, answered_at__isnull=False).count() == 0


@pytest.mark.django_db(transaction=True)
def test_secrets_in_an_answer_are_not_kept(upstream: Upstream) -> None:
    free = step("m", "manual", manual={"ask": "What did they say?", "answer": "text"})
    run = carry(queued(step("a"), free), upstream)
    answer_step(run, "m", "They use sk_live_obviouslyfake00000000000000 there", actor=factories.user())
    row = StepResult.objects.get(investigation=run, step_id="m")
    assert "obviouslyfake" not in f"{row.answer}{row.facts}{row.result}{list(row.evidence.values())}"


# ------------------------------------------------------------------------------------------------------ gates
GATED = (
    step("a", required_before=["reply", "escalation"]),
    step("b", "beta", depends_on=["a"], required_before=["escalation"]),
    {**ASKED, "required_before": ["reply"]},
)


@pytest.mark.django_db(transaction=True)
def test_gates_open_when_their_steps_have_run(upstream: Upstream) -> None:
    run = queued(*GATED)
    assert [state["open"] for state in gate_state(run).values()] == [False, False]
    run = carry(run, upstream)
    state = gate_state(run)
    assert (state["reply"]["open"], [item["step"] for item in state["reply"]["missing"]]) == (False, ["m"])
    assert (state["escalation"]["open"], state["escalation"]["missing"]) == (True, [])
    answer_step(run, "m", "no", actor=factories.user())
    assert gate_state(run)["reply"]["open"]


@pytest.mark.django_db(transaction=True)
def test_a_source_that_is_down_does_not_close_a_gate_for_ever(upstream: Upstream) -> None:
    upstream.behaviour = answering(7.0, beta=Answer(status=500))
    state = gate_state(carry(queued(*GATED), upstream))["escalation"]
    assert state["open"] and [item["step"] for item in state["tried"]] == ["b"]


@pytest.mark.django_db
def test_a_gate_is_opened_by_a_lead_with_a_reason_once() -> None:
    run, lead = queued(*GATED), factories.user(role="lead")
    with pytest.raises(PermissionRefused):
        override_gate(run, "reply", "The customer is waiting on the phone", actor=factories.user(role="agent"))
    with pytest.raises(InvalidInput):
        override_gate(run, "reply", "because", actor=lead)
    override_gate(run, "reply", "The customer is waiting on the phone", actor=lead)
    state = gate_state(run)
    assert state["reply"]["open"] and not state["escalation"]["open"]
    assert state["reply"]["overridden"]["reason"].startswith("The customer")
    assert [item["step"] for item in state["reply"]["missing"]] == ["a", "m"], "what was passed stays visible"
    with pytest.raises(Conflict):
        override_gate(run, "reply", "The customer is still waiting", actor=lead)
    assert AuditEvent.objects.get(action="gate.overridden").reason


# ------------------------------------------------------------------------------------------------------ verdicts
@pytest.mark.django_db
def test_feedback_says_what_the_cause_really_was() -> None:
    run, agent = factories.run(status="done", top_label="rl.many"), factories.user()
    assert record_feedback(run, verdict="accepted", actor=agent).label == "rl.many"
    record_feedback(run, verdict="corrected", label="rl.few", actor=agent)
    with pytest.raises(InvalidInput):
        record_feedback(run, verdict="corrected", actor=agent)
    with pytest.raises(InvalidInput):
        record_feedback(run, verdict="maybe", actor=agent)
    kinds = set(PhaseEvent.objects.values_list("kind", flat=True))
    assert {"diagnosis.accepted", "diagnosis.corrected"} <= kinds


@pytest.mark.django_db
def test_a_question_comes_too_late_for_an_answer_already_given() -> None:
    from investigations.diagnosis import steps as meaning
    from investigations.engine.lease import claim
    from investigations.playbooks.format import Playbook

    run = queued(step("a"), ASKED)
    lease = claim(run.pk, owner="w", now=timezone.now() + timedelta(seconds=1))
    assert lease is not None and run.playbook is not None
    book = Playbook.model_validate(run.playbook.document)
    store.prepare_steps(lease, book)
    answer_step(run, "m", "yes", actor=factories.user())
    store.step_ended(lease, meaning.asked(book.step("m"), 2), 0.0, run.ticket.ref)
    assert StepResult.objects.get(investigation=run, step_id="m").status == "done"
