"""Sources that cannot both be right: told with the diagnosis, and a cap on what rests on them."""

from __future__ import annotations

from dataclasses import dataclass

from investigations.diagnosis.facts import FactSpace
from investigations.diagnosis.texts import render
from investigations.playbooks.conditions import Truth, roots_in
from investigations.playbooks.format import Contradiction, Playbook


@dataclass(frozen=True, slots=True)
class Contradicted:
    """A contradiction that holds, in words, and the steps that it is between."""

    spec: Contradiction
    says: str
    steps: tuple[str, ...]


def contradictions(playbook: Playbook, space: FactSpace) -> list[Contradicted]:
    """Those that surely hold, in the order of the file. What is unknown contradicts nothing."""
    step_ids = [step.id for step in playbook.steps]
    return [
        Contradicted(
            spec,
            render(spec.says, space.names),
            tuple(step_id for step_id in step_ids if step_id in roots_in(spec.when)),
        )
        for spec in playbook.contradictions
        if space.check(spec.when) is Truth.YES
    ]
