"""Which evidence stands behind each part of a diagnosis, so that a statement is one click from the query that proves
it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from investigations.diagnosis.facts import FactSpace
from investigations.diagnosis.scoring import Scored
from investigations.diagnosis.types import StepOutcome
from investigations.playbooks.conditions import Unknown, paths_in

#: References kept for one statement.
_MOST: Final = 3


def refs_of(expressions: Iterable[str], outcomes: Mapping[str, StepOutcome]) -> list[str]:
    """References of the evidence of the steps that the expressions read: breaches first, at most three."""
    steps = list(dict.fromkeys(path.partition(".")[0] for text in expressions for path in sorted(paths_in(text))))
    return refs_of_steps(steps, outcomes)


def refs_of_steps(steps: Iterable[str], outcomes: Mapping[str, StepOutcome]) -> list[str]:
    drafts = [draft for step in steps if step in outcomes for draft in outcomes[step].evidence]
    drafts.sort(key=lambda draft: draft.verdict != "abnormal")  # stable: else in the steps' order
    return list(dict.fromkeys(draft.ref_id for draft in drafts))[:_MOST]


def supports(
    top: Scored, space: FactSpace, outcomes: Mapping[str, StepOutcome], *, cause: Sequence[str]
) -> dict[str, Any]:
    """{"cause", "scope", "since", "next"}: references each. `cause` are those of the candidate's reasons.

    What has no expression of its own rests on what the cause rests on.
    """
    hypothesis = top.hypothesis
    scope = [text for text in [hypothesis.scope.value] if text]
    known = next((text for text in hypothesis.onset if not isinstance(space.value(text), Unknown)), "")
    culprit = hypothesis.culprit
    wanted = [culprit.id] if culprit and isinstance(culprit.id, str) else list(culprit.id or []) if culprit else []
    first = [ref for ref in dict.fromkeys(cause) if ref][:_MOST]
    return {
        "cause": first,
        "scope": refs_of(scope, outcomes) or first,
        "since": refs_of([known], outcomes) if known else [],
        "next": refs_of(wanted, outcomes) or first,
    }
