"""A playbook's own tests: recorded facts in, the expected diagnosis out. Nothing is asked of any source.

`facts` gives each step's facts, `unavailable` names steps whose source gave no answer. `expect` may hold `label`,
`band`, `min_confidence`, `max_confidence`, `severity`, `escalate`, `culprit`, `scope`, `not` (labels that must not
lead).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from investigations.diagnosis.diagnose import band, diagnose
from investigations.diagnosis.facts import plain
from investigations.diagnosis.types import RunInputs, StepOutcome
from investigations.playbooks.format import Playbook, PlaybookTest

#: The clock of a rehearsal: any fixed moment.
CLOCK: Final = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
_KNOWN: Final = frozenset(
    {"label", "band", "min_confidence", "max_confidence", "severity", "escalate", "culprit", "scope", "not"}
)


def rehearse(playbook: Playbook) -> Iterator[tuple[str, str]]:
    """(name of the test, what is wrong) for every expectation that does not hold."""
    for test in playbook.tests:
        for problem in _problems(playbook, test):
            yield test.name, problem


def _problems(playbook: Playbook, test: PlaybookTest) -> Iterator[str]:
    ids = {step.id for step in playbook.steps}
    strangers = sorted((set(test.facts) | set(test.unavailable)) - ids)
    if strangers:
        yield f"there is no step {', '.join(strangers)}"
    unknown = sorted(set(test.expect) - _KNOWN)
    if unknown:
        yield f"unknown expectation {', '.join(unknown)}"
    document = diagnose(playbook, _inputs(test), _outcomes(playbook, test)).as_dict()
    top = document["candidates"][0]
    found: Mapping[str, Any] = {
        "label": top["label"],
        "band": band(top["confidence"]),
        "severity": document["severity"],
        "escalate": document["escalate"],
        "culprit": (document["culprit"] or {}).get("id"),
        "scope": (document["scope"] or {}).get("kind"),
    }
    for key, have in found.items():
        if key in test.expect and test.expect[key] != have:
            yield f"{key} is {have!r}, expected {test.expect[key]!r}"
    if top["confidence"] < test.expect.get("min_confidence", 0.0):
        yield f"confidence is {top['confidence']}, expected at least {test.expect['min_confidence']}"
    if top["confidence"] > test.expect.get("max_confidence", 1.0):
        yield f"confidence is {top['confidence']}, expected at most {test.expect['max_confidence']}"
    if top["label"] in test.expect.get("not", []):
        yield f"{top['label']} leads, which must not be"


def _inputs(test: PlaybookTest) -> RunInputs:
    values = {"org_id": "org_1", "opened_at": plain(CLOCK), **test.inputs}
    return RunInputs(CLOCK, {"text": test.inputs.get("text", "")}, {}, plain(values), {})


def _outcomes(playbook: Playbook, test: PlaybookTest) -> dict[str, StepOutcome]:
    outcomes = {}
    for step in playbook.steps:
        if step.id in test.unavailable:
            outcomes[step.id] = StepOutcome(
                step.id, step.source, "unavailable", error_kind="unavailable", error="no answer"
            )
        elif step.id in test.facts:
            outcomes[step.id] = StepOutcome(step.id, step.source, "done", facts=plain(test.facts[step.id]))
    return outcomes
