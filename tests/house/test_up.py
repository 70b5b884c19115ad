"""`manage.py up` as a whole: real web server, real cluster, real PostgreSQL, and what is left when parts are killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from altor.embedded.postgres import EmbeddedPostgres
from altor.embedded.processes import STOP_S
from altor.embedded.supervisor import PortTaken, check_port
from altor.settings.environment import ROOT
from tests.house.conftest import is_alive, until
from tests.loopback import closed_port


def descendants(pid: int) -> list[int]:
    try:
        children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
    return children + [below for child in children for below in descendants(child)]


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


@dataclass
class Up:
    """A running `manage.py up`."""

    process: subprocess.Popen[bytes]
    port: int
    home: Path
    log: Path

    def status(self, name: str = "ready") -> int:
        try:
            address = f"http://127.0.0.1:{self.port}/api/v1/health/{name}"
            with urllib.request.urlopen(address, timeout=20) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def command(self, word: str) -> int:
        """The process that runs the part itself: the first below its watcher."""
        for watcher in descendants(self.process.pid):
            if "altor.embedded.child" in command_of(watcher) and word in command_of(watcher):
                children = descendants(watcher)
                if children:
                    return children[0]
        return 0


@pytest.fixture
def up(open_place) -> Iterator[Up]:
    port, home, log = closed_port(), open_place / "home", open_place / "up.log"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ALTOR_", "DJANGO_"))}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "up", "--port", str(port), "--workers", "1"],
            cwd=ROOT, stdout=output, stderr=output, env=kept | {"ALTOR_HOME": str(home), "ALTOR_DEBUG": "1"},
        )  # fmt: skip
    running = Up(process, port, home, log)
    try:
        until(lambda: process.poll() is not None or running.status() == 200, 120)
        assert process.poll() is None, log.read_text()
        until(lambda: running.command("qcluster"))
        yield running
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(STOP_S + 20)
        EmbeddedPostgres(home / "pg").destroy()


@pytest.mark.slow
def test_killed_parts_come_back_and_leave_nobody_behind(up):
    second = subprocess.run(
        [sys.executable, "manage.py", "up", "--port", str(up.port)], cwd=ROOT, capture_output=True, text=True,
        env=os.environ | {"ALTOR_HOME": str(up.home), "ALTOR_DEBUG": "1"}, check=False,
    )  # fmt: skip
    assert second.returncode == 1
    assert f"Port {up.port} on 127.0.0.1: Address already in use. Choose another with --port." in second.stderr

    cluster = up.command("qcluster")
    until(lambda: len(descendants(cluster)) >= 4, 30)
    family = [cluster, *descendants(cluster)]
    os.kill(cluster, signal.SIGKILL)
    until(lambda: not any(is_alive(member) for member in family), 15)
    until(lambda: up.command("qcluster") not in (0, cluster), 15)

    web = up.command("gunicorn")
    os.kill(web, signal.SIGKILL)
    until(lambda: up.command("gunicorn") not in (0, web), 15)
    until(lambda: up.status() == 200, 60)

    os.kill(EmbeddedPostgres(up.home / "pg").pid(), signal.SIGKILL)
    until(lambda: up.status() == 200, 60)
    assert up.process.poll() is None
    assert up.log.read_text().count("started again") == 2


@pytest.mark.slow
def test_all_end_together_when_asked(up):
    family = descendants(up.process.pid)
    began = time.monotonic()
    up.process.send_signal(signal.SIGTERM)
    assert up.process.wait(STOP_S + 20) == 0
    assert not any(is_alive(member) for member in family)
    assert time.monotonic() - began < STOP_S + 5
    # The database stays for other commands; --stop-pg ends it too.
    assert EmbeddedPostgres(up.home / "pg").is_running()


@pytest.mark.slow
def test_nothing_outlives_a_killed_supervisor(up):
    family = descendants(up.process.pid)
    up.process.kill()
    up.process.wait()
    until(lambda: not any(is_alive(member) for member in family), 45)


def test_a_free_port_is_accepted_and_a_taken_one_named():
    port = closed_port()
    check_port("127.0.0.1", port)
    with socket.create_server(("127.0.0.1", port)), pytest.raises(PortTaken, match=f"Port {port} on 127.0.0.1"):
        check_port("127.0.0.1", port)
