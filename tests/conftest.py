"""What every test may use."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest
from django.conf import settings

from altor.embedded.postgres import EmbeddedPostgres

pytest_plugins = ["tests.clickhouse_fixtures"]


def pytest_collection_finish() -> None:
    """What was imported stays to the end: the collector need not look through it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _drop_left_over_databases() -> None:
    """Databases of killed test processes: their name holds the process id."""
    import psycopg

    host = settings.DATABASES["default"].get("HOST", "")
    if settings.DATABASES["default"]["ENGINE"] != "altor.embedded.backend":
        return
    server = EmbeddedPostgres(Path(host), settings.EMBEDDED_POSTGRES)
    server.ensure()
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        for (name,) in connection.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE 'test_altor_%'"
        ).fetchall():
            pid = name.rpartition("_")[2]
            if pid.isdigit() and not Path(f"/proc/{pid}").exists() and int(pid) != os.getpid():
                connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
