"""Publishing: who is told, once, in the caller's transaction, and what may be in it."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction
from django_q.models import OrmQ
from pytest_django import Settings

from altor.models import OutboundDelivery, OutboundEndpoint
from altor.webhooks import publish
from altor.webhooks.endpoints import create_endpoint, disable_endpoint
from altor.webhooks.events import TYPES, event_types
from tests.webhooks.conftest import DATA, NOW

MORE = {"escalation.sent": "An escalation was sent"}


def test_every_subscribed_active_endpoint_gets_one_delivery_and_one_queue_entry(endpoint: OutboundEndpoint) -> None:
    create_endpoint(title="Other events", url=endpoint.url, event_types=["ticket.received"], actor=None)
    off, _ = create_endpoint(title="Off", url=endpoint.url, event_types=["run.finished"], actor=None)
    disable_endpoint(off, reason="not needed", actor=None, now=NOW)
    second, _ = create_endpoint(title="Second", url=endpoint.url, event_types=["run.finished"], actor=None)
    assert publish("run.finished", DATA, key="run:INV-7", now=NOW) == 2
    told = OutboundDelivery.objects.all()
    assert {one.endpoint_id for one in told} == {endpoint.pk, second.pk}
    assert len({one.message_id for one in told}) == 2
    assert {entry.task["func"] for entry in OrmQ.objects.all()} == {"altor.tasks.deliver_webhook"}
    assert sorted(entry.task["args"][0] for entry in OrmQ.objects.all()) == sorted(one.pk for one in told)


def test_the_same_key_is_sent_once(endpoint: OutboundEndpoint) -> None:
    assert publish("run.finished", DATA, key="run:INV-7", now=NOW) == 1
    assert publish("run.finished", DATA, key="run:INV-7", now=NOW) == 0
    assert publish("run.finished", DATA, key="run:INV-8", now=NOW) == 1
    assert (OutboundDelivery.objects.count(), OrmQ.objects.count()) == (2, 2)


def test_a_rolled_back_change_tells_nobody(endpoint: OutboundEndpoint) -> None:
    with transaction.atomic():
        publish("run.finished", DATA, key="run:INV-7", now=NOW)
        transaction.set_rollback(True)
    assert (OutboundDelivery.objects.count(), OrmQ.objects.count()) == (0, 0)


def test_the_payload_has_the_documented_shape(endpoint: OutboundEndpoint) -> None:
    publish("run.finished", DATA, key="run:INV-7", at=NOW.replace(minute=1), now=NOW)
    assert OutboundDelivery.objects.get().payload == {
        "type": "run.finished", "timestamp": "2026-05-01T12:01:00.000Z", "data": DATA,
    }  # fmt: skip


def test_secrets_and_addresses_that_slip_in_are_redacted_and_long_texts_cut(endpoint: OutboundEndpoint) -> None:
    slipped = {"by": "mail noor@northwind.example", "token": "obviously-fake", "host": "10.1.2.3", "label": "x" * 900}
    publish("run.finished", slipped, key="k", now=NOW)
    data = OutboundDelivery.objects.get().payload["data"]
    assert data == {
        "by": "mail [email]@northwind.example", "token": "[redacted]", "host": "[ip]", "label": "x" * 200,
    }  # fmt: skip


@pytest.mark.parametrize("value", [object(), {"a": {"b": 1}}, [[1]], b"bytes"])
def test_what_is_no_reference_and_no_figure_is_refused(endpoint: OutboundEndpoint, value: Any) -> None:
    with pytest.raises(TypeError):
        publish("run.finished", {"evidence": value}, key="k", now=NOW)


def test_values_that_json_or_the_database_cannot_hold_do_not_break_the_caller(endpoint: OutboundEndpoint) -> None:
    publish("run.finished", {"share": float("nan"), "label": "a\x00b"}, key="k", now=NOW)
    assert OutboundDelivery.objects.get().payload["data"] == {"share": None, "label": "ab"}


def test_an_unknown_type_is_a_fault_of_the_caller(endpoint: OutboundEndpoint) -> None:
    with pytest.raises(KeyError):
        publish("run.finnished", DATA, key="k", now=NOW)


def test_apps_add_event_types_by_a_setting(db: None, settings: Settings) -> None:
    settings.OUTBOUND_EVENTS = [f"{__name__}.MORE"]
    assert event_types() == {**TYPES, **MORE}
    assert publish("escalation.sent", {"escalation": "ESC-1"}, key="k", now=NOW) == 0
