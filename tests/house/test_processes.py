"""The group of processes: what dies comes back, what keeps dying is given up, nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from altor.embedded import processes
from altor.embedded.processes import MOST_RESTARTS, Group, Part, ProcessFailed
from altor.settings.environment import ROOT
from tests.house.conftest import is_alive, until

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
#: Starts a child of its own, writes both ids, and sleeps.
FAMILY = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
open(sys.argv[1], "w").write(f"{os.getpid()} {child.pid}")
time.sleep(60)
"""
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


@pytest.fixture
def no_back_off(monkeypatch):
    monkeypatch.setattr(processes, "_BACK_OFF_S", (0.0,) * MOST_RESTARTS)


def family(path: Path) -> tuple[int, int]:
    until(lambda: path.exists() and len(path.read_text().split()) == 2)
    parent, child = path.read_text().split()
    return int(parent), int(child)


def test_a_killed_part_is_started_again_and_its_owner_told(tmp_path):
    group, told = Group(tmp_path), []
    part = Part("sleeper", SLEEP, on_restart=lambda: told.append(1))
    group.start(part)
    first = part.process.pid
    os.kill(first, signal.SIGKILL)
    until(lambda: not part.is_alive)
    group.watch()
    assert part.process.pid != first and part.is_alive and told == [1]
    group.stop()
    assert not is_alive(part.process.pid)


def test_a_part_that_keeps_dying_is_given_up_with_its_log(tmp_path, no_back_off):
    group = Group(tmp_path)
    part = Part("broken", [sys.executable, "-c", "print('no luck', flush=True); raise SystemExit(4)"])
    group.start(part)
    with pytest.raises(ProcessFailed, match=r"broken keeps ending; see .*broken\.log"):
        for _ in range(MOST_RESTARTS + 2):
            until(lambda: not part.is_alive)
            group.watch()
    assert "no luck" in (tmp_path / "log" / "broken.log").read_text()
    group.stop()


def test_a_part_that_dies_again_is_given_time(tmp_path):
    group = Group(tmp_path)
    part = Part("broken", [sys.executable, "-c", "raise SystemExit(4)"])
    group.start(part)
    for _ in range(2):
        until(lambda: not part.is_alive)
        group.watch()
    assert not part.is_alive and part.not_before > 0
    group.stop()


def test_death_during_the_start_is_an_error(tmp_path):
    group = Group(tmp_path)
    part = Part("short", [sys.executable, "-c", "raise SystemExit(4)"])
    group.start(part)
    until(lambda: not part.is_alive)
    with pytest.raises(ProcessFailed, match="short ended with code 4"):
        group.check_alive()
    group.stop()


def test_lines_are_handed_on_with_their_parts_name(tmp_path):
    lines: list[tuple[str, str]] = []
    group = Group(tmp_path, forward=lambda name, line: lines.append((name, line)))
    group.start(Part("teller", [sys.executable, "-c", "import sys; print('one'); print('two', file=sys.stderr)"]))
    until(lambda: len(lines) == 2)
    assert sorted(lines) == [("teller", "one"), ("teller", "two")]
    assert not (tmp_path / "log").exists()
    group.stop()


def test_a_part_that_ignores_the_end_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "STOP_S", 0.5)
    lines: list[str] = []
    group = Group(tmp_path, forward=lambda name, line: lines.append(line))
    part = Part("stubborn", [sys.executable, "-c", STUBBORN])
    group.start(part)
    until(lambda: lines == ["up"])
    group.stop()
    assert not part.is_alive


def test_children_of_a_killed_command_do_not_outlive_it(tmp_path):
    group = Group(tmp_path)
    part = Part("family", [sys.executable, "-c", FAMILY, str(tmp_path / "pids")])
    group.start(part)
    parent, child = family(tmp_path / "pids")
    os.kill(parent, signal.SIGKILL)
    until(lambda: not is_alive(child))
    until(lambda: not part.is_alive)
    assert part.process.returncode == 128 + signal.SIGKILL
    group.stop()


def test_a_restart_replaces_the_whole_family(tmp_path):
    group = Group(tmp_path)
    part = Part("family", [sys.executable, "-c", FAMILY, str(tmp_path / "pids")])
    group.start(part)
    parent, child = family(tmp_path / "pids")
    group.restart("family")
    assert not is_alive(parent) and not is_alive(child)
    (tmp_path / "pids").unlink()
    group.watch()
    assert family(tmp_path / "pids")[0] != parent
    group.stop()


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "ended"])
def test_parts_end_with_their_owner(tmp_path, end):
    program = (
        "import sys, time; from pathlib import Path; from altor.embedded.processes import Group, Part\n"
        f"group = Group(Path({str(tmp_path)!r}))\n"
        f"group.start(Part('family', [sys.executable, '-c', {FAMILY!r}, {str(tmp_path / 'pids')!r}])); time.sleep(60)\n"
    )
    owner = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)
    parent, child = family(tmp_path / "pids")
    owner.send_signal(end)
    owner.wait()
    until(lambda: not is_alive(parent) and not is_alive(child))
