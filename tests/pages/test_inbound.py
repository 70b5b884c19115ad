"""The page of inbound events: what waits, what was given up and why, what was refused; and a second try for all."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from altor.models import InboundEvent
from investigations.services.refusals import count_refusal
from tests import factories
from tests.helpdesks.scene import endpoint

pytestmark = pytest.mark.django_db


def arrived(desk: Any, key: str, **values: Any) -> InboundEvent:
    given = {"body": {}, "received_at": timezone.now(), "status": "done", **values}
    return InboundEvent.objects.create(endpoint=desk, delivery_key=key, **given)


def client(role: str = "admin") -> Client:
    found = Client()
    found.force_login(factories.user(role=role))
    return found


def test_the_page_says_what_waits_and_what_was_refused() -> None:
    desk, now = endpoint(), timezone.now()
    arrived(desk, "d1", status="received", received_at=now - timedelta(minutes=7))
    arrived(desk, "d2", status="dead", reason="The event holds no ticket.")
    for _ in range(3):
        count_refusal(desk, "No secret gives this signature.", now=now)
    page = client("lead").get("/inbound/").content.decode()
    for words in ("1 waiting", "7 min", "1 given up", "3 refused", "No secret gives this signature."):
        assert words in page
    assert "given up again" not in page  # leads look, administrators act


def test_filters_narrow_the_list() -> None:
    desk, other = endpoint(), endpoint("other", ticket_prefix="OT")
    arrived(desk, "aaa", result_ref="TK-1")
    arrived(other, "bbb", result_ref="OT-1")
    admin = client()
    assert "bbb" not in admin.get("/inbound/?from=generic/desk").content.decode()
    assert "aaa" not in admin.get("/inbound/?ticket=ot-1").content.decode()
    assert "No event fits" in admin.get("/inbound/?ticket=nothing").content.decode()
    assert admin.get("/inbound/?from=generic/%00&ticket=%27").status_code == 200


def test_all_that_was_given_up_is_worked_again() -> None:
    desk = endpoint()
    for number in range(3):
        arrived(desk, f"d{number}", status="dead")
    admin = client()
    assert "3 events are queued" in admin.post("/inbound/replay/", follow=True).content.decode()
    assert set(InboundEvent.objects.values_list("status", flat=True)) == {"received"}
    assert "nothing to process again" in admin.post("/inbound/replay/", follow=True).content.decode()
    assert client("lead").post("/inbound/replay/").status_code == 403
