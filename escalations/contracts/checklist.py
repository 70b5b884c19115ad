"""A checklist as it stands: what an investigation supplies by itself, what a person has said, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from itertools import islice
from typing import Any, Final

from escalations.attachments.reading import Filed
from escalations.contracts.format import ContractForm, Item
from escalations.contracts.names import names_of, unavailable_sources
from investigations.models import Investigation, StepResult
from investigations.playbooks.conditions import Truth, check, evaluate, roots_in

#: Pieces of evidence named with an item.
_MOST_CARRIERS: Final = 5


class State(StrEnum):
    MET = "met"  # the investigation holds it
    ANSWERED = "answered"  # a person said it, or attached it
    TRIED = "tried"  # its source was asked and is down: reported apart, holds nothing up
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Supply:
    """One way to get what is missing. `what`: run (again, which asks `step`), step (a question of the run), answer,
    attach.
    """

    what: str
    title: str
    step: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """One item as it stands. `evidence` are references (E3) of what meets it, at most five; `files` were attached."""

    id: str
    title: str
    why: str
    state: State
    evidence: tuple[str, ...] = ()
    says: str = ""  # the answer, or why it only counts as tried
    ask: str = ""
    hint: str = ""
    answer: str = ""  # kind of answer
    supplies: tuple[Supply, ...] = field(default=())
    attach: bool = False  # takes files
    files: tuple[Filed, ...] = ()

    @property
    def is_enough(self) -> bool:
        return self.state is not State.MISSING

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "state": str(self.state), "evidence": list(self.evidence),
                "supplies": [asdict(one) for one in self.supplies],
                "files": [asdict(one) for one in self.files]}  # fmt: skip


def checklist(
    form: ContractForm, run: Investigation, severity: str, answers: Mapping[str, str],
    files: Mapping[str, tuple[Filed, ...]],
) -> list[Checked]:  # fmt: skip
    """Every item that this escalation needs, in the contract's order. `answers`: item id -> what a person said;
    `files`: item id -> what was attached.

    A condition that cannot be told (a fact that was not measured) does not meet an item: absence is no evidence.
    """
    names = names_of(run, severity)
    steps = list(run.steps.all())
    away = unavailable_sources(run, steps)
    return [
        _checked(item, names, away, steps, answers.get(item.id, "").strip(), files.get(item.id, ()))
        for item in form.items(severity)
        if check(item.applies, names) is not Truth.NO
    ]


def missing(items: Sequence[Checked]) -> list[Checked]:
    return [item for item in items if not item.is_enough]


def _checked(
    item: Item, names: Mapping[str, Any], away: frozenset[str], steps: Sequence[StepResult], said: str,
    files: tuple[Filed, ...],
) -> Checked:  # fmt: skip
    empty = Checked(
        id=item.id, title=item.title, why=item.why, state=State.MISSING, ask=item.ask, hint=item.hint,
        answer=item.answer if item.ask else "", attach=item.attach, files=files,
    )  # fmt: skip
    if item.met_by is not None and check(item.met_by, names) is Truth.YES:
        return replace(empty, state=State.MET, evidence=_carriers(item.met_by, names), says=said)
    if (said and item.ask) or (files and item.attach):
        return replace(empty, state=State.ANSWERED, says=said)
    asked = away.intersection(item.sources)
    supplies = _supplies(item, steps)
    if asked and item.met_by is not None:
        says = f"{', '.join(sorted(asked))} gave no answer"
        return replace(empty, state=State.TRIED, says=says, supplies=supplies)
    return replace(empty, supplies=supplies)


def _carriers(condition: str, names: Mapping[str, Any]) -> tuple[str, ...]:
    """The pieces of evidence without which the condition would not hold: each asked alone."""
    if "evidence" not in roots_in(condition) or evaluate(condition, {**names, "evidence": []}) is True:
        return ()
    alone = (one["ref_id"] for one in names["evidence"] if evaluate(condition, {**names, "evidence": [one]}) is True)
    return tuple(islice(alone, _MOST_CARRIERS))


def _supplies(item: Item, steps: Sequence[StepResult]) -> tuple[Supply, ...]:
    by_id = {step.step_id: step for step in steps}
    found: list[Supply] = []
    for name in item.steps:
        step = by_id.get(name)
        if step is not None and step.source == "manual" and step.status != StepResult.Status.DONE:
            found.append(Supply("step", f"Answer “{step.title}”", name))
        elif step is not None and step.status != StepResult.Status.DONE:
            found.append(Supply("run", f"Run “{step.title}” now", name))
    if not found and item.met_by is not None and (item.sources or not (item.ask or item.attach)):
        found.append(Supply("run", "Investigate again"))
    if item.ask:
        found.append(Supply("answer", item.ask))
    if item.attach:
        found.append(Supply("attach", f"Attach a file to “{item.title}”"))
    return tuple(found)
