"""One step, from its question to its facts, verdict and evidence: plain functions, no I/O.

`step_params` says what to ask, `interpret` what the answer means. The engine does the asking.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from investigations.diagnosis import billing, callgraph, changes, deployments, incidents, issues, measures
from investigations.diagnosis.facts import FactSpace, plain
from investigations.diagnosis.frames import Frame
from investigations.diagnosis.onsets import claim_of
from investigations.diagnosis.texts import is_empty, render
from investigations.diagnosis.types import EvidenceDraft, StepOutcome, Verdict
from investigations.playbooks import format as playbook_format
from investigations.playbooks.conditions import Truth, Unknown
from investigations.playbooks.format import EvidenceSpec, Step
from investigations.sources.base import SourceAnswer, SourceError

#: Rows kept with one piece of evidence.
EVIDENCE_ROWS: Final = 200
NOT_CONNECTED: Final = "Not connected here"


class ParameterMissing(Exception):
    """A step cannot be asked: `names` are parameters whose value is not known."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(", ".join(names))
        self.names = list(names)


def should_run(step: Step, space: FactSpace) -> bool | None:
    """False when `run_if` is known to be false, None when it is unknown (the step then runs), else True."""
    if step.run_if is None:
        return True
    truth = space.check(step.run_if)
    return None if truth is Truth.UNKNOWN else truth is Truth.YES


def step_params(step: Step, space: FactSpace) -> dict[str, Any]:
    """What to pass to the source's operation; ParameterMissing when a needed value is unknown.

    For a query: {"sql", "parameters", "fence", "window_start", "window_end", "max_rows"}; otherwise the operation's
    own.
    """
    values: dict[str, Any] = {}
    missing = []
    for name, expressions in step.params.items():
        value = space.first_known([expressions] if isinstance(expressions, str) else expressions)
        if not isinstance(value, Unknown):
            values[name] = value
        elif name not in step.optional_params:
            missing.append(name)
    if step.query and step.fence == "customer" and not space.inputs.values.get("org_id"):
        missing.append("org_id")
    if missing:
        raise ParameterMissing(missing)
    if not step.query:
        return values
    start, end = values.pop("window_start", None), values.pop("window_end", None)
    return {
        "sql": step.query,
        "parameters": values,
        "fence": step.fence,
        "window_start": start or space.inputs.values["window_start"],
        "window_end": end or space.inputs.values["window_end"],
        "max_rows": step.max_rows,
    }


def interpret(step: Step, position: int, answer: SourceAnswer, space: FactSpace) -> StepOutcome:
    """Facts, verdict and evidence of an answer. Raises KeyError/TypeError/ValueError when its shape does not fit the
    step.
    """
    rows = _rows(answer)
    frame = Frame(rows)
    facts: dict[str, Any] = {"row_count": float(len(rows)), "truncated": answer.truncated}
    if not step.query:
        facts["data"] = plain(answer.data)
    for name, measure in step.measure.items():
        facts[name] = plain(_measure(measure, frame, answer.data, space))
    _add_facts(step, space, facts)
    return _told(step, position, answer, rows, facts, space)


def _told(
    step: Step,
    position: int,
    answer: SourceAnswer,
    rows: list[dict[str, Any]],
    facts: dict[str, Any],
    space: FactSpace,
) -> StepOutcome:
    """The step's words and thresholds over its facts."""
    names = {**space.names, step.id: facts}
    verdict = _verdict(step, space, names)
    evidence = _evidence(step, position, answer, rows, names, verdict)
    facts.pop("data", None)
    return StepOutcome(
        step_id=step.id,
        source=step.source,
        status="done",
        verdict=verdict,
        result=_result(step, names),
        facts=facts,
        evidence=tuple(evidence),
        requests=answer.requests,
        fetched_at=answer.fetched_at,
        truncated=answer.truncated,
        newest_at=answer.newest_at,
    )


def told_again(
    step: Step, position: int, stored: StepOutcome, facts: Mapping[str, Any], space: FactSpace
) -> StepOutcome:
    """The outcome of an answer that was interpreted before, under other derived facts, thresholds and words.

    `facts` are those that stay as they were, the measures above all; the step's own facts that are not among them are
    computed. The answer itself is gone: rows and address are those that its evidence has kept.
    """
    known = dict(facts)
    _add_facts(step, space, known)
    kept = next((draft for draft in stored.evidence if draft.columns), None)
    data = {"columns": list(kept.columns), "rows": [list(row) for row in kept.rows]} if kept else {}
    answer = SourceAnswer(
        data=data,
        requests=stored.requests,
        fetched_at=stored.fetched_at or space.inputs.as_of,
        truncated=stored.truncated,
        newest_at=stored.newest_at,
        url=next((draft.url for draft in stored.evidence if draft.url), ""),
    )
    return _told(step, position, answer, _rows(answer), known, space)


