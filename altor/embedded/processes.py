"""Processes as one group: started together, restarted when they die, ended together."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from altor.settings.environment import ROOT

_PR_SET_PDEATHSIG: Final = 1
STOP_S: Final = 12.0
#: A process that dies this often within a minute is given up.
MOST_RESTARTS: Final = 5


class ProcessFailed(RuntimeError):
    """A process cannot be kept running; the message names it and its log."""


@dataclass
class Part:
    """One process. `on_restart` is called after it was started again."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    on_restart: Callable[[], None] | None = None
    process: subprocess.Popen[bytes] | None = None
    deaths: list[float] = field(default_factory=list)


def _die_with_parent() -> None:
    """In the child, before the program starts: the kernel ends it when this process is killed."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def _kill_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


class Group:
    def __init__(self, home: Path) -> None:
        self._logs = home / "log"
        self._logs.mkdir(parents=True, exist_ok=True)
        self._parts: list[Part] = []

    def log_of(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def start(self, part: Part) -> None:
        self._spawn(part)
        self._parts.append(part)

    def restart(self, name: str) -> None:
        """End a part that lives but no longer works; `watch` starts it again."""
        for part in self._parts:
            if part.name == name and part.process is not None and part.process.poll() is None:
                _kill_group(part.process.pid)
                part.process.wait()

    def _spawn(self, part: Part) -> None:
        if part.process is not None:
            # Children of a process that was killed live on without it: two sets must never work side by side.
            _kill_group(part.process.pid)
        die = _die_with_parent if sys.platform == "linux" else None
        with self.log_of(part.name).open("ab") as log:
            # A session of its own: Ctrl-C reaches this process only, which then ends the parts in order.
            part.process = subprocess.Popen(  # prctl only; no thread runs yet that could hold a lock
                list(part.command), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={**os.environ, **part.environment}, preexec_fn=die,
            )  # fmt: skip

    def watch(self) -> None:
        """Start again what has died. ProcessFailed when one keeps dying."""
        now = time.monotonic()
        for part in self._parts:
            if part.process is None or part.process.poll() is None:
                continue
            part.deaths = [at for at in part.deaths if now - at < 60.0] + [now]
            if len(part.deaths) > MOST_RESTARTS:
                raise ProcessFailed(f"{part.name} keeps ending; see {self.log_of(part.name)}")
            self._spawn(part)
            if part.on_restart is not None:
                part.on_restart()

    def check_alive(self) -> None:
        """ProcessFailed when a part has ended: for the time of the start, when nothing may die."""
        for part in self._parts:
            if part.process is not None and part.process.poll() is not None:
                raise ProcessFailed(
                    f"{part.name} ended with code {part.process.returncode}; see {self.log_of(part.name)}"
                )

    def stop(self) -> None:
        """End all, the last started first; what does not end in time is killed with its children."""
        for part in reversed(self._parts):
            if part.process is not None and part.process.poll() is None:
                part.process.terminate()
        deadline = time.monotonic() + STOP_S
        for part in reversed(self._parts):
            if part.process is None:
                continue
            try:
                part.process.wait(max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                _kill_group(part.process.pid)
                part.process.wait()
            _kill_group(part.process.pid)
        self._parts.clear()
