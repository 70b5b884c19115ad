"""The first look: which playbook a run takes, from the ticket's words and from cheap probes of every class.

The probes are the steps of the playbook `triage`, its hypotheses are the playbooks to choose from. They are asked while
the playbook that the ticket's words suggest is already working, so that a right first guess costs no time; when they
speak for another one, the run goes on with that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from investigations.diagnosis import calibration
from investigations.diagnosis.facts import FactSpace
from investigations.diagnosis.scoring import Scored, score
from investigations.diagnosis.texts import render
from investigations.diagnosis.types import RunInputs, StepOutcome
from investigations.playbooks.conditions import Truth
from investigations.playbooks.format import TRIAGE, Playbook


@dataclass(frozen=True, slots=True)
class Decision:
    """`playbook_key` goes on; TRIAGE when its own diagnosis stands. `shares` are 0 to 1 per key or label."""

    playbook_key: str
    reasons: list[str] = field(default_factory=list)
    shares: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The shape of Investigation.route."""
        return {"how": "triage", "playbook": self.playbook_key, "reasons": self.reasons, "shares": self.shares}


def decide(triage: Playbook, inputs: RunInputs, outcomes: Mapping[str, StepOutcome]) -> Decision:
    """Weigh the playbooks that may go on. Every outcome may be missing or unavailable: then the words decide."""
    space = FactSpace(inputs, outcomes)
    scored = score(triage, space, outcomes, calibration.Calibration())
    first = scored[0]
    shares = {item.hypothesis.continue_with or item.hypothesis.label: round(item.share, 3) for item in scored}
    reasons = _reasons(first, space)
    # Where nothing speaks for any, the first of equals is no choice.
    return Decision((first.hypothesis.continue_with if reasons else "") or TRIAGE, reasons, shares)


def _reasons(scored: Scored, space: FactSpace) -> list[str]:
    """What speaks for the choice; what speaks against it is no reason for it."""
    spoken = [item for item in scored.weighed if item.truth is not Truth.UNKNOWN and item.effect >= 0.3]
    spoken.sort(key=lambda item: -item.effect)
    texts = [
        render(item.signal.says if item.truth is Truth.YES else item.signal.says_not, space.names) for item in spoken
    ]
    return [text for text in texts if text][:4]


def without_evidence(outcome: StepOutcome) -> StepOutcome:
    """A look that only chose the playbook: the playbook's own steps bring the evidence."""
    return replace(outcome, evidence=())
