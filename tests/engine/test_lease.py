"""Who may work on a run, and who may write to it."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from altor.models import PhaseEvent
from altor.queue import enqueue
from investigations.engine import lease as leases
from investigations.engine import store
from investigations.engine.lease import TASK, Lease, LeaseLost, claim, lease_length, park, renew, sweep
from investigations.models import Investigation, Ticket
from investigations.models.investigations import MAX_ATTEMPTS
from investigations.playbooks.format import Playbook
from tests import factories
from tests.engine.scene import claimed, queued, step


def queue_size() -> int:
    from django_q.models import OrmQ

    return int(OrmQ.objects.count())


@pytest.mark.django_db(transaction=True)
def test_of_two_workers_that_arrive_together_exactly_one_gets_the_run() -> None:
    run = factories.run()
    together, won = threading.Barrier(8), []

    def worker(number: int) -> None:
        try:
            together.wait()
            won.append(claim(run.pk, owner=f"w{number}"))
        finally:
            connection.close()

    threads = [threading.Thread(target=worker, args=(number,)) for number in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len([lease for lease in won if lease]) == 1
    run.refresh_from_db()
    assert (run.status, run.attempt) == ("running", 1)


@pytest.mark.django_db
def test_a_lapsed_lease_is_claimed_once() -> None:
    run, now = factories.run(), timezone.now()
    assert claim(run.pk, owner="a", now=now)
    assert claim(run.pk, owner="b", now=now + lease_length() / 2) is None
    later = claim(run.pk, owner="b", now=now + lease_length() * 2)
    assert later == Lease(run.pk, 2, "b")
    assert PhaseEvent.objects.filter(kind="run.started", subject_ref=run.ref).count() == 1


@pytest.mark.django_db
def test_a_run_that_is_not_due_yet_is_left_alone() -> None:
    run = factories.run(not_before=timezone.now() + timedelta(minutes=1))
    assert claim(run.pk, owner="a") is None


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["done", "failed", "cancelled"])
def test_a_run_that_is_over_is_not_claimed(status: str) -> None:
    assert claim(factories.run(status=status).pk, owner="a") is None


@pytest.mark.django_db
def test_a_stale_attempt_can_neither_renew_nor_write() -> None:
    run = queued(step("a"))
    old = claimed(run)
    Investigation.objects.filter(pk=run.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    new = claimed(run, "successor")
    for write in (lambda: renew(old), lambda: store.fence(old), lambda: store.prepare_steps(old, _book(run))):
        with pytest.raises(LeaseLost):
            write()
    renew(new)
    store.fence(new)


@pytest.mark.django_db
def test_a_cancelled_run_refuses_its_worker() -> None:
    from investigations.services.runs import cancel_investigation

    run = queued(step("a"))
    lease = claimed(run)
    cancel_investigation(run)
    with pytest.raises(LeaseLost):
        renew(lease)


@pytest.mark.django_db
def test_the_sweep_queues_a_silent_run_again_once() -> None:
    run = factories.run()
    claimed(run)
    assert sweep()["requeued"] == 0
    later = timezone.now() + leases.SILENCE + timedelta(seconds=1)
    assert sweep(now=later) == {"requeued": 1, "parked": 0}
    assert sweep(now=later) == {"requeued": 0, "parked": 0}, "its entry waits in the queue"
    assert queue_size() == 1
    assert claim(run.pk, owner="b", now=later + timedelta(seconds=1)) == Lease(run.pk, 2, "b")


@pytest.mark.django_db
def test_the_sweep_leaves_a_run_that_gives_signs_of_life_alone() -> None:
    run = factories.run()
    lease = claimed(run)
    later = timezone.now() + leases.SILENCE * 3
    renew(lease, now=later)
    assert sweep(now=later + timedelta(seconds=1))["requeued"] == 0


@pytest.mark.django_db
def test_a_run_that_was_never_enqueued_is_found_by_the_sweep() -> None:
    factories.run()
    assert sweep()["requeued"] == 0, "its entry may be on the way"
    assert sweep(now=timezone.now() + leases.FORGOTTEN * 2)["requeued"] == 1


@pytest.mark.django_db
def test_a_queued_run_with_an_entry_is_not_queued_twice() -> None:
    run = factories.run()
    enqueue(TASK, run.pk)
    assert sweep(now=timezone.now() + leases.FORGOTTEN * 2)["requeued"] == 0


@pytest.mark.django_db
def test_an_entry_that_was_handed_out_long_ago_counts_no_more() -> None:
    from django_q.conf import Conf
    from django_q.models import OrmQ

    run, now = factories.run(), timezone.now()
    enqueue(TASK, run.pk)
    OrmQ.objects.update(lock=now + timedelta(seconds=Conf.RETRY))  # handed to a worker just now
    later = now + leases.FORGOTTEN * 1.5
    assert sweep(now=later)["requeued"] == 0
    assert sweep(now=now + leases.HANDED_OUT * 1.5)["requeued"] == 1


@pytest.mark.django_db
def test_after_three_attempts_a_run_is_parked_with_the_reason_and_its_ticket_given_back() -> None:
    run = factories.run(ticket := factories.ticket(status=Ticket.Status.INVESTIGATING))
    now = timezone.now()
    for _ in range(MAX_ATTEMPTS):
        assert claim(run.pk, owner="w", now=now)
        now += leases.SILENCE + lease_length()
        result = sweep(now=now)
    assert result == {"requeued": 0, "parked": 1}
    run.refresh_from_db()
    ticket.refresh_from_db()
    assert run.status == "failed"
    assert "ended 3 times" in run.failure
    assert ticket.status == Ticket.Status.CLASSIFIED
    assert claim(run.pk, owner="w", now=now) is None
    assert PhaseEvent.objects.filter(kind="run.failed", subject_ref=run.ref).count() == 1


@pytest.mark.django_db
def test_a_sign_of_life_that_comes_during_the_sweep_saves_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    run, now = factories.run(attempt=MAX_ATTEMPTS - 1), timezone.now()
    lease = claim(run.pk, owner="w", now=now)
    assert lease is not None
    later = now + leases.SILENCE + lease_length()
    told = leases._reason

    def slow_sweep(found: Investigation) -> str:
        renew(lease, now=later)
        return told(found)

    monkeypatch.setattr(leases, "_reason", slow_sweep)
    assert sweep(now=later) == {"requeued": 0, "parked": 0}
    run.refresh_from_db()
    assert (run.status, run.failure) == ("running", "")
    assert not PhaseEvent.objects.filter(kind="run.failed").exists()


@pytest.mark.django_db
def test_parking_happens_once() -> None:
    run = factories.run()
    assert park(run, "first")
    assert not park(run, "second")
    run.refresh_from_db()
    assert run.failure == "first"


def _book(run: Investigation) -> Playbook:
    assert run.playbook is not None
    return Playbook.model_validate(run.playbook.document)
