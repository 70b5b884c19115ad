"""Helpdesk connections: saved without leaking, tested over a loopback socket, shown once, as files and by command."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection as database
from pytest_django import Settings

from altor.errors import InvalidInput
from altor.models import AuditEvent, InboundEndpoint
from investigations.configuration_helpdesks import HelpdesksPart
from investigations.helpdesks.origins import read_origins
from investigations.models import Backfill, HelpdeskConnection, Ticket
from investigations.services.helpdesks import (
    HelpdeskValues,
    check_helpdesk,
    config_of,
    new_launch_secret,
    save_helpdesk,
    switch_helpdesk,
)
from tests import factories as make
from tests.helpdesks.desk import KEY, Desk, ticket
from tests.loopback import Upstream

pytestmark = pytest.mark.django_db


def saved(name: str = "desk", **values: Any) -> HelpdeskConnection:
    given = {"base_url": "https://desk.example/api", "secret": KEY, "prefix": "GD"} | values
    return save_helpdesk("generic", name, HelpdeskValues(**given), actor=None)[0]


def test_it_brings_its_address_and_a_secret_that_is_told_once() -> None:
    values = HelpdeskValues(base_url="https://desk.example", prefix="GD", options={"own_user_id": "7"})
    row, secret = save_helpdesk("generic", "desk", values, actor=None)
    assert secret.startswith("whsec_") and row.endpoint.secrets == secret
    assert save_helpdesk("generic", "desk", values, actor=None) == (row, "")
    config = config_of(row)
    assert (config.source, config.name, config.base_url, config.options) == (
        "generic", "desk", "https://desk.example", {"own_user_id": "7"},
    )  # fmt: skip
    _, none = save_helpdesk("generic", "two", HelpdeskValues(prefix="TW"), actor=None, signing_secret="theirs-fake")
    assert none == "" and InboundEndpoint.objects.get(connection="two").secrets == "theirs-fake"


def test_an_endpoint_that_stood_before_is_taken_over() -> None:
    InboundEndpoint.objects.create(source="generic", connection="desk", secrets="whsec_fake", ticket_prefix="GD")
    row, secret = save_helpdesk("generic", "desk", HelpdeskValues(), actor=None)
    assert secret == "" and row.endpoint.secrets == "whsec_fake" and row.endpoint.ticket_prefix == "GD"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"base_url": "ftp://desk.example"}, "base_url"),
        ({"base_url": "http://desk.example"}, "base_url"),
        ({"base_url": "https://me:pw@desk.example"}, "base_url"),
        ({"base_url": "https://desk.example/" + "x" * 500}, "base_url"),
        ({"base_url": "", "writes_notes": True}, "base_url"),
        ({"origins": ["https://*.desk.example"]}, "origins"),
    ],
)
def test_wrong_values_are_refused_at_their_field(values: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        saved(**values)
    assert refused.value.extra["field"] == field
    assert not HelpdeskConnection.objects.exists() and not InboundEndpoint.objects.exists()


def test_unknown_options_kinds_and_a_prefix_that_is_taken_are_refused() -> None:
    with pytest.raises(InvalidInput):
        saved(options={"no_such_option": "1"})
    with pytest.raises(InvalidInput):
        save_helpdesk("nothing", "desk", HelpdeskValues(), actor=None)
    saved()
    with pytest.raises(InvalidInput) as refused:
        saved("other")
    assert refused.value.extra["field"] == "prefix"


def test_a_key_never_goes_to_another_host() -> None:
    saved()
    row = saved(secret=None, base_url="https://desk.example/v2")
    assert row.secret == KEY, "the same host keeps it"
    for other in ("https://evil.example/v2", "https://desk.example:8443"):
        with pytest.raises(InvalidInput) as refused:
            saved(secret=None, base_url=other)
        assert refused.value.extra["field"] == "secret"
    assert saved(secret="another-fake-key-0002", base_url="https://evil.example").secret == "another-fake-key-0002"
    assert saved(secret=None, base_url="").secret == "", "without an address there is nothing to keep it for"


def test_no_secret_stands_in_the_database_or_the_audit_log() -> None:
    row = saved(launch_secret="a-fake-launch-key-0003")
    made = new_launch_secret(row, actor=None)
    row.refresh_from_db()
    assert row.launch_secret == made and len(made) >= 40
    with database.cursor() as cursor:
        cursor.execute("SELECT secret, launch_secret FROM investigations_helpdeskconnection")
        stored = str(cursor.fetchall())
    told = json.dumps(list(AuditEvent.objects.values("before", "after", "reason")))
    for secret in (KEY, "a-fake-launch-key-0003", made, row.endpoint.secrets):
        assert secret not in stored and secret not in told
    assert set(AuditEvent.objects.values_list("action", flat=True)) >= {
        "helpdesk.created", "helpdesk.launch_secret_made"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("https://acme.zendesk.com", "https://acme.zendesk.com"),
        ("HTTPS://Acme.Zendesk.com/", "https://acme.zendesk.com"),
        ("https://acme.example:443", "https://acme.example"),
        ("https://acme.example:8443", "https://acme.example:8443"),
        ("https://[2001:db8::1]", "https://[2001:db8::1]"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
    ],
)
def test_an_origin_is_kept_as_browsers_send_it(text: str, kept: str, settings: Settings) -> None:
    settings.DEBUG = True
    assert read_origins([text, "", text]) == [kept]


@pytest.mark.parametrize(
    "text",
    [
        "*", "https://*", "https://*.zendesk.com", "http://acme.zendesk.com", "acme.zendesk.com", "https://",
        "https://a.example/app", "https://a.example?x", "https://a.example#", "https://me@a.example", "null",
        "https://a.example b.example", "https://a.example;script-src *", "javascript:alert(1)", "https://exämple.de",
        "https://a.example:99999", "https://-a.example", "data:text/html,x", "http://localhost.evil.example",
    ],
)  # fmt: skip
def test_what_is_not_exactly_one_origin_is_refused(text: str, settings: Settings) -> None:
    settings.DEBUG = True
    with pytest.raises(InvalidInput):
        read_origins([text])


def test_http_origins_are_for_development_only(settings: Settings) -> None:
    settings.DEBUG = False
    with pytest.raises(InvalidInput):
        read_origins(["http://localhost:3000"])


def test_a_test_asks_the_real_api_and_keeps_what_it_said(upstream: Upstream) -> None:
    row = saved(base_url=upstream.url)
    report = check_helpdesk(row)
    row.refresh_from_db()
    assert report.ok and row.health == "ok" and row.checked_at is not None
    assert upstream.asked[0].path == "/tickets"
    row = saved(base_url=upstream.url, secret="wrong-fake-key-0009")
    assert row.health == "unknown", "what was said of other values does not stand any more"
    assert not check_helpdesk(row).ok
    row.refresh_from_db()
    assert row.health == "refused" and "wrong-fake-key" not in row.health_message


def test_switched_off_it_is_not_read_on() -> None:
    row = saved()
    reading = Backfill.objects.create(connection=row, since=make.NOON)
    switch_helpdesk(row, on=False, actor=None)
    switch_helpdesk(row, on=False, actor=None)
    reading.refresh_from_db()
    assert reading.status == "cancelled" and not InboundEndpoint.objects.get().is_active
    switch_helpdesk(row, on=True, actor=None)
    assert AuditEvent.objects.filter(action__startswith="helpdesk.switched").count() == 2


def test_the_configuration_file_holds_everything_but_secrets_and_comes_back() -> None:
    saved(origins=["https://desk.example"], writes_notes=True, options={"custom_fields": {"7": "endpoint"}})
    part = HelpdesksPart()
    text = part.export()["helpdesks.yaml"]
    assert KEY not in text and "custom_fields" in text
    part.apply({"helpdesks.yaml": text}, prune=True, actor=None)
    assert AuditEvent.objects.filter(action="helpdesk.changed").count() == 0, "the same again changes nothing"
    part.apply({"helpdesks.yaml": text.replace("writes_tags: false", "writes_tags: true")}, prune=False, actor=None)
    row = HelpdeskConnection.objects.get()
    assert row.writes_tags and row.secret == KEY and row.origins == ["https://desk.example"]
    with pytest.raises(InvalidInput) as refused:
        part.apply({"helpdesks.yaml": text.replace("desk.example/api", "evil.example")}, prune=False, actor=None)
    assert "generic/desk" in refused.value.detail
    part.apply({"helpdesks.yaml": "{}"}, prune=True, actor=None)
    assert not InboundEndpoint.objects.get().is_active
    HelpdeskConnection.objects.all().delete()
    InboundEndpoint.objects.all().delete()
    part.apply({"helpdesks.yaml": text.replace("generic/desk", "generic/again")}, prune=False, actor=None)
    again = HelpdeskConnection.objects.get()
    assert again.secret == "" and again.endpoint.secrets.startswith("whsec_")


# ---------------------------------------------------------------------------------------------------------- the command
def run(*words: str) -> tuple[str, int]:
    out = StringIO()
    try:
        call_command("helpdesk", *words, stdout=out)
    except SystemExit as end:
        return out.getvalue(), int(str(end.code))
    return out.getvalue(), 0


def test_the_command_adds_tests_lists_and_reads(
    upstream: Upstream, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.team(is_default=True)
    desk.tickets = [ticket(n) for n in range(1, 6)]
    monkeypatch.setenv("DESK_KEY", KEY)
    said, _ = run("add", "generic", "desk", "--base-url", upstream.url, "--secret-env", "DESK_KEY", "--prefix", "GD",
                  "--option", "own_user_id=7", "--origin", "https://desk.example")  # fmt: skip
    assert "/api/v1/hooks/generic/desk/" in said and "whsec_" in said and KEY not in said
    assert run("test")[1] == 0
    said, _ = run("backfill", "generic/desk", "--days", "7", "--now")
    assert said.startswith("done: 5 read, 5 new, 0 passed over") and Ticket.objects.count() == 5
    rows = json.loads(run("list", "--format", "json")[0])
    assert rows[0]["connection"] == "generic/desk" and rows[0]["backfill"] == "done" and KEY not in str(rows)
    said, _ = run("add", "generic", "desk", "--title", "Front door")
    row = HelpdeskConnection.objects.get()
    assert "whsec_" not in said and row.secret == KEY and row.options == {"own_user_id": "7"}
    assert row.origins == ["https://desk.example"] and row.endpoint.title == "Front door"


def test_the_command_says_what_is_wrong(upstream: Upstream) -> None:
    saved(base_url=upstream.url, secret="wrong-fake-key-0009")
    said, code = run("test", "generic/desk")
    assert code == 1 and "FAILED" in said and "wrong-fake-key" not in said
    assert run("backfill", "generic/desk", "--now")[1] == 1
    for words in (["test", "generic/none"], ["add", "generic", "Not A Slug"], ["backfill", "generic/desk", "--cancel"],
                  ["add", "generic", "x", "--secret-env", "UNSET_FOR_TESTS"]):  # fmt: skip
        with pytest.raises(CommandError):
            run(*words)
