"""One process, one port, one thread a connection: `/github`, `/linear/graphql`, `/stripe`, `/statuspage/<page>`.

    python -m altor.demo.upstreams.server --seed N --anchor 2026-05-01T10:00:00Z --port-file PATH

Reading only, but for Linear's second key, with which issues are filed. Each upstream wants its own demo credential and refuses every other, as the real ones do.
"""

from __future__ import annotations

import argparse
import hmac
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from altor.demo.desk.towards import launch_secret
from altor.demo.home import DemoState
from altor.demo.upstreams.hooks import LINEAR_FILE, linear_hook
from altor.demo.upstreams.tracker import Hook
from altor.demo.world.build import World

MAX_BODY: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str  # below the upstream's prefix, always with a leading slash
    query: str
    headers: Message  # looks names up without case
    body: bytes
    base: str  # address of the upstream as the caller spelled it


@dataclass(slots=True)
class Reply:
    status: int
    body: Any = None  # JSON-able, bytes as they are, or None for an empty body
    headers: dict[str, str] = field(default_factory=dict)


def bearer(request: Request) -> str:
    """The credential of the request without its scheme, "" when there is none."""
    value = request.headers.get("Authorization", "")
    scheme, _, rest = value.partition(" ")
    return rest if rest and scheme.lower() in ("bearer", "token") else value


def is_credential(request: Request, expected: str) -> bool:
    return hmac.compare_digest(bearer(request).encode(), expected.encode())


Upstream = Callable[[Request], Reply]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "harborline-upstreams"
    sys_version = ""
    disable_nagle_algorithm = True
    timeout = 60
    upstreams: ClassVar[Mapping[str, Upstream]] = {}

    def log_message(self, format: str, *args: object) -> None:
        """Silent: the demo's terminal is for people."""

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_BODY:
            self.close_connection = True
            return self._send(Reply(413, {"message": "Payload too large"}))
        body = self.rfile.read(length)
        url = urlsplit(self.path)
        prefix, _, rest = url.path.lstrip("/").partition("/")
        upstream = self.upstreams.get(prefix)
        if upstream is None:
            return self._send(Reply(404, {"message": "Not Found"}))
        base = f"http://{self.headers.get('Host', '127.0.0.1')}/{prefix}"
        return self._send(upstream(Request(self.command, f"/{rest}", url.query, self.headers, body, base)))

    def _send(self, reply: Reply) -> None:
        body = b"" if reply.body is None else reply.body
        raw = body if isinstance(body, bytes) else json.dumps(body, separators=(",", ":")).encode()
        self.send_response(reply.status)
        for name, value in {"Content-Type": "application/json; charset=utf-8", **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _answer  # noqa: N815 (names of the base class)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no event; everything else is told."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def make_server(
    world: World,
    *,
    port: int = 0,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    filed: Path | None = None,
    hook: Hook | None = None,
) -> ThreadingHTTPServer:
    """A server for the world, bound to loopback. `clock` decides what has happened already; `filed` keeps what was
    written to Linear, `hook` is told of what people do there.
    """
    from altor.demo.upstreams.github import GitHub
    from altor.demo.upstreams.linear import Linear
    from altor.demo.upstreams.statuspage import Statuspages
    from altor.demo.upstreams.stripe import Stripe

    upstreams: dict[str, Upstream] = {
        "github": GitHub(world, clock),
        "linear": Linear(world, clock, filed=filed, hook=hook),
        "stripe": Stripe(world, clock),
        "statuspage": Statuspages(world, clock),
    }
    handler = type("WorldHandler", (Handler,), {"upstreams": upstreams})
    return Server(("127.0.0.1", port), handler)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--anchor", required=True, help="ISO 8601, UTC")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--port-file", type=Path)
    parser.add_argument("--home", type=Path, help="the demo's: what is filed in Linear is kept there")
    parser.add_argument("--web", default="", help="Altor's address, told of what happens in Linear")
    options = parser.parse_args(argv)
    world = World(options.seed, datetime.fromisoformat(options.anchor))
    state = DemoState.load(options.home) if options.home is not None else None
    server = make_server(
        world,
        port=options.port,
        filed=options.home / LINEAR_FILE if options.home is not None else None,
        hook=linear_hook(options.web, launch_secret(state)) if state is not None and options.web else None,
    )
    if options.port_file is not None:
        part = options.port_file.with_suffix(".part")
        part.write_text(str(server.server_address[1]))
        part.replace(options.port_file)
    # shutdown() waits for the serving loop, so it may not run on the loop's own thread.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown, daemon=True).start())
    parent = os.getppid()
    threading.Thread(target=_leave_with_parent, args=(server, parent), daemon=True).start()
    server.serve_forever(poll_interval=0.2)
    return 0


def _leave_with_parent(server: ThreadingHTTPServer, parent: int) -> None:
    while not threading.Event().wait(2.0):
        if os.getppid() != parent:
            server.shutdown()
            return


if __name__ == "__main__":
    sys.exit(main())
