"""What a playbook would say of a ticket, without a trace: the same steps ask the same sources, and nothing is kept.

The cheap form asks nobody: what an earlier run has stored is read under the playbook at hand (see `diagnosis.replay`),
and only steps that cannot be read that way are asked, with that run's clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Final, Literal, TypeVar

from investigations.diagnosis.diagnose import Diagnosis, diagnose
from investigations.diagnosis.replay import keep
from investigations.diagnosis.types import RunInputs, StepOutcome
from investigations.engine import store
from investigations.engine.asking import Asker
from investigations.engine.execute import Library, Work, carry_out
from investigations.engine.inputs import build_inputs
from investigations.engine.record import Weigh
from investigations.engine.warm import warm
from investigations.engine.work import playbook_of, run_bounded, stored_inputs
from investigations.models import Investigation, Ticket
from investigations.playbooks.format import Playbook
from investigations.profile import Profile
from investigations.sources.base import ConnectionConfig

T = TypeVar("T")
#: stored: from stored facts alone; partly: some steps were asked anew; asked: all of them were.
Way = Literal["stored", "partly", "asked"]
#: Named to the sources as the one who asks.
_REF: Final = "SHADOW"


@dataclass(frozen=True, slots=True)
class Shadow:
    """A diagnosis that nobody stored. `asked`: ids of the steps that a source was asked for."""

    diagnosis: Diagnosis
    way: Way
    asked: tuple[str, ...] = ()
    seconds: float = 0.0


class NotReplayable(Exception):
    """The run cannot be read under the playbook. `reasons`: step id -> a sentence's end."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{step_id}: {why}" for step_id, why in reasons.items()))
        self.reasons = dict(reasons)


def replay(run: Investigation) -> Diagnosis:
    """The diagnosis of a finished run, weighed anew from what it has stored. ValueError when it has no playbook."""
    return diagnose(playbook_of(run), stored_inputs(run), store.stored_outcomes(run.pk))


def shadow_of_run(
    run: Investigation,
    playbook: Playbook,
    *,
    connections: Mapping[str, ConnectionConfig] | None,
    alive: Callable[[], None] | None = None,
) -> Shadow:
    """What `playbook` says of the run's ticket at the run's clock. Without `connections` nobody is asked.

    NotReplayable when a step needs an answer that cannot be had: a comparison with less than the run knew would be
    unfair. Not to be called inside a transaction.
    """
    inputs, stored = stored_inputs(run), store.stored_outcomes(run.pk)
    kept = keep(playbook, playbook_of(run), inputs, stored)
    if not kept.to_ask:
        return Shadow(diagnose(playbook, inputs, kept.outcomes), "stored")
    blind = {step_id for step_id in kept.to_ask if step_id in stored and stored[step_id].status == "unavailable"}
    _refuse_silence(playbook, kept.to_ask, connections, blind)
    found = _asked(
        playbook, inputs, Profile.model_validate(run.profile), connections or {}, outcomes=kept.outcomes, alive=alive
    )
    away = {
        step_id: f"{outcome.source} gave no answer: {outcome.error}"
        for step_id in kept.to_ask
        if (outcome := found.outcomes.get(step_id)) and outcome.status == "unavailable" and step_id not in blind
        if outcome.error_kind != "input"
    }
    if away:
        raise NotReplayable(away)
    return found.as_shadow("partly" if kept.outcomes else "asked")


def shadow_of_ticket(
    ticket: Ticket,
    playbook: Playbook,
    *,
    as_of: datetime,
    profile: Profile,
    connections: Mapping[str, ConnectionConfig],
    triage: Playbook | None = None,
    library: Library | None = None,
    alive: Callable[[], None] | None = None,
) -> Shadow:
    """What Altor would say of the ticket at that clock, every step asked. With a `triage` the first look may go on with
    another playbook of the `library`. Not to be called inside a transaction.
    """
    inputs = build_inputs(ticket, as_of=as_of, profile=profile)
    found = _asked(playbook, inputs, profile, connections, triage=triage, library=library, alive=alive)
    return found.as_shadow("asked")


