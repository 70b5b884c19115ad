"""Asking an entry's detection query outside of a run, and what a diagnosis says of an entry about its cause."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from investigations.diagnosis.types import RunInputs, StepOutcome
from investigations.engine.outside import ask_outside, diagnose_outside
from investigations.models import PlaybookVersion
from investigations.playbooks.format import Playbook
from investigations.sources.base import ConnectionConfig
from knowledge.entries.detection import STEP, Detection, PlaybookDetection


def ask_detection(
    detection: Detection | PlaybookDetection,
    inputs: RunInputs,
    *,
    ref: str,
    connections: Mapping[str, ConnectionConfig] | None = None,
) -> StepOutcome:
    """The answer for one customer or for everybody. Waits for the sources; one by a playbook for all of its steps."""
    if isinstance(detection, Detection):
        return ask_outside(detection.step(), inputs, ref=ref, connections=connections)
    version = PlaybookVersion.objects.active().filter(key=detection.playbook).first()
    if version is None:
        error = f"there is no playbook {detection.playbook!r} in force"
        return StepOutcome(
            STEP, "playbook", "unavailable", "inconclusive", f"Could not be checked: {error}", error_kind="invalid",
            error=error,
        )  # fmt: skip
    diagnosis = diagnose_outside(Playbook.model_validate(version.document), inputs, connections=connections)
    return outcome_of(detection.label, detection.at_least, diagnosis.document)


def outcome_of(label: str, at_least: float, document: Mapping[str, Any]) -> StepOutcome:
    """Whether a diagnosis says that it is this cause: `abnormal` = it does, surely enough. Where sources gave no answer
    it cannot say that it is not.
    """
    candidates = document.get("candidates") or []
    place = next((place for place, one in enumerate(candidates) if one.get("label") == label), None)
    sure = float(candidates[place].get("confidence") or 0.0) if place is not None else 0.0
    away = list(document.get("unavailable") or [])
    facts = {"confidence": round(sure, 4), "place": float(place + 1) if place is not None else None}
    if place == 0 and sure >= at_least:
        title = str(candidates[0].get("title") or label)
        return StepOutcome(STEP, "playbook", "done", "abnormal", f"{title} ({sure:.0%} sure)"[:500], facts)
    if away:
        error = f"no answer of {', '.join(away)}"
        return StepOutcome(
            STEP, "playbook", "unavailable", "inconclusive", f"Could not be checked: {error}", facts,
            error_kind="unavailable", error=error,
        )  # fmt: skip
    first = str(candidates[0].get("title") or candidates[0].get("label")) if candidates else "no cause"
    return StepOutcome(STEP, "playbook", "done", "normal", f"Rather: {first}"[:500], facts)
