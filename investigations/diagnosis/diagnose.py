"""From facts to the diagnosis that people read: candidates, culprit, scope, onset, what it is not, what to do next.

A plain function of the playbook, the inputs and the outcomes: the same evidence gives the same diagnosis and the same
hash, whenever and wherever it is computed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from investigations.diagnosis import calibration, reply
from investigations.diagnosis.affected import affected_customers
from investigations.diagnosis.contradictions import contradictions
from investigations.diagnosis.facts import FactSpace, plain
from investigations.diagnosis.gaps import missing_inputs, nothing_measured, window_missed
from investigations.diagnosis.question import best_question
from investigations.diagnosis.scoring import NAMED_FROM, Scored, Weighed, score
from investigations.diagnosis.steps import NOT_CONNECTED
from investigations.diagnosis.supports import refs_of, refs_of_steps, supports
from investigations.diagnosis.texts import render
from investigations.diagnosis.types import EvidenceDraft, RunInputs, StepOutcome
from investigations.playbooks.conditions import Truth, Unknown
from investigations.playbooks.format import Playbook

MAX_EVIDENCE: Final = 20
MAX_CANDIDATES: Final = 6
#: Below this, with a source missing, the honest first answer is "inconclusive".
INCONCLUSIVE_BELOW: Final = NAMED_FROM
NOBODY: Final = {"kind": "none", "id": None, "url": None}


def band(confidence: float) -> str:
    """Low < .40, Medium < .75, High otherwise."""
    return "Low" if confidence < 0.40 else "Medium" if confidence < 0.75 else "High"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The diagnosis in the contract's shape. `as_dict` is JSON-able; `result_hash` is over what was concluded."""

    document: Mapping[str, Any]
    result_hash: str
    scored: tuple[Scored, ...] = field(repr=False, default=())

    def as_dict(self) -> dict[str, Any]:
        return dict(self.document)

    @property
    def top_label(self) -> str:
        candidates = self.document["candidates"]
        return str(candidates[0]["label"]) if candidates else ""

    @property
    def confidence(self) -> float | None:
        candidates = self.document["candidates"]
        return float(candidates[0]["confidence"]) if candidates else None

    @property
    def severity(self) -> str:
        return str(self.document["severity"] or "")


#: `step.measure.onset`, but neither `suspected_onset` nor a condition's other names.
_OF_A_CHANGE: Final = re.compile(r"\.onset\b")


def diagnose(playbook: Playbook, inputs: RunInputs, outcomes: Mapping[str, StepOutcome]) -> Diagnosis:
    """Weigh everything that is known so far; callable while steps are still running."""
    # In the file's order, not in that of arrival: what is cut off or named first must not depend on who was quicker.
    outcomes = {step.id: outcomes[step.id] for step in playbook.steps if step.id in outcomes}
    space = FactSpace(inputs, outcomes)
    scored = _conclusions(score(playbook, space, outcomes, calibration.current()))
    by_ref = {draft.ref_id: draft for outcome in outcomes.values() for draft in outcome.evidence}
    gaps = missing_inputs(playbook, space, outcomes)
    questions = [gap.ask for gap in gaps if gap.ask]
    question = best_question(playbook, space, outcomes, scored) if scored[0].confidence < INCONCLUSIVE_BELOW else None
    if question is not None and question.ask in questions:
        # The one that tells most comes first wherever they are named.
        questions = list(dict.fromkeys([question.ask, *questions]))
    blind = [*nothing_measured(playbook, space, outcomes), *window_missed(inputs)]
    missing = [*(gap.sentence for gap in gaps), *blind, *_missing(playbook, outcomes)]
    unavailable = sorted(
        {
            outcome.source
            for outcome in outcomes.values()
            if outcome.status == "unavailable" and outcome.error_kind != "input"
        }
    )
    titles = {step.id: step.title for step in playbook.steps}
    candidates = [_candidate(item, space, outcomes, titles) for item in scored if item.confidence >= 0.01][
        :MAX_CANDIDATES
    ] or [_candidate(scored[0], space, outcomes, titles)]
    top = scored[0]
    undecided = top.confidence < INCONCLUSIVE_BELOW and bool(_is_missed(scored, outcomes) or gaps or blind)
    # Where everything was asked and answered, the weak leader stays first; but nobody is called out of bed for it.
    weak = undecided or top.confidence < INCONCLUSIVE_BELOW
    if undecided:
        candidates.insert(0, _inconclusive(top, missing, questions))
        candidates = candidates[:MAX_CANDIDATES]
    excluded = _ruled_out(playbook, scored, space, outcomes)
    reasons = [str(why["evidence"]) for why in ([] if undecided else candidates[0]["why"])]
    document: dict[str, Any] = {
        "class": top.hypothesis.incident_class or playbook.incident_class,
        "as_of": plain(inputs.as_of),
        "candidates": candidates,
        "culprit": dict(NOBODY) if undecided else _culprit(top, space),
        "scope": {"kind": "none", "value": None} if undecided else _scope(top, space),
        "onset": None if undecided else _onset(top, space),
        "onset_between": None if undecided else _onset_between(top, space),
        **({"escalate": False, "severity": None} if weak else _escalation(top, space)),
        "unavailable": unavailable,
        "missing": missing,
        "evidence": [_evidence(by_ref[ref]) for ref in _chosen(scored, outcomes)],
        "ruled_out": list(excluded),
        "next_steps": [*questions, *_next_steps(playbook, top, space, outcomes, undecided)],
        "playbook": playbook.key,
        "affected": affected_customers(playbook, space, outcomes),
        "summary": _undecided(missing) if undecided else _summary(top, space),
        "caps": list(top.caps),
        "contradictions": [
            {"says": item.says, "steps": list(item.steps), "labels": list(item.spec.labels), "cap": item.spec.cap}
            for item in contradictions(playbook, space)
        ],
        "question": question.as_dict() if question else None,
        "symptom": {"title": playbook.symptom.title, "found": top.gate.value},
        "rests_on": (supports(top, space, outcomes, cause=reasons) if not undecided else {})
        | {"ruled_out": list(excluded.values())},
    }
    document["reply_draft"] = reply.draft(top, space, document, questions)
    return Diagnosis(document, _hash(document), tuple(scored))


