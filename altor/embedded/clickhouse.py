"""Find or start the embedded ClickHouse engine. Other processes only learn its address; none imports the engine."""

from __future__ import annotations

import base64
import fcntl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import unquote, urlsplit


class ClickHouseUnavailable(RuntimeError):
    """The embedded engine cannot run; the message says what to do."""


class EmbeddedClickHouse:
    """One engine with its data below `home`. `process` is set when this object started it."""

    def __init__(self, home: Path) -> None:
        self.home = home.resolve()
        self.process: subprocess.Popen[bytes] | None = None

    def address(self) -> str | None:
        """`http://altor:<password>@127.0.0.1:<port>?database=otel` when an engine answers, else None."""
        try:
            address = (self.home / "address").read_text()
        except FileNotFoundError:
            return None
        return address if _answers(address) else None

    def is_locked(self) -> bool:
        """Whether some process owns the data directory (it may not answer yet)."""
        if not (self.home / "lock").exists():
            return False
        with (self.home / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def start(self, *, port: int = 0, timeout_s: float = 60.0, stay: bool = False) -> str:
        """Start an engine, or find the one that runs; its address. With `stay` it outlives this process."""
        found = self.address()
        if found:
            return found
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        log = (self.home / "server.log").open("ab")
        command = [
            sys.executable,
            "-m",
            "altor.embedded.clickhouse_server",
            str(self.home),
            str(port),
            *(["--stay"] if stay else []),
        ]
        root = Path(__file__).resolve().parents[2]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=root, start_new_session=stay
        )
        log.close()
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            found = self.address()
            if found:
                return found
            # Exit code 3: another process was first; it will answer soon.
            if self.process.poll() not in (None, 3):
                break
            time.sleep(0.05)
        tail = (self.home / "server.log").read_text(errors="replace").strip().splitlines()[-3:]
        raise ClickHouseUnavailable(
            f"The embedded ClickHouse did not start: {' / '.join(tail) or 'no message'}. Is the extra `altor[embedded]` installed?"
        )

    def stop(self) -> None:
        """Stop the engine that this object started."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None


def _answers(address: str) -> bool:
    parts = urlsplit(address)
    try:
        with urllib.request.urlopen(f"http://{parts.hostname}:{parts.port}/ping", timeout=3) as answer:  # noqa: S310  # loopback, our own address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def statement(address: str, sql: str, body: bytes = b"", *, timeout_s: float = 120.0) -> str:
    """Run one statement as administrator (loading data, creating tables) and return the text of its answer.

    ClickHouseUnavailable with the engine's message when it refuses.
    """
    parts = urlsplit(address)
    credential = base64.b64encode(f"{unquote(parts.username or '')}:{unquote(parts.password or '')}".encode()).decode()
    url = f"http://{parts.hostname}:{parts.port}/?{parts.query}"
    data = sql.encode() + (b"\n" + body if body else b"")
    request = urllib.request.Request(url, data=data, headers={"Authorization": f"Basic {credential}"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:  # noqa: S310
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        raise ClickHouseUnavailable(error.read().decode(errors="replace").strip()) from None
