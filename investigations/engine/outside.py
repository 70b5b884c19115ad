"""Questions outside of any run: on a schedule, or because a person wants to know. Nothing is stored."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from investigations.diagnosis.diagnose import Diagnosis
from investigations.diagnosis.types import RunInputs, StepOutcome
from investigations.engine.asking import Asker
from investigations.engine.known import outcome_of
from investigations.engine.shadow import shadow_of_inputs
from investigations.engine.work import run_bounded
from investigations.playbooks.format import Playbook, Step
from investigations.profile import Profile
from investigations.services.connections import active_connections
from investigations.sources.base import ConnectionConfig, RunContext

#: A belt over the source's own limit.
_BELT_S: Final = 1.0


def ask_outside(
    step: Step, inputs: RunInputs, *, ref: str, connections: Mapping[str, ConnectionConfig] | None = None
) -> StepOutcome:
    """One question through the guards and limits of a run. Queries; waits for the source."""
    found = active_connections() if connections is None else connections

    async def ask() -> StepOutcome:
        deadline = asyncio.get_running_loop().time() + step.timeout_s + _BELT_S
        context = RunContext(
            as_of=inputs.as_of, profile=Profile.model_validate(inputs.profile), deadline=deadline,
            tenant=str(inputs.values.get("org_id", "")), run_ref=ref,
        )  # fmt: skip
        asker = Asker(found, context, deadline=deadline, parallel=1)
        try:
            return await outcome_of(step, inputs, asker)
        finally:
            await asker.close()

    return run_bounded(ask())


def diagnose_outside(
    playbook: Playbook, inputs: RunInputs, *, connections: Mapping[str, ConnectionConfig] | None = None
) -> Diagnosis:
    """All steps of a playbook, within its own limits. Queries; waits for the sources."""
    found = active_connections() if connections is None else connections
    return shadow_of_inputs(playbook, inputs, connections=found).diagnosis
