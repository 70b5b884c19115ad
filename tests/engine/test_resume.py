"""A worker may die between any two writes: the next attempt asks only what was not stored, and concludes the same."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection, connections
from django.utils import timezone

from altor.models import PhaseEvent
from investigations.engine import store, writer
from investigations.engine.lease import SILENCE, Lease, LeaseLost, claim, sweep
from investigations.engine.work import work_on
from investigations.models import Evidence, Investigation
from investigations.models.investigations import MAX_ATTEMPTS
from investigations.playbooks.format import Playbook
from tests.engine.scene import asked_for, carry, claimed, playbook, queued, statuses, step
from tests.engine.scene import connections as to
from tests.factories import run as new_run
from tests.loopback import Answer, Asked, Upstream

pytestmark = pytest.mark.django_db(transaction=True)
STEPS = (step("a"), step("b", depends_on=["a"]), step("c", "beta", depends_on=["b"]))


def die_in_write(number: int, run: Investigation, upstream: Upstream) -> bool:
    """Work on the run in a process that is killed just before its `number`-th write; False when it has no such."""
    connections.close_all()
    child = os.fork()
    if child == 0:  # pragma: no cover  # ends by SIGKILL, or without cleaning up after the parent's pytest
        try:
            _kill_before_write(number)
            work_on(run.pk, connections=to(upstream))
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def _kill_before_write(number: int) -> None:
    written = 0
    fence = store.fence

    def counting(*args: Any, **kwargs: Any) -> None:
        nonlocal written
        written += 1
        if written == number:
            os.kill(os.getpid(), signal.SIGKILL)
        fence(*args, **kwargs)

    store.fence = counting


@pytest.mark.slow
def test_killed_before_any_write_a_run_ends_once_with_the_same_result(upstream: Upstream) -> None:
    book = playbook(*STEPS)
    whole = carry(new_run(playbook=book), upstream)
    number = 0
    while True:
        number += 1
        run = new_run(playbook=book)
        upstream.asked.clear()
        if not die_in_write(number, run, upstream):
            break
        run.refresh_from_db()
        assert (run.status, run.attempt) == ("running", 1)
        stored = set(run.steps.filter(status="done").values_list("step_id", flat=True))
        asked_before = asked_for(upstream)
        Investigation.objects.filter(pk=run.pk).update(lease_expires_at=timezone.now())
        after = carry(run, upstream)
        assert (after.status, after.attempt, after.result_hash) == ("done", 2, whole.result_hash), number
        asked_again = asked_for(upstream)[len(asked_before) :]
        assert not stored & set(asked_again), "what was stored is not asked again"
        assert sorted(Evidence.objects.filter(investigation=run).values_list("ref_id", flat=True)) == ["E1", "E2", "E3"]
        told = list(PhaseEvent.objects.filter(subject_ref=run.ref).values_list("kind", flat=True))
        assert sorted(told) == ["run.finished", "run.started", "run.step", "run.step", "run.step"]
    assert number > 6, "there were that many moments to die in"


def test_a_resumed_run_asks_only_what_was_not_stored(upstream: Upstream) -> None:
    run = queued(*STEPS)
    first = claimed(run)
    assert run.playbook is not None
    store.prepare_steps(first, Playbook.model_validate(run.playbook.document))
    stored = carry(queued(*STEPS), upstream)
    row = stored.steps.get(step_id="a")
    run.steps.filter(step_id="a").update(status="done", facts=row.facts, result=row.result)
    upstream.asked.clear()
    Investigation.objects.filter(pk=run.pk).update(lease_expires_at=timezone.now())
    assert carry(run, upstream).status == "done"
    assert asked_for(upstream) == ["b", "c"]


def test_a_worker_that_was_thought_dead_writes_nothing(upstream: Upstream) -> None:
    """Its successor takes the run while it waits for an answer."""
    run = queued(*STEPS)
    once: list[int] = []

    def behave(asked: Asked) -> Answer:
        if asked.query["of"] == "b" and not once:
            once.append(1)
            Investigation.objects.filter(pk=run.pk).update(lease_expires_at=timezone.now())
            assert claim(run.pk, owner="successor") is not None
            connection.close()
        return Answer(body={"n": 7.0})

    upstream.behaviour = behave
    after = carry(run, upstream)
    assert (after.status, after.lease_owner, after.attempt) == ("running", "successor", 2)
    assert statuses(run)["a"] == "done" and statuses(run)["b"] != "done"
    assert after.result_hash == ""  # a diagnosis so far may have been shown before that; nothing was concluded
    with pytest.raises(LeaseLost):
        store.fence(Lease(run.pk, 1, "the first"))


def failing(times: int, then: Callable[..., None], error: Exception) -> Callable[..., None]:
    left = [times]

    def write(*args: Any, **kwargs: Any) -> None:
        if left[0]:
            left[0] -= 1
            raise error
        then(*args, **kwargs)

    return write


def test_a_database_that_is_away_for_a_moment_costs_no_attempt(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "finish", failing(2, store.finish, OperationalError("server closed the connection")))
    monkeypatch.setattr(store, "step_ended", failing(1, store.step_ended, OperationalError("terminating connection")))
    run = carry(queued(*STEPS), upstream)
    assert (run.status, run.attempt) == ("done", 1)
    assert Evidence.objects.filter(investigation=run).count() == 3


def test_an_answer_lost_with_the_connection_after_the_commit_is_not_taken_for_a_lost_run(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, lost = writer.Writer._write, []

    def write(self: Any, batch: Any) -> Any:
        result = original(self, batch)
        if not lost and Investigation.objects.filter(status="done").exists():
            lost.append(1)
            raise OperationalError("the connection broke after the commit")
        return result

    monkeypatch.setattr(writer.Writer, "_write", write)
    run = carry(queued(*STEPS), upstream)
    assert lost and (run.status, run.attempt) == ("done", 1)
    assert PhaseEvent.objects.filter(subject_ref=run.ref, kind="run.finished").count() == 1


def test_a_database_that_stays_away_ends_the_attempt_and_the_sweep_takes_over(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "PATIENCE_S", 0.3)
    monkeypatch.setattr(store, "step_ended", failing(1000, store.step_ended, OperationalError("no server")))
    run = queued(*STEPS)
    with pytest.raises(OperationalError):
        work_on(run.pk, connections=to(upstream))
    monkeypatch.undo()
    assert sweep(now=timezone.now())["requeued"] == 1
    after = carry(run, upstream)
    assert (after.status, after.attempt, after.failure) == ("done", 2, "")


@pytest.mark.slow
def test_a_run_that_kills_its_worker_each_time_is_parked_with_the_reason(upstream: Upstream) -> None:
    run = queued(*STEPS)
    now = timezone.now()
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert die_in_write(4, run, upstream)
        run.refresh_from_db()
        assert (run.status, run.attempt) == ("running", attempt)
        result = sweep(now=timezone.now() + SILENCE * 2)
        Investigation.objects.filter(pk=run.pk).exclude(lease_expires_at=None).update(lease_expires_at=now)
    assert result == {"requeued": 0, "parked": 1}
    run.refresh_from_db()
    assert run.status == "failed" and "ended 3 times" in run.failure
    assert work_on(run.pk, connections=to(upstream)) is None
