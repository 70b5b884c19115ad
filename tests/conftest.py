"""What every test may use."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from django.conf import settings
from pytest_django import DjangoDbBlocker

from altor.embedded.postgres import EmbeddedPostgres
from altor.outbound import retries
from tests import databases

pytest_plugins = ["tests.clickhouse_fixtures", "tests.quiet"]
TESTS = Path(__file__).parent
#: Files that take long for how few tests they have, the longest first: begun late, one process would end alone.
LONG = (
    # Beside the first, which lasts as long as all others that are slow together, the second; what measures comes late.
    "helpdesks/test_chaos.py",
    "ui/test_every_page.py",
    "engine/test_chaos.py",
    "demo/test_end_to_end.py",
    "api/test_schemathesis.py",
    "escalations/test_packet_company.py",
    "playbooks/test_upstreams.py",
    # The quick ones.
    "pages/test_pages.py",
    "clickhouse/test_server.py",
    "escalations/test_handoff_invariant.py",
    "escalations/test_linear_filing.py",
    "textmodel/test_learning.py",
    "engine/test_investigate_command.py",
    "engine/test_trials.py",
    "house/test_environment.py",
    "playbooks/test_configuration.py",
    "playbooks/test_texts.py",
    "engine/test_replay.py",
    "house/test_postgres.py",
    "house/test_pg_command.py",
    "house/test_sessions.py",
    "pages/test_doors.py",
    "api/test_together.py",
    "api/test_openapi.py",
    "escalations/test_oncall_years.py",
    "escalations/test_in_linear.py",
    "escalations/test_demo.py",
    "metrics/test_oracle.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files in the order in which processes take them: the long ones, then those of many tests.

    In a file, tests that wait for quiet come last.
    """
    rank = {TESTS / name: place for place, name in enumerate(LONG)}
    tests = Counter(item.path for item in items)

    def order(item: pytest.Item) -> tuple[int, int, Path, bool]:
        waits = "quiet" in getattr(item, "fixturenames", ())
        return rank.get(item.path, len(rank)), -tests[item.path], item.path, waits

    items.sort(key=order)


@pytest.fixture(scope="session", autouse=True)
def _drop_left_over_databases() -> None:
    """Databases of killed test processes: their name holds the process id."""
    import psycopg

    host = settings.DATABASES["default"].get("HOST", "")
    if not databases.are_ours():
        return
    server = EmbeddedPostgres(Path(host), settings.EMBEDDED_POSTGRES)
    server.ensure()
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        for (name,) in connection.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE 'test_altor_%'"
        ).fetchall():
            pid = name.split("_")[2]  # a worker of xdist adds its own name
            if pid.isdigit() and not Path(f"/proc/{pid}").exists() and int(pid) != os.getpid():
                connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that is repeated waits for a part of the pause: tested is that it waits, not how long."""
    monkeypatch.setattr(retries, "_BASE_S", 0.02)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, django_db_blocker: DjangoDbBlocker
) -> None:
    """On our own server, where we may do all: the databases are cloned and emptied in our own way."""
    if databases.are_ours():
        with django_db_blocker.unblock():
            settings.DATABASES["default"]["TEST"]["TEMPLATE"] = databases.migrated(settings.HOME)
        databases.empty_quickly()
