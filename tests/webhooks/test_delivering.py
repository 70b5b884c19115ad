"""Delivering over real sockets: signatures, outcomes, the schedule, lost workers, endpoints that stay dead."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import time_machine
from pytest_django import Settings
from pytest_httpserver import HTTPServer
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from werkzeug import Request

from altor import signatures
from altor.models import AuditEvent, OutboundDelivery, OutboundEndpoint
from altor.webhooks import publish
from altor.webhooks.delivering import FAILING, SCHEDULE, deliver, wait_after
from altor.webhooks.endpoints import drop_old_secrets, enable_endpoint, rotate_secret
from tests.loopback import Answer, closed_port, serving
from tests.webhooks.conftest import DATA, NOW, answering

Publish = Callable[..., OutboundDelivery]
Try = Callable[..., OutboundDelivery]


def last_request(server: HTTPServer) -> Request:
    return server.log[-1][0]


# ------------------------------------------------------------------------------------------------------ what is sent
def test_a_delivery_is_signed_by_standard_webhooks(
    httpserver: HTTPServer, endpoint: OutboundEndpoint, publish_one: Publish, try_at: Try
) -> None:
    answering(httpserver, 204)
    delivery = try_at(publish_one())
    request = last_request(httpserver)
    assert delivery.status == "delivered" and delivery.ended_at is not None
    assert request.headers["webhook-id"] == delivery.message_id
    with time_machine.travel(NOW, tick=False):
        told = Webhook(endpoint.live_secrets[0]).verify(request.get_data(), dict(request.headers))
        assert told == {"type": "run.finished", "timestamp": "2026-05-01T12:00:00.000Z", "data": DATA}
        with pytest.raises(WebhookVerificationError):
            Webhook(endpoint.live_secrets[0]).verify(request.get_data() + b" ", dict(request.headers))


def test_another_altor_would_accept_it(
    httpserver: HTTPServer, endpoint: OutboundEndpoint, publish_one: Publish, try_at: Try
) -> None:
    answering(httpserver, 200)
    delivery = try_at(publish_one())
    request = last_request(httpserver)
    headers = {name.lower(): value for name, value in request.headers.items()}
    with time_machine.travel(NOW, tick=False):
        told = signatures.verify("generic", endpoint.live_secrets, headers, request.get_data(), now=NOW)
    assert (told.key, told.at) == (delivery.message_id, NOW)


def test_every_live_secret_signs_until_the_old_ones_are_dropped(
    httpserver: HTTPServer, endpoint: OutboundEndpoint, publish_one: Publish, try_at: Try
) -> None:
    answering(httpserver, 200)
    old, new = endpoint.live_secrets[0], rotate_secret(endpoint, actor=None)

    def accepted_by(secret: str, key: str) -> bool:
        try_at(publish_one(key))
        request = last_request(httpserver)
        with time_machine.travel(NOW, tick=False):
            try:
                Webhook(secret).verify(request.get_data(), dict(request.headers))
            except WebhookVerificationError:
                return False
        return True

    assert accepted_by(old, "a") and accepted_by(new, "b")
    drop_old_secrets(endpoint, actor=None)
    assert not accepted_by(old, "c") and accepted_by(new, "d")


def test_id_and_body_stay_the_same_on_every_try_and_the_time_does_not(
    httpserver: HTTPServer, endpoint: OutboundEndpoint, publish_one: Publish, try_at: Try
) -> None:
    answering(httpserver, 503)
    delivery = publish_one(share=0.1, count=3, region=None, labels=["b", "a"])
    try_at(delivery)
    later = try_at(delivery, NOW + timedelta(minutes=10))
    first, second = (entry[0] for entry in httpserver.log)
    assert later.attempts == 2
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.get_data() == second.get_data()
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) == 600


# ---------------------------------------------------------------------------------------------------------- outcomes
@pytest.mark.parametrize("status", [301, 400, 401, 404, 429, 500, 503])
def test_an_answer_other_than_2xx_is_tried_again(
    httpserver: HTTPServer, endpoint: OutboundEndpoint, publish_one: Publish, try_at: Try, status: int
) -> None:
    answering(httpserver, status, "no, thanks", Location="http://127.0.0.1:1/elsewhere")
    delivery = try_at(publish_one())
    assert (delivery.status, len(httpserver.log)) == ("waiting", 1)
    attempt = delivery.tried.get()
    assert attempt.status == status and attempt.error
    assert NOW + SCHEDULE[0] <= delivery.not_before <= NOW + SCHEDULE[0] + timedelta(seconds=20)
    endpoint.refresh_from_db()
    assert endpoint.failing_since is not None and endpoint.is_active


def test_no_connection_a_broken_one_and_silence_are_tried_again(
    endpoint: OutboundEndpoint, publish_one: Publish, try_at: Try, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("altor.outbound.transport.READ_S", 0.2)
    with serving(lambda asked: Answer(delay_s=5.0) if asked.path == "/slow" else Answer(reset=True)) as receiver:
        for number, url in enumerate(
            (f"http://127.0.0.1:{closed_port()}/", f"{receiver.url}/", f"{receiver.url}/slow")
        ):
            OutboundEndpoint.objects.filter(pk=endpoint.pk).update(url=url)
            delivery = try_at(publish_one(f"k{number}"))
            assert (delivery.status, delivery.tried.get().status) == ("waiting", None), url
            assert delivery.reason


def test_an_answer_too_long_to_read_is_an_answer(
    httpserver: HTTPServer, endpoint: OutboundEndpoint, publish_one: Publish, try_at: Try
) -> None:
    answering(httpserver, 200, "x" * 200_000)
    assert try_at(publish_one()).status == "delivered"


def test_five_hundred_characters_of_the_answer_are_kept_without_secrets(
    httpserver: HTTPServer, endpoint: OutboundEndpoint, publish_one: Publish, try_at: Try
) -> None:
    answering(httpserver, 500, "noor@northwind.example \x00" + "y" * 900)
    answer = try_at(publish_one()).tried.get().answer
    assert answer.startswith("[email]@northwind.example yyy") and len(answer) == 500


def test_retry_after_is_honoured_when_it_is_longer(
    httpserver: HTTPServer, endpoint: OutboundEndpoint, publish_one: Publish, try_at: Try
) -> None:
    answering(httpserver, 429, **{"Retry-After": "900"})
    delivery = try_at(publish_one())
    assert NOW + timedelta(seconds=900) <= delivery.not_before <= NOW + timedelta(seconds=920)
    assert wait_after(1, 10**9) == timedelta(hours=24)
    assert wait_after(4, 3.0, lambda: 0.0) == SCHEDULE[3]


def test_waits_grow_with_jitter_and_then_it_is_given_up(
    httpserver: HTTPServer, endpoint: OutboundEndpoint, publish_one: Publish, try_at: Try
) -> None:
    answering(httpserver, 500)
    delivery, now, waits = publish_one(), NOW, []
    for _ in SCHEDULE:
        delivery = try_at(delivery, now)
        waits.append(delivery.not_before - now)
        now = delivery.not_before
    delivery = try_at(delivery, now)
    assert [wait // timedelta(seconds=1) for wait in waits] == [5, 60, 300, 1800, 7200, 21_600, 43_200]
    assert (delivery.status, delivery.attempts) == ("failed", 8)
    assert "Given up after 8 tries" in delivery.reason
    assert deliver(delivery.pk, now=now + timedelta(days=1)) is None
    assert wait_after(2, None, lambda: 1.0) == SCHEDULE[1] * 1.2


def test_410_switches_the_endpoint_off_and_cancels_what_waits(
    httpserver: HTTPServer, endpoint: OutboundEndpoint, publish_one: Publish, try_at: Try
) -> None:
    answering(httpserver, 410)
    waiting = publish_one("other")
    delivery = try_at(publish_one())
    endpoint.refresh_from_db()
    waiting.refresh_from_db()
    assert (delivery.status, waiting.status, endpoint.is_active) == ("failed", "cancelled", False)
    assert "410" in endpoint.disabled_reason
    assert publish("run.finished", DATA, key="later", now=NOW) == 0
    event = AuditEvent.objects.get(action="outbound.disabled")
    assert (event.actor, event.actor_kind, event.after) == (None, "system", {"cancelled": 1})


def test_an_address_that_may_not_be_contacted_is_not_tried_again(
    endpoint: OutboundEndpoint, publish_one: Publish, try_at: Try, settings: Settings
) -> None:
    settings.ALLOW_LOOPBACK_UPSTREAMS = False
    delivery = try_at(publish_one())
    assert (delivery.status, delivery.reason) == ("failed", "This address is not allowed for a connection")


@pytest.mark.parametrize("url", ["https://a..b.example/", f"https://{'x' * 70}.example/", "https://exa mple.example/"])
def test_an_address_that_is_none_fails_and_breaks_no_worker(
    endpoint: OutboundEndpoint, publish_one: Publish, try_at: Try, url: str
) -> None:
    OutboundEndpoint.objects.filter(pk=endpoint.pk).update(url=url)
    assert try_at(publish_one()).reason


# ------------------------------------------------------------------------------------------------ endpoints that fail
def fail_for_good(publish_one: Publish, try_at: Try, key: str, now: datetime) -> datetime:
    """All tries of one delivery; when the last one was."""
    delivery = publish_one(key, now)
    while delivery.status == "waiting":
        now = max(now, delivery.not_before)
        delivery = try_at(delivery, now)
    return now


def test_an_endpoint_that_fails_for_five_days_is_switched_off(
    httpserver: HTTPServer, endpoint: OutboundEndpoint, publish_one: Publish, try_at: Try
) -> None:
    answering(httpserver, 500)
    fail_for_good(publish_one, try_at, "first", NOW)
    fail_for_good(publish_one, try_at, "second", NOW + timedelta(days=3))
    endpoint.refresh_from_db()
    assert endpoint.is_active
    fail_for_good(publish_one, try_at, "third", NOW + FAILING - timedelta(hours=20))
    endpoint.refresh_from_db()
    assert not endpoint.is_active and "5 days" in endpoint.disabled_reason
    enable_endpoint(endpoint, actor=None)
    endpoint.refresh_from_db()
    assert (endpoint.is_active, endpoint.failing_since, endpoint.disabled_reason) == (True, None, "")


def test_one_accepted_delivery_forgives(
    httpserver: HTTPServer, endpoint: OutboundEndpoint, publish_one: Publish, try_at: Try
) -> None:
    answering(httpserver, 500)
    fail_for_good(publish_one, try_at, "first", NOW)
    answering(httpserver, 200)
    try_at(publish_one("good", NOW + timedelta(days=4)), NOW + timedelta(days=4))
    answering(httpserver, 500)
    fail_for_good(publish_one, try_at, "second", NOW + FAILING)
    endpoint.refresh_from_db()
    assert endpoint.is_active and endpoint.last_success_at is not None


def test_the_body_is_compact_json_in_utf8(
    httpserver: HTTPServer, endpoint: OutboundEndpoint, publish_one: Publish, try_at: Try
) -> None:
    answering(httpserver, 200)
    try_at(publish_one(label="naïve"))
    body = last_request(httpserver).get_data()
    assert "naïve".encode() in body and json.loads(body)["data"]["label"] == "naïve" and b": " not in body
