"""What the run page shows, put together from one run's rows: steps, timeline, candidates. No rules are decided here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.utils.dateparse import parse_datetime

from altor import words
from altor.templatetags.altor_ui import source_name
from investigations.diagnosis.texts import between
from investigations.models import Evidence, Investigation, StepResult
from investigations.playbooks.format import TRIAGE

#: Rows of evidence shown inside a card; the evidence page shows all that were kept.
CARD_ROWS: Final = 12
#: Figures that are stated in the evidence's unit; the others are counts.
WITH_UNIT: Final = frozenset({"value", "baseline", "threshold", "maximum"})


@dataclass(frozen=True, slots=True)
class StepLine:
    """One line of the step list. `state` is a pill word: the verdict of a finished step, else its status."""

    step_id: str
    title: str
    source: str
    state: str
    detail: str
    seconds: float | None
    is_running: bool = False
    result: StepResult | None = None
    manual: Mapping[str, Any] = field(default_factory=dict)  # ask, answer, choices of a question to a person


@dataclass(frozen=True, slots=True)
class Card:
    """One entry of the timeline: evidence, or the onset as a mark."""

    at: datetime | None
    evidence: Evidence | None = None
    mark: str = ""
    value: str = ""
    series_label: str = ""
    bar: bool = False
    figures: Sequence[tuple[str, str]] = ()
    rows: Sequence[Sequence[Any]] = ()
    more_rows: int = 0

    @property
    def look(self) -> str:
        return "bad" if self.evidence is not None and self.evidence.verdict == "abnormal" else ""

    @property
    def kinds(self) -> str:
        """Words that the filter chips look for."""
        if self.evidence is None:
            return "abnormal"
        return f"{self.evidence.source} {self.evidence.verdict or 'context'}"


@dataclass(frozen=True, slots=True)
class Chip:
    value: str
    label: str
    n: int


@dataclass(frozen=True, slots=True)
class RunView:
    run: Investigation
    steps: Sequence[StepLine]
    cards: Sequence[Card]
    chips: Sequence[Chip]
    diagnosis: Mapping[str, Any]
    asked: Sequence[StepResult] = field(default_factory=tuple)
    readable: frozenset[str] = frozenset()  # references of earlier runs that the reader may open

    @property
    def ended(self) -> int:
        return sum(line.state not in ("waiting", "running", "asked", "cancelled") for line in self.steps)

    @property
    def current(self) -> str:
        """What is being done now, for the line that readers hear."""
        running = [line.title for line in self.steps if line.is_running]
        return ", ".join(running[:2])

    @property
    def progress_text(self) -> str:
        return (
            f"Running · step {min(self.ended + 1, len(self.steps))} of {len(self.steps)}" if self.steps else "Running"
        )

    @property
    def top(self) -> Mapping[str, Any] | None:
        candidates = self.diagnosis.get("candidates") or []
        return candidates[0] if candidates else None

    @property
    def onset_between(self) -> Sequence[str] | None:
        return between(self.diagnosis)

    @property
    def route_reasons(self) -> Sequence[str]:
        """Why the run has this playbook: what the first look found, or who chose it."""
        reasons = list(self.run.route.get("reasons") or [])
        return reasons or (["Chosen by a person."] if self.run.route.get("how") == "chosen" else [])

    @property
    def rerouted_from(self) -> str:
        """Key of the playbook the ticket's words suggested, when another one went on."""
        began, took = self.run.route.get("began", ""), self.run.route.get("playbook", "")
        return str(began) if began and began != took and began != TRIAGE else ""

    @property
    def others(self) -> Sequence[Mapping[str, Any]]:
        return list(self.diagnosis.get("candidates") or [])[1:]

    @property
    def scope(self) -> str:
        scope = self.diagnosis.get("scope") or {}
        kind, value = scope.get("kind", ""), scope.get("value")
        match kind:
            case "all":
                return "All customers"
            case "customer":
                return f"This customer only ({value})" if value else "This customer only"
            case "" | "none":
                return "No scope was established"
            case _:
                return f"{str(kind).capitalize()} {value}" if value else str(kind).capitalize()


def earlier_runs(run: Investigation) -> frozenset[str]:
    """References of the earlier runs that the diagnosis names among its reasons."""
    candidates = (run.diagnosis or {}).get("candidates") or []
    return frozenset(
        why["investigation"] for item in candidates for why in item.get("why") or () if "investigation" in why
    )


