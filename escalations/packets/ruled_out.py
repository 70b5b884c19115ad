"""What it is not, and how that is known; what nobody could look at; what is still open."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

from escalations.packets.changes import deployments, is_same, standing
from escalations.packets.format import Cause, Change, NotChecked, Question, Reason, RuledOut
from escalations.packets.material import Material, moment, sentence
from investigations.models import StepResult

#: From this log-odds on a fact speaks so clearly against a cause that it is told.
_CLEARLY: Final = -1.0
#: A cause that still has this share is not excluded.
_STILL_OPEN: Final = 0.05
_DEPLOYMENTS: Final = 6
#: A deployment further from the onset needs no excuse.
_NEAR: Final = timedelta(hours=2)
#: Letters by which a word is known; shorter words tell little.
_STEM: Final = 5
#: A word found in more pieces of evidence than this is the run's subject, not theirs.
_RARE: Final = 3
#: Words that tell nothing of what a sentence is about.
_WORD: Final = re.compile(r"[a-z]{3,}|\d{3}")
_SMALL: Final = frozenset({
    "the", "and", "not", "for", "its", "this", "that", "was", "were", "are", "has", "had", "from", "with", "before",
    "after", "only", "one", "over", "customer", "customers", "request", "requests", "others", "other",
})  # fmt: skip
#: Other candidates that are told.
_OTHERS: Final = 3


def ruled_out_of(material: Material, change: Change | None) -> list[RuledOut]:
    """The playbook's sentences, the causes that facts speak against, and deployments that do not fit in time."""
    said = list(material.diagnosis.get("ruled_out") or [])
    refs = material.rests_on.get("ruled_out") or [[] for _ in said]
    subjects = {item.ref_id: _stems(f"{item.title} {item.summary}") for item in material.evidence}
    found = [
        _excluded(material, str(text), known, subjects)
        for text, known in zip(said, [*refs, *([[]] * len(said))], strict=False)
    ]
    for candidate in (material.diagnosis.get("candidates") or [])[1:]:
        reasons = [one for one in candidate.get("against") or () if _effect(one) <= _CLEARLY]
        if reasons and float(candidate.get("confidence") or 0.0) < _STILL_OPEN:
            found.append(
                RuledOut(
                    says=sentence(f"Not so: {candidate.get('title') or candidate['label']}"),
                    how=[sentence(str(one["says"])) for one in reasons],
                    evidence=material.refs(*(str(one.get("evidence") or "") for one in reasons)),
                    label=str(candidate["label"]),
                )
            )
    return [*found, *_deployments(material, change)]


def others_of(material: Material) -> list[Cause]:
    """Candidates beside the first that nothing excludes."""
    return [
        cause_of(candidate)
        for candidate in (material.diagnosis.get("candidates") or [])[1:]
        if float(candidate.get("confidence") or 0.0) >= _STILL_OPEN
    ][:_OTHERS]


def cause_of(candidate: Mapping[str, Any]) -> Cause:
    return Cause(
        label=str(candidate["label"]),
        title=str(candidate.get("title") or candidate["label"]),
        confidence=candidate.get("confidence"),
        band=str(candidate.get("band") or ""),
        why=[_reason(one) for one in candidate.get("why") or ()],
        against=[_reason(one) for one in candidate.get("against") or ()],
        confirm=str(candidate.get("confirm") or ""),
        caps=[str(one) for one in candidate.get("caps") or ()],
    )


def not_checked_of(material: Material) -> list[NotChecked]:
    """Steps whose source gave no answer or is not connected here, those that would decide first."""
    decisive = {
        step
        for candidate in material.diagnosis.get("candidates") or ()
        for item in candidate.get("not_checked") or ()
        if item.get("decisive")
        for step in item.get("steps") or ()
    }
    found = []
    for step in material.steps:
        if step.status == StepResult.Status.UNAVAILABLE and step.error_kind != "input":
            why = step.error or "It gave no answer"
        elif step.status == StepResult.Status.SKIPPED and "not connected" in step.result.lower():
            why = step.result
        elif step.status == StepResult.Status.DONE and step.truncated:
            why = "Only a part of the records was read"
        else:
            continue
        found.append(
            NotChecked(what=step.title, source=step.source, why=sentence(why), is_decisive=step.step_id in decisive)
        )
    return sorted(found, key=lambda one: not one.is_decisive)  # stable: else in the steps' order


