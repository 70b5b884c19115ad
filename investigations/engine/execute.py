"""Carry out one run: all independent steps at the same time on one event loop, each result stored as it arrives.

A step is asked as soon as the steps it depends on have ended, and interpreted as soon as those it reads have. A source
that is down, slow or wrong ends its steps as "could not be checked"; it never ends the run. When the run's time is up,
the run concludes from what it has.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.utils import timezone

from investigations.diagnosis import steps as meaning
from investigations.diagnosis.diagnose import Diagnosis, diagnose
from investigations.diagnosis.facts import FactSpace
from investigations.diagnosis.types import RunInputs, StepOutcome
from investigations.engine.asking import Asker, abandon
from investigations.engine.known import PATIENCE_S, SUSPECTS, Recognition
from investigations.engine.lease import LeaseLost
from investigations.engine.record import Record
from investigations.engine.triage import decide, without_evidence
from investigations.playbooks.format import Playbook, Step
from investigations.profile import Profile
from investigations.sources.base import ConnectionConfig, RunContext, SourceAnswer, SourceError

log = logging.getLogger(__name__)
#: The lease is renewed and a cancel noticed this often.
HEARTBEAT_S: Final = 0.5
#: Time kept at the end of a run for concluding.
CONCLUDE_S: Final = 0.3
#: Part of a run's time that the first look may take: the playbook that it chooses needs the rest.
LOOK_SHARE: Final = 0.4
#: "Diagnosis so far" is computed at most this often.
SO_FAR_S: Final = 0.5
#: What ending the steps of a lost run may take.
_ABANDON_S: Final = 1.0
#: Called with a step's id when it is asked (None) and when it has ended.
Progress = Callable[[str, StepOutcome | None], None]
#: Key -> (id of the active version, the playbook), None when there is none. Queries; called on the writer's thread.
Library = Callable[[str], tuple[int, Playbook] | None]


@dataclass(frozen=True, slots=True)
class Work:
    """Everything one run needs, loaded before the event loop starts."""

    record: Callable[[], Record]  # called on the event loop
    run_ref: str
    playbook: Playbook  # the one to begin with; the triage itself when the ticket's words suggest none
    inputs: RunInputs
    profile: Profile
    connections: Mapping[str, ConnectionConfig]
    outcomes: Mapping[str, StepOutcome]  # what an earlier attempt has stored
    progress: Progress | None = None
    alive: Callable[[], None] | None = None  # called with each heartbeat
    watched: bool = True  # whether somebody may be looking at the page
    limit_s: float | None = None  # a tighter limit than the playbook's
    triage: Playbook | None = None  # the first look; None when it is over, or somebody chose the playbook
    library: Library | None = None
    recognitions: Sequence[Recognition] = ()


async def carry_out(work: Work) -> Diagnosis:
    """Run all steps that have no stored outcome, then conclude. Raises LeaseLost when the run is no longer ours."""
    began = time.monotonic()
    run = _Run(work)
    try:
        await run.all_steps()
        for recognition in work.recognitions:
            await asyncio.to_thread(recognition.keep)
        return await run.record.conclude(
            lambda answers: diagnose(run.playbook, work.inputs, {**run.outcomes, **answers}), run.asker, began=began
        )
    finally:
        await run.close()


class _Run:
    def __init__(self, work: Work) -> None:
        self.work = work
        self.playbook = work.playbook
        steps = {step.id for step in work.playbook.steps}
        self.outcomes = {step_id: outcome for step_id, outcome in work.outcomes.items() if step_id in steps}
        self.loop = asyncio.get_running_loop()
        limit_s = min(work.playbook.limits.run_seconds, work.limit_s or work.playbook.limits.run_seconds)
        self.deadline = deadline = self.loop.time() + max(limit_s - CONCLUDE_S, CONCLUDE_S)
        self.look_s = LOOK_SHARE * limit_s
        context = RunContext(
            as_of=work.inputs.as_of,
            profile=work.profile,
            deadline=deadline,
            tenant=str(work.inputs.values.get("org_id", "")),
            run_ref=work.run_ref,
        )
        self.asker = Asker(work.connections, context, deadline=deadline, parallel=work.playbook.limits.parallel)
        self.record = work.record()
        self.shown_at = self.loop.time()
        self._expect_steps()

    def _expect_steps(self) -> None:
        self.ended = {step.id: asyncio.Event() for step in self.playbook.steps}
        for step_id in self.outcomes:
            self.ended[step_id].set()

    async def all_steps(self) -> None:
        triage = self.work.triage
        heartbeat = asyncio.create_task(self._heartbeat())
        look = asyncio.create_task(self._look(triage)) if triage else None
        pending = set() if triage is self.playbook else self._ask_steps()
        known = {asyncio.create_task(one.ask(self.asker)) for one in self.work.recognitions}
        try:
            while pending or look:
                waiting = {heartbeat, *pending, *([look] if look else [])}
                done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()  # LeaseLost, or a fault of ours: a step never fails for its source
                pending -= done
                if triage and look in done:
                    looked, look = look.result(), None
                    pending = await self._follow(triage, looked, pending)
                await self._so_far(bool(pending))
            known |= self._ask_for_suspects()
            await self._wait_for_known(known)
        finally:
            await abandon({heartbeat, *pending, *known, *([look] if look else [])}, _ABANDON_S)

    def _ask_for_suspects(self) -> set[asyncio.Task[None]]:
        """Known causes that the steps speak for, whatever the ticket's words complained of."""
        if not self.work.recognitions:
            return set()
        candidates = diagnose(self.playbook, self.work.inputs, self.outcomes).document["candidates"]
        labels = [str(one["label"]) for one in candidates[:SUSPECTS]]
        return {asyncio.create_task(one.ask_for(labels, self.asker)) for one in self.work.recognitions}

    async def _wait_for_known(self, known: Collection[asyncio.Task[None]]) -> None:
        """The playbook's own steps have ended: those that ask for known causes have a moment more."""
        patience_s = min(PATIENCE_S, self.deadline - self.loop.time())
        if known and patience_s > 0:
            await asyncio.wait(known, timeout=patience_s)

    def _ask_steps(self) -> set[asyncio.Task[None]]:
        return {
            asyncio.create_task(self._step(position, step))
            for position, step in enumerate(self.playbook.steps, 1)
            if step.id not in self.outcomes
        }

    async def _look(self, triage: Playbook) -> dict[str, tuple[StepOutcome, float]]:
        """The outcomes of the first look with their seconds: all at once, one question each."""

        async def one(position: int, step: Step) -> tuple[StepOutcome, float]:
            began = time.monotonic()
            brief = step.model_copy(update={"timeout_s": min(step.timeout_s, self.look_s)})
            return await self._outcome(position, brief), time.monotonic() - began

        found = await asyncio.gather(*(one(position, step) for position, step in enumerate(triage.steps, 1)))
        return {outcome.step_id: (outcome, seconds) for outcome, seconds in found}

    async def _follow(
        self, triage: Playbook, looked: Mapping[str, tuple[StepOutcome, float]], pending: set[asyncio.Task[None]]
    ) -> set[asyncio.Task[None]]:
        """Go on with the playbook that the first look speaks for; returns what is outstanding then."""
        outcomes = {step_id: outcome for step_id, (outcome, _) in looked.items()}
        decision = decide(triage, self.work.inputs, outcomes)
        found = None if decision.playbook_key == self.playbook.key else await self._find(decision.playbook_key)
        version_id, chosen = found or (0, self.playbook)
        chosen = triage if chosen.key == triage.key else chosen
        if chosen is not self.playbook:
            # First nobody writes for the former playbook any more, then its rows go.
            await abandon(pending, _ABANDON_S)
            await self.asker.forget()
            self.record.rerouted(version_id, chosen)
            pending, self.playbook, self.outcomes = set(), chosen, {}
        for outcome, seconds in looked.values():
            if self.work.progress:
                self.work.progress(outcome.step_id, outcome)
            kept = outcome if chosen is triage else without_evidence(outcome)
            self.record.step_ended(kept, seconds)
        route = decision.as_dict() | {"began": self.work.playbook.key, "playbook": chosen.key}
        await self.record.routed(route)
        if chosen is triage:
            self.outcomes = outcomes
            return set()
        if chosen is self.work.playbook:
            return pending
        self._expect_steps()
        return self._ask_steps()

    async def _find(self, key: str) -> tuple[int, Playbook] | None:
        """The active version of a playbook; None when there is none."""
        library = self.work.library
        return await self.record.found(lambda: library(key)) if library else None

    async def close(self) -> None:
        await self.asker.close()
        await asyncio.to_thread(self.record.close)

    async def _heartbeat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            if self.work.alive:
                self.work.alive()
            await self.record.alive()

    async def _so_far(self, more: bool) -> None:
        """The diagnosis so far, for who watches: at most twice a second, and only while something is outstanding."""
        now = self.loop.time()
        if not (more and self.work.watched) or now - self.shown_at < SO_FAR_S:
            return
        if any(outcome.status == "done" for outcome in self.outcomes.values()):
            self.shown_at = now
            diagnosis = diagnose(self.playbook, self.work.inputs, self.outcomes)
            await self.record.so_far(diagnosis)

    async def _step(self, position: int, step: Step) -> None:
        await self._wait_for(step.depends_on)
        began = time.monotonic()
        outcome = await self._outcome(position, step)
        seconds = time.monotonic() - began
        self.outcomes[step.id] = outcome
        self.ended[step.id].set()
        if self.work.progress:
            self.work.progress(step.id, outcome)
        await self.record.step_ended(outcome, seconds)

    async def _wait_for(self, step_ids: list[str]) -> None:
        for step_id in step_ids:
            await self.ended[step_id].wait()

    def _space(self) -> FactSpace:
        return FactSpace(self.work.inputs, self.outcomes)

    async def _outcome(self, position: int, step: Step) -> StepOutcome:
        space = self._space()
        if step.source == "manual":
            return meaning.asked_or_answered(step, position, space)
        if step.only_if_connected and step.source not in self.asker.connections:
            return meaning.not_connected(step)
        if meaning.should_run(step, space) is False:
            return meaning.skipped(step, position, "Not needed: its condition does not hold")
        try:
            params = meaning.step_params(step, space)
        except meaning.ParameterMissing as missing:
            return meaning.could_not_check(step, position, f"not known: {', '.join(missing.names)}", kind="input")
        # Not waited for: the question goes out while its beginning is written.
        told = self.record.step_started(step.id, timezone.now())
        if self.work.progress:
            self.work.progress(step.id, None)
        try:
            answer = await self.asker.ask(step, params)
        except SourceError as error:
            return meaning.could_not_check(step, position, error)
        finally:
            await told
        await self._wait_for(step.reads)
        # Not on the loop: finding changes in thousands of rows would hold up the questions to other sources.
        return await asyncio.to_thread(self._interpreted, step, position, answer, self._space())

    def _interpreted(self, step: Step, position: int, answer: SourceAnswer, space: FactSpace) -> StepOutcome:
        try:
            return meaning.interpret(step, position, answer, space)
        except (KeyError, TypeError, ValueError, IndexError, ArithmeticError, AttributeError) as error:
            log.exception("an answer could not be interpreted", extra={"step": step.id, "run": self.work.run_ref})
            why = f"the answer does not fit the step ({type(error).__name__}: {error})"[:300]
            return meaning.could_not_check(step, position, why, kind="invalid")


__all__ = ["LeaseLost", "Progress", "Work", "carry_out"]
