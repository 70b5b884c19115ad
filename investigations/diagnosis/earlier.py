"""What a cause that people confirmed in an earlier case adds to a hypothesis: a hint, never evidence.

Additive log-odds like a signal, but once per hypothesis and only where the measured facts do not speak against it. It
is told among the reasons. `scoring` sees to it that hints take no hypothesis across the line at which a cause is named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from altor.words import counted
from investigations.playbooks.format import Earlier, Hypothesis
from investigations.playbooks.parts import weight_of


@dataclass(frozen=True, slots=True)
class Hint:
    """`effect` in log-odds, above 0; `ref` is the earlier run, `says` the sentence with it."""

    effect: float
    ref: str
    says: str


def counts_for(hypothesis: Hypothesis) -> bool:
    """That nothing was wrong last time does not speak for it this time, unless the hypothesis says so."""
    if hypothesis.earlier is not None:
        return hypothesis.earlier
    return not hypothesis.label.startswith("none.") and hypothesis.continue_with is None


def hint_for(spec: Earlier, hypothesis: Hypothesis, cases: Sequence[Mapping[str, Any]]) -> Hint | None:
    """The nearest case of the hypothesis' cause: of the customer, else on the endpoint, else in an outbreak; of several
    the newest. `cases` in the shape of `engine.earlier`, newest first.
    """
    found = [
        case for case in cases if case.get("label") == hypothesis.label and _days(case) <= spec.within_days
    ]  # fmt: skip
    if not found or not counts_for(hypothesis):
        return None
    recent = [case for case in found if _days(case) <= spec.outbreak.within_days]
    own = [case for case in found if case.get("same_customer")]
    near = [case for case in found if case.get("same_endpoint")]
    spread = recent if len(recent) >= spec.outbreak.cases else []
    for weight, of_kind in ((spec.same_customer, own), (spec.same_endpoint, near), (spec.anybody, spread)):
        effect = weight_of(weight)
        if not of_kind or not effect:
            continue
        case = min(of_kind, key=_days)
        if _days(case) > spec.halved_after_days:
            effect /= 2
        when = f"{_ago(_days(case))} ({case.get('ref', '')})"
        if of_kind is own:
            says = f"The same cause was confirmed for this customer {when}"
        elif of_kind is near:
            says = f"The same cause was confirmed on {case.get('endpoint') or 'the same endpoint'} {when}"
        else:
            span = f"{spec.outbreak.within_days:g} days"
            says = f"The same cause was confirmed for {len(spread)} tickets in the last {span}, most recently {when}"
        return Hint(effect, str(case.get("ref", "")), says)
    return None


def _days(case: Mapping[str, Any]) -> float:
    return float(case.get("days") or 0.0)


def _ago(days: float) -> str:
    whole = round(days)
    if whole < 1:
        return "less than a day ago"
    return f"{counted(whole, 'day')} ago"