def _is_missed(scored: Sequence[Scored], outcomes: Mapping[str, StepOutcome]) -> bool:
    """Whether a source that gave no answer might have spoken for or against a cause."""
    away = {step_id for step_id, outcome in outcomes.items() if outcome.status == "unavailable"}
    return any(
        weighed.truth is Truth.UNKNOWN and away & set(weighed.steps) for item in scored for weighed in item.weighed
    )


def _conclusions(scored: list[Scored]) -> list[Scored]:
    """What may be concluded: a hypothesis that only hands over to another playbook names no cause."""
    return [item for item in scored if item.hypothesis.continue_with is None] or scored


def _candidate(
    item: Scored, space: FactSpace, outcomes: Mapping[str, StepOutcome], titles: Mapping[str, str]
) -> dict[str, Any]:
    why, against, unknown = [], [], []
    for weighed in item.weighed:
        signal = weighed.signal
        # Without wording of its own a false condition is told as the denial of the true one.
        untrue = signal.says_not or f"Not so: {signal.says}"
        says = render(signal.says if weighed.truth is Truth.YES else untrue, space.names)
        entry = {"evidence": _ref_of(weighed, outcomes), "effect": f"{weighed.effect:+.1f}", "says": says}
        if weighed.truth is Truth.UNKNOWN and _is_nowhere(weighed, outcomes):
            continue
        if weighed.truth is Truth.UNKNOWN:
            unknown.append(
                {
                    "says": ", ".join(titles[step] for step in weighed.steps),
                    "steps": list(weighed.steps),
                    "decisive": weighed.signal.decisive,
                }
            )
        elif weighed.effect > 0:
            why.append(entry)
        elif weighed.effect < 0:
            against.append(entry)
    if item.hint is not None:
        hint = {"evidence": "", "effect": f"{item.hint.effect:+.1f}", "says": item.hint.says}
        why.append(hint | {"investigation": item.hint.ref})
    why.sort(key=lambda entry: -float(entry["effect"]))
    against.sort(key=lambda entry: float(entry["effect"]))
    return {
        "label": item.hypothesis.label,
        "title": _title(item, space),
        "confidence": item.confidence,
        "band": band(item.confidence),
        "why": why,
        "against": against,
        "not_checked": unknown,
        "confirm": render(item.hypothesis.confirm, space.names) if item.hypothesis.confirm else "",
        "caps": list(item.caps),
        "log_odds": round(item.logit, 3),
        "share": round(item.held, 4),
    }


def _is_nowhere(weighed: Weighed, outcomes: Mapping[str, StepOutcome]) -> bool:
    """Whether the signal only waits for sources that this installation does not have."""
    steps = [outcomes.get(step) for step in weighed.steps]
    return bool(steps) and all(step is not None and step.result == NOT_CONNECTED for step in steps)


