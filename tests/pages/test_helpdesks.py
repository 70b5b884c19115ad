"""The pages of helpdesk connections: created by form, secrets shown once, tested, switched, the past read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from altor.models import InboundEndpoint, Team, User
from altor.outbound.state import forget_states
from altor.settings.environment import ROOT
from investigations.forms_helpdesks import HelpdeskForm
from investigations.helpdesks.registry import helpdesks
from investigations.models import Backfill, HelpdeskConnection, InboundRefusal, Ticket
from investigations.services.backfill import work_page
from tests import factories as make
from tests.helpdesks.desk import KEY, Desk, ticket
from tests.loopback import Upstream, serving

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh(settings: Settings) -> Iterator[None]:
    settings.ALLOW_LOOPBACK_UPSTREAMS = True
    forget_states()
    yield
    forget_states()


@pytest.fixture
def ours() -> Team:
    return make.team("Ours", is_default=True)


@pytest.fixture
def admin(ours: Team) -> Client:
    return as_(make.user("ada", role="admin"))


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with serving(Desk([ticket(n) for n in range(1, 5)], size=3)) as found:
        yield found


def as_(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def at(name: str = "", *args: Any) -> str:
    return reverse(f"investigations:helpdesk{name}", args=args)


def text(answer: Any) -> str:
    return str(answer.content.decode())


def form(url: str, **values: Any) -> dict[str, Any]:
    return {
        "name": "desk", "title": "Front door", "ticket_prefix": "GD", "base_url": url, "secret": KEY,
        "origins": "https://desk.example\n", "writes_notes": "on", "option_own_user_id": "7",
        "option_ticket_url": "https://desk.example/t/{id}", "custom_fields_id_0": "7", "custom_fields_to_0": "endpoint",
        "result_fields_id_0": "9", "result_fields_to_0": "label", **values,
    }  # fmt: skip


ONE = ("generic", "desk")
FOLDER = ROOT / "investigations" / "helpdesks"


def connected(admin: Client, url: str) -> HelpdeskConnection:
    admin.post(at("-new", "generic"), form(url))
    return HelpdeskConnection.objects.select_related("endpoint").get()


def test_a_helpdesk_is_connected_by_form_and_its_secret_is_shown_once(admin: Client, upstream: Upstream) -> None:
    assert "Ticket url" in text(admin.get(at("-new", "generic")))
    html = text(admin.post(at("-new", "generic"), form(upstream.url)))
    row = HelpdeskConnection.objects.select_related("endpoint").get()
    secret = row.endpoint.secrets
    assert secret in html and "http://testserver/api/v1/hooks/generic/desk/" in html and "webhook.json" in html
    assert row.health == "ok" and row.secret == KEY and row.writes_notes and not row.writes_tags
    assert row.options == {
        "own_user_id": "7", "ticket_url": "https://desk.example/t/{id}", "custom_fields": {"7": "endpoint"},
        "result_fields": {"9": "label"},
    }  # fmt: skip
    again = text(admin.get(at("", *ONE))) + text(admin.get(at("-edit", *ONE))) + text(admin.get(at("s")))
    assert secret not in again and KEY not in again and "0001" in again, "only how the key ends"


def test_editing_keeps_secrets_and_fills_the_form(admin: Client, upstream: Upstream) -> None:
    connected(admin, upstream.url)
    html = text(admin.get(at("-edit", *ONE)))
    for value in ('value="7"', "https://desk.example", 'value="Front door"', 'value="endpoint" selected'):
        assert value in html
    changed = form(upstream.url, secret="", title="Back door", writes_notes="", custom_fields_id_0="",
                   custom_fields_to_0="")  # fmt: skip
    assert admin.post(at("-edit", *ONE), changed).status_code == 302
    row = HelpdeskConnection.objects.select_related("endpoint").get()
    assert (row.secret, row.endpoint.title, row.writes_notes) == (KEY, "Back door", False)
    assert "custom_fields" not in row.options


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"base_url": "http://desk.example"}, "base_url"),
        ({"origins": "https://*.desk.example"}, "origins"),
        ({"ticket_prefix": "gd1"}, "ticket_prefix"),
        ({"name": "no spaces"}, "name"),
        ({"name": "taken"}, "name"),
        ({"name": "Upper"}, "name"),
        ({"custom_fields_to_0": ""}, "custom_fields_to_0"),
        ({"custom_fields_id_1": "7", "custom_fields_to_1": "priority"}, "custom_fields_id_1"),
        ({"custom_fields_id_1": "8", "custom_fields_to_1": "nonsense"}, "custom_fields_to_1"),
        ({"base_url": ""}, "base_url"),
    ],
)
def test_wrong_values_are_told_at_their_field(admin: Client, change: dict[str, Any], field: str) -> None:
    taken = InboundEndpoint.objects.create(source="generic", connection="taken", ticket_prefix="XX")
    HelpdeskConnection.objects.create(endpoint=taken)
    answer = admin.post(at("-new", "generic"), form("https://desk.example", **change))
    assert answer.status_code == 422 and f'id="id_{field}_error"' in text(answer)
    assert KEY not in text(answer) and HelpdeskConnection.objects.count() == 1


def test_the_key_is_asked_again_for_another_host(admin: Client, upstream: Upstream) -> None:
    connected(admin, upstream.url)
    answer = admin.post(at("-edit", *ONE), form("https://other.example", secret=""))
    assert answer.status_code == 422 and 'id="id_secret_error"' in text(answer)


def test_secrets_are_rotated_pasted_and_dropped(admin: Client, upstream: Upstream) -> None:
    row = connected(admin, upstream.url)
    first = row.endpoint.secrets
    html = text(admin.post(at("-secret", *ONE), {"action": "rotate"}))
    newest = InboundEndpoint.objects.get().secrets.splitlines()[0]
    assert newest in html and newest != first and "2 valid" in html
    html = text(admin.post(at("-secret", *ONE), {"action": "rotate", "secret": "theirs-fake-0004"}, follow=True))
    assert "theirs-fake-0004" not in html
    assert InboundEndpoint.objects.get().secrets.splitlines() == ["theirs-fake-0004", newest, first]
    admin.post(at("-secret", *ONE), {"action": "rotate", "secret": "two\nlines"})
    admin.post(at("-secret", *ONE), {"action": "drop"})
    assert InboundEndpoint.objects.get().secrets == "theirs-fake-0004"
    html = text(admin.post(at("-secret", *ONE), {"action": "launch"}))
    made = HelpdeskConnection.objects.get().launch_secret
    assert made and made in html and made not in text(admin.get(at("", *ONE)))


def test_refused_deliveries_and_the_last_day_are_seen(admin: Client, upstream: Upstream) -> None:
    row, now = connected(admin, upstream.url), timezone.now()
    hour = now.replace(minute=0, second=0, microsecond=0)
    InboundRefusal.objects.create(endpoint=row.endpoint, hour=hour, reason="A wrong secret", count=3, last_at=now)
    earlier = hour - timedelta(hours=1)
    InboundRefusal.objects.create(endpoint=row.endpoint, hour=earlier, reason="A wrong secret", count=4, last_at=now)
    old = now - timedelta(days=2)
    InboundRefusal.objects.create(endpoint=row.endpoint, hour=old, reason="Long ago", count=9, last_at=old)
    for status in ("done", "done", "dead"):
        make.inbound_event(endpoint=row.endpoint, status=status)
    make.inbound_event(endpoint=row.endpoint, status="done", received_at=old)
    html = text(admin.get(at("s")))
    assert "7 deliveries refused" in html and "Long ago" not in html
    assert "Last day: 3 events" in html and "1 could not be worked" in html
    assert "A wrong secret" in text(admin.get(at("", *ONE)))


def test_the_past_is_read_watched_and_stopped(admin: Client, upstream: Upstream) -> None:
    row = connected(admin, upstream.url)
    assert "between 1 and 365" in text(admin.post(at("-read", *ONE), {"days": "900"}, follow=True))
    assert "between 1 and 365" in text(admin.post(at("-read", *ONE), {"days": "x"}, follow=True))
    html = text(admin.post(at("-read", *ONE), {"days": "14", "action": "start"}, follow=True))
    assert 'hx-trigger="every 3s"' in html and "Stop reading" in html
    reading = Backfill.objects.get()
    assert abs(timezone.now() - timedelta(days=14) - reading.since) < timedelta(minutes=5)
    work_page(reading.pk)
    live = admin.get(at("-readings", *ONE))
    assert live.status_code == 200 and "3 of 4 tickets read, 3 new" in text(live)
    work_page(reading.pk)
    live = admin.get(at("-readings", *ONE))
    assert live.status_code == 286 and "hx-trigger" not in text(live) and Ticket.objects.count() == 4
    admin.post(at("-read", *ONE), {"days": "14", "action": "start"})
    admin.post(at("-read", *ONE), {"action": "cancel"})
    assert Backfill.objects.filter(connection=row).first().status == "cancelled"  # type: ignore[union-attr]  # there are two


def test_it_is_tested_and_switched_off_and_on(admin: Client, upstream: Upstream) -> None:
    connected(admin, upstream.url)
    assert "It lists tickets" in text(admin.post(at("-test", *ONE), follow=True))
    html = text(admin.post(at("-switch", *ONE), {"to": "off"}, follow=True))
    assert "Switched off" in html and not InboundEndpoint.objects.get().is_active
    assert re.search(r"switched off", text(admin.post(at("-read", *ONE), {"days": "3"}, follow=True)))
    admin.post(at("-switch", *ONE), {"to": "on"})
    assert InboundEndpoint.objects.get().is_active


def test_leads_look_and_others_do_not(admin: Client, upstream: Upstream, ours: Team) -> None:
    connected(admin, upstream.url)
    lead = as_(make.user(role="lead", teams=(ours,)))
    html = text(lead.get(at("", *ONE))) + text(lead.get(at("s")))
    assert "Front door" in html and 'method="post" action="/helpdesks' not in html
    writes = [
        ("-new", ("generic",)),
        ("-edit", ONE),
        ("-test", ONE),
        ("-secret", ONE),
        ("-switch", ONE),
        ("-read", ONE),
    ]
    for name, args in writes:
        assert lead.post(at(name, *args), {}).status_code == 403, name
    for role in ("agent", "engineer", "read_only"):
        client = as_(make.user(role=role, teams=(ours,)))
        assert {client.get(url).status_code for url in (at("s"), at("", *ONE), at("-readings", *ONE))} == {403}
    for url in (at("", "generic", "none"), at("-new", "none"), at("-edit", "none", "desk")):
        assert admin.get(url).status_code == 404


@pytest.mark.parametrize("kind", list(helpdesks()))
def test_every_kind_of_helpdesk_has_a_form_that_saves(admin: Client, kind: str) -> None:
    html = text(admin.get(at("-new", kind)))
    prefix = helpdesks()[kind].prefix
    assert f'value="{prefix}"' in html
    sent = {"name": "desk", "ticket_prefix": prefix, "origins": "https://desk.example"}
    sent |= {f"option_{name}": value for name, value in form_defaults(kind).items()}
    html = text(admin.post(at("-new", kind), sent))
    row = HelpdeskConnection.objects.select_related("endpoint").get()
    assert f"/api/v1/hooks/{kind}/desk/" in html and row.origins == ["https://desk.example"]
    for name in ("trigger.json", "webhook.json"):
        assert (name in html) is (FOLDER / kind / name).exists(), name
    assert admin.get(at("-edit", kind, "desk")).status_code == 200


def form_defaults(kind: str) -> dict[str, Any]:
    """What a browser sends back of the untouched form: texts and choices as they stand, no unticked box."""
    untouched = HelpdeskForm(helpdesks()[kind], None)
    given = {name: untouched.fields[f"option_{name}"].initial for name in untouched.option_names}
    return {name: value for name, value in given.items() if value not in (None, False)}
