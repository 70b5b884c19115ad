"""The demo as a stranger starts it: real servers, real runs, diagnoses compared with what the generator knows."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from altor.demo.credentials import PASSWORD
from altor.demo.home import DemoState
from altor.embedded.postgres import EmbeddedPostgres

ROOT = Path(__file__).parents[2]
#: Of the first candidates. What is missing is for the playbooks, not for the demo, to win.
LEAST_RIGHT = 0.8
TICKETS = 24

pytestmark = pytest.mark.slow


def environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ALTOR_", "DJANGO_"))}
    return {**kept, "ALTOR_HOME": str(home), "PYTHONWARNINGS": "ignore"}


def start(home: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "manage.py", "demo", "--no-browser", "--port", "0", "--seed", "11", *arguments]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment(home), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture
def home() -> Iterator[Path]:
    """Not below pytest's own directory: it is closed to others, and under root PostgreSQL runs as another user."""
    path = Path(tempfile.mkdtemp(prefix="altor-demo-"))
    path.chmod(0o755)
    yield path
    EmbeddedPostgres(path / "demo" / "pg").stop()
    shutil.rmtree(path, ignore_errors=True)


def test_diagnoses_agree_with_what_happened(home, tmp_path):
    report = tmp_path / "report.json"
    process = start(home, "--once", "--tickets", str(TICKETS), "--report", str(report))
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, output + errors
    rows = {row["external_id"]: row for row in json.loads(report.read_text())["investigations"]}
    world = DemoState.load(home / "demo").world
    past = [ticket for ticket in world.tickets if ticket.opened_at is not None]
    known = [ticket for ticket in sorted(past, key=lambda t: t.opened_at)[-TICKETS:] if ticket.truth]
    table: dict[str, list[str]] = defaultdict(list)
    right = 0
    for ticket in known:
        row = rows.get(str(ticket.id))
        candidates = row["diagnosis"]["candidates"] if row and row["diagnosis"] else []
        found = candidates[0]["label"] if candidates else "nothing"
        right += found in ticket.truth["acceptable"]
        table[ticket.truth["label"]].append(found)
    told = "\n".join(f"{label:28} {', '.join(found)}" for label, found in sorted(table.items()))
    sys.stdout.write(f"{right} of {len(known)} right\n{told}\n")
    assert right >= LEAST_RIGHT * len(known), told
    assert json.loads(report.read_text())["opened_s"] < 90


def until(condition, seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.2)


def opened(process: subprocess.Popen[str]) -> str:
    """The address that the demo prints, once it is open."""
    for line in process.stdout:
        if "is open:" in line:
            return line.rpartition(" ")[2].strip()
    raise AssertionError(process.stderr.read())


def test_pages_open_a_ticket_arrives_and_ctrl_c_ends_everything(home):
    process = start(home, "--tickets", "2")
    try:
        web = opened(process)
        with httpx.Client(base_url=web, follow_redirects=True, trust_env=False, timeout=20.0) as client:
            login = client.get("/accounts/login/")
            token = login.text.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
            page = client.post(
                "/accounts/login/",
                data={"login": "lead", "password": PASSWORD, "csrfmiddlewaretoken": token},
                headers={"Referer": f"{web}/accounts/login/"},
            )
            assert page.status_code == 200 and "/accounts/login/" not in str(page.url)
        until(lambda: DemoState.load(home / "demo").sent)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(40)
    assert process.returncode == 0
    mark = f"{home / 'demo'}".encode()
    left = [p for p in Path("/proc").glob("[0-9]*/cmdline") if mark in _read(p)]
    assert not left, [_read(p) for p in left]


def test_a_second_start_keeps_the_data_and_a_second_demo_is_refused(home):
    first = start(home, "--tickets", "1")
    try:
        opened(first)
        second = start(home)
        assert second.wait(40) == 1
        assert "running already" in second.stderr.read()
    finally:
        first.send_signal(signal.SIGINT)
        first.wait(40)
    before = DemoState.load(home / "demo")
    again = start(home, "--tickets", "1")
    try:
        opened(again)
        assert DemoState.load(home / "demo").anchor == before.anchor
    finally:
        again.send_signal(signal.SIGINT)
        again.wait(40)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
