"""The one question to a person whose answer would tell the leading candidates apart best.

Worth asking are inputs that nobody gave and steps that a person answers. The worth of a question is how far the weights
of the two leading candidates could be driven apart by the signals that wait for its answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from investigations.diagnosis.facts import FactSpace
from investigations.diagnosis.gaps import inputs_of
from investigations.diagnosis.scoring import Scored, Weighed
from investigations.diagnosis.texts import render
from investigations.diagnosis.types import StepOutcome
from investigations.playbooks.conditions import Truth, paths_in
from investigations.playbooks.format import Playbook

#: Without a required input most checks cannot be made at all: it comes before every question of detail.
_REQUIRED: Final = 100.0


@dataclass(frozen=True, slots=True)
class Question:
    """`name` is that of an input or of a step. `answer`: how it is given; `choices` may be empty for an input."""

    kind: Literal["input", "step"]
    name: str
    ask: str
    answer: Literal["yes_no", "text", "number", "choice"]
    choices: tuple[str, ...]
    why: str
    worth: float

    def as_dict(self) -> dict[str, Any]:
        """The shape of the diagnosis' `question`."""
        return {
            "kind": self.kind,
            "name": self.name,
            "ask": self.ask,
            "answer": self.answer,
            "choices": list(self.choices),
            "why": self.why,
        }


def best_question(
    playbook: Playbook, space: FactSpace, outcomes: Mapping[str, StepOutcome], scored: Sequence[Scored]
) -> Question | None:
    """None when no person's answer would move the leading candidates. Ties in the order of the file, inputs first."""
    leaders = scored[:2]
    found = [*_of_inputs(playbook, space, outcomes, leaders), *_of_steps(playbook, space, outcomes, leaders)]
    return max(found, key=lambda question: question.worth, default=None)


def _of_inputs(
    playbook: Playbook, space: FactSpace, outcomes: Mapping[str, StepOutcome], leaders: Sequence[Scored]
) -> Iterable[Question]:
    blocked: dict[str, set[str]] = {}
    for step in playbook.steps:
        outcome = outcomes.get(step.id)
        if outcome is not None and outcome.error_kind == "input":
            for name in inputs_of(step, space):
                blocked.setdefault(name, set()).add(step.id)
    for name, spec in playbook.inputs.items():
        if not spec.ask or space.inputs.values.get(name) is not None:
            continue
        waits = blocked.get(name, set())
        worth = _worth(leaders, waits, path=f"inputs.{name}")
        if spec.required:
            why = "Most checks need it."
            worth += _REQUIRED
        else:
            why = _why(leaders, space)
        if worth > 0 or waits:
            choices = tuple(spec.choices)
            yield Question("input", name, spec.ask, "choice" if choices else "text", choices, why, worth)


def _of_steps(
    playbook: Playbook, space: FactSpace, outcomes: Mapping[str, StepOutcome], leaders: Sequence[Scored]
) -> Iterable[Question]:
    for step in playbook.steps:
        outcome = outcomes.get(step.id)
        if step.manual is None or outcome is None or outcome.status != "asked":
            continue
        worth = _worth(leaders, {step.id})
        if worth > 0:
            spec = step.manual
            yield Question("step", step.id, spec.ask, spec.answer, tuple(spec.choices), _why(leaders, space), worth)


def _worth(leaders: Sequence[Scored], steps: set[str], *, path: str = "") -> float:
    """How far an answer that `steps` wait for, or that conditions read as `path`, could drive the leaders apart: a
    condition that moves both the same tells nothing.
    """
    swings: dict[str, list[float]] = {}
    for place, item in enumerate(leaders):
        for weighed in item.weighed:
            waits = bool(steps & set(weighed.steps)) or path in paths_in(weighed.signal.when)
            if weighed.truth is Truth.UNKNOWN and waits:
                swings.setdefault(weighed.signal.when, [0.0, 0.0])[place] += _swing(weighed)
    return sum(abs(first - second) for first, second in swings.values())


def _swing(weighed: Weighed) -> float:
    return weighed.signal.when_true - weighed.signal.when_false


def _why(leaders: Sequence[Scored], space: FactSpace) -> str:
    titles = [render(item.hypothesis.title, space.names, unknown="…") for item in leaders]
    if len(titles) < 2:
        return f"It speaks for or against “{titles[0]}”."
    return f"It tells “{titles[0]}” from “{titles[1]}”."
