"""`manage.py demo`: set up what is missing, start everything, say where it is, keep it running until Ctrl-C."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Final

import httpx
from django.conf import settings
from django.db import connection

from altor.demo.credentials import FIRST_LOGIN, PASSWORD
from altor.demo.home import STATE_FILE, DemoState
from altor.demo.people import PEOPLE
from altor.demo.setup import (
    Addresses,
    SetupFailed,
    check_loading,
    connect,
    fill,
    progress,
    report,
    start_loading,
)
from altor.demo.upstreams.hooks import LINEAR_FILE
from altor.demo.world.company import VENDOR
from altor.embedded.clickhouse import EmbeddedClickHouse
from altor.embedded.postgres import EmbeddedPostgres
from altor.embedded.processes import Group, Part, ProcessFailed
from altor.embedded.supervisor import Upkeep, clickhouse_part, web_part, worker_part
from altor.migrating import migrate

READY_S: Final = 90.0
PORTS_TRIED: Final = 40


@dataclass(frozen=True, slots=True)
class DemoOptions:
    port: int
    reset: bool
    seed: int | None
    tickets: int | None
    browser: bool
    once: bool
    report: Path | None


class Demo:
    def __init__(self, home: Path, options: DemoOptions, say: Callable[[str], None]) -> None:
        self._home = home
        self._options = options
        self._say = say
        self._begun = time.monotonic()
        self._group = Group(home)
        self._upkeep = Upkeep(self._group)
        self._postgres = EmbeddedPostgres(home / "pg")
        self._clickhouse = EmbeddedClickHouse(home / "clickhouse")
        self._addresses = Addresses("", "", "")
        self._opened_s = 0.0

    def run(self) -> int:
        """Until it is stopped; the code to exit with. SetupFailed and ProcessFailed carry one line for people."""
        stopped = _stop_flag()
        try:
            loading = self._open()
            if not self._options.once:
                self._tell()
            if not self._begin_work(loading, stopped):
                return 0
            if self._options.once:
                return self._finish(stopped)
            while not stopped():
                time.sleep(0.3)
                self._group.watch()
                self._upkeep.tick()
            self._say("Stopping …")
            return 0
        finally:
            connection.close()
            self._group.stop()
            self._postgres.stop()

    # ---- start
    def _open(self) -> subprocess.Popen[bytes]:
        """Everything up to the first page; the telemetry may still be loading (the returned process)."""
        state = DemoState.load(self._home)
        if state is None:
            state = DemoState.fresh(self._options.seed)
            state.save(self._home)
            self._say(f"Setting up {VENDOR}, an invented company, in {self._home}")
        elif self._options.seed not in (None, state.seed):
            raise SetupFailed(f"This demo was made with seed {state.seed}; --reset begins anew with another")
        port = _free_port(self._options.port)
        web = f"http://127.0.0.1:{port}"
        os.environ["ALTOR_BASE_URL"] = settings.BASE_URL = web
        self._start_servers(state, web)
        loading = start_loading(self._home, self._group.log_of("loading"))
        migrate()
        self._addresses = replace(self._addresses, web=web)
        self._group.start(web_part(port, workers=1, threads=8))
        fill(state, self._addresses, tickets=self._options.tickets, say=self._say)
        self._wait_for_web(web)
        self._opened_s = time.monotonic() - self._begun
        return loading

    def _begin_work(self, loading: subprocess.Popen[bytes], stopped: Callable[[], bool]) -> bool:
        """Worker and feed, once the telemetry is there; False when it was stopped meanwhile."""
        while loading.poll() is None:
            if stopped():
                loading.terminate()
                loading.wait()
                return False
            time.sleep(0.05)
        check_loading(loading, self._group.log_of("loading"))
        state = DemoState.load(self._home)  # the loading process wrote how far the telemetry goes
        if state is None:
            raise SetupFailed(f"{self._home / STATE_FILE} has gone")
        state.is_seeded = True
        state.save(self._home)
        self._group.start(worker_part())
        if not self._options.once:
            command = [sys.executable, "-m", "altor.demo.feed", "--home", str(self._home), "--web", self._addresses.web]
            self._group.start(Part("feed", command))
        return True

    def _start_servers(self, state: DemoState, web: str) -> None:
        """ClickHouse and the upstream servers, both at once; their addresses are known afterwards."""
        engine = clickhouse_part(self._home / "clickhouse")
        engine.on_restart = self._reconnect
        (self._home / "clickhouse").mkdir(mode=0o700, exist_ok=True)
        self._group.start(engine)
        port_file = self._home / "upstreams.port"
        port_file.unlink(missing_ok=True)
        module = [
            sys.executable,
            "-m",
            "altor.demo.upstreams.server",
            "--seed",
            str(state.seed),
            "--anchor",
            state.anchor,
            "--home",
            str(self._home),
            "--web",
            web,
        ]
        upstreams = Part("upstreams", [*module, "--port-file", str(port_file)])
        self._group.start(upstreams)
        desk_file = self._home / "desk.port"
        desk_file.unlink(missing_ok=True)
        desk_module = [sys.executable, "-m", "altor.demo.desk.server", "--home", str(self._home), "--web", web]
        desk = Part("helpdesk", [*desk_module, "--port-file", str(desk_file)])
        self._group.start(desk)
        self._wait("the upstream servers", port_file.exists)
        self._wait("the stand-in helpdesk", desk_file.exists)
        port, desk_port = port_file.read_text().strip(), desk_file.read_text().strip()
        # Started again, they come back at the same addresses.
        upstreams.command = [*module, "--port", port]
        desk.command = [*desk_module, "--port", desk_port]
        self._wait("ClickHouse", lambda: self._clickhouse.address() is not None)
        self._addresses = Addresses(
            "", f"http://127.0.0.1:{port}", self._clickhouse.reader_address() or "", f"http://127.0.0.1:{desk_port}"
        )

    def _reconnect(self) -> None:
        """ClickHouse came back with another port and password."""
        self._wait("ClickHouse", lambda: self._clickhouse.address() is not None)
        self._addresses = replace(self._addresses, clickhouse=self._clickhouse.reader_address() or "")
        state = DemoState.load(self._home)
        if state is not None:
            connect(state, self._addresses)

    def _wait_for_web(self, web: str) -> None:
        def answers() -> bool:
            try:
                return (
                    httpx.get(f"{web}/api/v1/health/live", timeout=2.0, trust_env=False).status_code
                    < httpx.codes.INTERNAL_SERVER_ERROR
                )
            except httpx.HTTPError:
                return False

        self._wait("the web server", answers)

    def _wait(self, what: str, is_ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + READY_S
        while not is_ready():
            self._group.check_alive()
            if time.monotonic() > deadline:
                raise SetupFailed(f"{what} did not answer within {READY_S:.0f} s; see {self._home / 'log'}")
            time.sleep(0.05)

    # ---- while it runs
    def _tell(self) -> None:
        names = ", ".join(f"{username} ({role.label})" for username, _, _, role, _ in PEOPLE)
        self._say(
            f"\n  {VENDOR} support is open:  {self._addresses.web}\n"
            f"  log in as {FIRST_LOGIN} with the password {PASSWORD}\n"
            f"  others with the same password: {names}\n"
            f"  issues that Altor filed, and what engineers do with them:  {self._addresses.upstreams}/linear/\n"
            f"  a stand-in helpdesk with Altor in its sidebar:  {self._addresses.desk.replace('127.0.0.1', 'localhost')}\n\n"
            f"  open after {self._opened_s:.0f} s; past tickets are investigated now, new ones arrive by themselves.\n"
            "  Everything is invented and stays on this machine. Ctrl-C ends it; --reset begins anew.\n"
        )
        if self._options.browser and (
            os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or sys.platform == "darwin"
        ):
            webbrowser.open(self._addresses.web)

    def _finish(self, stopped: Callable[[], bool]) -> int:
        """Wait until the past tickets are investigated, then say how it went."""
        opened = self._opened_s
        deadline = time.monotonic() + 600.0
        done, known = progress()
        while done < known and time.monotonic() < deadline and not stopped():
            time.sleep(0.3)
            self._group.watch()
            self._upkeep.tick()
            done, known = progress()
        rows = report()
        self._say(
            f"open after {opened:.1f} s, {done} of {known} investigations ended after {time.monotonic() - self._begun:.1f} s"
        )
        if self._options.report is not None:
            self._options.report.write_text(json.dumps({"opened_s": opened, "investigations": rows}, indent=1))
        return 0 if done == known else 3


def _free_port(wanted: int) -> int:
    """The wanted port, or the next one that nobody listens on; 0 takes any."""
    for port in [wanted] if wanted == 0 else range(wanted, wanted + PORTS_TRIED):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise SetupFailed(f"No free port from {wanted} on; choose another with --port")


def _stop_flag() -> Callable[[], bool]:
    """True after Ctrl-C or SIGTERM."""
    stopped: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda got, _: stopped.append(got))
    return lambda: bool(stopped)


@contextmanager
def _alone(home: Path) -> Iterator[IO[str]]:
    """One demo in a home at a time."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "demo.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SetupFailed(f"The demo in {home} is running already") from None
        yield lock


def _forget(home: Path) -> None:
    """Remove a demo's data, and only that: a directory without a demo's mark is left alone."""
    # The generated keys stay: this process has read them, and its children must use the same.
    known = ("pg", "clickhouse", "log", "static", STATE_FILE, "upstreams.port", "desk.port", "desk.json", LINEAR_FILE)
    if not (home / STATE_FILE).exists() and any((home / name).exists() for name in known):
        raise SetupFailed(f"{home} does not look like a demo's home (no {STATE_FILE}); remove it yourself if it is one")
    EmbeddedPostgres(home / "pg").destroy()
    for name in known:
        path = home / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def run_demo(home: Path, options: DemoOptions, say: Callable[[str], None]) -> int:
    with _alone(home):
        if options.reset:
            _forget(home)
        return Demo(home, options, say).run()


__all__ = ["DemoOptions", "ProcessFailed", "SetupFailed", "run_demo"]