def unknown_of(material: Material) -> list[str]:
    """What the diagnosis says it lacks, and what could not be asked because something else is not known."""
    told = {step.title for step in material.steps}
    found = [
        sentence(str(text))
        for text in material.diagnosis.get("missing") or ()
        if not any(str(text).startswith(title) for title in told) and not str(text).startswith("Waiting for an answer")
    ]
    found += [
        sentence(f"{step.title}: could not be asked, {step.error}")
        for step in material.steps
        if step.status == StepResult.Status.UNAVAILABLE and step.error_kind == "input"
    ]
    if material.diagnosis and material.onset is None:
        found.append("Since when it happens was not established.")
    return list(dict.fromkeys(found))


def questions_of(material: Material) -> list[Question]:
    found = []
    question = material.diagnosis.get("question") or {}
    if question.get("ask"):
        found.append(Question(ask=str(question["ask"]), of="the customer", why=str(question.get("why") or "")))
    found += [
        Question(ask=step.result or step.title, of="a person", why=step.title)
        for step in material.steps
        if step.status == StepResult.Status.ASKED
    ]
    return [one for place, one in enumerate(found) if one.ask not in {other.ask for other in found[:place]}]


def _excluded(material: Material, text: str, refs: Any, subjects: Mapping[str, set[str]]) -> RuledOut:
    """The sentence with the piece of evidence, among those of its steps, that clearly speaks of the same thing.

    `subjects`: reference -> the stems of what the evidence says.
    """
    known = material.refs(*refs)
    steps = {material.by_ref[ref].step_id for ref in known}
    wanted = {stem for stem in _stems(text) if len(stem) == _STEM and _carriers(stem, subjects) <= _RARE}
    scored = sorted(
        (
            (len(wanted & subjects[item.ref_id]), item.verdict == "normal", item)
            for item in material.evidence
            if item.step_id in steps
        ),
        key=lambda one: (-one[0], not one[1], one[2].pk),
    )
    is_clear = bool(scored) and scored[0][0] > 0 and (len(scored) == 1 or scored[0][:2] > scored[1][:2])
    if not is_clear:
        return RuledOut(says=sentence(text), evidence=known)
    best = scored[0][2]
    return RuledOut(
        says=sentence(text),
        how=[sentence(best.summary)],
        evidence=[best.ref_id, *(ref for ref in known if ref != best.ref_id)][:3],
    )


def _carriers(stem: str, subjects: Mapping[str, set[str]]) -> int:
    """In how many pieces of evidence the word is found: what stands in most tells none of them from the others."""
    return sum(stem in found for found in subjects.values())


def _stems(text: str) -> set[str]:
    return {word[:_STEM] for word in _WORD.findall(text.lower()) if word not in _SMALL}


def _deployments(material: Material, change: Change | None) -> Iterator[RuledOut]:
    """Deployments near the onset that cannot be its cause, which engineers would otherwise look at first."""
    n = 0
    for how, item, _ in deployments(material):
        sha = str(item.get("sha") or "")
        if how == "candidate" or (change is not None and is_same(sha, change.id)) or n >= _DEPLOYMENTS:
            continue
        at = moment(item.get("live_at")) or moment(item.get("created_at"))
        if at is None or material.onset is None or abs(at - material.onset) > _NEAR:
            continue
        n += 1
        title = str(item.get("title") or "")
        short = str(item.get("short_sha") or sha)[:7]
        named = f" “{title}”" if title and short not in title else ""
        yield RuledOut(says=f"Deployment {short} of {item['service']}{named}: {standing(item, how)}.")


def _reason(one: Mapping[str, Any]) -> Reason:
    return Reason(
        says=str(one.get("says") or ""), effect=str(one.get("effect") or ""), evidence=str(one.get("evidence") or "")
    )


def _effect(one: Mapping[str, Any]) -> float:
    try:
        return float(one.get("effect") or 0.0)
    except ValueError:
        return 0.0
