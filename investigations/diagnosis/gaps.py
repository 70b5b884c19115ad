"""What a diagnosis could not know although every source answered: values nobody gave, silence, a time not looked at.

A source that is down is named by its steps. These gaps have no failed request to point at, and are the more easily
taken for "nothing found".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from investigations.diagnosis.facts import FactSpace
from investigations.diagnosis.steps import ParameterMissing, step_params
from investigations.diagnosis.texts import moment
from investigations.diagnosis.types import RunInputs, StepOutcome
from investigations.playbooks.conditions import Truth, paths_in, roots_in
from investigations.playbooks.format import Playbook, Step


@dataclass(frozen=True, slots=True)
class Gap:
    """An input of the playbook that is not known. `ask` is the question for a person, or empty."""

    name: str
    sentence: str
    ask: str


def missing_inputs(playbook: Playbook, space: FactSpace, outcomes: Mapping[str, StepOutcome]) -> list[Gap]:
    """One gap per unknown input that is required or without which a step could not be asked, in the file's order."""
    blocked: dict[str, list[str]] = {}
    for step in playbook.steps:
        outcome = outcomes.get(step.id)
        if outcome is not None and outcome.error_kind == "input":
            for name in inputs_of(step, space):
                blocked.setdefault(name, []).append(step.title)
    gaps = []
    for name, spec in playbook.inputs.items():
        known = space.inputs.values.get(name) is not None
        titles = blocked.get(name, [])
        if known or not (titles or spec.required):
            continue
        many = f"{len(titles)} checks" if len(titles) > 1 else "One check"
        told = f": {many[0].lower()}{many[1:]} could not be made ({', '.join(titles)})" if titles else ""
        gaps.append(Gap(name, f"Not known: {_lower_first(spec.title or name)}{told}.", spec.ask))
    return gaps


def inputs_of(step: Step, space: FactSpace) -> set[str]:
    """The inputs whose absence keeps the step from being asked."""
    try:
        step_params(step, space)
    except ParameterMissing as missing:
        found = {"org_id"} & set(missing.names)
        for name in missing.names:
            wanted = step.params.get(name, [])
            for expression in [wanted] if isinstance(wanted, str) else wanted:
                found |= {path.split(".")[1] for path in paths_in(expression) if path.startswith("inputs.")}
        return found
    return set()


def symptom_outcomes(playbook: Playbook, outcomes: Mapping[str, StepOutcome]) -> list[StepOutcome]:
    """The outcomes that the symptom rests on, in the file's order: the first is the complaint's own question."""
    roots = roots_in(playbook.symptom.gate)
    return [outcomes[step.id] for step in playbook.steps if step.id in roots and step.id in outcomes]


def is_silent(outcome: StepOutcome) -> bool:
    """Whether a series of the step has not one record."""
    return any(isinstance(fact, Mapping) and fact.get("n") == 0.0 for fact in outcome.facts.values())


def nothing_measured(playbook: Playbook, space: FactSpace, outcomes: Mapping[str, StepOutcome]) -> list[str]:
    """The sentence that the symptom's own questions were answered, and no record of the customer was among them."""
    org = space.inputs.values.get("org_id")
    if not org or space.check(playbook.symptom.gate) is not Truth.UNKNOWN:
        return []
    asked = symptom_outcomes(playbook, outcomes)
    if any(outcome.status != "done" for outcome in asked) or not asked or not is_silent(asked[0]):
        return []
    start, end = space.inputs.values.get("window_start"), space.inputs.values.get("window_end")
    between = f" between {moment(start)} and {moment(end)}" if start and end else ""
    who = space.inputs.customer.get("name")
    return [f"The telemetry holds no record of {f'{who} ({org})' if who and who != org else org}{between}."]


def window_missed(inputs: RunInputs) -> list[str]:
    """The sentence that the ticket speaks of a time before everything that was looked at."""
    if not inputs.values.get("window_misses"):
        return []
    at = inputs.values.get("claimed_onset") or inputs.values.get("opened_at")
    start = inputs.values.get("window_start")
    if not (at and start):
        return []
    return [f"The ticket speaks of {moment(at)}; the telemetry that was looked at begins {moment(start)}."]


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
