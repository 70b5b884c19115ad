"""Known causes, asked for beside the steps of a run: is one of them there again?

The apps above know causes (setting `RECOGNISERS`), each with one question to a source. The questions go out together
with the playbook's, through the same guards and under the same limits, a few at a time, and are over with the run. What
comes of them is handed back to whoever knows the cause: the diagnosis does not read it, so that it says the same
whatever has been written down meanwhile. A ticket's words may complain of something else: when the playbook's steps
have ended, the causes that they speak for are asked for as well, mostly with answers that are there already.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from django.db import connection

from investigations.diagnosis import steps as meaning
from investigations.diagnosis.facts import FactSpace
from investigations.diagnosis.types import RunInputs, StepOutcome
from investigations.engine.asking import Asker
from investigations.playbooks.format import Step
from investigations.sources.base import SourceError

if TYPE_CHECKING:
    from investigations.models import Investigation

log = logging.getLogger(__name__)
#: Questions of one run by its ticket's words, as many again by what its steps found, and how many at the same time:
#: the playbook's own come first.
AT_MOST: Final = 8
AT_ONCE: Final = 3
#: Candidates of the diagnosis whose causes are asked for.
SUSPECTS: Final = 3
#: Seconds that a run waits for them when its own steps have ended.
PATIENCE_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class KnownCause:
    """`key` names it to its recogniser; `step` asks whether it is there: `abnormal` = yes, `normal` = surely not."""

    key: str
    step: Step


@dataclass(frozen=True, slots=True)
class Recognised:
    """What came of one question."""

    key: str
    outcome: StepOutcome
    seconds: float


class Recogniser(Protocol):
    """Both may query; neither is called on the event loop. What they raise is logged and costs the run nothing."""

    def candidates(self, run: Investigation, inputs: RunInputs) -> Sequence[KnownCause]:
        """The causes that the ticket may have, the likeliest first."""
        ...

    def suspected(self, run: Investigation, labels: Sequence[str]) -> Sequence[KnownCause]:
        """The causes with one of these labels, the likeliest first."""
        ...

    def keep(self, run: Investigation, found: Sequence[Recognised]) -> None:
        """The run is over, or goes on without those that have not answered."""
        ...


@dataclass
class Recognition:
    """The questions of one run for one recogniser. `ask` on the event loop, `keep` anywhere else."""

    recogniser: Recogniser
    run: Investigation
    inputs: RunInputs
    found: list[Recognised] = field(default_factory=list)
    _begun: set[str] = field(default_factory=set)

    async def ask(self, asker: Asker) -> None:
        """Ask for all candidates; those that have ended stay when this is cancelled."""
        await self._ask(asker, partial(self.recogniser.candidates, self.run, self.inputs))

    async def ask_for(self, labels: Sequence[str], asker: Asker) -> None:
        """Ask for what the run suspects and has not asked for yet."""
        await self._ask(asker, partial(self.recogniser.suspected, self.run, labels))

    async def _ask(self, asker: Asker, look_up: Callable[[], Sequence[KnownCause]]) -> None:
        causes = await asyncio.to_thread(self._found, look_up)
        new = [cause for cause in causes if cause.key not in self._begun]
        self._begun.update(cause.key for cause in new)
        at_once = asyncio.Semaphore(AT_ONCE)

        async def one(cause: KnownCause) -> None:
            async with at_once:
                began = time.monotonic()
                outcome = await outcome_of(cause.step, self.inputs, asker)
                self.found.append(Recognised(cause.key, outcome, time.monotonic() - began))

        await asyncio.gather(*(one(cause) for cause in new))

    def _found(self, look_up: Callable[[], Sequence[KnownCause]]) -> Sequence[KnownCause]:
        try:
            return list(look_up())[:AT_MOST]
        except Exception:
            log.exception("known causes could not be looked up", extra={"run": self.run.ref})
            return []
        finally:
            connection.close()  # the thread goes back to a pool that knows nothing of databases

    def keep(self) -> None:
        """Hand over what was found, on a thread of its own."""
        try:
            if self.found:
                self.recogniser.keep(self.run, self.found)
        except Exception:
            log.exception("what was recognised could not be kept", extra={"run": self.run.ref})
        finally:
            connection.close()


async def outcome_of(step: Step, inputs: RunInputs, asker: Asker) -> StepOutcome:
    """One question and what its answer means. Never raises for its source, nor for an answer that does not fit."""
    space = FactSpace(inputs, {})
    if step.only_if_connected and step.source not in asker.connections:
        return meaning.not_connected(step)
    try:
        params = meaning.step_params(step, space)
        answer = await asker.ask(step, params, stays=True)
    except meaning.ParameterMissing as missing:
        return meaning.could_not_check(step, 1, f"not known: {', '.join(missing.names)}", kind="input")
    except SourceError as error:
        return meaning.could_not_check(step, 1, error)
    try:
        return await asyncio.to_thread(meaning.interpret, step, 1, answer, space)
    except (KeyError, TypeError, ValueError, IndexError, ArithmeticError, AttributeError) as error:
        why = f"the answer does not fit the question ({type(error).__name__}: {error})"[:300]
        return meaning.could_not_check(step, 1, why, kind="invalid")
