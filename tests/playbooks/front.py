"""Proxies in front of upstream servers, in a process of their own: they record each answer once, then give it after
exactly the same time, or fail as a test says.
"""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from benchmarks.chain import Proxy, serving

SOURCES = ("github", "linear", "stripe", "statuspage")
JSON = ("Content-Type", "application/json")
FAULTS: dict[str, tuple[int, list[tuple[str, str]], bytes]] = {
    "hanging": (503, [], b""),
    "500": (500, [JSON], b'{"message": "boom", "error": {"message": "boom"}}'),
    "garbage": (200, [("Content-Type", "text/html")], b"<html>Sign in</html>"),
    "429": (429, [JSON, ("Retry-After", "60")], b'{"message": "slow down", "error": {"message": "slow down"}}'),
    "401": (401, [JSON], b'{"message": "Bad credentials", "error": {"message": "no"}}'),
}


@dataclass
class Front(Proxy):
    """The source named `broken` fails as `fault` says, a key of FAULTS."""

    broken: str = ""
    fault: str = ""
    over: threading.Event = field(default_factory=threading.Event)

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, list[Any], bytes]:
        first = path.lstrip("/").partition("/")[0].partition("?")[0]
        source = first if first in SOURCES else "clickhouse"
        if source != self.broken:
            return super().answer(method, path, headers, body)
        fault = self.fault  # which may be over when the wait is
        if fault == "hanging":
            self.over.wait(30)
        return FAULTS[fault]


def _serve(pipe: Any, targets: Sequence[int]) -> None:
    fronts = [Front("127.0.0.1", port, 0.0) for port in targets]
    with ExitStack() as stack:
        pipe.send([stack.enter_context(serving(front)) for front in fronts])
        while (order := pipe.recv()) is not None:
            calls = [call for front in fronts for call in front.calls]
            for front in fronts:
                front.calls.clear()
                front.over.set()
                front.over = threading.Event()
                front.latency_s, front.broken, front.fault = order
            pipe.send(calls)


class Fronts:
    """`ports` stand before the targets, in their order."""

    def __init__(self, pipe: Any) -> None:
        self.pipe, self.ports = pipe, pipe.recv()

    def behave(self, latency_s: float = 0.0, *, broken: str = "", fault: str = "") -> list[tuple[float, float]]:
        """Behave so from now on; gives (start, end) of each call since the last time."""
        self.pipe.send((latency_s, broken, fault))
        return list(self.pipe.recv())


@contextmanager
def fronts(*targets: int) -> Iterator[Fronts]:
    spawned = multiprocessing.get_context("spawn")
    ours, theirs = spawned.Pipe()
    process = spawned.Process(target=_serve, args=(theirs, targets), daemon=True)
    process.start()
    try:
        yield Fronts(ours)
    finally:
        ours.send(None)
        process.join(10)
