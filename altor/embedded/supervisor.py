"""`manage.py up`: web, worker and embedded servers as one group that lives and dies together.

Beside restarting what dies, the supervisor does what must not depend on a working queue: it sweeps (runs and events
whose worker is gone) and restarts a worker cluster that no longer takes anything from the queue.
"""

from __future__ import annotations

import logging
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import psycopg
from django.conf import settings
from django.db import DatabaseError, close_old_connections

from altor.embedded.postgres import PostgresUnavailable
from altor.embedded.processes import Group, Part
from altor.pulse import forget_all, silent_for
from altor.queue import queue_state
from altor.registry import parts

log = logging.getLogger(__name__)
SWEEP_EVERY_S: Final = 10.0
#: A queue from which nobody took anything for this long: the cluster hangs (a killed worker can leave it so). Longer
#: than a task may take, so that busy workers are not mistaken for dead ones.
STALE_S: Final = 90.0
#: Seen stale so often in a row before the worker is restarted.
STALE_LOOKS: Final = 2


class PortTaken(RuntimeError):
    """The web port is in use."""


class Upkeep:
    """Periodic care in a thread of its own: a database that does not answer must not stop restarts."""

    def __init__(
        self, group: Group, *, worker: str = "worker", every_s: float = SWEEP_EVERY_S, stale_s: float = STALE_S
    ) -> None:
        self._group, self._worker = group, worker
        self._every_s, self._stale_s = every_s, stale_s
        self._looks = 0
        self._ended, self._worker_hangs = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def tick(self) -> None:
        """To be called often by the loop that owns the group: only that thread may start and end processes."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)
            self._thread.start()
        if self._worker_hangs.is_set() or self._is_silent():
            self._worker_hangs.clear()
            log.warning("the worker takes nothing from the queue and is restarted")
            self._group.restart(self._worker)

    def _is_silent(self) -> bool:
        """Whether no process of the worker has done anything for long: seen without the database and without work."""
        session = self._group.session_of(self._worker)
        # 0 is a session too: one that began outside this PID namespace.
        silent_s = None if session is None else silent_for(session)
        return silent_s is not None and silent_s > settings.WORKER_SILENT_S

    def stop(self) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join(3.0)

    def _run(self) -> None:
        while not self._ended.wait(self._every_s):
            close_old_connections()
            self.look()

    def look(self) -> None:
        """One round. A fault in one sweep is logged and does not keep the others from running."""
        try:
            stalled = queue_state().is_stalled(self._stale_s)
            self._looks = self._looks + 1 if stalled else 0
            if self._looks >= STALE_LOOKS:
                self._looks = 0
                self._worker_hangs.set()
            for sweep in parts("SWEEPS"):
                self._sweep(sweep)
        except (DatabaseError, psycopg.Error, PostgresUnavailable, OSError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            log.warning("upkeep is put off: the database does not answer", extra={"error": reason})

    @staticmethod
    def _sweep(sweep: Callable[[], object]) -> None:
        try:
            sweep()
        except (DatabaseError, psycopg.Error):
            raise
        except Exception:
            log.exception("a sweep failed", extra={"sweep": f"{sweep.__module__}.{sweep.__qualname__}"})


def web_part(port: int, *, host: str = "127.0.0.1", workers: int = 2, threads: int = 4) -> Part:
    """gunicorn with threads: database-bound pages, polls that take a moment each."""
    metrics: Path = settings.HOME / "run" / "web-metrics"  # where the processes of one web server add up their counters
    shutil.rmtree(metrics, ignore_errors=True)
    metrics.mkdir(parents=True)
    command = [
        sys.executable, "-m", "gunicorn", "altor.wsgi:application", "--bind", f"{host}:{port}",
        "--worker-class", "gthread", "--workers", str(workers), "--threads", str(threads),
        "--timeout", "30", "--graceful-timeout", "10", "--keep-alive", "5", "--worker-tmp-dir", str(metrics.parent),
        "--max-requests", "5000", "--max-requests-jitter", "500", "--error-logfile", "-", "--log-level", "warning",
    ]  # fmt: skip
    return Part("web", command, {"ALTOR_PROCESS_ROLE": "web", "PROMETHEUS_MULTIPROC_DIR": str(metrics)})


def worker_part(workers: int | None = None) -> Part:
    """`workers`: runs carried out at the same time; None leaves that to ALTOR_WORKERS."""
    environment = {"ALTOR_PROCESS_ROLE": "worker"} | ({"ALTOR_WORKERS": str(workers)} if workers else {})
    return Part("worker", [sys.executable, "manage.py", "qcluster"], environment)


def clickhouse_part(home: Path) -> Part:
    return Part("clickhouse", [sys.executable, "-m", "altor.embedded.clickhouse_server", str(home), "0"])


def check_port(host: str, port: int) -> None:
    """PortTaken when something listens there already, or the address is not this machine's."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError:
            raise PortTaken(f"Port {port} may be opened by root only. Choose another with --port.") from None
        except OSError as error:
            reason = error.strerror or str(error)
            raise PortTaken(f"Port {port} on {host}: {reason}. Choose another with --port.") from None


def supervise(home: Path, wanted: Sequence[Part], *, say: Callable[[str], None]) -> None:
    """Run the parts until SIGINT or SIGTERM; ProcessFailed when one cannot be kept alive."""
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    width = max(len(part.name) for part in wanted)
    group = Group(home, forward=lambda name, line: say(f"{name:<{width}} | {line}"))
    upkeep = Upkeep(group)
    forget_all()
    try:
        for part in wanted:
            part.on_restart = partial(say, f"{part.name:<{width}} | started again")
            group.start(part)
            say(f"{part.name:<{width}} | started")
        while not stopped.wait(0.3):
            group.watch()
            upkeep.tick()
        say("Stopping …")
    finally:
        began = time.monotonic()
        upkeep.stop()
        group.stop()
        log.info("stopped", extra={"seconds": round(time.monotonic() - began, 1)})
