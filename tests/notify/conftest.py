"""Channels that lead to loopback servers, and a way to tell and deliver at a given time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pytest_django import Settings
from pytest_httpserver import HTTPServer

from altor.models import NoticeChannel, NoticeDelivery, User
from altor.notify import notify
from altor.notify.delivering import deliver
from altor.outbound.state import forget_states
from tests import factories as make

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
TOLD: dict[str, Any] = {
    "subject_ref": "TK-1",
    "title": "TK-1: a deployment changed the limiter",
    "lines": ["High confidence.", "Since 10:02 UTC, for everybody."],
    "url_path": "/investigations/INV-7/",
    "severity": "SEV2",
}


@pytest.fixture(autouse=True)
def fresh_outbound(settings: Settings) -> Iterator[None]:
    settings.ALLOW_LOOPBACK_UPSTREAMS = True
    settings.PRIVATE_UPSTREAMS = ""
    forget_states()
    yield
    forget_states()


@pytest.fixture
def tell(db: None) -> Callable[..., int]:
    def go(key: str = "k1", kind: str = "diagnosis.ready", now: datetime = NOW, **changes: Any) -> int:
        return notify(kind, key=key, now=now, **{**TOLD, **changes})

    return go


@pytest.fixture
def deliver_all() -> Callable[..., list[NoticeDelivery]]:
    """One try of everything that is due at once; all deliveries afterwards, oldest first."""

    def go(now: datetime = NOW) -> list[NoticeDelivery]:
        for pk in (
            NoticeDelivery.objects.filter(status="waiting", mode="now").order_by("pk").values_list("pk", flat=True)
        ):
            deliver(pk, now=now, jitter=lambda: 0.0)
        return list(NoticeDelivery.objects.order_by("pk"))

    return go


def channel(kind: str, **values: Any) -> NoticeChannel:
    number = NoticeChannel.objects.count() + 1
    return NoticeChannel.objects.create(**{"slug": f"c{number}", "title": f"C{number}", "kind": kind, **values})


@pytest.fixture
def webhook(db: None, httpserver: HTTPServer) -> NoticeChannel:
    """An incoming webhook of Slack that takes everything."""
    httpserver.expect_request("/slack", method="POST").respond_with_data("ok")
    return channel("slack_webhook", secret=httpserver.url_for("/slack"))


@pytest.fixture
def priya(db: None) -> User:
    return make.user("priya", timezone="Europe/Berlin")
