"""The demo's process group: what dies comes back, what keeps dying is given up, nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from altor.demo.processes import MOST_RESTARTS, Group, Part, ProcessFailed

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_killed_part_is_started_again_and_its_owner_told(tmp_path):
    group, told = Group(tmp_path), []
    part = Part("sleeper", SLEEP, on_restart=lambda: told.append(1))
    group.start(part)
    first = part.process.pid
    os.kill(first, signal.SIGKILL)
    until(lambda: part.process.poll() is not None)
    group.watch()
    assert part.process.pid != first and part.process.poll() is None and told == [1]
    group.stop()
    assert not is_alive(part.process.pid if part.process else first)


def test_a_part_that_keeps_dying_is_given_up_with_its_log(tmp_path):
    group = Group(tmp_path)
    part = Part("broken", [sys.executable, "-c", "print('no luck', flush=True); raise SystemExit(4)"])
    group.start(part)
    with pytest.raises(ProcessFailed, match=r"broken keeps ending; see .*broken\.log"):
        for _ in range(MOST_RESTARTS + 2):
            until(lambda: part.process.poll() is not None)
            group.watch()
    assert "no luck" in (tmp_path / "log" / "broken.log").read_text()
    group.stop()


def test_death_during_the_start_is_an_error(tmp_path):
    group = Group(tmp_path)
    part = Part("short", [sys.executable, "-c", "raise SystemExit(4)"])
    group.start(part)
    until(lambda: part.process.poll() is not None)
    with pytest.raises(ProcessFailed, match="short ended with code 4"):
        group.check_alive()
    group.stop()


def test_parts_end_with_a_killed_parent(tmp_path):
    pid_file = tmp_path / "pid"
    program = (
        "import sys, time; from pathlib import Path; from altor.demo.processes import Group, Part\n"
        f"group = Group(Path({str(tmp_path)!r})); part = Part('sleeper', {SLEEP!r}); group.start(part)\n"
        f"Path({str(pid_file)!r}).write_text(str(part.process.pid)); time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=Path(__file__).parents[2])
    until(lambda: pid_file.exists() and pid_file.read_text() != "")
    child = int(pid_file.read_text())
    assert is_alive(child)
    parent.kill()
    parent.wait()
    until(lambda: not is_alive(child))
