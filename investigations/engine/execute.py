"""Carry out one run: all independent steps at the same time on one event loop, each result stored as it arrives.

A step is asked as soon as the steps it depends on have ended, and interpreted as soon as those it reads have. A source
that is down, slow or wrong ends its steps as "could not be checked"; it never ends the run. When the run's time is up,
the run concludes from what it has.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final


from altor.registry import parts
from investigations.diagnosis import steps as meaning
from investigations.diagnosis.diagnose import Diagnosis, diagnose
from investigations.diagnosis.facts import FactSpace
from investigations.diagnosis.types import RunInputs, StepOutcome
from investigations.engine import store
from investigations.engine.lease import Lease, LeaseLost, renew
from investigations.playbooks.format import Playbook, Step
from investigations.profile import Profile
from investigations.sources.base import (
    ConnectionConfig,
    RunContext,
    SourceAnswer,
    SourceError,
    SourceSession,
    SourceUnavailable,
)

log = logging.getLogger(__name__)
#: The lease is renewed and a cancel noticed this often.
HEARTBEAT_S: Final = 0.8
#: Time kept at the end of a run for concluding.
CONCLUDE_S: Final = 0.3
#: "Diagnosis so far" is computed at most this often.
PARTIAL_S: Final = 0.5
Progress = Callable[[str, StepOutcome | None], None]


@dataclass(slots=True)
class Upstream:
    """Wall time during which at least one request was under way."""

    busy: int = 0
    since: float = 0.0
    total: float = 0.0

    def __enter__(self) -> None:
        if self.busy == 0:
            self.since = time.monotonic()
        self.busy += 1

    def __exit__(self, *_: object) -> None:
        self.busy -= 1
        if self.busy == 0:
            self.total += time.monotonic() - self.since


@dataclass(slots=True)
class Work:
    """Everything one run needs, loaded before the event loop starts."""

    lease: Lease
    ticket_ref: str
    playbook: Playbook
    inputs: RunInputs
    profile: Profile
    connections: Mapping[str, ConnectionConfig]
    outcomes: dict[str, StepOutcome]
    progress: Progress | None = None
    live: bool = True  # whether somebody may be watching the page
    upstream: Upstream = field(default_factory=Upstream)


def worker_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


async def carry_out(work: Work) -> Diagnosis:
    """Run all steps that have no stored outcome, then conclude. Raises LeaseLost when the run is no longer ours."""
    started = time.monotonic()
    runner = _Runner(work)
    try:
        async with AsyncExitStack() as stack:
            runner.stack = stack
            await runner.run()
        diagnosis = diagnose(work.playbook, work.inputs, runner.outcomes)
        seconds = time.monotonic() - started
        await runner.write(store.finish, work.lease, diagnosis, seconds=seconds, upstream_seconds=work.upstream.total)
    finally:
        runner.close()
    return diagnosis


class _Runner:
    def __init__(self, work: Work) -> None:
        self.work = work
        self.outcomes = dict(work.outcomes)
        self.stack: AsyncExitStack
        self.loop = asyncio.get_running_loop()
        self.shown_at = self.loop.time()
        self.deadline = self.loop.time() + work.playbook.limits.run_seconds
        self.ended = {step.id: asyncio.Event() for step in work.playbook.steps}
        for step_id in self.outcomes:
            self.ended[step_id].set()
        # One thread writes: results arrive in any order, their rows are written one after the other.
        self.writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="run-writer")
        self.sessions: dict[str, asyncio.Task[SourceSession]] = {}
        self.limits: dict[str, asyncio.Semaphore] = {}
        self.asked: dict[str, asyncio.Task[SourceAnswer]] = {}
        self.parallel = asyncio.Semaphore(work.playbook.limits.parallel)
        self.sources = {source.name: source for source in parts("SOURCES")}

    async def write(self, function: Callable[..., None], *args: Any, **kwargs: Any) -> None:
        await self.loop.run_in_executor(self.writer, partial(function, *args, **kwargs))

    def close(self) -> None:
        self.writer.submit(_close_connection)
        self.writer.shutdown(wait=True)

    async def run(self) -> None:
        heartbeat = asyncio.create_task(self._heartbeat())
        pending = {
            asyncio.create_task(self._step(position, step))
            for position, step in enumerate(self.work.playbook.steps, 1)
            if step.id not in self.outcomes
        }
        try:
            while pending:
                done, _ = await asyncio.wait({*pending, heartbeat}, return_when=asyncio.FIRST_COMPLETED)
                if heartbeat in done:
                    await heartbeat  # raises LeaseLost
                for task in done & pending:
                    task.result()  # a step never fails for its source; anything else is a fault of ours
                pending -= done
                await self._so_far(bool(pending))
        finally:
            for task in (heartbeat, *pending, *self.asked.values(), *self.sessions.values()):
                task.cancel()
            await asyncio.gather(heartbeat, *pending, *self.asked.values(), return_exceptions=True)

    async def _so_far(self, more: bool) -> None:
        """The diagnosis so far, for who watches: at most twice a second, and only while something is outstanding."""
        now = self.loop.time()
        if (
            more
            and self.work.live
            and now - self.shown_at > PARTIAL_S
            and any(o.status == "done" for o in self.outcomes.values())
        ):
            self.shown_at = now
            await self.write(
                store.partial, self.work.lease, diagnose(self.work.playbook, self.work.inputs, self.outcomes)
            )

    async def _heartbeat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            await self.write(renew, self.work.lease)

    async def _step(self, position: int, step: Step) -> None:
        await self._wait_for(step.depends_on)
        started = time.monotonic()
        outcome = await self._outcome(position, step)
        await self._keep(step, outcome, time.monotonic() - started)

    async def _wait_for(self, step_ids: list[str]) -> None:
        for step_id in step_ids:
            await self.ended[step_id].wait()

    async def _keep(self, step: Step, outcome: StepOutcome, seconds: float) -> None:
        self.outcomes[step.id] = outcome
        self.ended[step.id].set()
        await self.write(store.step_ended, self.work.lease, outcome, seconds, self.work.ticket_ref)
        if self.work.progress:
            self.work.progress(step.id, outcome)

    def _space(self) -> FactSpace:
        return FactSpace(self.work.inputs, self.outcomes)

    async def _outcome(self, position: int, step: Step) -> StepOutcome:
        space = self._space()
        if step.source == "manual":
            return meaning.asked(step, position)
        if meaning.should_run(step, space) is False:
            return meaning.skipped(step, position, "Not needed: its condition does not hold")
        try:
            params = meaning.step_params(step, space)
        except meaning.ParameterMissing as missing:
            return meaning.could_not_check(step, position, f"not known: {', '.join(missing.names)}", kind="input")
        await self.write(store.step_started, self.work.lease, step.id)
        if self.work.progress:
            self.work.progress(step.id, None)
        try:
            answer = await self._ask(step, params)
        except SourceError as error:
            return meaning.could_not_check(step, position, error)
        await self._wait_for(step.reads)
        try:
            return meaning.interpret(step, position, answer, self._space())
        except (KeyError, TypeError, ValueError, IndexError, ArithmeticError) as error:
            log.exception(
                "a step's answer could not be interpreted", extra={"step": step.id, "run": self.work.lease.run_id}
            )
            return meaning.could_not_check(
                step,
                position,
                f"the answer does not fit the step ({type(error).__name__}: {error})"[:300],
                kind="invalid",
            )

    async def _ask(self, step: Step, params: Mapping[str, Any]) -> SourceAnswer:
        """The answer; identical questions of one run are asked once. Never later than the run's deadline."""
        operation = step.operation or "query"
        key = f"{step.source}:{operation}:{sorted(params.items())!r}"
        task = self.asked.get(key)
        if task is None:
            task = self.asked[key] = asyncio.create_task(self._call(step, operation, params))
        left = self.deadline - self.loop.time() - CONCLUDE_S
        try:
            async with asyncio.timeout(max(left, 0.05)):
                return await asyncio.shield(task)
        except TimeoutError:
            raise SourceUnavailable(step.source, "the run's time was over before it answered") from None

    async def _call(self, step: Step, operation: str, params: Mapping[str, Any]) -> SourceAnswer:
        config = self.work.connections.get(step.source)
        if config is None:
            raise SourceUnavailable(step.source, f"{step.source} is not connected")
        timeout_s = min(step.timeout_s, self.deadline - self.loop.time() - CONCLUDE_S)
        if timeout_s <= 0:
            raise SourceUnavailable(step.source, "the run's time was over")
        async with (
            self.parallel,
            self.limits.setdefault(step.source, asyncio.Semaphore(self._concurrency(step.source))),
        ):
            with self.work.upstream:
                try:
                    # A belt over the source's own limit: a source that ignores its timeout must not hold the run.
                    async with asyncio.timeout(timeout_s + 0.5):
                        session = await self._session(step.source, config)
                        return await session.call(operation, params, timeout_s=timeout_s)
                except TimeoutError:
                    raise SourceUnavailable(step.source, f"no answer within {timeout_s:.0f} s") from None
                except SourceError:
                    raise
                except Exception as error:
                    log.exception("a source raised something of its own", extra={"source": step.source})
                    raise SourceUnavailable(step.source, f"an unexpected fault ({type(error).__name__})") from error

    def _concurrency(self, name: str) -> int:
        return int(self.sources[name].concurrency) if name in self.sources else 1

    async def _session(self, name: str, config: ConnectionConfig) -> SourceSession:
        if name not in self.sources:
            raise SourceUnavailable(name, f"there is no source {name}")
        if name not in self.sessions:
            self.sessions[name] = asyncio.create_task(self._open(name, config))
        return await asyncio.shield(self.sessions[name])

    async def _open(self, name: str, config: ConnectionConfig) -> SourceSession:
        context = RunContext(
            as_of=self.work.inputs.as_of, profile=self.work.profile, deadline=self.deadline,
            tenant=str(self.work.inputs.values.get("org_id", "")), run_ref=f"INV-{self.work.lease.run_id}",
        )  # fmt: skip
        session: SourceSession = await self.stack.enter_async_context(self.sources[name]().open(config, context))
        return session


def _close_connection() -> None:
    from django.db import connection

    connection.close()


__all__ = ["LeaseLost", "Progress", "Work", "carry_out", "worker_name"]
