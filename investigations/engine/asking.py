"""Asking the sources of one run: sessions opened once, limits kept, identical questions asked once, time counted."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from statistics import median
from typing import Any, ClassVar, Final

from altor.registry import parts
from investigations.playbooks.format import Step
from investigations.sources.base import (
    ConnectionConfig,
    RunContext,
    Source,
    SourceAnswer,
    SourceError,
    SourceSession,
    SourceUnavailable,
)

log = logging.getLogger(__name__)
#: A belt over the source's own time limit: one that ignores it must not hold the run.
_GRACE_S: Final = 0.5
#: What closing a session may take.
_CLOSE_S: Final = 1.0


class NoAnswerInTime(SourceUnavailable):
    """The step's time was over before the source answered."""

    kind: ClassVar[str] = "timeout"


class RunTimeOver(SourceUnavailable):
    """The run's time was over; tells nothing about the source."""

    kind: ClassVar[str] = "timeout"


@dataclass(slots=True)
class BusyClock:
    """Wall time during which at least one request was under way."""

    _under_way: int = 0
    _since: float = 0.0
    _total: float = 0.0

    def __enter__(self) -> None:
        if self._under_way == 0:
            self._since = time.monotonic()
        self._under_way += 1

    def __exit__(self, *_: object) -> None:
        self._under_way -= 1
        if self._under_way == 0:
            self._total += time.monotonic() - self._since

    @property
    def seconds(self) -> float:
        return self._total + (time.monotonic() - self._since if self._under_way else 0.0)


@dataclass(slots=True)
class Tally:
    """How one source behaved during the run."""

    seconds: list[float] = field(default_factory=list)  # of each answer
    failures: list[SourceError] = field(default_factory=list)

    @property
    def median_s(self) -> float | None:
        return median(self.seconds) if self.seconds else None


async def abandon(tasks: Collection[asyncio.Task[Any]], seconds: float) -> None:
    """Cancel tasks and wait for their end, but not longer. What they raise on the way is of no more interest."""
    for task in tasks:
        task.cancel()
    if tasks:
        done, _ = await asyncio.wait(tasks, timeout=seconds)
        for task in done:
            if not task.cancelled():
                task.exception()


class Asker:
    """`ask` is called by every step of the run, at the same time. `deadline` is in the event loop's time."""

    def __init__(
        self, connections: Mapping[str, ConnectionConfig], context: RunContext, *, deadline: float, parallel: int
    ) -> None:
        self.clock = BusyClock()
        self.tallies: dict[str, Tally] = {}
        self.connections = connections
        self._context = context
        self._deadline = deadline
        self._loop = asyncio.get_running_loop()
        self._stack = AsyncExitStack()
        self._sources: dict[str, type[Source]] = {source.name: source for source in parts("SOURCES")}
        self._parallel = asyncio.Semaphore(parallel)
        self._limits: dict[str, asyncio.Semaphore] = {}
        self._sessions: dict[str, asyncio.Task[SourceSession]] = {}
        self._asked: dict[str, asyncio.Task[SourceAnswer]] = {}
        self._staying: set[str] = set()

    async def ask(self, step: Step, params: Mapping[str, Any], *, stays: bool = False) -> SourceAnswer:
        """The answer, never later than the deadline; a SourceError otherwise. Identical questions share one request.

        `stays`: whatever becomes of the playbook, somebody waits for it; see `forget`.
        """
        operation = step.operation or "query"
        key = f"{step.source}:{operation}:{sorted(params.items())!r}"
        if stays:
            self._staying.add(key)
        task = self._asked.get(key)
        if task is None:
            task = self._asked[key] = asyncio.create_task(self._call(step, operation, params))
        try:
            async with asyncio.timeout_at(self._deadline):
                return await asyncio.shield(task)
        except TimeoutError:
            raise RunTimeOver(step.source, "the run's time was over before it answered") from None

    async def forget(self) -> None:
        """End what is being asked: nobody waits for it any more. Answers that came stay, and what was to stay."""
        going = {key: task for key, task in self._asked.items() if not task.done() and key not in self._staying}
        for key in going:
            del self._asked[key]
        await abandon(going.values(), _CLOSE_S)

    async def close(self) -> None:
        """End what is still being asked and close the sessions, in bounded time."""
        tasks: list[asyncio.Task[Any]] = [*self._asked.values(), *self._sessions.values()]
        await abandon(tasks, _CLOSE_S)
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self._stack.aclose()
        except Exception:
            # The run's result is stored by now; a session that cannot be closed only costs a socket.
            log.warning("a source could not be closed", exc_info=True)

    async def _call(self, step: Step, operation: str, params: Mapping[str, Any]) -> SourceAnswer:
        name = step.source
        config, source = self.connections.get(name), self._sources.get(name)
        if source is None:
            raise SourceUnavailable(name, f"there is no source {name}")
        if config is None:
            raise SourceUnavailable(name, f"{name} is not connected")
        async with self._limits.setdefault(name, asyncio.Semaphore(int(source.concurrency))), self._parallel:
            timeout_s = min(step.timeout_s, self._deadline - self._loop.time())
            if timeout_s <= 0:
                raise RunTimeOver(name, "the run's time was over before it could be asked")
            tally = self.tallies.setdefault(name, Tally())
            began = self._loop.time()
            try:
                with self.clock:
                    answer = await self._answer(source, config, operation, params, timeout_s)
            except SourceError as error:
                tally.failures.append(error)
                raise
            tally.seconds.append(self._loop.time() - began)
            return answer

    async def _answer(
        self,
        source: type[Source],
        config: ConnectionConfig,
        operation: str,
        params: Mapping[str, Any],
        timeout_s: float,
    ) -> SourceAnswer:
        try:
            async with asyncio.timeout(timeout_s + _GRACE_S):
                session = await self._session(source, config)
                return await session.call(operation, params, timeout_s=timeout_s)
        except TimeoutError:
            raise NoAnswerInTime(source.name, f"no answer within {timeout_s:.0f} s") from None
        except SourceError:
            raise
        except Exception as error:
            log.exception("a source raised something of its own", extra={"source": source.name})
            raise SourceUnavailable(source.name, f"an unexpected fault ({type(error).__name__})") from error

    async def _session(self, source: type[Source], config: ConnectionConfig) -> SourceSession:
        if source.name not in self._sessions:
            self._sessions[source.name] = asyncio.create_task(self._open(source, config))
        return await asyncio.shield(self._sessions[source.name])

    async def _open(self, source: type[Source], config: ConnectionConfig) -> SourceSession:
        session: SourceSession = await self._stack.enter_async_context(source().open(config, self._context))
        return session
