"""Receivers on the loopback, endpoints that lead to them, a clock that stands still."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pytest_django import Settings
from pytest_httpserver import HTTPServer

from altor.models import OutboundDelivery, OutboundEndpoint
from altor.outbound.state import forget_states
from altor.webhooks import publish
from altor.webhooks.delivering import deliver
from altor.webhooks.endpoints import create_endpoint

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
DATA = {"ticket": "TK-10134", "investigation": "INV-7", "confidence": 0.86, "severity": "SEV2"}


@pytest.fixture(autouse=True)
def fresh_outbound(settings: Settings) -> Iterator[None]:
    settings.ALLOW_LOOPBACK_UPSTREAMS = True
    settings.PRIVATE_UPSTREAMS = ""
    forget_states()
    yield
    forget_states()


@pytest.fixture
def endpoint(db: None, httpserver: HTTPServer) -> OutboundEndpoint:
    found, _ = create_endpoint(
        title="Warehouse", url=httpserver.url_for("/hook"), event_types=["run.finished", "ticket.received"], actor=None
    )
    return found


@pytest.fixture
def publish_one(endpoint: OutboundEndpoint) -> Callable[..., OutboundDelivery]:
    """Publishes one `run.finished` and gives its delivery."""

    def go(key: str = "run:INV-7", now: datetime = NOW, **data: Any) -> OutboundDelivery:
        assert publish("run.finished", {**DATA, **data}, key=key, now=now) == 1
        return OutboundDelivery.objects.get(key=key)

    return go


@pytest.fixture
def try_at() -> Callable[..., OutboundDelivery]:
    """One try of a delivery at a time, without jitter; the delivery as it is afterwards."""

    def go(delivery: OutboundDelivery, now: datetime = NOW) -> OutboundDelivery:
        deliver(delivery.pk, now=now, jitter=lambda: 0.0)
        return OutboundDelivery.objects.get(pk=delivery.pk)

    return go


def answering(server: HTTPServer, status: int, text: str = "", **headers: str) -> None:
    server.clear()
    server.expect_request("/hook", method="POST").respond_with_data(text, status=status, headers=headers)