def _result(step: Step, names: Mapping[str, Any]) -> str:
    """The step's line; where none of its figures is known, that it has none."""
    if step.result and is_empty(step.result, names):
        return "Nothing was measured"
    return render(step.result, names)[:500]


def _add_facts(step: Step, space: FactSpace, facts: dict[str, Any]) -> None:
    """The step's own facts, in the order in which they need each other (a stored document keeps no order of keys)."""
    waiting = {name: expression for name, expression in step.facts.items() if name not in facts}
    while waiting:
        known = {name: space.value(expression, **{step.id: facts}) for name, expression in waiting.items()}
        found = {name: plain(value) for name, value in known.items() if not isinstance(value, Unknown)}
        if not found:
            return
        facts.update(found)
        waiting = {name: expression for name, expression in waiting.items() if name not in found}


def could_not_check(step: Step, position: int, error: SourceError | Exception | str, *, kind: str = "") -> StepOutcome:
    """The outcome of a step whose source gave no answer: stated, never read as "nothing found"."""
    message = error.message if isinstance(error, SourceError) else str(error)
    kind = kind or (error.kind if isinstance(error, SourceError) else "unavailable")
    requests = error.requests if isinstance(error, SourceError) else ()
    return StepOutcome(
        step_id=step.id,
        source=step.source,
        status="unavailable",
        verdict="inconclusive",
        result=f"Could not be checked: {message}"[:500],
        error_kind=kind,
        error=message,
        requests=requests,
    )


def not_connected(step: Step) -> StepOutcome:
    """The outcome of a step that is only asked where its source is connected: nobody misses it."""
    return StepOutcome(step_id=step.id, source=step.source, status="skipped", result=NOT_CONNECTED)


def skipped(step: Step, position: int, why: str) -> StepOutcome:
    return StepOutcome(step_id=step.id, source=step.source, status="skipped", result=why[:500])


def asked(step: Step, position: int) -> StepOutcome:
    return StepOutcome(
        step_id=step.id, source=step.source, status="asked", result=step.manual.ask[:500] if step.manual else ""
    )


def asked_or_answered(step: Step, position: int, space: FactSpace) -> StepOutcome:
    """A question to a person: answered where the ticket holds an answer to this very question, else asked."""
    given = (space.inputs.values.get("answers") or {}).get(step.id)
    if not given or step.manual is None or given["ask"] != question_text(step.manual.ask):
        return asked(step, position)
    try:
        return interpret_manual(step, position, given["answer"], space)
    except (ValueError, TypeError):
        return asked(step, position)


def question_text(text: str) -> str:
    """A question as it is kept with its answer."""
    return text[:300]


def interpret_manual(step: Step, position: int, answer: Any, space: FactSpace) -> StepOutcome:
    """A person's answer as facts and evidence. ValueError when it does not fit the kind of answer."""
    spec = step.manual
    if spec is None:
        raise ValueError(f"step {step.id} is not asked of a person")
    value = _manual_value(spec, answer)
    facts = {"answer": value, "yes": value == "yes"} if spec.answer == "yes_no" else {"answer": value}
    names = {**space.names, step.id: facts}
    verdict = _verdict(step, space, names)
    draft = EvidenceDraft(
        ref_id=f"E{position}",
        step_id=step.id,
        source="manual",
        kind="manual",
        title=step.title,
        summary=f"{spec.ask} – {value}",
        verdict=verdict,
    )
    return StepOutcome(
        step_id=step.id,
        source="manual",
        status="done",
        verdict=verdict,
        result=str(value)[:500],
        facts=facts,
        evidence=(draft,),
    )


def _manual_value(spec: playbook_format.ManualSpec, answer: Any) -> Any:
    if spec.answer == "yes_no":
        text = ("yes" if answer else "no") if isinstance(answer, bool) else str(answer).lower()
        if text not in ("yes", "no"):
            raise ValueError("the answer is yes or no")
        return text
    if spec.answer == "number":
        return float(answer)
    if spec.answer == "choice" and answer not in spec.choices:
        raise ValueError(f"the answer is one of {', '.join(spec.choices)}")
    text = str(answer).strip()
    if not text:
        raise ValueError("the answer is empty")
    return text[:2000]


def _rows(answer: SourceAnswer) -> list[dict[str, Any]]:
    columns = answer.data.get("columns")
    if columns is None:
        return []
    return [dict(zip(columns, row, strict=True)) for row in answer.data["rows"]]


