"""What changed between two runs of a ticket."""

from __future__ import annotations

import json
from typing import Any, Final

from investigations.models import Evidence, Investigation, StepResult

_CONCLUSION: Final = ("class", "culprit", "scope", "onset", "escalate", "severity", "unavailable")


def compare_runs(run: Investigation, previous: Investigation) -> dict[str, Any]:
    """Candidates, steps with their facts, evidence and conclusion that differ. Queries both runs' steps and evidence.

    {"investigation", "previous", "same", "candidates": [{"label", "before", "after"}], "steps": [{"step", "title",
    "before", "after", "facts": {name: {"before", "after"}}}], "evidence": {"added", "gone", "changed"}, "changed"}.
    `same`: the same conclusion from the same evidence.
    """
    new, old = run.diagnosis or {}, previous.diagnosis or {}
    return {
        "investigation": run.ref,
        "previous": previous.ref,
        "same": bool(run.result_hash) and run.result_hash == previous.result_hash,
        "candidates": _candidates(new, old),
        "steps": _steps(run, previous),
        "evidence": _evidence(run, previous),
        "changed": {
            key: {"before": old.get(key), "after": new.get(key)} for key in _CONCLUSION if old.get(key) != new.get(key)
        },
    }


def _candidates(new: dict[str, Any], old: dict[str, Any]) -> list[dict[str, Any]]:
    before = {item["label"]: item["confidence"] for item in old.get("candidates", [])}
    after = {item["label"]: item["confidence"] for item in new.get("candidates", [])}
    return [
        {"label": label, "before": before.get(label), "after": after.get(label)}
        for label in dict.fromkeys([*after, *before])
        if before.get(label) != after.get(label)
    ]


def _steps(run: Investigation, previous: Investigation) -> list[dict[str, Any]]:
    before = {step.step_id: step for step in previous.steps.all()}
    after = {step.step_id: step for step in run.steps.all()}
    found = []
    for step_id in dict.fromkeys([*after, *before]):
        new, old = after.get(step_id), before.get(step_id)
        facts = _facts(new, old)
        if _line(new) != _line(old) or facts:
            title = (new or before[step_id]).title
            found.append({"step": step_id, "title": title, "before": _line(old), "after": _line(new), "facts": facts})
    return found


def _line(step: StepResult | None) -> str:
    if step is None:
        return ""
    status = str(step.get_status_display())
    return f"{status}: {step.result}" if step.result else status


def _facts(new: StepResult | None, old: StepResult | None) -> dict[str, dict[str, Any]]:
    """Facts with a single value that differ; lists and tables speak through the evidence made of them."""
    after, before = _single(new), _single(old)
    return {
        name: {"before": before.get(name), "after": after.get(name)}
        for name in sorted({*after, *before})
        if before.get(name) != after.get(name)
    }


def _single(step: StepResult | None) -> dict[str, Any]:
    if step is None:
        return {}
    found: dict[str, Any] = {}
    for name, value in step.facts.items():
        inner = value.items() if isinstance(value, dict) else ()
        found |= {f"{name}.{key}": item for key, item in inner if not isinstance(item, dict | list)}
        if not isinstance(value, dict | list):
            found[name] = value
    return found


def _evidence(run: Investigation, previous: Investigation) -> dict[str, list[dict[str, Any]]]:
    after, before = _by_subject(run), _by_subject(previous)
    changed = [
        {**_told(new), "before": before[subject].summary, "after": new.summary}
        for subject, new in after.items()
        if subject in before and (new.summary, new.verdict) != (before[subject].summary, before[subject].verdict)
    ]
    return {
        "added": [_told(item) for subject, item in after.items() if subject not in before],
        "gone": [_told(item) for subject, item in before.items() if subject not in after],
        "changed": changed,
    }


def _by_subject(run: Investigation) -> dict[tuple[str, ...], Evidence]:
    """Evidence by what it is about: its number depends on how much else was found."""
    found: dict[tuple[str, ...], Evidence] = {}
    for item in run.evidence.select_related("step"):
        subject = (item.step.step_id, item.kind, json.dumps(item.ref, sort_keys=True))
        again = sum(1 for known in found if known[:3] == subject)
        found[(*subject, str(again))] = item
    return found


def _told(item: Evidence) -> dict[str, Any]:
    return {"ref_id": item.ref_id, "source": item.source, "kind": item.kind, "summary": item.summary}
