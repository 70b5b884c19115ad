"""Two hundred runs while worker, web, the main process and PostgreSQL are killed at random moments."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import pytest

from altor.embedded.postgres import EmbeddedPostgres, PostgresUnavailable
from altor.settings.environment import ROOT
from tests.loopback import Answer, closed_port, serving

QUEUED, POSTED = 150, 50
KILL_FOR_S, END_WITHIN_S = 80.0, 150.0
#: What is killed, by a word of its command line; each kind's turn comes again and again.
KINDS = {"worker": "qcluster", "web": "gunicorn", "main": "manage.py up", "postgres": ""}


class Installation:
    """`manage.py up` in a home of its own; started again whenever it ends, as an init system does."""

    def __init__(self, home: Path) -> None:
        self.home, self.port = home, closed_port()
        self.postgres = EmbeddedPostgres(home / "pg")
        self.environment = os.environ | {
            "ALTOR_HOME": str(home), "ALTOR_DEBUG": "1", "ALTOR_ALLOW_PRIVATE_UPSTREAMS": "1",
            "ALTOR_LOG_LEVEL": "WARNING", "DJANGO_SETTINGS_MODULE": "tests.engine.chaos_settings",
            "PYTHONPATH": str(ROOT), "ALTOR_WORKERS": "4",
        }  # fmt: skip
        self.ended = threading.Event()
        self.keeper = threading.Thread(target=self.keep_up)
        self.starts = 0

    def seed(self, *arguments: str, module: str = "tests.engine.chaos_seed") -> str:
        """Fill the installation by a module of its own; what that prints: a token, a secret."""
        command = [sys.executable, "-m", module, *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=600, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout.strip()

    def keep_up(self) -> None:
        command = [sys.executable, "manage.py", "up", "--port", str(self.port)]
        with (self.home / "up.log").open("ab") as log:
            while not self.ended.is_set():
                self.starts += 1
                self.main = subprocess.Popen(
                    command, cwd=ROOT, env=self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                    start_new_session=True,
                )  # fmt: skip
                while self.main.poll() is None and not self.ended.wait(0.2):
                    pass
        self.main.terminate()
        self.main.wait(30)

    def processes(self) -> list[tuple[int, str]]:
        """(process id, command line) of `up` and all that descends from it."""
        parents, lines = {}, {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdecimal():
                with suppress(OSError):
                    pid = int(folder.name)
                    parents[pid] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                    lines[pid] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        own = {self.main.pid}
        while more := {pid for pid, parent in parents.items() if parent in own} - own:
            own |= more
        return [(pid, lines[pid]) for pid in own if lines.get(pid)]

    def kill_one(self, kind: str, chance: random.Random) -> bool:
        if kind == "postgres":
            pids = [pid] if (pid := self.postgres.pid()) else []
        else:
            pids = [pid for pid, line in self.processes() if KINDS[kind] in line and "embedded.child" not in line]
        if not pids:
            return False
        with suppress(ProcessLookupError):
            os.kill(chance.choice(pids), signal.SIGKILL)
        return True

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        for _ in range(100):
            try:
                self.postgres.ensure()
                with psycopg.connect(self.postgres.dsn(), autocommit=True) as connection:
                    return connection.execute(sql).fetchall()  # type: ignore[arg-type]  # our own words
            except (psycopg.OperationalError, PostgresUnavailable):
                time.sleep(0.3)
        raise AssertionError("the database does not come back")

    def post(self, path: str, body: dict[str, Any], token: str) -> None:
        """Insist until it is accepted: what was accepted may not be lost, what was repeated may not count twice."""
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        address = f"http://127.0.0.1:{self.port}/api/v1/{path}"
        while not self.ended.is_set():
            request = urllib.request.Request(address, json.dumps(body).encode(), headers)
            try:
                with urllib.request.urlopen(request, timeout=20):
                    return
            except urllib.error.HTTPError as error:
                assert error.code in (429, 500, 502, 503), f"{error.code} {error.read().decode()}"
            except OSError:
                pass  # killed while it answered, or not up yet
            time.sleep(0.3)
        raise AssertionError("the test is over")


@contextmanager
def installed() -> Iterator[Installation]:
    """In a place of its own; not started."""
    with TemporaryDirectory(prefix="altor-chaos-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        found = Installation(home)
        try:
            yield found
        finally:
            found.ended.set()
            if found.keeper.ident:
                found.keeper.join(40)
            found.postgres.destroy()


@pytest.fixture
def installation(noise: None) -> Iterator[Installation]:
    with installed() as found:
        yield found


@pytest.mark.slow
def test_every_run_ends_once_whatever_is_killed(
    installation: Installation, record_property: Callable[[str, object], None]
) -> None:
    chance = random.Random(20260501)
    killed: Counter[str] = Counter()
    with serving(lambda asked: Answer(body={"n": 7.0}, delay_s=chance.uniform(0.05, 0.6))) as upstream:
        token = installation.seed(upstream.url, str(QUEUED))
        installation.keeper.start()
        poster = threading.Thread(target=post_tickets, args=(installation, token), daemon=True)
        poster.start()
        began = time.monotonic()
        time.sleep(8)
        while time.monotonic() - began < KILL_FOR_S and ended(installation) < QUEUED + POSTED - 20:
            (kind,) = chance.choices(list(KINDS), weights=[4, 2, 1, 2])
            killed[kind] += installation.kill_one(kind, chance)
            time.sleep(chance.uniform(0.5, 3.0))
        deadline = time.monotonic() + END_WITHIN_S
        while ended(installation) < QUEUED + POSTED and time.monotonic() < deadline:
            time.sleep(1)
        poster.join(10)
        seconds = time.monotonic() - began
    statuses = dict(installation.ask("SELECT status, count(*) FROM investigations_investigation GROUP BY status"))
    attempts = dict(installation.ask("SELECT attempt, count(*) FROM investigations_investigation GROUP BY attempt"))
    record_property(
        "chaos", f"killed {dict(killed)}, started {installation.starts} times, attempts {attempts}, {seconds:.0f} s"
    )
    assert statuses == {"done": QUEUED + POSTED}, (installation.home / "up.log").read_text()[-4000:]
    check_every_run(installation)
    assert set(killed) == set(KINDS), killed


def ended(installation: Installation) -> int:
    sql = "SELECT count(*) FROM investigations_investigation WHERE status NOT IN ('queued', 'running')"
    return int(installation.ask(sql)[0][0])


def post_tickets(installation: Installation, token: str) -> None:
    """Each ticket starts its run by itself, in the transaction that takes it in."""
    for number in range(POSTED):
        ticket = {
            "id": f"9{number:05d}", "subject": "Many 429 answers", "description": "Half of our calls are refused: 429.",
            "requester": {"name": "Ada", "email": "ada@northwind.example"}, "created_at": "2026-05-01T10:00:00Z",
        }  # fmt: skip
        installation.post("tickets/", ticket, token)


def check_every_run(installation: Installation) -> None:
    ask = installation.ask
    total = QUEUED + POSTED
    assert ask("SELECT count(*), count(DISTINCT ticket_id) FROM investigations_investigation") == [(total, total)]
    assert ask("SELECT count(*) FROM investigations_ticket WHERE status = 'diagnosed'") == [(total,)]
    # Ended exactly once, by the attempt that holds it, and never touched again.
    assert ask("SELECT count(*), count(DISTINCT run_id) FROM chaos_ends WHERE status = 'done'") == [(total, total)]
    assert ask("SELECT count(*) FROM chaos_ends") == [(total,)]
    # One and the same diagnosis everywhere, with every step and its evidence once.
    right = "diagnosis->'candidates'->0->>'label' = 'rl.many' AND diagnosis->'unavailable' = '[]'::jsonb"
    assert ask(f"SELECT count(*) FROM investigations_investigation WHERE {right}") == [(total,)]
    assert ask("SELECT count(*) FROM investigations_stepresult WHERE status = 'done'") == [(4 * total,)]
    assert ask("SELECT count(*) FROM investigations_evidence") == [(4 * total,)]
    for kind in ("run.queued", "run.started", "run.finished"):
        counted = ask(f"SELECT count(*), count(DISTINCT subject_ref) FROM altor_phaseevent WHERE kind = '{kind}'")
        assert counted == [(total, total)], kind
