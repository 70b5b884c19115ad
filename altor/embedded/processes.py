"""Processes as one group: started together, restarted when they die, ended together."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from altor.settings.environment import ROOT

#: Time to finish: longer than a run usually takes. What does not end in time is killed.
STOP_S: Final = 12.0
#: A process that dies more often than this within a minute is given up.
MOST_RESTARTS: Final = 5
#: Seconds to wait before a restart: at once after the first death, then longer.
_BACK_OFF_S: Final = (0.0, 0.5, 2.0, 5.0, 10.0)


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
    not_before: float = 0.0

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Group:
    """Output goes to files below `home`, or line by line to `forward(name, line)`, which any thread may call."""

    def __init__(self, home: Path, forward: Callable[[str, str], None] | None = None) -> None:
        self._logs = home / "log"
        self._forward = forward
        self._parts: list[Part] = []
        if forward is None:
            self._logs.mkdir(parents=True, exist_ok=True)

    def log_of(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def start(self, part: Part) -> None:
        self._spawn(part)
        self._parts.append(part)

    def restart(self, name: str) -> None:
        """End a part that lives but no longer works; `watch` starts it again."""
        for part in self._parts:
            if part.name == name and part.is_alive:
                self._kill(part)

    def session_of(self, name: str) -> int | None:
        """The id of the session in which a living part and all its children run."""
        return next(
            (part.process.pid for part in self._parts if part.name == name and part.process and part.is_alive), None
        )

    def watch(self) -> None:
        """Start again what has died. ProcessFailed when one keeps dying."""
        now = time.monotonic()
        for part in self._parts:
            if part.process is None or part.is_alive:
                continue
            if not part.not_before:
                part.deaths = [at for at in part.deaths if now - at < 60.0] + [now]
                if len(part.deaths) > MOST_RESTARTS:
                    raise ProcessFailed(f"{part.name} keeps ending; {self._where(part)}")
                part.not_before = now + _BACK_OFF_S[len(part.deaths) - 1]
            if now < part.not_before:
                continue
            self._spawn(part)
            if part.on_restart is not None:
                part.on_restart()

    def check_alive(self) -> None:
        """ProcessFailed when a part has ended: for the time of the start, when nothing may die."""
        for part in self._parts:
            if part.process is not None and not part.is_alive:
                raise ProcessFailed(f"{part.name} ended with code {part.process.returncode}; {self._where(part)}")

    def stop(self) -> None:
        """End all, the last started first; what does not end in time is killed with its children."""
        for part in reversed(self._parts):
            if part.process is not None and part.is_alive:
                part.process.terminate()
        deadline = time.monotonic() + STOP_S
        for part in reversed(self._parts):
            if part.process is None:
                continue
            try:
                part.process.wait(max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                self._kill(part)
        self._parts.clear()

    def _spawn(self, part: Part) -> None:
        part.not_before = 0.0
        wrapped = [sys.executable, "-m", "altor.embedded.child", str(os.getpid()), *part.command]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", **part.environment}
        if self._forward is not None:
            part.process = subprocess.Popen(
                wrapped, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                start_new_session=True, env=environment,
            )  # fmt: skip
            reader = threading.Thread(target=self._read, args=(part.name, part.process.stdout), daemon=True)
            reader.start()
            return
        with self.log_of(part.name).open("ab") as log:
            # A session of its own: Ctrl-C reaches this process only, which then ends the parts in order.
            part.process = subprocess.Popen(
                wrapped, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env=environment,
            )  # fmt: skip

    def _read(self, name: str, pipe: IO[bytes]) -> None:
        assert self._forward is not None  # noqa: S101  # the caller looked
        with pipe:
            for line in pipe:
                self._forward(name, line.decode(errors="replace").rstrip("\n"))

    def _where(self, part: Part) -> str:
        return "see its lines above" if self._forward else f"see {self.log_of(part.name)}"

    @staticmethod
    def _kill(part: Part) -> None:
        """The command, its children and the process that watches over it."""
        assert part.process is not None  # noqa: S101  # the caller looked
        for child in _children(part.process.pid):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            part.process.wait(2.0)  # it clears up after its child and ends
        if part.process.poll() is None:
            part.process.kill()
            part.process.wait()


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
