"""How close a run comes to its longest chain of dependent calls, when every upstream answers after the same time.

    ALTOR_GITHUB_API_URL=… ALTOR_CLICKHOUSE_URL=… … python benchmarks/chain.py TICKET.json [--installation FILE] …

Puts a proxy in front of the upstreams that the environment names. The first run records their answers; the measured
runs get each of them after exactly `--latency` seconds, so only the order of calls and Altor's own time count.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

ROOT = Path(__file__).resolve().parents[1]
ADDRESSES = ("ALTOR_GITHUB_API_URL", "ALTOR_LINEAR_API_URL", "ALTOR_STRIPE_API_URL", "ALTOR_CLICKHOUSE_URL")
#: Differs from run to run without changing the answer.
RANDOM = {"query_id", "session_id"}
HOP_BY_HOP = {"host", "connection", "content-length", "transfer-encoding", "keep-alive"}


@dataclass
class Proxy:
    """One upstream. `calls` holds (start, end) of every request of the run under way."""

    host: str
    port: int
    latency_s: float
    answers: dict[Any, tuple[int, list[tuple[str, str]], bytes]] = field(default_factory=dict)
    calls: list[tuple[float, float]] = field(default_factory=list)
    misses: int = 0

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, list[Any], bytes]:
        url = urlsplit(path)
        query = sorted(item for item in parse_qsl(url.query, keep_blank_values=True) if item[0] not in RANDOM)
        key = (method, url.path, tuple(query), headers.get("If-None-Match", ""), body)
        if key not in self.answers:
            self.misses += 1
            connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
            kept = {name: value for name, value in headers.items() if name.lower() not in HOP_BY_HOP}
            connection.request(method, path, body, kept)
            got = connection.getresponse()
            self.answers[key] = (got.status, got.getheaders(), got.read())
            connection.close()
        return self.answers[key]


@contextmanager
def serving(proxy: Proxy) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *args: Any) -> None:
            pass

        def _serve(self) -> None:
            began = time.monotonic()
            body = self._body()
            status, headers, content = proxy.answer(self.command, self.path, dict(self.headers), body)
            time.sleep(max(proxy.latency_s - (time.monotonic() - began), 0))
            self.send_response_only(status)
            for name, value in headers:
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            proxy.calls.append((began, time.monotonic()))

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        do_GET = do_POST = _serve  # noqa: N815  # the names BaseHTTPRequestHandler looks for

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128  # of a few, a burst of connections would lose some for a second

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()


def longest_chain(calls: list[tuple[float, float]]) -> int:
    """The most calls of which each began after the one before had ended: at least the longest dependent chain."""
    chain, free_at = 0, float("-inf")
    for began, ended in sorted(calls, key=lambda call: call[1]):
        if began >= free_at:
            chain, free_at = chain + 1, ended
    return chain


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--latency", type=float, default=0.3)
    arguments.add_argument("--rounds", type=int, default=3)
    options, rest = arguments.parse_known_args()
    environment, proxies, servers = dict(os.environ), [], []
    for name in ADDRESSES:
        if name in os.environ:
            url = urlsplit(os.environ[name])
            proxy = Proxy(url.hostname or "", url.port or 80, options.latency)
            server = serving(proxy)
            account = url.netloc.rpartition("@")[0]
            place = f"{account}@127.0.0.1:{server.__enter__()}" if account else f"127.0.0.1:{server.__enter__()}"
            environment[name] = urlunsplit((url.scheme, place, url.path, urlencode(parse_qsl(url.query)), ""))
            proxies.append(proxy)
            servers.append(server)
    for number in range(options.rounds + 1):
        for proxy in proxies:
            proxy.calls.clear()
            proxy.misses = 0
        command = [sys.executable, str(ROOT / "manage.py"), "investigate", *rest, "--format", "json", "-v", "0"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        if number:
            report(json.loads(done.stdout), proxies, options.latency)
    for server in servers:
        server.__exit__(None, None, None)


def report(document: dict[str, Any], proxies: list[Proxy], latency_s: float) -> None:
    calls = [call for proxy in proxies for call in proxy.calls]
    chain = max(longest_chain(proxy.calls) for proxy in proxies)
    everything = longest_chain(calls)
    seconds = document["timing"]["wall"]
    result = {
        "class": document["class"],
        "label": document["candidates"][0]["label"],
        "calls": len(calls),
        "chain_of_one_source": chain,
        "chain": everything,
        "seconds": seconds,
        "own": document["timing"]["own"],
        "times_the_chain": round(seconds / (everything * latency_s), 2),
        "not_recorded": sum(proxy.misses for proxy in proxies),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