def _title(item: Scored, space: FactSpace) -> str:
    """The hypothesis' name; a part that is not known is left open."""
    return render(item.hypothesis.title, space.names, unknown="…")


def _inconclusive(top: Scored, missing: Sequence[str], questions: Sequence[str]) -> dict[str, Any]:
    """The answer "nothing can be named yet"; its confidence is that of the leader being wrong, never above 0.6."""
    return {
        "label": "inconclusive",
        "title": "Not enough evidence to name a cause",
        "confidence": round(min(0.6, max(0.3, 1 - top.confidence)), 4),
        "band": "Medium",
        "why": [{"evidence": "", "effect": "+0.0", "says": sentence} for sentence in missing],
        "against": [],
        "not_checked": [],
        "confirm": questions[0] if questions else "Run the missing checks again when their source answers.",
        "caps": list(top.caps),
        "log_odds": 0.0,
        "share": None,
    }


def _undecided(missing: Sequence[str]) -> str:
    return " ".join(["Not enough evidence to name a cause.", *(f"{missing[0].rstrip('.')}." for _ in missing[:1])])


def _ref_of(weighed: Weighed, outcomes: Mapping[str, StepOutcome]) -> str:
    """The evidence a signal rests on: of the wanted kinds first, else the first of the steps it reads."""
    drafts = [draft for step in weighed.steps if step in outcomes for draft in outcomes[step].evidence]
    wanted = [draft for draft in drafts if draft.kind in weighed.signal.evidence]
    chosen = wanted or drafts
    return chosen[0].ref_id if chosen else ""


def _chosen(scored: Sequence[Scored], outcomes: Mapping[str, StepOutcome]) -> list[str]:
    """Evidence ids for the packet: what moved the leading candidate, then other abnormal facts, then its context."""
    drafts = [draft for outcome in outcomes.values() for draft in outcome.evidence]
    order: list[str] = []
    for item in scored[:1]:
        for weighed in sorted(item.weighed, key=lambda one: -abs(one.effect)):
            if weighed.truth is Truth.UNKNOWN or weighed.effect == 0:
                continue
            of_steps = [draft for draft in drafts if draft.step_id in weighed.steps]
            wanted = [draft for draft in of_steps if draft.kind in weighed.signal.evidence]
            order += [draft.ref_id for draft in (wanted or of_steps)]
    order += [draft.ref_id for draft in drafts if draft.verdict == "abnormal"]
    order += [draft.ref_id for draft in drafts if draft.verdict == "normal"]
    order += [draft.ref_id for draft in drafts]
    return list(dict.fromkeys(order))[:MAX_EVIDENCE]


def _evidence(draft: EvidenceDraft) -> dict[str, Any]:
    return {
        "ref_id": draft.ref_id,
        "source": draft.source,
        "kind": draft.kind,
        "ref": plain(draft.ref),
        "title": draft.title,
        "summary": draft.summary,
        "verdict": draft.verdict,
        "at": plain(draft.at),
        "url": draft.url,
        "step": draft.step_id,
    }


def _known(space: FactSpace, expression: str | None) -> Any:
    if expression is None:
        return None
    value = space.value(expression)
    return None if isinstance(value, Unknown) else value


def _first_known(space: FactSpace, expressions: str | Sequence[str] | None) -> Any:
    wanted = [expressions] if isinstance(expressions, str) else expressions or []
    return next((value for value in (_known(space, one) for one in wanted) if value is not None), None)


def _next_steps(
    playbook: Playbook, top: Scored, space: FactSpace, outcomes: Mapping[str, StepOutcome], undecided: bool
) -> list[str]:
    """What to do; while nothing is decided, to ask again what gave no answer."""
    if undecided:
        return [
            f"Check again when {outcome.source} answers: {step.title}."
            for step in playbook.steps
            if (outcome := outcomes.get(step.id)) and outcome.status == "unavailable" and outcome.error_kind != "input"
        ]
    return [render(text, space.names) for text in [*top.hypothesis.next_steps, *top.hypothesis.remediation]]


def _culprit(top: Scored, space: FactSpace) -> dict[str, Any]:
    spec = top.hypothesis.culprit
    if spec is None:
        return dict(NOBODY)
    found = _first_known(space, spec.id)
    culprit = {"kind": spec.kind, "id": found, "url": _known(space, spec.url)}
    return culprit | ({"title": render(spec.title, space.names)} if spec.title else {})


def _scope(top: Scored, space: FactSpace) -> dict[str, Any]:
    spec = top.hypothesis.scope
    return {"kind": spec.kind, "value": _known(space, spec.value)}


