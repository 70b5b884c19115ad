"""Servers and processes of their own for the tests that end them."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from altor.embedded import postgres
from altor.embedded.postgres import UNSAFE_FAST, EmbeddedPostgres


def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether the process runs: one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@contextmanager
def _open_directory() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="altor-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def open_place() -> Iterator[Path]:
    """A directory that every user may enter; pytest's own are closed."""
    with _open_directory() as path:
        yield path


@pytest.fixture(scope="session")
def running() -> Iterator[EmbeddedPostgres]:
    """A running PostgreSQL beside the tests' own, for tests that only look."""
    with _open_directory() as path:
        own = EmbeddedPostgres(path / "pg", UNSAFE_FAST)
        own.ensure()
        yield own
        own.destroy()


@pytest.fixture
def server(open_place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL of this test alone, not started yet."""
    monkeypatch.delenv("ALTOR_PG_BIN", raising=False)
    monkeypatch.setattr(postgres, "SHARED_PLACE", open_place / "shared")
    own = EmbeddedPostgres(open_place / "pg", UNSAFE_FAST)
    yield own
    own.destroy()
