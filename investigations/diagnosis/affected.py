"""Other customers that show the symptom, as a step of the run measured them in one query."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from investigations.diagnosis.facts import FactSpace
from investigations.diagnosis.texts import render
from investigations.diagnosis.types import StepOutcome
from investigations.playbooks.conditions import Unknown
from investigations.playbooks.format import Affected, Playbook


def affected_customers(
    playbook: Playbook, space: FactSpace, outcomes: Mapping[str, StepOutcome]
) -> dict[str, Any] | None:
    """None when no step asked: the playbook has none, or the symptom is not shared.

    {"step", "what", "unit", "since", "total", "customers": [{"org_id", "value", "before", "n"}]}; `total` counts those
    too that the query's limit left out. Of several measures the first that found somebody.
    """
    asked: dict[str, Any] | None = None
    for step in playbook.steps:
        outcome = outcomes.get(step.id)
        if outcome is None or outcome.status != "done":
            continue
        for name, measure in step.measure.items():
            if not isinstance(measure, Affected):
                continue
            facts = outcome.facts.get(name) or {}
            since = space.value(measure.since)
            found = {
                "step": step.id,
                "what": render(measure.what, space.names),
                "unit": measure.unit,
                "since": None if isinstance(since, Unknown) else since,
                "total": int(facts.get("count") or 0),
                "customers": [
                    {"org_id": one["key"], "value": one["value"], "before": one.get("before"), "n": one["n"]}
                    for one in facts.get("customers") or []
                ],
            }
            if found["total"]:
                return found
            asked = asked or found
    return asked
