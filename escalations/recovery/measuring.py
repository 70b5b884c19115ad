"""Ask the symptom's question again, once for each customer, and read each answer against that customer's own past.

Nothing is stored here. A few customers are asked about at a time, each with its own deadline: one slow answer delays
nobody else.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from escalations.recovery.symptom import Symptom
from investigations.diagnosis import steps as meaning
from investigations.diagnosis.facts import FactSpace, plain
from investigations.diagnosis.frames import Frame
from investigations.diagnosis.recovery import Reading, read
from investigations.diagnosis.types import RunInputs, StepOutcome
from investigations.engine.asking import Asker
from investigations.engine.inputs import inputs_of_customer
from investigations.engine.warm import warm
from investigations.engine.work import run_bounded
from investigations.models import Customer
from investigations.profile import Profile
from investigations.sources.base import ConnectionConfig, RunContext, SourceAnswer, SourceError

log = logging.getLogger(__name__)
#: What was before is read from a day, as a run does it.
_BEFORE: Final = timedelta(hours=24)
#: Of a long incident its first hours are read, and what was lately: a query answers a limited number of rows.
_DURING: Final = timedelta(hours=6)
_LATELY: Final = timedelta(hours=12)
_AT_ONCE: Final = 4
_LIMIT_S: Final = 20.0
_BELT_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Measured:
    """`error` says why there is no reading."""

    org_id: str
    reading: Reading | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    symptom: Symptom
    profile: Profile
    outcomes: Mapping[str, StepOutcome]  # of the run, by step: what the step's parameters read
    onset: datetime
    fixed: datetime
    now: datetime

    @property
    def windows(self) -> Sequence[tuple[datetime, datetime]]:
        """One, or for a long incident its beginning and the last hours."""
        start = self.onset - _BEFORE
        if self.profile.telemetry.window_start:
            start = max(start, self.profile.telemetry.window_start)
        lately = min(self.fixed - timedelta(hours=1), self.now - timedelta(hours=1))
        lately = max(lately, self.now - _LATELY)
        if lately <= self.onset + _DURING:
            return [(start, self.now)]
        return [(start, self.onset + _DURING), (lately, self.now)]


def measure(
    question: Question, customers: Sequence[Customer], connections: Mapping[str, ConnectionConfig]
) -> Sequence[Measured]:
    """One for each customer, in their order. Not to be called inside a transaction."""
    warm()
    return run_bounded(_all(question, customers, connections))


async def _all(
    question: Question, customers: Sequence[Customer], connections: Mapping[str, ConnectionConfig]
) -> Sequence[Measured]:
    free = asyncio.Semaphore(_AT_ONCE)

    async def one(customer: Customer) -> Measured:
        async with free:
            return await _one(question, customer, connections)

    return await asyncio.gather(*(one(customer) for customer in customers))


async def _one(question: Question, customer: Customer, connections: Mapping[str, ConnectionConfig]) -> Measured:
    inputs = inputs_of_customer(customer, as_of=question.now, profile=question.profile)
    deadline = asyncio.get_running_loop().time() + _LIMIT_S + _BELT_S
    context = RunContext(
        as_of=question.now, profile=question.profile, deadline=deadline, tenant=customer.org_id, run_ref="recovery"
    )
    asker = Asker(connections, context, deadline=deadline, parallel=1)
    try:
        answers = [await _ask(question, inputs, window, asker) for window in question.windows]
        return Measured(customer.org_id, _read(question, answers))
    except SourceError as error:
        return Measured(customer.org_id, error=error.message[:300])
    except meaning.ParameterMissing as missing:
        return Measured(customer.org_id, error=f"Not known: {', '.join(missing.names)}"[:300])
    except (KeyError, TypeError, ValueError, IndexError, ArithmeticError) as error:
        log.info("an answer does not fit the symptom", extra={"step": question.symptom.step.id})
        return Measured(customer.org_id, error=f"The answer does not fit the check ({type(error).__name__})")
    finally:
        await asker.close()


async def _ask(question: Question, inputs: RunInputs, window: tuple[datetime, datetime], asker: Asker) -> SourceAnswer:
    step = question.symptom.step
    moved = {"window_start": plain(window[0]), "window_end": plain(window[1])}
    space = FactSpace(replace(inputs, values={**inputs.values, **moved}), question.outcomes)
    return await asker.ask(step, {**meaning.step_params(step, space), "window_start": moved["window_start"],
                                  "window_end": moved["window_end"]})  # fmt: skip


def _read(question: Question, answers: Sequence[SourceAnswer]) -> Reading:
    if any(answer.truncated for answer in answers):
        raise ValueError("more rows than the check may read")
    rows = [
        dict(zip(answer.data["columns"], row, strict=True)) for answer in answers for row in answer.data.get("rows", [])
    ]
    symptom, frame = question.symptom, Frame(rows)
    if not rows:
        return Reading("quiet")
    times = {
        "onset": question.onset.timestamp(),
        "fixed": question.fixed.timestamp(),
        "until": question.now.timestamp(),
    }
    found = read(symptom.measure, frame, where=symptom.where, **times)
    if found.verdict == "quiet" and symptom.where != symptom.measure.where:
        # This customer does not use the call that the ticket is about: all of theirs are looked at.
        whole = read(symptom.measure, frame, where=symptom.measure.where, **times)
        return whole if found.before is None and found.during is None else found
    return found
