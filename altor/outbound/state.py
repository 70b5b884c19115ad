"""What this process remembers of a connection: is it broken, is it limiting us, how many requests are under way.

Keyed by address and credential, so that two processes or two connections never mix. Nothing here is stored.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from altor.outbound.errors import CircuitOpen, RateLimited

#: Consecutive questions that failed for good open the circuit; after these seconds one question may probe.
FAILURES_TO_OPEN = 4
OPEN_SECONDS = 20.0
_KEPT = 256


@dataclass(slots=True)
class ConnectionState:
    """Circuit breaker (closed, open, half-open) and the upstream's own "not before" time.

    What counts is a question (a `CallScope`), not a request: a burst of requests that meets one short outage is one
    failure, and the question that probes may send all its requests.
    """

    clock: Callable[[], float] = time.monotonic
    failures: int = 0
    opened_at: float | None = None
    probe: object | None = None  # the question that probes
    not_before: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _gates: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = field(default_factory=WeakKeyDictionary)

    def gate(self, concurrency: int) -> asyncio.Semaphore:
        """The limit of requests at once; one per event loop, as asyncio's locks belong to a loop."""
        loop = asyncio.get_running_loop()
        with self._lock:
            if loop not in self._gates:
                self._gates[loop] = asyncio.Semaphore(concurrency)
            return self._gates[loop]

    def admit(self, question: object) -> None:
        """Raises CircuitOpen while the circuit is open; after OPEN_SECONDS exactly one question may probe."""
        with self._lock:
            if self.opened_at is None or self.probe is question:
                return
            wait = self.opened_at + OPEN_SECONDS - self.clock()
            if wait > 0 or self.probe is not None:
                raise CircuitOpen(
                    f"Not asked: it failed {self.failures} times in a row; next try in {max(1, round(wait))} s",
                    retry_after_s=max(0.0, wait),
                )
            self.probe = question

    def limited_for(self) -> float:
        """Seconds for which the upstream asked us not to send anything; 0 when free."""
        return max(0.0, self.not_before - self.clock())

    def check_limit(self, budget_s: float) -> float:
        """Seconds to wait before sending; RateLimited when that is more than `budget_s`."""
        wait = self.limited_for()
        if wait > budget_s:
            raise RateLimited(f"Not asked: rate limited for another {round(wait)} s", retry_after_s=wait)
        return wait

    def hold_off(self, seconds: float) -> None:
        with self._lock:
            self.not_before = max(self.not_before, self.clock() + seconds)

    def succeeded(self) -> None:
        with self._lock:
            self.failures, self.opened_at, self.probe = 0, None, None

    def failed(self) -> None:
        with self._lock:
            self.failures += 1
            if self.probe is not None or self.failures >= FAILURES_TO_OPEN:
                self.opened_at = self.clock()
            self.probe = None

    def abandoned(self, question: object) -> None:
        """A question ended without telling anything (it was cancelled): let another one probe."""
        with self._lock:
            if self.probe is question:
                self.probe = None


_states: OrderedDict[str, ConnectionState] = OrderedDict()
_states_lock = threading.Lock()


def state_of(key: str) -> ConnectionState:
    with _states_lock:
        state = _states.setdefault(key, ConnectionState())
        _states.move_to_end(key)
        while len(_states) > _KEPT:
            _states.popitem(last=False)
        return state


def close_circuit(key: str) -> None:
    """Let the next request through whatever failed before: a person asks whether the connection works now."""
    state_of(key).succeeded()


def forget_states() -> None:
    """For tests and after a connection was edited."""
    with _states_lock:
        _states.clear()
