"""The broker, what may be put into the queue, and the pulse that tells whether a cluster works."""

from __future__ import annotations

import importlib
import os
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.utils import timezone
from django_q.conf import Conf
from django_q.models import OrmQ, Schedule, Task
from django_q.signing import SignedPackage

from altor import pulse
from altor.checks import times_stand_in_order
from altor.embedded.supervisor import Upkeep
from altor.queue import PgBroker, enqueue
from altor.tasks import prune_results

TASK = "investigations.tasks.execute_run"


@pytest.fixture
def broker() -> Iterator[PgBroker]:
    found = PgBroker()
    found._pulse.entries()  # the first pulse is due at once
    yield found
    if found._listening is not None:
        found._listening.close()


def numbers(rows: list[tuple[int, str]] | None) -> list[Any]:
    return [SignedPackage.loads(payload)["args"][0] for _, payload in rows or []]


@pytest.mark.django_db
@pytest.mark.parametrize("wrong", [{"id": 1}, ["x"], 1.5, None, True, object()])
def test_only_ids_go_into_the_queue(wrong: Any) -> None:
    with pytest.raises(TypeError, match="ids"):
        enqueue(TASK, wrong)
    with pytest.raises(ValueError, match="ids"):
        enqueue(TASK, "a customer's whole letter " * 10)
    assert not OrmQ.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_an_entry_shares_the_fate_of_its_transaction() -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        enqueue(TASK, 1)
        raise RuntimeError
    assert not OrmQ.objects.exists()
    with transaction.atomic():
        enqueue(TASK, 2)
    assert [entry.task["args"] for entry in OrmQ.objects.all()] == [(2,)]


@pytest.mark.django_db(transaction=True)
def test_entries_are_handed_out_once_and_in_order(broker: PgBroker) -> None:
    for number in (1, 2, 3):
        enqueue(TASK, number)
    assert [numbers(broker.dequeue()) for _ in range(3)] == [[1], [2], [3]]
    assert OrmQ.objects.filter(lock__gt=timezone.now() + timedelta(seconds=Conf.RETRY - 10)).count() == 3


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("pages", [0, 1, 3, 10])
def test_a_claim_takes_no_more_than_it_may_from_a_queue_vacuumed_empty(broker: PgBroker, pages: int) -> None:
    """Where the database sees nothing, it joins row by row and may look for the next entry each time."""
    with connection.cursor() as cursor:
        statistics = "UPDATE pg_class SET relpages = %s, reltuples = 0 WHERE oid = 'django_q_ormq'::regclass"
        cursor.execute(statistics, [pages])
    for number in (1, 2, 3):
        enqueue(TASK, number)
    assert [numbers(broker.dequeue()) for _ in range(3)] == [[1], [2], [3]]


@pytest.mark.django_db(transaction=True)
def test_two_clusters_share_a_queue_without_taking_anything_twice() -> None:
    for number in range(40):
        enqueue(TASK, number)
    taken: list[int] = []

    def cluster() -> None:
        own = PgBroker()
        own._pulse.entries()
        while rows := own.dequeue():
            taken.extend(numbers(rows))
        connection.close()

    threads = [threading.Thread(target=cluster) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert sorted(taken) == list(range(40))


@pytest.mark.django_db(transaction=True)
def test_a_waiting_broker_is_woken_by_the_commit(broker: PgBroker) -> None:
    assert broker.dequeue() is None  # begins to listen

    def later() -> None:
        time.sleep(0.3)
        with transaction.atomic():
            enqueue(TASK, 7)
        connection.close()

    thread = threading.Thread(target=later)
    began = time.monotonic()
    thread.start()
    assert broker.dequeue() is None  # woken
    assert time.monotonic() - began < Conf.POLL
    assert numbers(broker.dequeue()) == [7]
    thread.join()


@pytest.mark.django_db(transaction=True)
def test_a_lost_connection_does_not_cost_the_cluster_its_pusher(broker: PgBroker) -> None:
    broker.dequeue()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    broker.dequeue()
    enqueue(TASK, 1)
    found = [number for _ in range(4) for number in numbers(broker.dequeue())]
    assert found == [1]


@pytest.mark.django_db
def test_the_claim_uses_the_index() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'altor_ormq_key_lock'")
        (definition,) = cursor.fetchone()
    assert "(key, lock)" in definition


@pytest.mark.django_db
def test_every_installation_has_the_schedules() -> None:
    importlib.import_module("altor.migrations.0003_queue").add_schedules(apps, None)  # a flushed test database has none
    importlib.import_module("investigations.migrations.0009_text_model").add_schedule(apps, None)
    functions = dict(Schedule.objects.values_list("func", "schedule_type"))
    assert functions == {
        "altor.tasks.sweep": "I",
        "altor.tasks.prune_results": "D",
        "investigations.tasks.train_text_model": "W",
    }


@pytest.mark.django_db
def test_old_results_are_pruned() -> None:
    now = timezone.now()
    for age in (1, 20):
        stopped = now - timedelta(days=age)
        Task.objects.create(id=f"t{age}", name="t", func=TASK, started=stopped, stopped=stopped, success=False)
    assert prune_results() == 1
    assert Task.objects.get().pk == "t1"


def test_the_pulse_goes_past_the_database_every_few_seconds(settings: Any, tmp_path: Path) -> None:
    settings.HOME = tmp_path
    heart = pulse.Pulse()
    ((entry, payload),) = heart.entries()
    task = SignedPackage.loads(payload)
    assert (entry, task["func"]) == (0, "altor.pulse.beat")
    assert heart.entries() == []


def test_a_silent_cluster_is_seen_by_its_session(settings: Any, tmp_path: Path) -> None:
    settings.HOME = tmp_path
    session = os.getsid(0)
    assert pulse.silent_for(session) is None
    pulse.beat()
    first = pulse.silent_for(session)
    assert first is not None and first < 5
    past = time.time() - 100
    os.utime(tmp_path / "run" / f"pulse-{session}", (past, past))
    silent = pulse.silent_for(session)
    assert silent is not None and silent >= 100
    assert pulse.silent_for(session + 1) is None
    pulse.forget_all()
    assert pulse.silent_for(session) is None


def test_times_that_stand_in_the_wrong_order_are_refused(settings: Any) -> None:
    assert times_stand_in_order() == []
    settings.RUN_LEASE_S = settings.TASK_TIMEOUT_S
    assert [error.id for error in times_stand_in_order()] == ["altor.E004"]


class _Group:
    """Stands for the supervised processes."""

    def __init__(self, session: int) -> None:
        self.session, self.restarted = session, []

    def session_of(self, name: str) -> int:
        return self.session

    def restart(self, name: str) -> None:
        self.restarted.append(name)


@pytest.mark.django_db
def test_a_cluster_without_a_sign_of_life_is_restarted(settings: Any, tmp_path: Path) -> None:
    settings.HOME, settings.WORKER_SILENT_S = tmp_path, 60
    group = _Group(os.getsid(0))
    upkeep = Upkeep(group, every_s=1000)
    upkeep.tick()
    assert group.restarted == [], "nothing is known of a cluster that is just starting"
    pulse.beat()
    upkeep.tick()
    assert group.restarted == []
    past = time.time() - 61
    os.utime(tmp_path / "run" / f"pulse-{group.session}", (past, past))
    upkeep.tick()
    assert group.restarted == ["worker"]
    upkeep.stop()
