"""What is measured again: the measure behind the figure that states the symptom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from altor.words import figure
from escalations.packets.impact import symptom_of
from escalations.packets.material import Material, material_of
from investigations.diagnosis.recovery import Series
from investigations.engine.work import playbook_of
from investigations.models import Evidence, Investigation
from investigations.playbooks.conditions import paths_in
from investigations.playbooks.format import CountChange, LevelChange, ShareChange, Step

#: Says in a measure that only this customer's rows are meant.
_MINE: Final = "mine"
#: Names under which evidence keeps the call that it is about.
_CALLS: Final = ("endpoint", "route")


@dataclass(frozen=True, slots=True)
class Symptom:
    """`where` chooses the customer's rows, and of those the affected call's where there is one."""

    step: Step
    measure: Series
    where: Mapping[str, Any]
    title: str
    unit: str

    def as_dict(self) -> dict[str, Any]:
        """{"step", "where", "title", "unit"}, for lists and pages."""
        return {"step": self.step.id, "where": dict(self.where), "title": self.title, "unit": self.unit}


def symptom_of_run(run: Investigation) -> Symptom | None:
    """None where the diagnosis rests on nothing that can be measured over time again. Queries."""
    if run.playbook is None:
        return None
    material = material_of(run, now=run.as_of)
    item = symptom_of(material)
    if item is None or item.step is None:
        return None
    step = next((one for one in playbook_of(run).steps if one.id == item.step.step_id), None)
    if step is None or not step.query:
        return None
    measure = next(_measures(step, item), None)
    if measure is None:
        return None
    # The query is asked about this customer only: its other rows never leave the store.
    alone = step.model_copy(update={"fence": "customer"})
    where = {**measure.where, **_call(step, item, material)}
    return Symptom(alone, measure, where, item.title or step.title, str((item.figures or {}).get("unit") or ""))


def _measures(step: Step, item: Evidence) -> Iterator[Series]:
    """Measures over time of this customer alone: the one that the evidence takes its figure from first."""
    own = {name: one for name, one in step.measure.items() if _is_own(one, step)}
    for spec in step.evidence:
        if spec.kind == item.kind:
            for path in paths_in(spec.figures.get("value", "")):
                name = path.removeprefix(f"{step.id}.").partition(".")[0]
                if isinstance(found := own.get(name), Series):
                    yield found
    yield from (one for one in own.values() if isinstance(one, Series))


def _is_own(measure: object, step: Step) -> bool:
    if not isinstance(measure, ShareChange | LevelChange | CountChange):
        return False
    return bool(measure.where.get(_MINE)) if _MINE in measure.where else step.fence == "customer"


def _call(step: Step, item: Evidence, material: Material) -> dict[str, str]:
    """{column: value} of the one call that is affected, where the rows tell calls apart."""
    columns = {getattr(one, "group", "") for one in step.measure.values()} & set(_CALLS)
    scope = material.diagnosis.get("scope") or {}
    named = [str((item.ref or {}).get(name) or "") for name in _CALLS]
    named += [str(scope.get("value") or "")] if scope.get("kind") == "endpoint" else []
    value = next((one for one in named if one), "")
    return {sorted(columns)[0]: value} if columns and value else {}


def shown(value: float | None, unit: str) -> str:
    """A level for people; "" where there is none."""
    return figure(value, unit) if value is not None else ""
