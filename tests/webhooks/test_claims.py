"""Workers: killed, late, two at once; the sweep, and what is forgotten."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils.module_loading import import_string
from django_q.models import OrmQ
from pytest_django import Settings
from pytest_httpserver import HTTPServer

from altor import tasks
from altor.models import OutboundAttempt, OutboundDelivery, OutboundEndpoint
from altor.outbound.posting import Posted
from altor.webhooks import publish
from altor.webhooks.delivering import KEPT, LEASE, SCHEDULE, claim, deliver, prune, settle, sweep
from altor.webhooks.endpoints import create_endpoint
from tests.webhooks.conftest import DATA, NOW, answering

Publish = Callable[..., OutboundDelivery]
Try = Callable[..., OutboundDelivery]


def test_a_killed_try_is_taken_again_after_its_lease_and_keeps_its_trace(
    httpserver: HTTPServer, endpoint: OutboundEndpoint, publish_one: Publish, try_at: Try
) -> None:
    answering(httpserver, 200)
    delivery = publish_one()
    assert claim(delivery.pk, now=NOW) is not None  # and its worker is killed here
    assert deliver(delivery.pk, now=NOW + LEASE - timedelta(seconds=1)) is None
    OrmQ.objects.all().delete()
    assert sweep(now=NOW + LEASE - timedelta(seconds=1)) == 0
    assert sweep(now=NOW + LEASE) == 1 and OrmQ.objects.count() == 1
    assert try_at(delivery, NOW + LEASE).status == "delivered"
    assert [(one.number, one.ended_at is None) for one in delivery.tried.all()] == [(1, True), (2, False)]


def test_a_worker_that_comes_back_late_settles_nothing(endpoint: OutboundEndpoint, publish_one: Publish) -> None:
    delivery, late = publish_one(), NOW + LEASE
    slow = claim(delivery.pk, now=NOW)
    assert slow is not None and claim(delivery.pk, now=late) is not None
    for status in (500, 200):
        assert settle(slow, Posted(status, 95.0), now=late, jitter=lambda: 0.0) is None
        delivery.refresh_from_db()
        assert (delivery.status, delivery.attempts, delivery.not_before) == ("waiting", 2, late + LEASE)
    assert delivery.tried.get(number=1).latency_ms == 95_000


def test_a_poison_delivery_that_kills_every_worker_fails_in_the_end(
    endpoint: OutboundEndpoint, publish_one: Publish, try_at: Try
) -> None:
    delivery, now = publish_one(), NOW
    for _ in range(len(SCHEDULE) + 1):
        assert claim(delivery.pk, now=now)
        now += LEASE
    delivery = try_at(delivery, now)
    assert delivery.status == "failed" and "ended its worker" in delivery.reason


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_post_once(httpserver: HTTPServer, transactional_db: None) -> None:
    answering(httpserver, 200)
    create_endpoint(title="W", url=httpserver.url_for("/hook"), event_types=["run.finished"], actor=None)
    publish("run.finished", DATA, key="k", now=NOW)
    delivery = OutboundDelivery.objects.get()

    def work(_: int) -> bool:
        try:
            return deliver(delivery.pk, now=NOW) is not None
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(work, range(4))) == [False, False, False, True]
    assert (len(httpserver.log), OutboundAttempt.objects.count()) == (1, 1)


def test_the_sweep_queues_what_is_due_once(
    httpserver: HTTPServer, endpoint: OutboundEndpoint, publish_one: Publish, try_at: Try
) -> None:
    answering(httpserver, 500)
    delivery = publish_one()
    OrmQ.objects.all().delete()  # its entry was lost
    assert sweep(now=NOW + timedelta(seconds=30)) == 0
    assert sweep(now=NOW + LEASE + timedelta(seconds=1)) == 1
    assert sweep(now=NOW + LEASE + timedelta(seconds=2)) == 0
    delivery = try_at(delivery, NOW + LEASE + timedelta(seconds=2))
    OrmQ.objects.all().delete()
    assert sweep(now=delivery.not_before - timedelta(seconds=1)) == 0
    assert sweep(now=delivery.not_before) == 1
    assert [entry.task["args"] for entry in OrmQ.objects.all()] == [(delivery.pk,)]


def test_the_queues_entry_points_reach_all_of_it(
    httpserver: HTTPServer, endpoint: OutboundEndpoint, publish_one: Publish
) -> None:
    answering(httpserver, 200)
    delivery = publish_one()
    OrmQ.objects.all().delete()
    assert tasks.sweep() is None
    for entry in OrmQ.objects.all():
        import_string(entry.task["func"])(*entry.task["args"])
    delivery.refresh_from_db()
    assert delivery.status == "delivered"
    OutboundDelivery.objects.update(ended_at=NOW - KEPT)
    tasks.prune_results()
    assert not OutboundDelivery.objects.exists()


def test_nothing_leaves_while_it_is_held_back_and_nothing_is_lost(
    httpserver: HTTPServer, endpoint: OutboundEndpoint, publish_one: Publish, try_at: Try, settings: Settings
) -> None:
    answering(httpserver, 200)
    settings.OUTBOUND, delivery, late = False, publish_one(), NOW + LEASE + timedelta(seconds=1)
    assert (try_at(delivery).attempts, sweep(now=late), len(httpserver.log)) == (0, 0, 0)
    settings.OUTBOUND = True
    assert sweep(now=late) == 1 and try_at(delivery, late).status == "delivered"


def test_ended_deliveries_are_forgotten_after_their_time(
    httpserver: HTTPServer, endpoint: OutboundEndpoint, publish_one: Publish, try_at: Try
) -> None:
    answering(httpserver, 200)
    ended, _waiting = try_at(publish_one()), publish_one("b")
    assert ended.ended_at is not None
    prune(now=ended.ended_at + KEPT)
    assert OutboundDelivery.objects.count() == 2
    prune(now=ended.ended_at + KEPT + timedelta(seconds=1))
    assert OutboundDelivery.objects.get().key == "b" and not OutboundAttempt.objects.exists()
