"""One run on the event loop: what runs at the same time, what ends in time, what is kept of it."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from django.db import connection

from altor.models import PhaseEvent
from investigations.engine.lease import sweep
from investigations.engine.work import work_on
from investigations.models import Connection, Evidence, Investigation, StepResult, Ticket
from investigations.models.investigations import MAX_ATTEMPTS
from investigations.services.runs import cancel_investigation
from investigations.sources.base import ConnectionConfig
from tests.engine.scene import answering, asked_for, carry, connections, queued, statuses, step
from tests.loopback import Answer, Upstream, closed_port

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_run_ends_with_a_diagnosis_its_steps_and_its_evidence(upstream: Upstream) -> None:
    run = carry(queued(step("a"), step("b", "beta", depends_on=["a"])), upstream)
    assert (run.status, run.top_label, run.attempt) == ("done", "rl.many", 1)
    assert statuses(run) == {"a": "done", "b": "done"}
    found = Evidence.objects.get(investigation=run, ref_id="E1")
    assert (found.summary, found.verdict) == ("a has n = 7", "abnormal")
    assert found.requests[0]["target"].endswith("/alpha/value?of=a")
    assert run.result_hash
    assert run.ticket.status == Ticket.Status.DIAGNOSED
    kinds = list(PhaseEvent.objects.filter(subject_ref=run.ref).values_list("kind", flat=True))
    assert kinds == ["run.started", "run.step", "run.step", "run.finished"]


def test_independent_steps_are_asked_at_the_same_time(upstream: Upstream) -> None:
    upstream.behaviour = lambda asked: Answer(body={"n": 1.0}, delay_s=0.4)
    names = [("a", "alpha"), ("b", "beta"), ("c", "gamma"), ("d", "alpha"), ("e", "beta"), ("f", "gamma")]
    run = carry(queued(*[step(step_id, source) for step_id, source in names]), upstream)
    assert upstream.most_at_once == 6
    assert run.seconds is not None and run.seconds < 6 * 0.4 * 0.6


def test_a_source_is_never_asked_more_at_once_than_it_allows(upstream: Upstream) -> None:
    upstream.behaviour = lambda asked: Answer(body={"n": 1.0}, delay_s=0.1)
    carry(queued(*[step(f"s{number}", "gamma") for number in range(6)]), upstream)
    assert upstream.most_at_once == 2


def test_a_step_waits_for_those_it_depends_on(upstream: Upstream) -> None:
    chain = [
        step("a"),
        step("b", depends_on=["a"], params={"of": '"b"', "with": "a.n"}),
        step("c", "beta", depends_on=["b"]),
    ]
    carry(queued(*chain), upstream)
    assert asked_for(upstream) == ["a", "b", "c"]
    assert upstream.asked[1].query["with"] == "7.0"


def test_a_step_that_only_reads_another_is_asked_at_once(upstream: Upstream) -> None:
    upstream.behaviour = answering(a=Answer(body={"n": 3.0}, delay_s=0.4), b=Answer(body={"n": 3.0}, delay_s=0.2))
    reading = step("b", reads=["a"], facts={"n": "a.n + b.data.n"})
    run = carry(queued(step("a"), reading), upstream)
    assert upstream.most_at_once == 2
    assert StepResult.objects.get(investigation=run, step_id="b").facts["n"] == 6.0


def test_identical_questions_of_a_run_are_asked_once(upstream: Upstream) -> None:
    same = {"params": {"of": '"same"'}}
    run = carry(queued(step("a", **same), step("b", **same), step("c", **same)), upstream)
    assert asked_for(upstream) == ["same"]
    assert set(statuses(run).values()) == {"done"}


def test_a_step_whose_condition_is_false_is_skipped_and_one_that_is_unknown_runs(upstream: Upstream) -> None:
    run = carry(
        queued(
            step("a"),
            step("b", depends_on=["a"], run_if="a.n < 1.0"),
            step("c", depends_on=["a"], run_if="inputs.nobody_knows > 1.0"),
        ),
        upstream,
    )
    assert statuses(run) == {"a": "done", "b": "skipped", "c": "done"}


def test_a_step_without_a_needed_value_says_what_is_not_known(upstream: Upstream) -> None:
    run = carry(queued(step("a"), step("b", params={"of": "inputs.nobody_knows"})), upstream)
    row = StepResult.objects.get(investigation=run, step_id="b")
    assert (row.status, row.error_kind, row.error) == ("unavailable", "input", "not known: of")
    assert run.diagnosis is not None and run.diagnosis["unavailable"] == []


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(status=500), "unavailable"),
        (Answer(status=401), "refused"),
        (Answer(status=429), "limited"),
        (Answer(body=b"<html>proxy</html>"), "invalid"),
        (Answer(reset=True), "unavailable"),
        (Answer(body={"other": "shape"}), ""),
    ],
)
def test_a_failing_source_costs_its_steps_and_never_the_run(upstream: Upstream, answer: Answer, kind: str) -> None:
    upstream.behaviour = answering(7.0, beta=answer)
    run = carry(queued(step("a"), step("b", "beta"), step("c", "beta", depends_on=["b"])), upstream)
    assert (run.status, run.top_label) == ("done", "rl.many")
    row = StepResult.objects.get(investigation=run, step_id="b")
    assert row.error_kind == kind
    assert run.diagnosis is not None
    if kind:
        assert row.status == "unavailable"
        assert run.diagnosis["unavailable"] == ["beta"]
        assert any("Value b could not be checked (beta)" in sentence for sentence in run.diagnosis["missing"])


@pytest.mark.parametrize("operation", ["crash", "deaf"])
def test_a_source_that_breaks_its_promises_costs_only_its_step(upstream: Upstream, operation: str) -> None:
    broken = step("b", "beta", operation=operation, timeout_s=0.3)
    run = carry(queued(step("a"), broken), upstream)
    assert statuses(run) == {"a": "done", "b": "unavailable"}
    assert run.seconds is not None and run.seconds < 2.0


def test_a_hanging_source_ends_at_its_own_time_limit(upstream: Upstream) -> None:
    upstream.behaviour = answering(7.0, beta=Answer(delay_s=30))
    run = carry(queued(step("a"), step("b", "beta", timeout_s=0.5)), upstream)
    assert run.seconds is not None and 0.5 <= run.seconds < 20
    assert statuses(run) == {"a": "done", "b": "unavailable"}


def test_when_its_time_is_up_a_run_concludes_from_what_it_has(upstream: Upstream) -> None:
    upstream.behaviour = answering(7.0, beta=Answer(delay_s=30), c=Answer(delay_s=30))
    steps = [step("a"), step("b", "beta", timeout_s=20), step("c", "gamma"), step("d", depends_on=["b"])]
    run = carry(queued(*steps, run_seconds=2.0), upstream)
    assert run.seconds is not None and run.seconds < 15  # of the 20 that a step would wait
    assert (run.status, run.top_label) == ("done", "rl.many")
    assert statuses(run) == {"a": "done", "b": "unavailable", "c": "unavailable", "d": "unavailable"}
    assert set(StepResult.objects.exclude(step_id="a").values_list("error_kind", flat=True)) == {"timeout"}


def test_a_source_that_is_not_connected_is_said_to_be_so(upstream: Upstream) -> None:
    run = queued(step("a"), step("b", "beta"))
    only = {"alpha": connections(upstream)["alpha"]}
    work_on(run.pk, connections=only)
    assert StepResult.objects.get(investigation=run, step_id="b").error == "beta is not connected"


def test_a_question_to_a_person_does_not_hold_the_run(upstream: Upstream) -> None:
    asked = step("m", "manual", manual={"ask": "Did a new job start?", "answer": "yes_no"})
    run = carry(queued(step("a"), asked), upstream)
    assert (run.status, statuses(run)["m"]) == ("done", "asked")
    assert run.diagnosis is not None
    assert "Waiting for an answer: Did a new job start?" in run.diagnosis["missing"]


def test_a_cancelled_run_stops_soon_and_writes_nothing_more(upstream: Upstream) -> None:
    upstream.behaviour = answering(7.0, beta=Answer(delay_s=30))
    run = queued(step("a"), step("b", "beta", timeout_s=20), run_seconds=20)
    stopped: list[float] = []

    def cancel() -> None:
        cancel_investigation(run)
        stopped.append(time.monotonic())
        connection.close()

    timer = threading.Timer(0.5, cancel)
    timer.start()
    after = carry(run, upstream)
    assert time.monotonic() - stopped[0] < 15  # of the 20 that the step would wait
    assert (after.status, after.diagnosis) == ("cancelled", None)
    assert statuses(run) == {"a": "done", "b": "cancelled"}
    assert after.ticket.status == Ticket.Status.CLASSIFIED


def test_the_page_sees_the_diagnosis_so_far_and_each_change(upstream: Upstream) -> None:
    upstream.behaviour = answering(7.0, b=Answer(body={"n": 1.0}, delay_s=0.7), c=Answer(body={"n": 1.0}, delay_s=2.5))
    run = queued(step("a"), step("b", "beta"), step("c", "gamma"))
    seen: list[tuple[str, Any, int]] = []

    watcher = threading.Event()

    def poll() -> None:
        while not watcher.wait(0.1):
            now = Investigation.objects.get(pk=run.pk)
            seen.append((now.status, now.top_label, now.live_version))
        connection.close()

    thread = threading.Thread(target=poll)
    thread.start()
    after = carry(run, upstream)
    watcher.set()
    thread.join()
    assert ("running", "rl.many") in {(status, label) for status, label, _ in seen}
    versions = [run.live_version, *[version for _, _, version in seen], after.live_version]
    assert versions == sorted(versions) and len(set(versions)) >= 4


def test_progress_is_told_step_by_step(upstream: Upstream) -> None:
    told: list[tuple[str, str]] = []
    carry(
        queued(step("a"), step("b", depends_on=["a"])),
        upstream,
        progress=lambda step_id, outcome: told.append((step_id, outcome.status if outcome else "asked")),
    )
    assert told == [("a", "asked"), ("a", "done"), ("b", "asked"), ("b", "done")]


def test_time_upstream_counts_overlapping_requests_once(upstream: Upstream) -> None:
    upstream.behaviour = lambda asked: Answer(body={"n": 1.0}, delay_s=0.3)
    beside = [step("b", "beta"), step("d", "beta"), step("e", "gamma"), step("f", "gamma")]
    run = carry(queued(step("a"), *beside, step("c", depends_on=["a"])), upstream)
    assert run.upstream_seconds is not None and run.seconds is not None
    assert 0.6 <= run.upstream_seconds < 6 * 0.3 * 0.7
    assert run.upstream_seconds <= run.seconds


def test_connections_learn_their_health_from_use(upstream: Upstream) -> None:
    upstream.behaviour = answering(7.0, beta=Answer(status=401), gamma=Answer(status=500))
    for name in ("alpha", "beta", "gamma"):
        Connection.objects.create(source=name, name="main", base_url=upstream.url)
    run = queued(step("a"), step("b", "beta"), step("c", "gamma"))
    work_on(run.pk)
    health = {row.source: row for row in Connection.objects.all()}
    assert {name: row.health for name, row in health.items()} == {"alpha": "ok", "beta": "refused", "gamma": "down"}
    assert health["alpha"].last_ok_at is not None and health["beta"].last_ok_at is None
    assert run.ref in health["gamma"].health_message


def test_an_address_from_the_environment_has_no_row_to_keep(upstream: Upstream) -> None:
    Connection.objects.create(source="alpha", name="environment", base_url="https://alpha.example")
    run = queued(step("a"))
    given = {"alpha": ConnectionConfig("alpha", "environment", upstream.url, origin="environment")}
    work_on(run.pk, connections=given)
    assert Connection.objects.get().health == "unknown"


def test_a_run_whose_sources_are_all_gone_is_honest(upstream: Upstream) -> None:
    nowhere = f"http://127.0.0.1:{closed_port()}"
    run = queued(step("a"), step("b", "beta"))
    work_on(run.pk, connections={n: ConnectionConfig(n, "t", nowhere, origin="test") for n in ("alpha", "beta")})
    run.refresh_from_db()
    assert (run.status, run.top_label) == ("done", "inconclusive")


def test_a_fault_of_our_own_is_recorded_and_the_run_tried_again(upstream: Upstream) -> None:
    run = queued(step("a"))
    Investigation.objects.filter(pk=run.pk).update(profile={"telemetry": "nonsense"})
    for attempt in range(1, MAX_ATTEMPTS + 1):
        with pytest.raises(ValueError, match="telemetry"):
            work_on(run.pk, connections=connections(upstream))
        run.refresh_from_db()
        assert run.attempt == attempt
        sweep()
    run.refresh_from_db()
    assert run.status == "failed"
    assert "It failed 3 times" in run.failure
