"""The names that conditions see: inputs, customer, ticket, earlier and the facts of each step that gave an answer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from investigations.diagnosis.types import RunInputs, StepOutcome
from investigations.playbooks.conditions import Truth, Unknown, check, evaluate


def plain(value: Any) -> Any:
    """JSON-able form that CEL compares without surprises: numbers as float, times as ISO 8601 UTC, no NaN."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is float:
        return None if math.isnan(value) else min(max(value, -1e15), 1e15)
    if kind is dict:
        return {str(key): plain(item) for key, item in value.items() if item is not None}
    if kind is list:
        return [plain(item) for item in value]
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int | float) or hasattr(value, "__float__"):
        number = float(value)
        return min(max(number, -1e15), 1e15) if not math.isnan(number) else None
    if isinstance(value, datetime):
        at = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return at.isoformat().replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, Sequence | set | frozenset):
        return [plain(item) for item in value]
    return str(value)


class FactSpace:
    """Everything a condition of one run may read. Steps without an answer are absent, so that they read as unknown."""

    def __init__(self, inputs: RunInputs, outcomes: Mapping[str, StepOutcome] | None = None) -> None:
        self.inputs = inputs
        self.outcomes: dict[str, StepOutcome] = dict(outcomes or {})
        self.names: dict[str, Any] = {
            "inputs": plain(inputs.values),
            "customer": plain(inputs.customer),
            "ticket": plain(inputs.ticket),
            "profile": plain(inputs.profile),
            "earlier": plain(inputs.earlier),
        }
        for step_id, outcome in self.outcomes.items():
            if outcome.status == "done":
                self.names[step_id] = outcome.facts  # plain already, see `interpret`

    def with_outcome(self, outcome: StepOutcome) -> FactSpace:
        return FactSpace(self.inputs, {**self.outcomes, outcome.step_id: outcome})

    def check(self, condition: str, **more: Any) -> Truth:
        return check(condition, {**self.names, **more} if more else self.names)

    def value(self, expression: str, **more: Any) -> Any:
        """The value, or an Unknown."""
        return evaluate(expression, {**self.names, **more} if more else self.names)

    def texts(self, expressions: Sequence[str]) -> list[str]:
        """The values that are known, as texts, each once; a list gives its items."""
        found: list[str] = []
        for expression in expressions:
            value = self.value(expression)
            if not isinstance(value, Unknown):
                found += [str(item) for item in (value if isinstance(value, list) else [value]) if str(item).strip()]
        return list(dict.fromkeys(found))

    def first_known(self, expressions: Sequence[str], **more: Any) -> Any:
        """The first value that is known, else the last Unknown (Unknown("") for an empty list)."""
        found: Any = Unknown("")
        for expression in expressions:
            found = self.value(expression, **more)
            if not isinstance(found, Unknown):
                return found
        return found
