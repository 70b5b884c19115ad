"""What people did about it so far: answers, judgements, gates that were passed for a reason."""

from __future__ import annotations

import json
from typing import Any

from escalations.packets.format import Tried
from escalations.packets.material import Material
from investigations.models import StepResult


def tried_of(material: Material) -> list[Tried]:
    """Oldest first. Two queries."""
    found = [
        Tried(
            at=step.answered_at, by=str(step.answered_by or ""), what=f"Answered: {step.title}",
            result=_told(step.answer),
        )
        for step in material.steps
        if step.status == StepResult.Status.DONE and step.answered_at is not None
    ]  # fmt: skip
    for feedback in material.run.feedback.select_related("user").order_by("pk"):
        said = " ".join(part for part in (feedback.label, feedback.comment) if part)
        found.append(
            Tried(at=feedback.at, by=str(feedback.user), what=f"Judged the diagnosis: {feedback.verdict}", result=said)
        )
    found += [
        Tried(at=one.at, by=str(one.user), what=f"Passed the gate before {_GATES[one.gate]}", result=one.reason)
        for one in material.run.overrides.select_related("user").order_by("pk")
    ]
    return sorted(found, key=lambda one: (one.at is None, one.at.timestamp() if one.at else 0.0))


_GATES = {"reply": "a reply", "escalation": "an escalation"}


def _told(answer: Any) -> str:
    if isinstance(answer, bool):
        return "yes" if answer else "no"
    return answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
