"""`manage.py up`: web, worker and embedded servers as one group that lives and dies together.

Beside restarting what dies, the supervisor does what must not depend on a working queue: it sweeps (runs and events
whose worker is gone) and restarts a worker cluster that no longer takes anything from the queue.
"""

from __future__ import annotations

import logging
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from django.db import DatabaseError, close_old_connections

from altor.embedded.processes import Group, Part
from altor.queue import oldest_waiting
from altor.registry import parts

log = logging.getLogger(__name__)
SWEEP_EVERY_S: Final = 10.0
#: A queue entry that nobody took for this long: the cluster hangs (a killed worker can leave it so).
STALE_S: Final = 90.0


class PortTaken(RuntimeError):
    """The web port is in use."""


@dataclass(slots=True)
class Upkeep:
    """Periodic care, called often from the supervisor's loop; it acts each SWEEP_EVERY_S seconds."""

    group: Group
    worker: str = "worker"
    last: float = field(default_factory=time.monotonic)

    def tick(self) -> None:
        now = time.monotonic()
        if now - self.last < SWEEP_EVERY_S:
            return
        self.last = now
        try:
            close_old_connections()
            for sweep in parts("SWEEPS"):
                sweep()
            age = oldest_waiting()
            if age is not None and age > STALE_S:
                log.warning("the worker takes nothing from the queue and is restarted", extra={"waiting_s": round(age)})
                self.group.restart(self.worker)
        except (DatabaseError, OSError) as error:
            log.warning("upkeep is put off: the database does not answer", extra={"error": str(error).splitlines()[0]})


def web_part(port: int, *, host: str = "127.0.0.1", workers: int = 2, threads: int = 4) -> Part:
    """gunicorn with threads: database-bound pages, polls that take a moment each."""
    command = [
        sys.executable, "-m", "gunicorn", "altor.wsgi:application", "--bind", f"{host}:{port}", "--worker-class", "gthread",
        "--workers", str(workers), "--threads", str(threads), "--timeout", "30", "--graceful-timeout", "10", "--max-requests", "5000",
        "--max-requests-jitter", "500", "--keep-alive", "5", "--error-logfile", "-", "--log-level", "warning",
    ]  # fmt: skip
    return Part("web", command, {"ALTOR_PROCESS_ROLE": "web"})


def worker_part() -> Part:
    return Part("worker", [sys.executable, "manage.py", "qcluster"], {"ALTOR_PROCESS_ROLE": "worker"})


def clickhouse_part(home: Path) -> Part:
    return Part("clickhouse", [sys.executable, "-m", "altor.embedded.clickhouse_server", str(home), "0"])


def check_port(host: str, port: int) -> None:
    """PortTaken when something listens there already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            raise PortTaken(f"Port {port} on {host} is in use. Choose another with --port.") from None


def supervise(home: Path, wanted: Sequence[Part], *, say: Callable[[str], None]) -> None:
    """Run the parts until SIGINT or SIGTERM; ProcessFailed when one cannot be kept alive."""
    stopped: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda got, _: stopped.append(got))
    group = Group(home)
    upkeep = Upkeep(group)
    try:
        for part in wanted:
            group.start(part)
            say(f"{part.name} started, log in {group.log_of(part.name)}")
        while not stopped:
            time.sleep(0.3)
            group.watch()
            upkeep.tick()
        say("Stopping …")
    finally:
        group.stop()
