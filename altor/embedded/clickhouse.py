"""Find or start the embedded ClickHouse engine. Other processes only learn its address; none imports the engine."""

from __future__ import annotations

import base64
import fcntl
import http.client
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import unquote, urlsplit

from altor.embedded.clickhouse_instance import instance_of


class ClickHouseUnavailable(RuntimeError):
    """The embedded engine cannot run; the message says what to do."""


class EmbeddedClickHouse:
    """One engine with its data below `home`. `process` is set when this object started it."""

    def __init__(self, home: Path) -> None:
        self.home = home.resolve()
        self.process: subprocess.Popen[bytes] | None = None

    def address(self) -> str | None:
        """`http://altor:<password>@127.0.0.1:<port>?database=otel` when the engine answers, else None. May write."""
        try:
            address = (self.home / "address").read_text()
        except FileNotFoundError:
            return None
        return address if _answers(address) else None

    def reader_address(self) -> str | None:
        """As `address`, for an account that can only read and sets no limits of its own. For investigations."""
        try:
            return (self.home / "reader").read_text() if self.address() else None
        except FileNotFoundError:
            return None

    def is_locked(self) -> bool:
        """Whether some process owns the data directory (it may not answer yet)."""
        if not (self.home / "lock").exists():
            return False
        with (self.home / "lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def start(self, *, port: int = 0, timeout_s: float = 60.0, stay: bool = False) -> str:
        """Start an engine, or find the one that runs; its address. With `stay` it outlives this process."""
        found = self.address()
        if found:
            return found
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        command = [
            sys.executable,
            "-m",
            "altor.embedded.clickhouse_server",
            str(self.home),
            str(port),
            *(["--stay"] if stay else []),
        ]
        root = Path(__file__).resolve().parents[2]
        with (self.home / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=root, start_new_session=stay
            )
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            found = self.address()
            if found:
                return found
            # Exit code 3: another process was first; it will answer soon.
            if self.process.poll() not in (None, 3):
                break
            time.sleep(0.05)
        self.stop()
        tail = (self.home / "server.log").read_text(errors="replace").strip().splitlines()[-3:]
        raise ClickHouseUnavailable(f"The embedded ClickHouse did not start: {' / '.join(tail) or 'no message'}.")

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
    """Whether the server that wrote this address is still there: another program may have its port by now."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=3)
    try:
        connection.request("GET", "/ping")
        answer = connection.getresponse()
        answer.read()
        name = answer.getheader("X-ClickHouse-Server-Display-Name")
        return answer.status == 200 and name == instance_of(unquote(parts.password or ""))
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def statement(address: str, sql: str, body: bytes = b"", *, timeout_s: float = 120.0, form: str = "") -> str:
    """Run one statement (loading data, creating tables) and return the text of its answer.

    `form` is an output format, TabSeparated by default. ClickHouseUnavailable with the engine's message if it refuses.
    """
    parts = urlsplit(address)
    credential = base64.b64encode(f"{unquote(parts.username or '')}:{unquote(parts.password or '')}".encode()).decode()
    url = f"http://{parts.hostname}:{parts.port}/?{parts.query}"
    data = sql.encode() + (b"\n" + body if body else b"")
    headers = {"Authorization": f"Basic {credential}"} | ({"X-ClickHouse-Format": form} if form else {})
    request = urllib.request.Request(url, data=data, headers=headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=timeout_s) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        raise ClickHouseUnavailable(error.read().decode(errors="replace").strip()) from None
    except OSError as error:
        raise ClickHouseUnavailable(f"The embedded ClickHouse does not answer: {error}") from None
