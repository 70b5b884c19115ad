"""A small HTTP server on 127.0.0.1 that behaves as a test says: also badly. Real sockets, one thread per connection."""

from __future__ import annotations

import json
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Asked:
    """One request as it arrived. `query` holds the last value of each name."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """What to send. `body` may be anything JSON-able or bytes."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0  # before the first byte
    drip_s: float = 0.0  # between single bytes of the body
    keep_back: int = 0  # bytes of the promised body that never come
    reset: bool = False  # drop the connection instead of answering

    def bytes(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


Behaviour = Callable[[Asked], Answer]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # with the usual five, a burst of connections would lose some for a second


class Upstream:
    """`behaviour` may be replaced while it runs; `asked` is every request so far."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.asked: list[Asked] = []
        self.stopping = threading.Event()
        self.most_at_once = 0
        self._now = 0
        self._lock = threading.Lock()
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: Any) -> None:
                pass

            def _serve(self) -> None:
                url = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                query = {name: values[-1] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(self.command, url.path, query, headers, body)
                with upstream.counted(asked):
                    self._send(upstream.behaviour(asked))

            def _send(self, answer: Answer) -> None:
                if upstream.stopping.wait(answer.delay_s):
                    self.close_connection = True
                    return
                if answer.reset:
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.close_connection = True
                    return
                body = b"" if answer.status == 304 else answer.bytes()
                self.send_response(answer.status)
                for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self._send_body(body[: len(body) - answer.keep_back] if answer.keep_back else body, answer)
                if answer.keep_back:
                    self.close_connection = True

            def _send_body(self, body: bytes, answer: Answer) -> None:
                try:
                    if not answer.drip_s:
                        self.wfile.write(body)
                        return
                    for n in range(len(body)):
                        self.wfile.write(body[n : n + 1])
                        self.wfile.flush()
                        if upstream.stopping.wait(answer.drip_s):
                            return
                except OSError:
                    self.close_connection = True

            # The names that BaseHTTPRequestHandler looks for.
            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _serve  # noqa: N815

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    @contextmanager
    def counted(self, asked: Asked) -> Iterator[None]:
        with self._lock:
            self.asked.append(asked)
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        try:
            yield
        finally:
            with self._lock:
                self._now -= 1

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def serving(behaviour: Behaviour) -> Iterator[Upstream]:
    upstream = Upstream(behaviour)
    try:
        yield upstream
    finally:
        upstream.stop()


def closed_port() -> int:
    """A port on which nothing listens; the kernel gives it to nobody, so that no other process happens on it later."""
    for port in random.SystemRandom().sample(range(20_000, 30_000), 100):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("a hundred ports are taken")


def wait_until(true: Callable[[], bool], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not become true in time"
        time.sleep(0.01)
