"""Hypotheses weighed by additive log-odds, made to compete, calibrated, and capped where something was not checked.

For hypothesis h:  logit(h) = prior(h) + sum of the effects of its signals; a signal that is unknown adds nothing.
The hypotheses of a playbook are rivals for one explanation, so  p(h) = exp logit(h) / (exp U + sum over all)  with U
the weight of "none of these": what speaks for one takes from the others (explaining away). Kin, which give the same
answer in other words, are no rivals: the leading one holds their probability too. The calibration map, fitted on known
cases (see `calibration`), turns p into the confidence that is shown. Caps come last and are named.

Causes that people confirmed before are hints (see `earlier`): added to the log-odds after everything measured, left out
of the caps, and without power over what the measured facts name: no hypothesis crosses NAMED_FROM for them, up or down,
and none overtakes a leader that is named.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from investigations.diagnosis.calibration import Calibration
from investigations.diagnosis.contradictions import contradictions
from investigations.diagnosis.earlier import Hint, hint_for
from investigations.diagnosis.facts import FactSpace
from investigations.diagnosis.gaps import is_silent, symptom_outcomes
from investigations.diagnosis.types import StepOutcome
from investigations.playbooks.conditions import Truth, roots_in
from investigations.playbooks.format import Hypothesis, Playbook, SignalSpec

#: Log-odds of "a cause that this playbook does not know".
UNKNOWN_CAUSE: Final = -0.5
#: What the absence of the symptom itself costs a hypothesis that needs it.
SYMPTOM_ABSENT: Final = -5.0
#: Where something decisive could not be checked, confidence stays at or below this.
CAP_UNCHECKED: Final = 0.6
CAP_TRUNCATED: Final = 0.74
CAP_SYMPTOM_UNKNOWN: Final = 0.39
#: Everything was asked and answered, but there were too few records to say whether the symptom is there.
CAP_SYMPTOM_UNSURE: Final = 0.74
#: From this confidence on a cause is named; below it the words say "Low".
NAMED_FROM: Final = 0.4
#: What only an earlier case lifts to NAMED_FROM stays at or below this.
CAP_HINT_ALONE: Final = 0.39
#: Less than this, in log-odds, would be told as nothing.
LEAST_HINT: Final = 0.05
#: A signal's `scale` is limited to this.
MAX_SCALE: Final = 10.0


@dataclass(frozen=True, slots=True)
class Weighed:
    """One signal as it stood: `effect` in log-odds (0 when unknown)."""

    signal: SignalSpec
    truth: Truth
    effect: float
    steps: tuple[str, ...]  # the steps its condition reads


@dataclass(frozen=True, slots=True)
class Scored:
    """One hypothesis after weighing. `confidence` is calibrated and capped; `caps` say why it is not higher."""

    hypothesis: Hypothesis
    logit: float
    ceiling: float  # logit if everything unknown turned out in its favour
    share: float  # p(h) before calibration
    held: float  # with that of its kin, where it leads them: what is calibrated
    confidence: float
    weighed: tuple[Weighed, ...]
    gate: Truth
    caps: tuple[str, ...]
    hint: Hint | None = None  # a confirmed earlier case, in `logit` but in none of `weighed`


def score(
    playbook: Playbook, space: FactSpace, outcomes: Mapping[str, StepOutcome], calibration: Calibration
) -> list[Scored]:
    """All hypotheses, most confident first; ties in the order of the file."""
    gate = space.check(playbook.symptom.gate)
    step_ids = {step.id for step in playbook.steps}
    doubts = contradictions(playbook, space)
    drafts = [_weigh(hypothesis, space, gate, step_ids) for hypothesis in playbook.hypotheses]
    measured = _held(playbook, [logit for _, logit, _ in drafts])
    lead = max(range(len(drafts)), key=lambda number: drafts[number][1])
    level = drafts[lead][1] if calibration.apply(measured[lead][1]) >= NAMED_FROM else math.inf
    hints = [
        _below(_hint(playbook, hypothesis, space, weighed, gate), level - logit)
        for hypothesis, (weighed, logit, _) in zip(playbook.hypotheses, drafts, strict=True)
    ]
    logits = [logit + (hint.effect if hint else 0.0) for (_, logit, _), hint in zip(drafts, hints, strict=True)]
    hinted = _held(playbook, logits) if any(hints) else measured
    rank = {}
    scored = []
    for number, (hypothesis, (weighed, logit, ceiling)) in enumerate(zip(playbook.hypotheses, drafts, strict=True)):
        share, held = hinted[number]
        rivals = [
            (other.label, their_logit, their_ceiling, their_weighed)
            for other, (their_weighed, their_logit, their_ceiling) in zip(playbook.hypotheses, drafts, strict=True)
            if other is not hypothesis and other.label not in hypothesis.kin
        ]
        caps = _caps(playbook, hypothesis, weighed, logit, rivals, gate, outcomes)
        caps += [
            (item.spec.cap, f"sources contradict each other: {item.says}")
            for item in doubts
            if not item.spec.labels or hypothesis.label in item.spec.labels
        ]
        sure, sure_alone = calibration.apply(held), calibration.apply(measured[number][1])
        rank[hypothesis.label] = (logit < level, sure_alone < NAMED_FROM) if any(hints) else ()
        if any(hints) and sure >= NAMED_FROM > sure_alone:
            caps.append((CAP_HINT_ALONE, "an earlier case alone names no cause"))
        elif any(hints) and sure_alone >= NAMED_FROM:
            sure = max(sure, NAMED_FROM)
        confidence = min([sure, *(limit for limit, _ in caps)])
        scored.append(
            Scored(
                hypothesis,
                logits[number],
                ceiling,
                share,
                held,
                round(confidence, 4),
                tuple(weighed),
                gate,
                tuple(why for _, why in caps),
                hints[number],
            )
        )
    order = {hypothesis.label: index for index, hypothesis in enumerate(playbook.hypotheses)}

    # What the measured facts name, and put first, stays before what an earlier case lifts.
    return sorted(scored, key=lambda item: (rank[item.hypothesis.label], -item.share, order[item.hypothesis.label]))


def _held(playbook: Playbook, logits: Sequence[float]) -> list[tuple[float, float]]:
    """Of each hypothesis (p, p with that of its kin where it leads them)."""
    top = max([UNKNOWN_CAUSE, *logits])
    total = math.exp(UNKNOWN_CAUSE - top) + sum(math.exp(logit - top) for logit in logits)
    shares = [math.exp(logit - top) / total for logit in logits]
    by_label = {hypothesis.label: share for hypothesis, share in zip(playbook.hypotheses, shares, strict=True)}
    found = []
    for hypothesis, share in zip(playbook.hypotheses, shares, strict=True):
        theirs = [by_label[label] for label in hypothesis.kin if label in by_label]
        found.append((share, share + sum(theirs) if all(share >= other for other in theirs) else share))
    return found


def _below(hint: Hint | None, distance: float) -> Hint | None:
    """The hint, so that a hypothesis comes at most level with the leader, which is `distance` log-odds above it."""
    if hint is None or not distance:
        return hint
    return replace(hint, effect=min(hint.effect, distance)) if distance >= LEAST_HINT else None


def _hint(
    playbook: Playbook, hypothesis: Hypothesis, space: FactSpace, weighed: Sequence[Weighed], gate: Truth
) -> Hint | None:
    """None where the measured facts speak against the hypothesis: they have the last word."""
    if playbook.earlier is None or not space.inputs.earlier:
        return None
    if hypothesis.needs_symptom and gate is Truth.NO:
        return None
    is_denied = any(item.signal.decisive and item.effect < 0 for item in weighed)
    if is_denied or sum(item.effect for item in weighed) < 0:
        return None
    return hint_for(playbook.earlier, hypothesis, space.inputs.earlier)


def _weigh(
    hypothesis: Hypothesis, space: FactSpace, gate: Truth, step_ids: set[str]
) -> tuple[list[Weighed], float, float]:
    logit = hypothesis.prior
    if hypothesis.needs_symptom and gate is Truth.NO:
        logit += SYMPTOM_ABSENT
    ceiling, weighed = logit, []
    for signal in hypothesis.signals:
        truth = space.check(signal.when)
        scale = _scale(signal, space)
        if scale is None:
            truth, scale = Truth.UNKNOWN, 1.0
        speaks_for, speaks_against = signal.when_true * scale, signal.when_false * scale
        effect = speaks_for if truth is Truth.YES else speaks_against if truth is Truth.NO else 0.0
        logit += effect
        ceiling += max(speaks_for, speaks_against) if truth is Truth.UNKNOWN else effect
        weighed.append(Weighed(signal, truth, effect, tuple(sorted(roots_in(signal.when) & step_ids))))
    return weighed, logit, ceiling


def _scale(signal: SignalSpec, space: FactSpace) -> float | None:
    """How much of its weight the signal gets, 0 to MAX_SCALE; None when that is not known."""
    if signal.scale is None:
        return 1.0
    value = space.value(signal.scale)
    return min(max(float(value), 0.0), MAX_SCALE) if isinstance(value, int | float) else None


def _caps(
    playbook: Playbook,
    hypothesis: Hypothesis,
    weighed: Sequence[Weighed],
    logit: float,
    rivals: Sequence[tuple[str, float, float, Sequence[Weighed]]],
    gate: Truth,
    outcomes: Mapping[str, StepOutcome],
) -> list[tuple[float, str]]:
    caps: list[tuple[float, str]] = []
    unavailable = {step_id for step_id, outcome in outcomes.items() if outcome.status == "unavailable"}
    titles = {step.id: step.title for step in playbook.steps}
    if hypothesis.needs_symptom and gate is Truth.UNKNOWN:
        asked = symptom_outcomes(playbook, outcomes)
        if asked and all(outcome.status == "done" for outcome in asked) and not is_silent(asked[0]):
            caps.append((CAP_SYMPTOM_UNSURE, "too few records to say whether the symptom is there"))
        else:
            caps.append((CAP_SYMPTOM_UNKNOWN, "the symptom itself could not be measured"))
    for item in weighed:
        blind = set(item.steps) & unavailable
        if item.signal.decisive and item.truth is Truth.UNKNOWN and blind:
            caps.append((CAP_UNCHECKED, f"not checked: {', '.join(titles[step] for step in sorted(blind))}"))
    open_rivals: dict[str, list[str]] = {}
    for label, _, ceiling, theirs in rivals:
        blind = {
            step
            for item in theirs
            if item.signal.decisive and item.truth is Truth.UNKNOWN
            for step in item.steps
            if step in unavailable
        }
        if blind and ceiling >= logit:
            open_rivals.setdefault(", ".join(titles[step] for step in sorted(blind)), []).append(label)
    for what, labels in open_rivals.items():
        caps.append((CAP_UNCHECKED, f"{', '.join(labels)} could not be excluded, not checked: {what}"))
    truncated = [
        titles[step]
        for item in weighed
        if item.truth is not Truth.UNKNOWN
        for step in item.steps
        if step in outcomes and outcomes[step].truncated
    ]
    if truncated:
        caps.append((CAP_TRUNCATED, f"only a part was read: {', '.join(sorted(set(truncated)))}"))
    return caps
