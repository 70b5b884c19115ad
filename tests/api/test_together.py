"""What arrives at the same time, over connections of its own: deliveries, their workers, requests with one key."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from rest_framework.test import APIClient

from altor.models import InboundEvent
from investigations.models import Investigation
from investigations.services.inbound import process_event, process_waiting
from tests.api.conftest import World, client_of
from tests.api.test_hooks import event, only_event, post

pytestmark = pytest.mark.django_db(transaction=True)


def test_of_two_deliveries_at_once_one_is_stored(committed_world: World) -> None:
    def deliver(_: int) -> int:
        try:
            return int(post(event()).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        codes = sorted(pool.map(deliver, range(6)))
    assert codes == [200] * 5 + [202]
    only_event()


def test_two_workers_at_once_work_an_event_once(committed_world: World) -> None:
    post(event())
    pk = only_event().pk

    def work(_: int) -> bool:
        try:
            return process_event(pk) is not None
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(work, range(4))) == 1
    assert only_event().attempts == 1
    assert Investigation.objects.filter(ticket__ref="TK-901").count() == 1


def test_several_that_work_what_waits_work_each_event_once(committed_world: World) -> None:
    for number in range(12):
        post(event(910 + number), key=f"crowd-{number}")

    def work(_: int) -> int:
        try:
            return process_waiting(seconds=30)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(work, range(4))) == 12
    crowd = InboundEvent.objects.filter(delivery_key__startswith="crowd-")
    assert set(crowd.values_list("status", "attempts")) == {("done", 1)}


def test_of_two_requests_at_once_with_one_key_one_is_carried_out(committed_world: World) -> None:
    path = f"/api/v1/investigations/{committed_world.run.ref}/feedback/"
    client = client_of(committed_world.people["agent"])
    header = client._credentials

    def send(_: int) -> int:
        try:
            mine = APIClient()
            mine.credentials(**header)
            return int(mine.post(path, {"verdict": "accepted"}, HTTP_IDEMPOTENCY_KEY="k").status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(5) as pool:
        codes = set(pool.map(send, range(5)))
    assert codes <= {201, 409}
    assert committed_world.run.feedback.count() == 1