def _measure(measure: Any, frame: Frame, data: Mapping[str, Any], space: FactSpace) -> dict[str, Any]:
    rows = frame.rows
    match measure:
        case playbook_format.ShareChange():
            return changes.share_change(measure, frame, claim_of(space.inputs))
        case playbook_format.LevelChange():
            return changes.level_change(measure, frame, claim_of(space.inputs))
        case playbook_format.CountChange():
            return changes.count_change(measure, frame, claim_of(space.inputs))
        case playbook_format.Compare():
            return measures.compare(measure, rows)
        case playbook_format.Table():
            return measures.table(measure, rows)
        case playbook_format.Affected():
            return measures.affected(measure, rows)
        case playbook_format.Usage():
            return measures.usage(measure, rows)
        case playbook_format.Deployments():
            return deployments.rank(measure, data, space)
        case playbook_format.Versions():
            return deployments.rank_versions(measure, rows, space)
        case playbook_format.CallGraph():
            return callgraph.chain(measure, rows)
        case playbook_format.Incidents():
            return incidents.rank(measure, data, space)
        case playbook_format.Issues():
            return issues.rank(measure, data, space)
        case playbook_format.Billing():
            return billing.findings(measure, data, space)
    raise TypeError(f"unknown measure {measure!r}")


def _verdict(step: Step, space: FactSpace, names: Mapping[str, Any]) -> Verdict:
    own = {step.id: names[step.id]}
    if space.check(step.verdict.abnormal, **own) is Truth.YES:
        return "abnormal"
    return "normal" if space.check(step.verdict.normal, **own) is Truth.YES else "inconclusive"


def _evidence(
    step: Step,
    position: int,
    answer: SourceAnswer,
    rows: list[dict[str, Any]],
    names: Mapping[str, Any],
    verdict: Verdict,
) -> list[EvidenceDraft]:
    found: list[EvidenceDraft] = []
    for spec in step.evidence:
        for item in _items(spec, names):
            scope = {**names, "item": item} if spec.for_each is not None else dict(names)
            if _check(spec.when, scope) is not Truth.YES or not _is_measured(spec, scope):
                continue
            ref_id = f"E{position}" if not found else f"E{position}.{len(found) + 1}"
            found.append(_draft(spec, step, ref_id, answer, rows if spec.rows else [], scope, verdict))
    return found


def _is_measured(spec: EvidenceSpec, names: Mapping[str, Any]) -> bool:
    """Whether the figure that the evidence states is known: a fact that was not measured is no evidence."""
    figure = spec.figures.get("value")
    return figure is None or _value(figure, names) is not None


def _items(spec: EvidenceSpec, names: Mapping[str, Any]) -> Sequence[Any]:
    if spec.for_each is None:
        return [None]
    items = _value(spec.for_each, names)
    return items[: spec.limit] if isinstance(items, list) else []


def _check(condition: str, names: Mapping[str, Any]) -> Truth:
    from investigations.playbooks.conditions import check

    return check(condition, names)


def _value(expression: str, names: Mapping[str, Any]) -> Any:
    from investigations.playbooks.conditions import evaluate

    value = evaluate(expression, names)
    return None if isinstance(value, Unknown) else value


def _draft(
    spec: EvidenceSpec,
    step: Step,
    ref_id: str,
    answer: SourceAnswer,
    rows: list[dict[str, Any]],
    names: Mapping[str, Any],
    verdict: Verdict,
) -> EvidenceDraft:
    known = {key: _value(expression, names) for key, expression in spec.ref.items()}
    figures = {key: _value(expression, names) for key, expression in spec.figures.items()}
    own = _value(spec.verdict, names) if spec.verdict else verdict
    at = _value(spec.at, names) if spec.at else None
    columns = tuple(answer.data.get("columns", ())) if rows else ()
    return EvidenceDraft(
        ref_id=ref_id,
        step_id=step.id,
        source=step.source,
        kind=spec.kind,
        title=render(spec.title, names)[:200] or step.title,
        summary=render(spec.summary, names),
        ref={key: value for key, value in known.items() if value is not None},
        verdict=own if own in ("normal", "abnormal", "inconclusive") else "",
        at=datetime.fromisoformat(at) if isinstance(at, str) else None,
        url=str(_value(spec.url, names) or "") if spec.url else answer.url,
        figures={key: value for key, value in figures.items() if value is not None},
        columns=columns,
        rows=tuple(tuple(row[column] for column in columns) for row in rows[:EVIDENCE_ROWS]),
        row_count=len(rows) if columns else None,
        truncated=answer.truncated,
    )
