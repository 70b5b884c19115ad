"""What a finished run has stored, asked for by expression: a value, and the evidence that carries it.

A value without evidence is no fact: it is not told to a customer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, Final, TypeGuard

from altor.words import money
from investigations.diagnosis.facts import FactSpace
from investigations.diagnosis.reply import SURE_ENOUGH
from investigations.diagnosis.texts import FORMATS
from investigations.engine import store
from investigations.engine.work import stored_inputs
from investigations.models import Evidence, Investigation
from investigations.playbooks.conditions import Unknown, evaluate, roots_in
from investigations.playbooks.format import Hypothesis, Playbook
from investigations.playbooks.stored import stored_playbook
from knowledge.replies.format import UNDECIDED

#: Names that come from the ticket and the customer directory, not from a source.
_OF_THE_TICKET: Final = frozenset({"inputs", "ticket", "customer", "profile", "earlier"})
#: Stands for the ticket itself where a fact rests on what the customer wrote.
TICKET: Final = "ticket"
_CLOSE: Final = 1e-6
#: Figures are also stated in sentences, in these forms.
_SPOKEN: Final = ("percent", "number", "ms", "seconds", "ratio", "time")


class RunFacts:
    """One run with its diagnosis, steps and evidence. Queries when made; pure afterwards."""

    def __init__(self, run: Investigation) -> None:
        self.run = run
        self.document: Mapping[str, Any] = run.diagnosis or {}
        self.evidence: Sequence[Evidence] = list(run.evidence.select_related("step").order_by("pk"))
        self.playbook: Playbook | None = (
            stored_playbook(run.playbook.pk, run.playbook.sha256) if run.playbook is not None else None
        )
        inputs = stored_inputs(run)
        self.names: Mapping[str, Any] = FactSpace(inputs, store.stored_outcomes(run.pk)).names
        self.org_id = str(inputs.values.get("org_id") or "")

    @property
    def candidate(self) -> Mapping[str, Any]:
        found: Sequence[Mapping[str, Any]] = self.document.get("candidates") or []
        return found[0] if found else {}

    @property
    def label(self) -> str:
        return str(self.candidate.get("label") or "")

    @property
    def incident_class(self) -> str:
        return str(self.document.get("class") or "")

    @property
    def is_decided(self) -> bool:
        """Whether a cause may be named to the customer."""
        sure = float(self.candidate.get("confidence") or 0.0)
        return bool(self.label) and self.label != UNDECIDED and sure >= SURE_ENOUGH

    @cached_property
    def hypothesis(self) -> Hypothesis | None:
        found = self.playbook.hypotheses if self.playbook else []
        return next((item for item in found if item.label == self.label), None)

    @cached_property
    def reasons(self) -> list[str]:
        """Evidence behind the first candidate, what moved it most first; only rows that exist."""
        known = {item.ref_id for item in self.evidence}
        told = (str(why.get("evidence") or "") for why in self.candidate.get("why") or ())
        return list(dict.fromkeys(ref for ref in told if ref in known))

    def value(self, expression: str) -> Any:
        """The value of a CEL expression over the run's facts, None when it is not known."""
        found = evaluate(expression, self.names)
        return None if isinstance(found, Unknown) or found in ("", []) else found

    def carriers(self, expression: str, value: Any) -> list[str]:
        """References of the evidence that carries the value of the expression; [] when there is none.

        Evidence of the steps that the expression reads: where some of it states the value itself, only that; else all
        of it, because it is made from the same answer. For a step without evidence, that of the steps it reads, where
        it states the value.
        """
        roots = roots_in(expression)
        steps = set(roots) & set(self._steps)
        if not steps:
            return [TICKET] if roots and roots <= _OF_THE_TICKET else []
        own = [item for item in self.evidence if item.step.step_id in steps]
        rows = own or self._rows_below(steps)
        holding = [item for item in rows if holds(item, value)]
        return [item.ref_id for item in (holding or own)]

    @cached_property
    def _steps(self) -> dict[str, set[str]]:
        """Step id -> the steps it reads."""
        found = {}
        for step in self.playbook.steps if self.playbook else []:
            read = set().union(*(roots_in(expression) for expression in step.facts.values()), step.depends_on)
            found[step.id] = read - {step.id}
        return found

    def _rows_below(self, steps: set[str]) -> list[Evidence]:
        """Evidence of all the steps that these rest on."""
        below, found = set(steps), set(steps)
        while below:
            below = set().union(*(self._steps[step] for step in below)) & set(self._steps) - found
            found |= below
        return [item for item in self.evidence if item.step.step_id in found]

    def of_kinds(self, kinds: frozenset[str], unit: str = "") -> Iterator[Evidence]:
        """Evidence of these kinds that is the customer's own, what moved the diagnosis first; `unit` as it begins."""
        order = {ref: place for place, ref in enumerate(self.reasons)}
        for item in sorted(self.evidence, key=lambda one: order.get(one.ref_id, len(order))):
            figures = item.figures if isinstance(item.figures, Mapping) else {}
            is_own = bool(self.org_id) and self.org_id in map(str, (item.ref or {}).values())
            if item.kind in kinds and is_own and str(figures.get("unit") or "").startswith(unit):
                yield item


def holds(item: Evidence, value: Any) -> bool:
    """Whether a piece of evidence states the value: in its figures, its reference, its rows or its sentence."""
    if isinstance(value, list | tuple):
        if len(value) == 2 and is_number(value[0]) and isinstance(value[1], str):
            return money(round(value[0]), value[1]) in item.summary or _in_cells(item, value[0])
        return bool(value) and all(holds(item, one) for one in value)
    if is_number(value):
        return _in_cells(item, value) or any(form in item.summary for form in _forms(value))
    text = str(value)
    if not text:
        return False
    if (at := _as_time(text)) is not None:
        return item.at == at or _in_cells(item, text) or FORMATS["time"](text) in item.summary
    return any(text in str(place) for place in (item.summary, item.title, *(item.ref or {}).values())) or _in_cells(
        item, text
    )


def _in_cells(item: Evidence, value: Any) -> bool:
    figures = (item.figures or {}).items() if isinstance(item.figures, Mapping) else ()
    cells = [found for name, found in figures if name != "series"] + list((item.ref or {}).values())
    cells += [cell for row in item.rows or () for cell in row]
    if is_number(value):
        return any(is_number(cell) and math.isclose(cell, value, rel_tol=_CLOSE, abs_tol=1e-12) for cell in cells)
    return any(str(cell) == str(value) for cell in cells)


def _forms(value: float) -> Iterator[str]:
    """The value as evidence writes it in a sentence; short ones are left out, they would be found anywhere."""
    for form in _SPOKEN:
        try:
            text = FORMATS[form](value)
        except (TypeError, ValueError, AttributeError):
            continue
        if len(text) > 2:
            yield text


def is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _as_time(text: str) -> datetime | None:
    if len(text) < 16 or text[4:5] != "-":
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else None
