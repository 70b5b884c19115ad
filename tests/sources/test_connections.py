"""Connections: the environment over the database, tests that keep the health, saving without leaking a key."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection as database
from pytest_django import Settings

from altor.embedded.clickhouse import EmbeddedClickHouse
from altor.errors import InvalidInput
from altor.models import AuditEvent
from investigations.models import Connection
from investigations.services.connections import (
    active_connections,
    check_connection,
    clickhouse_config,
    config_of,
    environment_connections,
    remove_connection,
    save_connection,
)
from tests.loopback import Answer, Asked, serving
from tests.sources.asking import PROFILE

pytestmark = pytest.mark.django_db
KEY = "lin_api_obviouslyfake0000"


@pytest.fixture(autouse=True)
def nothing_else(monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path) -> None:
    """Neither the environment nor a running embedded engine adds connections."""
    settings.HOME = tmp_path
    for source in ("GITHUB_API_URL", "GITHUB_TOKEN", "LINEAR_API_URL", "LINEAR_API_KEY", "STRIPE_API_URL",
                   "STRIPE_API_KEY", "STATUSPAGE_URLS", "CLICKHOUSE_URL"):  # fmt: skip
        monkeypatch.delenv(f"ALTOR_{source}", raising=False)


def saved(**changes: object) -> Connection:
    given = {"source": "linear", "name": "main", "base_url": "", "secret": KEY, "options": None, "actor": None}
    return save_connection(**(given | changes))  # type: ignore[arg-type]  # a test's own mixture


def test_the_environment_overrides_a_stored_connection_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    saved()
    assert active_connections()["linear"].secret == KEY
    monkeypatch.setenv("ALTOR_LINEAR_API_URL", "http://127.0.0.1:4700/graphql")
    found = active_connections()["linear"]
    assert found.origin == "environment"
    assert found.base_url == "http://127.0.0.1:4700/graphql"
    assert found.secret == ""  # a stored key never goes to an address from the environment
    assert Connection.objects.get().secret == KEY
    assert KEY not in repr(found)


def test_a_key_alone_in_the_environment_goes_to_the_vendors_own_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALTOR_GITHUB_TOKEN", "ghp_obviouslyfake")
    assert environment_connections()["github"].base_url == "https://api.github.com"


def test_several_status_pages_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALTOR_STATUSPAGE_URLS", "https://status.a.example, https://status.b.example")
    assert environment_connections()["statuspage"].options["urls"] == [
        "https://status.a.example",
        "https://status.b.example",
    ]


@pytest.mark.parametrize(
    ("url", "address", "secret", "options"),
    [
        (
            "http://reader:p%40ss@10.0.0.5:8123/proxy/prefix?database=otel",
            "http://10.0.0.5:8123/proxy/prefix",
            "p@ss",
            {"user": "reader", "database": "otel"},
        ),
        ("https://ch.example:8443", "https://ch.example:8443", "", {}),
        ("http://[::1]:8123/", "http://[::1]:8123", "", {}),
    ],
)
def test_the_clickhouse_address_is_taken_apart(url: str, address: str, secret: str, options: dict[str, str]) -> None:
    found = clickhouse_config(url)
    assert (found.base_url, found.secret, dict(found.options)) == (address, secret, options)


def test_the_embedded_engine_stands_in_when_no_clickhouse_is_connected(
    settings: Settings, clickhouse: EmbeddedClickHouse, tmp_path: Path
) -> None:
    assert "clickhouse" not in active_connections()
    (tmp_path / "clickhouse").symlink_to(clickhouse.home)
    found = active_connections()["clickhouse"]
    assert (found.origin, found.options) == ("embedded", {"user": "reader", "database": "otel"})
    settings.ALLOW_LOOPBACK_UPSTREAMS = False
    assert "clickhouse" not in active_connections()


def test_a_switched_off_connection_is_not_in_force() -> None:
    row = saved()
    remove_connection(row, actor=None)
    assert "linear" not in active_connections()
    assert Connection.objects.get().secret == ""


def test_the_key_is_ciphertext_in_the_database_and_absent_from_the_audit_log() -> None:
    saved()
    with database.cursor() as cursor:
        cursor.execute("SELECT secret FROM investigations_connection")
        assert KEY not in cursor.fetchone()[0]
    event = AuditEvent.objects.get(action="connection.created")
    assert KEY not in json.dumps([event.before, event.after])
    assert event.after is not None
    assert event.after["secret_ends"] == KEY[-4:]


def test_a_stored_key_is_kept_for_the_same_host_and_asked_for_again_for_another() -> None:
    saved()
    assert saved(secret=None, base_url="https://api.linear.app/graphql").secret == KEY
    with pytest.raises(InvalidInput, match="enter the key again"):
        saved(secret=None, base_url="https://elsewhere.example/graphql")
    assert saved(secret="lin_api_another_fake", base_url="https://elsewhere.example/graphql").secret != KEY


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"source": "jira"}, "no source"),
        ({"base_url": "http://api.linear.app/graphql"}, "https"),
        ({"base_url": "https://user:pw@api.linear.app"}, "password"),
        ({"base_url": "https://api.linear.app:25"}, "Port 25"),
        ({"secret": ""}, "key is needed"),
        ({"options": {"proxy": "x"}}, "Unknown option"),
    ],
)
def test_a_connection_that_cannot_work_is_not_stored(changes: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        saved(**changes)
    assert not Connection.objects.exists()


def test_a_private_address_may_be_stored_only_when_it_is_listed(settings: Settings) -> None:
    given = {"source": "clickhouse", "base_url": "http://10.0.0.5:8123", "secret": "x", "options": {"user": "reader"}}
    with pytest.raises(InvalidInput, match="ALTOR_PRIVATE_UPSTREAMS"):
        saved(**given)
    settings.PRIVATE_UPSTREAMS = "clickhouse=10.0.0.5:8123"
    assert saved(**given).base_url == "http://10.0.0.5:8123"


def identity(asked: Asked) -> Answer:
    data = {
        "viewer": {"id": "u", "name": "Ana", "email": "a@b.example", "admin": False},
        "organization": {"id": "o", "name": "Acme", "urlKey": "acme"},
        "teams": {"nodes": [{"id": "t", "key": "ENG", "name": "Engineering"}]},
        "rateLimitStatus": {"identifier": "user", "kind": "apiKey", "limits": []},
    }
    return Answer(200, {"data": data})


@pytest.mark.parametrize(
    ("answer", "health"),
    [
        (None, "ok"),
        (Answer(401, {}), "refused"),
        (Answer(500, {}), "down"),
        (Answer(429, {}, {"Retry-After": "50"}), "degraded"),
        (Answer(200, b"<html>"), "degraded"),
    ],
)
def test_a_test_keeps_the_health_of_a_stored_connection(answer: Answer | None, health: str) -> None:
    with serving(lambda asked: answer or identity(asked)) as server:
        row = Connection.objects.create(source="linear", name="main", base_url=f"{server.url}/graphql", secret=KEY)
        report = check_connection(config_of(row), profile=PROFILE)
    row.refresh_from_db()
    assert row.health == health
    assert row.health_message == report.message
    assert row.checked_at is not None
    assert (row.last_ok_at is not None) is (health == "ok")
    assert row.secret == KEY


def test_the_command_lists_and_tests_without_telling_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(identity) as server:
        monkeypatch.setenv("ALTOR_LINEAR_API_URL", f"{server.url}/graphql")
        monkeypatch.setenv("ALTOR_LINEAR_API_KEY", KEY)
        told = StringIO()
        call_command("connections", "list", stdout=told)
        call_command("connections", "test", "linear", stdout=told)
        call_command("connections", "test", "--format", "json", stdout=told)
    assert "Reads Acme" in told.getvalue()
    assert KEY not in told.getvalue()
    assert not Connection.objects.exists()


def test_the_command_fails_when_a_connection_does(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda asked: Answer(401, {})) as server:
        monkeypatch.setenv("ALTOR_LINEAR_API_URL", f"{server.url}/graphql")
        monkeypatch.setenv("ALTOR_LINEAR_API_KEY", KEY)
        with pytest.raises(SystemExit) as ended:
            call_command("connections", "test", stdout=StringIO())
    assert ended.value.code == 1


@pytest.mark.parametrize(
    ("arguments", "words"), [(["jira"], "No such source"), (["stripe"], "Not connected"), ([], "Nothing is")]
)
def test_the_command_says_what_it_does_not_know(arguments: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        call_command("connections", "test", *arguments)
