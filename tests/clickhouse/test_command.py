"""`manage.py clickhouse` as a person types it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from altor.embedded.clickhouse import EmbeddedClickHouse
from altor.management.commands import clickhouse as command
from tests.clickhouse.asking import log_line, server_span


@pytest.fixture(autouse=True)
def home(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings.HOME = tmp_path
    monkeypatch.delenv("ALTOR_CLICKHOUSE_URL", raising=False)
    return tmp_path


@pytest.fixture
def running(home: Path) -> Iterator[EmbeddedClickHouse]:
    engine = EmbeddedClickHouse(home / "clickhouse")
    engine.start()
    yield engine
    engine.stop()


def told(*arguments: str) -> str:
    out = StringIO()
    call_command("clickhouse", *arguments, stdout=out)
    return out.getvalue()


def test_files_of_all_kinds_are_loaded_in_batches(
    running: EmbeddedClickHouse, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "BATCH_BYTES", 2000)
    lines = "\n".join(json.dumps(server_span()) for _ in range(50))
    (home / "otel_traces.jsonl").write_text(lines + "\n")
    assert told("load", str(home / "otel_traces.jsonl")) == "50 rows into otel_traces\n"
    rows = "\n".join(f"2026-05-02 11:00:00\tline {n}\t9" for n in range(200))
    with gzip.open(home / "lines.tsv.gz", "wt") as file:
        file.write("Timestamp\tBody\tSeverityNumber\n" + rows)
    assert told("load", str(home / "lines.tsv.gz"), "--table", "otel_logs") == "200 rows into otel_logs\n"
    assert told("query", "SELECT uniq(Body) FROM otel_logs", "--output", "TabSeparated") == "200\n"
    status = told("status")
    assert status.startswith("running, engine 26.")
    assert "otel_logs: 200 rows" in status
    assert "otel_traces: 50 rows" in status


def test_problems_are_one_clear_line(running: EmbeddedClickHouse, home: Path) -> None:
    (home / "otel_logs.txt").write_text("x")
    (home / "otel_logs.jsonl").write_text(json.dumps(log_line()) + "\n{broken\n")
    (home / "otel_logs.jsonl.gz").write_bytes(b"no gzip")
    for arguments, words in (
        (("load", "nowhere.tsv"), "There is no file"),
        (("load", str(home / "otel_logs.txt")), "Name the table"),
        (("load", str(home / "otel_logs.jsonl")), "Code: "),
        (("load", str(home / "otel_logs.jsonl.gz")), "cannot be read"),
        (("query", "SELECT * FROM nowhere"), "Code: 60"),
        (("query", "DROP TABLE otel_logs"), "Code: 164"),
        (("start",), "runs already"),
    ):
        with pytest.raises(CommandError, match=words):
            told(*arguments)


def test_nothing_runs_without_being_asked_and_never_beside_a_real_server(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told("status") == "not running\n"
    assert not (home / "clickhouse").exists()
    monkeypatch.setenv("ALTOR_CLICKHOUSE_URL", "http://u:p@127.0.0.1:8123")
    for arguments in (("start",), ("status",), ("query", "SELECT 1")):
        with pytest.raises(CommandError, match="ALTOR_CLICKHOUSE_URL is set"):
            told(*arguments)
