"""ClickHouse's HTTP interface in front of the in-process engine: one process owns the data directory.

Run as `python -m altor.embedded.clickhouse_server HOME [PORT] [--stay]`. It speaks as much of the HTTP interface as
`clickhouse-connect` and `curl` need: queries by GET and POST, typed parameters, settings, formats, inserts,
compression, error codes. No sessions, no KILL QUERY. It listens on 127.0.0.1 only and knows two accounts, whose
passwords are made at every start and kept in files that only the owner may read: `HOME/address` for loading data,
`HOME/reader` for reading (as a user with readonly = 1 and limits in its profile).
"""

from __future__ import annotations

import base64
import email
import fcntl
import gzip
import hmac
import json
import os
import secrets
import signal
import sys
import threading
import time
import uuid
import zlib
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from altor.embedded.clickhouse_engine import ADMIN, READER, Account, Refused, execute
from altor.embedded.clickhouse_instance import instance_of

#: Largest body of a request, as sent and after decompression. The reader only sends statements.
MAX_BODY: Final = {ADMIN.name: 256 * 1024 * 1024, READER.name: 2 * 1024 * 1024}
MAX_INFLATED: Final = 1024 * 1024 * 1024
#: Statements at once; the next one is refused as a busy server refuses it.
MAX_STATEMENTS: Final = 16
LOCK_WAIT_S: Final = 2.0
IDLE_S: Final = 120


def inflate(data: bytes, encoding: str) -> bytes:
    """A body as it was before compression. Refused for an unknown encoding, broken data, or too much of it."""
    if encoding in ("", "identity"):
        return data
    try:
        if encoding == "gzip":
            machine = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
            plain = machine.decompress(data, MAX_INFLATED)
            if machine.unconsumed_tail:
                raise Refused(413, 1, "The body is too large")
            # Several members in a row are one gzip file.
            return plain + (gzip.decompress(machine.unused_data) if machine.unused_data else b"")
        if encoding == "lz4":
            import lz4.frame

            return bytes(lz4.frame.decompress(data))
        if encoding == "zstd":
            from backports import zstd

            return bytes(zstd.decompress(data))
    except (OSError, EOFError, ValueError, RuntimeError, zlib.error) as error:
        raise Refused(400, 1, f"The body cannot be decompressed: {error}") from None
    raise Refused(400, 1, f"Unknown Content-Encoding {encoding!r}")