def shadow_of_inputs(playbook: Playbook, inputs: RunInputs, *, connections: Mapping[str, ConnectionConfig]) -> Shadow:
    """What the playbook says of these inputs, every step asked. Not to be called inside a transaction."""
    profile = Profile.model_validate(inputs.profile)
    return _asked(playbook, inputs, profile, connections).as_shadow("asked")


def _refuse_silence(
    playbook: Playbook,
    to_ask: Mapping[str, str],
    connections: Mapping[str, ConnectionConfig] | None,
    blind: set[str],
) -> None:
    """NotReplayable before anybody is asked, when some step's source cannot be."""
    silent = {}
    for step_id, why in to_ask.items():
        step = playbook.step(step_id)
        source = step.source
        if step.only_if_connected and source not in (connections or {}):
            continue  # a run would not ask it either
        if connections is None:
            silent[step_id] = f"{why}, and no source is asked here"
        elif source not in connections and step_id not in blind:
            silent[step_id] = f"{why}, and {source} is not connected"
    if silent:
        raise NotReplayable(silent)


@dataclass(slots=True)
class _Found:
    """Filled by the record while the run goes on."""

    outcomes: dict[str, StepOutcome] = field(default_factory=dict)
    diagnosis: Diagnosis | None = None
    seconds: float = 0.0

    def as_shadow(self, way: Way) -> Shadow:
        if self.diagnosis is None:
            raise RuntimeError("the run has not concluded")
        asked = tuple(
            step_id
            for step_id, outcome in self.outcomes.items()
            if outcome.source != "manual" and outcome.status in ("done", "unavailable")
        )
        return Shadow(self.diagnosis, way, asked, self.seconds)


def _asked(
    playbook: Playbook,
    inputs: RunInputs,
    profile: Profile,
    connections: Mapping[str, ConnectionConfig],
    *,
    outcomes: Mapping[str, StepOutcome] | None = None,
    triage: Playbook | None = None,
    library: Library | None = None,
    alive: Callable[[], None] | None = None,
) -> _Found:
    found = _Found()
    warm()
    work = Work(
        record=partial(_Nothing, found),
        run_ref=_REF,
        playbook=playbook,
        inputs=inputs,
        profile=profile,
        connections=connections,
        outcomes=outcomes or {},
        alive=alive,
        watched=False,
        triage=triage,
        library=library,
    )
    run_bounded(carry_out(work))
    return found


class _Nothing:
    """A record that keeps nothing beyond this process: no lease, no rows, no events, no health of connections."""

    def __init__(self, found: _Found) -> None:
        self._found = found
        self._loop = asyncio.get_running_loop()

    def _done(self) -> Awaitable[None]:
        done: asyncio.Future[None] = self._loop.create_future()
        done.set_result(None)
        return done

    def step_started(self, step_id: str, at: datetime) -> Awaitable[None]:
        return self._done()

    def step_ended(self, outcome: StepOutcome, seconds: float) -> Awaitable[None]:
        self._found.outcomes[outcome.step_id] = outcome
        return self._done()

    def rerouted(self, version_id: int, playbook: Playbook) -> Awaitable[None]:
        self._found.outcomes.clear()
        return self._done()

    def routed(self, route: Mapping[str, Any]) -> Awaitable[None]:
        return self._done()

    def so_far(self, diagnosis: Diagnosis) -> Awaitable[None]:
        return self._done()

    def alive(self) -> Awaitable[None]:
        return self._done()

    async def found(self, look_up: Callable[[], T]) -> T:
        return await asyncio.to_thread(look_up)

    async def conclude(self, weigh: Weigh, asker: Asker, *, began: float) -> Diagnosis:
        diagnosis = weigh({})
        self._found.diagnosis, self._found.seconds = diagnosis, self._loop.time() - began
        return diagnosis

    def close(self) -> None:
        """There is nothing left to keep."""
