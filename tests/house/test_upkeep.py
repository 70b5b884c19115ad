"""What the supervisor does beside restarting: sweeps, and a cluster that hangs."""

from __future__ import annotations

import logging
import sys
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone
from django_q.models import OrmQ

from altor.embedded import supervisor
from altor.embedded.processes import Group, Part
from altor.embedded.supervisor import STALE_LOOKS, Upkeep
from altor.queue import PgBroker

pytestmark = pytest.mark.django_db
swept: list[str] = []


def good_sweep() -> None:
    swept.append("good")


def broken_sweep() -> None:
    raise ValueError("a fault of ours")


def sweep_without_database() -> None:
    raise OperationalError("the connection is lost\nand more")


@pytest.fixture(autouse=True)
def nothing_swept():
    swept.clear()


@pytest.fixture
def group(tmp_path):
    own = Group(tmp_path)
    own.start(Part("worker", [sys.executable, "-c", "import time; time.sleep(60)"]))
    yield own
    own.stop()


def sweeps(settings, *functions) -> None:
    settings.SWEEPS = [f"{__name__}.{function.__name__}" for function in functions]


def test_a_broken_sweep_does_not_keep_the_others_from_running(group, settings, caplog):
    sweeps(settings, broken_sweep, good_sweep)
    Upkeep(group).look()
    assert swept == ["good"] and "a sweep failed" in caplog.text


def test_without_a_database_upkeep_is_put_off(group, settings, caplog):
    sweeps(settings, sweep_without_database, good_sweep)
    with caplog.at_level(logging.WARNING):
        Upkeep(group).look()
    assert swept == [] and "upkeep is put off" in caplog.text


def test_a_cluster_that_takes_nothing_is_restarted(group, settings):
    sweeps(settings)
    OrmQ.objects.create(key="altor", payload="x", lock=timezone.now() - timedelta(seconds=300))
    part, upkeep = group._parts[0], Upkeep(group, every_s=3600)
    first = part.process.pid
    for _ in range(STALE_LOOKS):
        upkeep.tick()
        assert part.is_alive and part.process.pid == first  # one look is not enough
        upkeep.look()
    upkeep.tick()
    group.watch()
    assert part.is_alive and part.process.pid != first
    upkeep.stop()


def test_a_long_queue_restarts_nothing(group, settings):
    sweeps(settings)
    now = timezone.now()
    OrmQ.objects.create(key="altor", payload="x", lock=now - timedelta(seconds=300))
    OrmQ.objects.create(key="altor", payload="x", lock=now + timedelta(seconds=settings.QUEUE_RETRY_S - 5))
    upkeep = Upkeep(group)
    for _ in range(STALE_LOOKS + 2):
        upkeep.look()
    assert not upkeep._worker_hangs.is_set()


def test_the_patience_with_a_queue_is_longer_than_a_task(settings):
    assert supervisor.STALE_S > settings.TASK_TIMEOUT_S


def test_a_database_that_is_away_costs_the_cluster_a_moment_only(monkeypatch):
    broker = PgBroker("altor")
    monkeypatch.setattr("altor.queue._AGAIN_S", 0.0)
    monkeypatch.setattr(PgBroker, "_claim", lambda self: sweep_without_database())
    broker.dequeue()  # raises nothing