class Front(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port: int, data: str, passwords: Mapping[str, str]) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.data = data
        self.credentials = {_basic(account.name, passwords[account.name]): account for account in (ADMIN, READER)}
        #: Tells who asks /ping that it is this server and no other one that got its port; tells nothing else.
        self.instance = instance_of(passwords[ADMIN.name])
        self.slots = threading.BoundedSemaphore(MAX_STATEMENTS)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """An asker that goes away in mid-request is nothing to report; anything else is."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def _basic(user: str, password: str) -> bytes:
    return b"Basic " + base64.b64encode(f"{user}:{password}".encode())


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "altor-clickhouse", ""
    disable_nagle_algorithm = True
    timeout = IDLE_S
    server: Front

    def log_message(self, *args: Any) -> None:
        """Queries hold customers' data: nothing is logged here."""

    def do_GET(self) -> None:
        if urlsplit(self.path).path.rstrip("/").endswith("/ping"):
            self._send(200, b"Ok.\n", Server_Display_Name=self.server.instance)
        else:
            self._answer(readonly=True)

    def do_POST(self) -> None:
        self._answer(readonly=False)

    def _answer(self, *, readonly: bool) -> None:
        query_id = ""
        try:
            account = self._account()
            arguments, body = self._arguments(b"" if readonly else self._body(account))
            query_id = arguments.get("query_id") or str(uuid.uuid4())
            if not self.server.slots.acquire(blocking=False):
                raise Refused(500, 202, "Too many simultaneous queries. (TOO_MANY_SIMULTANEOUS_QUERIES)")
            try:
                readonly = readonly or arguments.get("readonly", "0") not in ("0", "")
                answer = execute(self.server.data, account, arguments, body, readonly=readonly)
            finally:
                self.server.slots.release()
        except Refused as refused:
            told = {"Query_Id": query_id} if query_id else {}
            self._send(refused.status, refused.text.encode() + b"\n", Exception_Code=str(refused.code), **told)
        else:
            form = {"Format": answer.form} if answer.data else {}
            summary = json.dumps(answer.summary)
            self._send(200, answer.data, Query_Id=query_id, Summary=summary, Timezone="UTC", **form)

    def _account(self) -> Account:
        """Who asks; decided before anything of the body is read."""
        given = self.headers.get("Authorization", "").encode()
        key = self.headers.get("X-ClickHouse-Key")
        if key is not None:
            given = _basic(self.headers.get("X-ClickHouse-User", "default"), key)
        found = [account for known, account in self.server.credentials.items() if hmac.compare_digest(given, known)]
        if not found:
            self.close_connection = True  # its body stays unread
            raise Refused(403, 516, "Authentication failed. (AUTHENTICATION_FAILED)")
        return found[0]

    def _body(self, account: Account) -> bytes:
        limit = MAX_BODY[account.name]
        try:
            if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
                raw = self._chunks(limit)
            else:
                length = int(self.headers.get("Content-Length") or 0)
                if not 0 <= length <= limit:
                    raise Refused(413, 1, "The body is too large")
                raw = self.rfile.read(length)
                if len(raw) < length:
                    raise Refused(400, 1, "The body is incomplete")
        except (Refused, ValueError) as error:
            self.close_connection = True  # the rest of it is not read
            raise error if isinstance(error, Refused) else Refused(400, 1, "The body's length cannot be read") from None
        return inflate(raw, self.headers.get("Content-Encoding", "").lower())

    def _chunks(self, limit: int) -> bytes:
        parts = bytearray()
        while size := int(self.rfile.readline(64).split(b";")[0], 16):
            if size < 0 or len(parts) + size > limit:
                raise Refused(413, 1, "The body is too large")
            parts += self.rfile.read(size)
            self.rfile.readline(64)
        self.rfile.readline(64)
        return bytes(parts)

    def _arguments(self, body: bytes) -> tuple[dict[str, str], bytes]:
        arguments = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        kind = self.headers.get("Content-Type", "")
        if kind.startswith("multipart/form-data"):
            message = email.message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
            for part in message.walk():
                name = part.get_param("name", header="content-disposition")
                value = part.get_payload(decode=True)
                if isinstance(name, str) and isinstance(value, bytes):
                    arguments[name] = value.decode(errors="replace")
            body = b""
        for header, name in (("X-ClickHouse-Database", "database"), ("X-ClickHouse-Format", "default_format")):
            if self.headers.get(header):
                arguments.setdefault(name, self.headers[header])
        return arguments, body

    def _send(self, status: int, body: bytes, **headers: str) -> None:
        try:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header("X-ClickHouse-" + name.replace("_", "-"), value.replace("\r", "").replace("\n", " "))
            self.send_header("Content-Length", str(len(body)))
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)
        except OSError:  # the asker has gone
            self.close_connection = True


def lock(home: Path) -> TextIOWrapper | None:
    """The data directory's lock for as long as the file is open; None when another process has it."""
    file = (home / "lock").open("a")
    end = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # Somebody may only be looking whether it is taken.
            if time.monotonic() > end:
                file.close()
                return None
            time.sleep(0.05)
        else:
            return file


def _tell(home: Path, name: str, text: str) -> None:
    """Write a file that only the owner may read, whole or not at all."""
    scratch = home / f".{name}.{os.getpid()}"
    scratch.unlink(missing_ok=True)
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    scratch.rename(home / name)


def _die_with(parent: int) -> None:
    """End when the process that started us ends, however it ends."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def main() -> int:
    parent = os.getppid()
    home = Path(sys.argv[1])
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    held = lock(home)
    if held is None:
        print(f"another process serves {home} already", file=sys.stderr)  # noqa: T201  # a program of its own
        return 3
    try:
        import chdb
    except ImportError:
        print("the engine is not installed: pip install 'altor[embedded]'", file=sys.stderr)  # noqa: T201
        return 4

    passwords = {account.name: secrets.token_urlsafe(24) for account in (ADMIN, READER)}
    data = str(home / "data")
    keep = chdb.connect(data)  # the engine stays alive between requests
    keep.query("CREATE DATABASE IF NOT EXISTS otel")
    numbers = [int(text) for text in sys.argv[2:] if text.isdigit()]
    server = Front(numbers[0] if numbers else 0, data, passwords)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; who started us ends us
    for name, account in (("reader", READER), ("address", ADMIN)):
        where = f"127.0.0.1:{server.server_address[1]}"
        _tell(home, name, f"http://{account.name}:{passwords[account.name]}@{where}?database=otel")
    if "--stay" not in sys.argv:
        _die_with(parent)
    try:
        server.serve_forever(poll_interval=0.2)
    finally:
        for name in ("address", "reader"):
            (home / name).unlink(missing_ok=True)
        keep.close()
        held.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