def _onset(top: Scored, space: FactSpace) -> str | None:
    found = space.first_known(top.hypothesis.onset)
    return None if isinstance(found, Unknown) else _to_the_second(found)


def _onset_between(top: Scored, space: FactSpace) -> list[str] | None:
    """The first and the last moment at which it may have begun, where the onset was measured as that of a change."""
    told = next((text for text in top.hypothesis.onset if not isinstance(space.value(text), Unknown)), "")
    if not _OF_A_CHANGE.search(told):
        return None
    ends = [space.value(_OF_A_CHANGE.sub(end, told)) for end in (".onset_from", ".onset_to")]
    return None if any(isinstance(end, Unknown) for end in ends) else [_to_the_second(end) for end in ends]


def _to_the_second(value: Any) -> str:
    at = datetime.fromisoformat(str(value)).astimezone(UTC)
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def _escalation(top: Scored, space: FactSpace) -> dict[str, Any]:
    spec = top.hypothesis.escalation
    if spec is None:
        return {"escalate": False, "severity": None}
    small = spec.small is not None and space.check(spec.small_when) is Truth.YES
    return {
        "escalate": True,
        "severity": spec.small if small else spec.severity,
        "severity_why": render(spec.why, space.names),
    }


def _missing(playbook: Playbook, outcomes: Mapping[str, StepOutcome]) -> list[str]:
    sentences = []
    for step in playbook.steps:
        outcome = outcomes.get(step.id)
        if outcome is None:
            continue
        if outcome.status == "unavailable" and outcome.error_kind != "input":
            sentences.append(f"{step.title} could not be checked ({outcome.source}): {outcome.error}")
        elif outcome.status == "asked":
            sentences.append(f"Waiting for an answer: {outcome.result}")
        elif outcome.truncated:
            sentences.append(f"{step.title}: only a part of the records was read")
    return sentences


def _ruled_out(
    playbook: Playbook, scored: Sequence[Scored], space: FactSpace, outcomes: Mapping[str, StepOutcome]
) -> dict[str, list[str]]:
    """What the evidence excludes: the playbook's own sentences, then hypotheses that measured facts speak against.

    Sentence -> references of the evidence that excludes it.
    """
    found: dict[str, list[str]] = {}
    for said in playbook.ruled_out:
        if space.check(said.when) is Truth.YES:
            found.setdefault(render(said.says, space.names), refs_of([said.when], outcomes))
    blind = {step_id for step_id, outcome in outcomes.items() if outcome.status == "unavailable"}
    for item in scored[1:]:
        text = item.hypothesis.ruled_out
        # That there is no symptom is said once, by the playbook; each cause of it need not be excluded apart.
        if item.hypothesis.needs_symptom and item.gate is Truth.NO:
            continue
        # What could not be looked at is not excluded, whatever else speaks against it.
        if any(weighed.truth is Truth.UNKNOWN and blind & set(weighed.steps) for weighed in item.weighed):
            continue
        spoken = [weighed for weighed in item.weighed if weighed.truth is Truth.NO and weighed.effect <= -1.0]
        if text and spoken and item.share < 0.05:
            steps = [step for weighed in spoken for step in weighed.steps]
            found.setdefault(render(text, space.names), refs_of_steps(steps, outcomes))
    return found


def _summary(top: Scored, space: FactSpace) -> str:
    fired = sorted(
        (weighed for weighed in top.weighed if weighed.truth is Truth.YES and weighed.effect > 0),
        key=lambda one: -one.effect,
    )
    parts = [render(weighed.signal.says, space.names).rstrip(".") for weighed in fired[:2]]
    title = _title(top, space)
    return f"{title}: {'; '.join(parts)}." if parts else f"{title}."


def _hash(document: Mapping[str, Any]) -> str:
    """Over the conclusion and the evidence's content, not over addresses, so a replay on another host agrees."""
    kept = {
        key: document[key]
        for key in (
            "class",
            "as_of",
            "candidates",
            "scope",
            "onset",
            "escalate",
            "severity",
            "unavailable",
            "missing",
            "ruled_out",
        )
    }
    kept["culprit"] = {key: document["culprit"].get(key) for key in ("kind", "id")}
    kept["evidence"] = [
        {key: item[key] for key in ("ref_id", "source", "kind", "ref", "summary", "verdict", "at")}
        for item in document["evidence"]
    ]
    return hashlib.sha256(json.dumps(kept, sort_keys=True, separators=(",", ":"), default=str).encode()).hexdigest()
