"""Where the results of a run go. The engine hands them to a record; the run's own keeps them in its rows, under its
lease. Whoever only wants to know what a playbook would say gives it a record that keeps nothing (see `shadow`).
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Protocol, TypeVar

from django.utils import timezone

from investigations.diagnosis.diagnose import Diagnosis
from investigations.diagnosis.types import StepOutcome
from investigations.engine import store
from investigations.engine.asking import Asker
from investigations.engine.health import keep_health
from investigations.engine.lease import Lease, renew
from investigations.engine.writer import Writer
from investigations.playbooks.format import Playbook

T = TypeVar("T")
#: What people have answered meanwhile -> the diagnosis with it.
Weigh = Callable[[Mapping[str, StepOutcome]], Diagnosis]


class Record(Protocol):
    """What is handed in is kept in that order. What comes back ends when it is kept, with LeaseLost when the run is no
    longer ours; who does not need to know does not wait for it. To be made on the run's event loop.
    """

    def step_started(self, step_id: str, at: datetime) -> Awaitable[None]: ...

    def step_ended(self, outcome: StepOutcome, seconds: float) -> Awaitable[None]: ...

    def rerouted(self, version_id: int, playbook: Playbook) -> Awaitable[None]: ...

    def routed(self, route: Mapping[str, Any]) -> Awaitable[None]: ...

    def so_far(self, diagnosis: Diagnosis) -> Awaitable[None]: ...

    def alive(self) -> Awaitable[None]: ...

    async def found(self, look_up: Callable[[], T]) -> T:
        """What `look_up` finds, which may query: never called on the event loop."""
        ...

    async def conclude(self, weigh: Weigh, asker: Asker, *, began: float) -> Diagnosis:
        """The end of the run that began at `began` (monotonic)."""
        ...

    def close(self) -> None:
        """Keep what is left. May block."""
        ...


class RunRecord:
    """The rows of a run: every write is fenced by its lease."""

    def __init__(self, lease: Lease, ticket_ref: str) -> None:
        self._lease = lease
        self._ticket_ref = ticket_ref
        self._writer = Writer(lease)

    def step_started(self, step_id: str, at: datetime) -> Awaitable[None]:
        return self._writer.put(partial(store.step_started, self._lease, step_id, at))

    def step_ended(self, outcome: StepOutcome, seconds: float) -> Awaitable[None]:
        return self._writer.put(partial(store.step_ended, self._lease, outcome, seconds, self._ticket_ref))

    def rerouted(self, version_id: int, playbook: Playbook) -> Awaitable[None]:
        return self._writer.put(partial(store.reroute, self._lease, version_id, playbook, self._ticket_ref))

    def routed(self, route: Mapping[str, Any]) -> Awaitable[None]:
        return self._writer.put(partial(store.routed, self._lease, route))

    def so_far(self, diagnosis: Diagnosis) -> Awaitable[None]:
        return self._writer.put(partial(store.so_far, self._lease, diagnosis))

    def alive(self) -> Awaitable[None]:
        return self._writer.put(partial(renew, self._lease), visible=False)

    async def found(self, look_up: Callable[[], T]) -> T:
        found: list[T] = []
        await self._writer.put(lambda: found.__setitem__(slice(None), [look_up()]), visible=False)
        return found[0]

    async def conclude(self, weigh: Weigh, asker: Asker, *, began: float) -> Diagnosis:
        concluded: list[Diagnosis] = []

        def write() -> None:
            """Under the fence: an answer given meanwhile is in, or its giver finds the run done."""
            diagnosis = weigh(store.answers(self._lease.run_id))
            keep_health(asker.connections, asker.tallies, run_ref=f"INV-{self._lease.run_id}", now=timezone.now())
            seconds = time.monotonic() - began
            store.finish(self._lease, diagnosis, seconds=seconds, upstream_seconds=asker.clock.seconds)
            concluded[:] = [diagnosis]

        await self._writer.put(write)
        return concluded[0]

    def close(self) -> None:
        self._writer.close()
