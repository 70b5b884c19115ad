"""ClickHouse's HTTP interface in front of an in-process engine (chDB): one process owns the data directory.

Run as `python -m altor.embedded.clickhouse_server HOME`. The engine hangs in forked children and refuses a second
process on its path, so this is the only module that imports it, and only in a process of its own. It speaks as much of
the HTTP interface as `clickhouse-connect` and `curl` need: queries by GET and POST, typed parameters, settings, formats,
inserts, compression, error codes. No sessions, no KILL QUERY, no users: one password, known to who may read HOME.

Each request gets an engine handle of its own, so USE and SET never leak. The front's ceilings are set before the
request's own settings, `readonly` last: SQL cannot lift it again.
"""

from __future__ import annotations

import base64
import email
import fcntl
import gzip
import hmac
import json
import os
import re
import secrets
import signal
import sys
import tempfile
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, Final
from urllib.parse import parse_qsl, urlsplit

#: Parameters of the HTTP interface that are no settings of the engine.
TRANSPORT: Final = frozenset(
    "query database default_format session_id session_timeout session_check query_id quota_key user password role compress "
    "decompress buffer_size wait_end_of_query client_protocol_version send_progress_in_http_headers "
    "http_headers_progress_interval_ms enable_http_compression cancel_http_readonly_queries_on_client_close".split()
)
#: What no request may exceed, whatever it asks for.
CEILINGS: Final = {"max_execution_time": 60, "max_memory_usage": 4_000_000_000, "max_threads": 2}
MAX_BODY: Final = 256 * 1024 * 1024
_FORMAT: Final = re.compile(r"\bFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
_INSERT: Final = re.compile(rb"\A\s*(INSERT\s+INTO\s.+?\bFORMAT\s+(\w+))[ \t]*\r?\n", re.IGNORECASE | re.DOTALL)
_CODE: Final = re.compile(r"Code: (\d+)")


def inflate(data: bytes, encoding: str) -> bytes:
    """A request body as it was before compression; ValueError for an encoding that is not known."""
    if encoding in ("", "identity"):
        return data
    if encoding == "gzip":
        return gzip.decompress(data)
    if encoding == "lz4":
        import lz4.frame

        return bytes(lz4.frame.decompress(data))
    if encoding == "zstd":
        from backports import zstd

        return bytes(zstd.decompress(data))
    raise ValueError(f"unknown Content-Encoding {encoding!r}")


def quoted(value: object) -> str:
    return "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'"


class Refused(Exception):
    """A request that never reaches the engine: HTTP status, ClickHouse's error code, text."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "altor-clickhouse", ""
    disable_nagle_algorithm = True
    data: ClassVar[str] = ""
    credential: ClassVar[bytes] = b""

    def log_message(self, *args: Any) -> None:
        """Queries hold customers' data: nothing is logged here."""

    def do_GET(self) -> None:
        if urlsplit(self.path).path.rstrip("/").endswith("/ping"):
            self._send(200, b"Ok.\n")
        else:
            self._answer(b"", readonly=True)

    def do_POST(self) -> None:
        try:
            body = inflate(self._body(), self.headers.get("Content-Encoding", "").lower())
        except Refused as refused:
            self._fail(refused)
        except (ValueError, OSError, EOFError) as error:
            self._fail(Refused(400, "1", f"The body cannot be read: {error}"))
        else:
            self._answer(body)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            parts = bytearray()
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts += self.rfile.read(size)
                self.rfile.readline()
                if len(parts) > MAX_BODY:
                    raise Refused(413, "1", "The body is too large")
            self.rfile.readline()
            return bytes(parts)
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_BODY:
            self.close_connection = True
            raise Refused(413, "1", "The body is too large")
        return self.rfile.read(length)

    def _authorised(self) -> bool:
        given = self.headers.get("Authorization", "").encode()
        key = self.headers.get("X-ClickHouse-Key")
        if key is not None:
            user = self.headers.get("X-ClickHouse-User", "default")
            given = b"Basic " + base64.b64encode(f"{user}:{key}".encode())
        return hmac.compare_digest(given, self.credential)

    def _answer(self, body: bytes, *, readonly: bool = False) -> None:
        query_id = ""
        try:
            if not self._authorised():
                raise Refused(403, "516", "Authentication failed. (AUTHENTICATION_FAILED)")
            arguments, body = self._arguments(body)
            query_id = arguments.get("query_id") or str(uuid.uuid4())
            if readonly:
                arguments["readonly"] = "1"
            data, form, summary = run(self.data, arguments, body)
        except Refused as refused:
            self._fail(refused, query_id)
        except Exception as error:  # the engine raises RuntimeError for everything; the client reads the code
            text = str(error)
            found = _CODE.search(text)
            code = found.group(1) if found else "1002"
            self._fail(
                Refused(404 if code in ("60", "81") else 500, code, text[max(text.find("Code: "), 0) :]), query_id
            )
        else:
            extra = {"Format": form} if data else {}
            self._send(200, data, Query_Id=query_id, Summary=json.dumps(summary), Timezone="UTC", **extra)

    def _arguments(self, body: bytes) -> tuple[dict[str, str], bytes]:
        arguments = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        kind = self.headers.get("Content-Type", "")
        if kind.startswith("multipart/form-data"):
            message = email.message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
            for part in message.get_payload():  # type: ignore[union-attr]  # multipart: a list of messages
                name = part.get_param("name", header="content-disposition")  # type: ignore[union-attr]
                arguments[str(name)] = part.get_payload(decode=True).decode()  # type: ignore[union-attr]
            body = b""
        if self.headers.get("X-ClickHouse-Database"):
            arguments.setdefault("database", self.headers["X-ClickHouse-Database"])
        if self.headers.get("X-ClickHouse-Format"):
            arguments.setdefault("default_format", self.headers["X-ClickHouse-Format"])
        return arguments, body

    def _fail(self, refused: Refused, query_id: str = "") -> None:
        text = (
            refused.message
            if refused.message.startswith("Code: ")
            else f"Code: {refused.code}. DB::Exception: {refused.message}"
        )
        self._send(
            refused.status,
            text.encode() + b"\n",
            Exception_Code=refused.code,
            **({"Query_Id": query_id} if query_id else {}),
        )

    def _send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header("X-ClickHouse-" + name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def run(data: str, arguments: dict[str, str], body: bytes) -> tuple[bytes, str, dict[str, str]]:
    """One statement on a handle of its own: (result, format, summary). Raises what the engine raises."""
    import chdb

    connection = chdb.connect(data)
    scratch: str | None = None
    try:
        if arguments.get("database"):
            connection.query("USE `{}`".format(arguments["database"].replace("`", "")))
        settings: dict[str, object] = {
            key: value
            for key, value in arguments.items()
            if key not in TRANSPORT and not key.startswith("param_") and re.fullmatch(r"\w+", key)
        }
        readonly = settings.pop("readonly", None)
        settings = _capped(settings)
        connection.query("SET " + ", ".join(f"{key} = {quoted(value)}" for key, value in settings.items()))
        if readonly not in (None, "0"):
            connection.query(f"SET readonly = {int(str(readonly))}")
        raw = (arguments["query"].encode() + (b"\n" + body if body else b"")) if "query" in arguments else body
        insert = _INSERT.match(raw)
        if insert:
            descriptor, scratch = tempfile.mkstemp()
            with os.fdopen(descriptor, "wb") as file:
                file.write(raw[insert.end() :])
            statement = (
                _FORMAT.sub("", insert[1].decode()) + f" FROM INFILE {quoted(scratch)} FORMAT {insert[2].decode()}"
            )
            form = "TabSeparated"
        else:
            statement = raw.decode()
            found = _FORMAT.search(statement)
            form = found[1] if found else arguments.get("default_format", "TabSeparated")
            statement = _FORMAT.sub("", statement)
        parameters = {key[6:]: value for key, value in arguments.items() if key.startswith("param_")}
        result = connection.query(statement, form, params=parameters)
        read_rows = result.storage_rows_read() if hasattr(result, "storage_rows_read") else result.rows_read()
        read_bytes = result.storage_bytes_read() if hasattr(result, "storage_bytes_read") else result.bytes_read()
        summary = {
            "read_rows": str(read_rows),
            "read_bytes": str(read_bytes),
            "result_rows": str(result.rows_read()),
            "elapsed_ns": str(int(result.elapsed() * 1e9)),
        }
        return bytes(result.bytes() or b""), form, summary
    finally:
        connection.close()
        if scratch:
            Path(scratch).unlink()


def _capped(settings: dict[str, object]) -> dict[str, object]:
    """The request's settings under the front's ceilings; 0 means unlimited to the engine and the ceiling to us."""
    capped = dict(settings)
    for name, ceiling in CEILINGS.items():
        try:
            asked = float(str(settings.get(name, 0)))
        except ValueError:
            asked = 0.0
        capped[name] = ceiling if asked <= 0 or asked > ceiling else settings[name]
    return capped


def _die_with_parent() -> None:
    """End when the process that started us ends, however it ends."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            threading.Event().wait(1.0)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def main() -> int:
    home = Path(sys.argv[1])
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = (home / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"another process serves {home} already", file=sys.stderr)  # noqa: T201  # a program of its own
        return 3
    import chdb

    password = secrets.token_urlsafe(24)
    Handler.data = str(home / "data")
    Handler.credential = b"Basic " + base64.b64encode(f"altor:{password}".encode())
    keep = chdb.connect(Handler.data)  # the engine stays alive between requests
    keep.query("CREATE DATABASE IF NOT EXISTS otel")
    port = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    address = f"http://altor:{password}@127.0.0.1:{server.server_address[1]}?database=otel"
    scratch = home / f".address.{os.getpid()}"
    scratch.touch(mode=0o600)
    scratch.write_text(address)
    scratch.rename(home / "address")
    if "--stay" not in sys.argv:
        _die_with_parent()
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    try:
        server.serve_forever(poll_interval=0.2)
    finally:
        (home / "address").unlink(missing_ok=True)
        keep.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
