"""Endpoints: what may be configured, secrets, the audit log; replay by hand; pages and REST over them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ
from pytest_django import Settings
from rest_framework.test import APIClient

from altor.errors import Conflict, InvalidInput
from altor.models import AuditEvent, OutboundDelivery, OutboundEndpoint
from altor.webhooks.endpoints import change_endpoint, create_endpoint, disable_endpoint, enable_endpoint
from altor.webhooks.replaying import replay_delivery, replay_undelivered, send_test
from tests import factories as make
from tests.webhooks.conftest import NOW

pytestmark = pytest.mark.django_db
GOOD: dict[str, Any] = {"title": "Bot", "url": "https://hooks.altor.example/in", "event_types": ["run.finished"]}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", "http://hooks.altor.example/in"),
        ("url", "https://user:pass@hooks.altor.example/in"),
        ("url", "https://hooks.altor.example:22/in"),
        ("url", "ftp://hooks.altor.example/"),
        ("url", "https://hooks.altor.example/\n"),
        ("url", "https://hooks.altor.example/#x"),
        ("url", "https://hooks.altor.example/" + "x" * 500),
        ("title", "  "),
        ("event_types", []),
        ("event_types", ["run.finished", "no.such"]),
        ("event_types", ["endpoint.test"]),
    ],
)
def test_what_can_never_be_right_is_refused_with_its_field(settings: Settings, field: str, value: Any) -> None:
    settings.ALLOW_LOOPBACK_UPSTREAMS = False
    assert create_endpoint(**GOOD, actor=None)
    refused = {**GOOD, field: value}
    if field == "url" and value.endswith("\n"):
        refused["url"] = "https://hooks.altor.example/\nx"
    with pytest.raises(InvalidInput) as error:
        create_endpoint(**refused, actor=None)
    assert error.value.extra["field"] == field


def test_plain_http_only_to_loopback_in_development(settings: Settings) -> None:
    create_endpoint(**{**GOOD, "url": "http://127.0.0.1:8081/in"}, actor=None)
    settings.ALLOW_LOOPBACK_UPSTREAMS = False
    with pytest.raises(InvalidInput):
        create_endpoint(**{**GOOD, "url": "http://127.0.0.1:8081/in"}, actor=None)


def test_titles_give_names_that_stay() -> None:
    first, _ = create_endpoint(**GOOD, actor=None)
    second, _ = create_endpoint(**GOOD, actor=None)
    changed = change_endpoint(first, **{**GOOD, "title": "Renamed"}, actor=None)
    assert (changed.slug, second.slug, changed.title) == ("bot", "bot-2", "Renamed")


def test_secrets_are_ciphertext_and_in_no_audit_row() -> None:
    endpoint, secret = create_endpoint(**GOOD, actor=None)
    assert secret.startswith("whsec_") and len(secret) > 40
    with connection.cursor() as cursor:
        cursor.execute("SELECT secrets FROM altor_outboundendpoint")
        assert secret not in cursor.fetchone()[0]
    assert secret not in "".join(str(event.after) + str(event.before) for event in AuditEvent.objects.all())
    assert endpoint.live_secrets == [secret]


def test_every_change_is_audited() -> None:
    admin = make.user("ada", role="admin")
    endpoint, _ = create_endpoint(**GOOD, actor=admin)
    change_endpoint(endpoint, **GOOD, actor=admin)
    disable_endpoint(endpoint, reason="moved", actor=admin, now=NOW)
    disable_endpoint(endpoint, reason="again", actor=admin, now=NOW)  # is off already
    enable_endpoint(endpoint, actor=admin)
    send_test(endpoint, actor=admin, now=NOW)
    replay_undelivered(endpoint, since=NOW, actor=admin, now=NOW)
    told = AuditEvent.objects.order_by("pk").values_list("action", "object_ref", "actor__username")
    names = ["created", "changed", "disabled", "enabled", "tested", "replayed_all"]
    assert list(told) == [(f"outbound.{name}", "bot", "ada") for name in names]


# ------------------------------------------------------------------------------------------------------------- replay
def test_a_replay_starts_from_the_beginning_under_the_same_id() -> None:
    delivery = make.outbound_delivery(make.outbound_endpoint())
    again = replay_delivery(delivery, actor=None, now=NOW)
    assert (again.status, again.tries, again.attempts, again.message_id) == ("waiting", 0, 8, "msg_00ff")
    assert [entry.task["args"] for entry in OrmQ.objects.all()] == [(delivery.pk,)]
    with pytest.raises(Conflict):
        replay_delivery(delivery, actor=None, now=NOW)


def test_what_is_off_takes_no_replay_and_no_test() -> None:
    endpoint = make.outbound_endpoint(is_active=False)
    delivery = make.outbound_delivery(endpoint)
    for attempt in (
        lambda: replay_delivery(delivery, actor=None, now=NOW),
        lambda: replay_undelivered(endpoint, since=NOW, actor=None, now=NOW),
        lambda: send_test(endpoint, actor=None, now=NOW),
    ):
        with pytest.raises(Conflict):
            attempt()


def test_replay_all_takes_failed_and_cancelled_since_a_time() -> None:
    endpoint, other = make.outbound_endpoint(), make.outbound_endpoint(slug="other")
    rows = {
        "old": {"created_at": NOW - timedelta(seconds=1)},
        "failed": {"created_at": NOW},
        "cancelled": {"created_at": NOW, "status": "cancelled"},
        "arrived": {"created_at": NOW, "status": "delivered"},
    }
    for number, (key, values) in enumerate(rows.items()):
        make.outbound_delivery(endpoint, key=key, message_id=f"msg_{number}", **values)
    make.outbound_delivery(other, message_id="msg_9", created_at=NOW)
    assert replay_undelivered(endpoint, since=NOW, actor=None, now=NOW) == 2
    waiting = OutboundDelivery.objects.filter(status="waiting")
    assert {one.key for one in waiting} == {"failed", "cancelled"}


# -------------------------------------------------------------------------------------------------------------- pages
@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(make.user("ada", role="admin"))
    return client


def test_an_endpoint_is_made_shown_once_rotated_and_switched_off(admin: Client) -> None:
    made = admin.post(reverse("outbound-new"), GOOD)
    secret = re.search(r"whsec_[A-Za-z0-9+/=]+", made.content.decode())
    assert made.status_code == 200 and secret is not None
    url = reverse("outbound-endpoint", args=["bot"])
    assert "whsec_" not in admin.get(url).content.decode()
    rotated = admin.post(reverse("outbound-act", args=["bot"]), {"action": "rotate"}).content.decode()
    assert "whsec_" in rotated and secret.group() not in rotated and "2 secrets sign" in rotated
    for action, expected in (("drop", (1, True)), ("disable", (1, False)), ("enable", (1, True))):
        assert admin.post(reverse("outbound-act", args=["bot"]), {"action": action}).status_code == 302
        endpoint = OutboundEndpoint.objects.get()
        assert (len(endpoint.live_secrets), endpoint.is_active) == expected
    sent = admin.post(reverse("outbound-act", args=["bot"]), {"action": "test"})
    assert sent["Location"] == reverse("outbound-delivery", args=[OutboundDelivery.objects.get().message_id])
    wrong = admin.post(reverse("outbound-change", args=["bot"]), {**GOOD, "url": "http://example.com"})
    assert wrong.status_code == 422 and "Only https" in wrong.content.decode()
    assert admin.post(reverse("outbound-change", args=["bot"]), {**GOOD, "title": "New"}).status_code == 302
    assert OutboundEndpoint.objects.get().title == "New"


def test_deliveries_are_sent_again_from_the_pages(admin: Client) -> None:
    delivery = make.outbound_delivery(make.outbound_endpoint(), created_at=timezone.now())
    admin.post(reverse("outbound-replay", args=["msg_00ff"]))
    delivery.refresh_from_db()
    assert delivery.status == "waiting"
    OutboundDelivery.objects.update(status="failed")
    admin.post(reverse("outbound-replay-all", args=["warehouse"]), {"hours": "1"})
    delivery.refresh_from_db()
    assert delivery.status == "waiting"


def test_leads_read_and_change_nothing(client: Client) -> None:
    make.outbound_delivery(make.outbound_endpoint())
    client.force_login(make.user("lena", role="lead"))
    html = client.get(reverse("outbound-endpoint", args=["warehouse"])).content.decode()
    assert "https://hooks.altor.example/in" in html and 'value="rotate"' not in html and "Save" not in html
    for name, args in (
        ("outbound-act", ["warehouse"]), ("outbound-change", ["warehouse"]), ("outbound-replay-all", ["warehouse"]),
        ("outbound-replay", ["msg_00ff"]), ("outbound-new", []),
    ):  # fmt: skip
        assert client.post(reverse(name, args=args), {"action": "disable"}).status_code == 403, name
    assert OutboundEndpoint.objects.get().is_active


def test_filters_narrow_the_log(admin: Client) -> None:
    endpoint = make.outbound_endpoint()
    make.outbound_delivery(endpoint, message_id="msg_aa", key="a")
    make.outbound_delivery(endpoint, message_id="msg_bb", key="b", status="delivered")
    html = admin.get(reverse("outbound") + "?state=failed&endpoint=warehouse&type=run.finished").content.decode()
    assert "msg_aa" in html and "msg_bb" not in html
    assert "msg_bb" in admin.get(reverse("outbound") + "?state=no-such-state").content.decode()


# --------------------------------------------------------------------------------------------------------------- REST
def test_rest_shows_a_secret_once_and_refuses_what_the_pages_refuse(client: Client) -> None:
    api = APIClient()
    api.force_login(make.user("ada", role="admin"))
    base = "/api/v1/outbound/"
    made = api.post(f"{base}endpoints/", GOOD)
    assert made.status_code == 201 and made.json()["secret"].startswith("whsec_")
    assert "whsec_" not in api.get(f"{base}endpoints/bot/").content.decode()
    refused = api.patch(f"{base}endpoints/bot/", {"url": "http://hooks.altor.example/"})
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["url"])
    tested = api.post(f"{base}endpoints/bot/test/").json()
    assert tested["event_type"] == "endpoint.test"
    found = api.get(f"{base}deliveries/?endpoint=bot&status=waiting").json()["results"]
    assert [one["message_id"] for one in found] == [tested["message_id"]]
    assert api.get(f"{base}deliveries/?endpont=bot").status_code == 400
    assert api.post(f"{base}deliveries/{tested['message_id']}/replay/").status_code == 409
    assert api.post(f"{base}endpoints/bot/disable/", {"reason": "moved"}).json()["disabled_reason"] == "moved"
    assert api.post(f"{base}endpoints/bot/test/").status_code == 409