def build(
    run: Investigation,
    steps: Sequence[StepResult],
    evidence: Sequence[Evidence],
    *,
    readable: frozenset[str] = frozenset(),
) -> RunView:
    """`run` with playbook selected; steps in their order; evidence in any order; `readable`: references of the earlier
    runs that the reader may open. Queries nothing.
    """
    diagnosis = run.diagnosis or {}
    cards = [card(item) for item in evidence]
    onset = parse_datetime(str(diagnosis.get("onset") or ""))
    if onset is not None:
        cards.append(Card(at=onset, mark="The problem begins"))
    cards.sort(key=_order)
    undated = next((index for index, one in enumerate(cards) if one.at is None), 0)
    if undated:
        cards.insert(undated, Card(at=None, mark="Measured over the whole window"))
    return RunView(
        run=run,
        steps=_lines(run, steps),
        cards=cards,
        chips=_chips(evidence),
        diagnosis=diagnosis,
        asked=[step for step in steps if step.status == StepResult.Status.ASKED],
        readable=readable,
    )


def _order(card: Card) -> tuple[bool, float, int]:
    """By event time; what has none comes last, in the order in which it was found."""
    at = card.at.timestamp() if card.at else 0.0
    return card.at is None, at, card.evidence.pk if card.evidence else -1


def _lines(run: Investigation, steps: Sequence[StepResult]) -> list[StepLine]:
    """Steps with a result, and those of the playbook that have none yet."""
    planned = run.playbook.document.get("steps", []) if run.playbook is not None else []
    manual = {step["id"]: step.get("manual") or {} for step in planned}
    lines = [_line(step, manual.get(step.step_id, {})) for step in steps]
    known = {step.step_id for step in steps}
    if run.is_active:
        lines += [
            StepLine(step["id"], step.get("title", step["id"]), step.get("source", ""), "waiting", "", None)
            for step in planned
            if step["id"] not in known
        ]
    return lines


def _line(step: StepResult, manual: Mapping[str, Any]) -> StepLine:
    is_done = step.status == StepResult.Status.DONE
    detail = step.error if step.status == StepResult.Status.UNAVAILABLE else step.result
    return StepLine(
        step_id=step.step_id,
        title=step.title,
        source=step.source,
        state=(step.verdict or "done") if is_done else step.status,
        detail=detail,
        seconds=step.seconds,
        is_running=step.status == StepResult.Status.RUNNING,
        result=step,
        manual=manual,
    )


def card(item: Evidence) -> Card:
    figures = item.figures if isinstance(item.figures, Mapping) else {}
    unit = str(figures.get("unit") or "")
    value, series = figures.get("value"), figures.get("series")
    numbers = [one for one in series if _is_number(one)] if isinstance(series, list) else []
    label = ""
    if len(numbers) > 1:
        first, last, most = (words.figure(one, unit) for one in (numbers[0], numbers[-1], max(numbers)))
        label = f"{item.title or item.kind}: {first} at first, {last} at the end, highest {most}"
    rows = item.rows if isinstance(item.rows, list) else []
    others = [figures.get(name) for name in ("threshold", "baseline")]
    return Card(
        at=item.at,
        evidence=item,
        value=_figure(value, unit),
        series_label=label,
        bar=_is_number(value) and any(_is_number(other) for other in others),
        figures=[
            (name.replace("_", " ").capitalize(), _figure(found, unit if name in WITH_UNIT else ""))
            for name, found in figures.items()
            if name not in ("series", "unit") and found is not None
        ],
        rows=rows[:CARD_ROWS],
        more_rows=max(0, (item.row_count or len(rows)) - CARD_ROWS),
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _figure(value: Any, unit: str) -> str:
    return words.figure(float(value), unit) if _is_number(value) else str(value or "")


def _chips(evidence: Sequence[Evidence]) -> list[Chip]:
    """All, breaches, then one per source that gave evidence."""
    chips = [Chip("", "All", len(evidence))]
    breaches = sum(item.verdict == "abnormal" for item in evidence)
    if breaches:
        chips.append(Chip("abnormal", "Breaches", breaches))
    sources: dict[str, int] = {}
    for item in evidence:
        sources[item.source] = sources.get(item.source, 0) + 1
    return chips + [Chip(name, source_name(name), n) for name, n in sources.items()]
