"""A real ClickHouse engine behind its HTTP front, one for a session of tests; each test gets a database of its own."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from altor.embedded.clickhouse import EmbeddedClickHouse, statement

_numbers = itertools.count(1)


class Database:
    """One test's database. `url` may write, `reader_url` can only read and set nothing."""

    def __init__(self, engine: EmbeddedClickHouse, name: str) -> None:
        self.name = name
        self.url = _with_database(engine.address() or "", name)
        self.reader_url = _with_database(engine.reader_address() or "", name)

    def run(self, sql: str, body: bytes = b"") -> str:
        """One statement as administrator; the answer in TabSeparated."""
        return statement(self.url, sql, body)


def _with_database(address: str, name: str) -> str:
    return urlunsplit(urlsplit(address)._replace(query=f"database={name}"))


@pytest.fixture(scope="session")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedClickHouse]:
    """The engine, started when the first test asks for it."""
    home: Path = tmp_path_factory.mktemp("clickhouse")
    engine = EmbeddedClickHouse(home)
    engine.start()
    yield engine
    engine.stop()


@pytest.fixture
def clickhouse_database(clickhouse: EmbeddedClickHouse) -> Iterator[Database]:
    name = f"test_{os.getpid()}_{next(_numbers)}"
    statement(clickhouse.address() or "", f"CREATE DATABASE {name}")
    yield Database(clickhouse, name)
    statement(clickhouse.address() or "", f"DROP DATABASE IF EXISTS {name}")
