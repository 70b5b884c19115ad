"""A playbook's own tests: recorded facts in, the expected diagnosis out. Nothing is asked of any source.

A test gives facts as the steps would have them; it holds the weights, rivals, caps and the scope of the answer, not the
queries and measures that make the facts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from investigations.diagnosis.calibration import Calibration
from investigations.diagnosis.diagnose import band, diagnose
from investigations.diagnosis.facts import FactSpace, plain
from investigations.diagnosis.scoring import score
from investigations.diagnosis.types import RunInputs, StepOutcome
from investigations.playbooks.format import Playbook, PlaybookTest

#: The clock of a rehearsal: any fixed moment.
CLOCK: Final = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


def rehearse(playbook: Playbook) -> Iterator[tuple[int, str]]:
    """(number of the test from 0, what is wrong) for every expectation that does not hold."""
    for number, test in enumerate(playbook.tests):
        for problem in _problems(playbook, test):
            yield number, problem


def _problems(playbook: Playbook, test: PlaybookTest) -> Iterator[str]:
    inputs, outcomes = _inputs(test), _outcomes(playbook, test)
    document = diagnose(playbook, inputs, outcomes).as_dict()
    top, expect = document["candidates"][0], test.expect
    found: Mapping[str, Any] = {
        "label": _route(playbook, inputs, outcomes) or top["label"],
        "band": band(top["confidence"]),
        "severity": document["severity"],
        "escalate": document["escalate"],
        "culprit": (document["culprit"] or {}).get("id"),
        "scope": (document["scope"] or {}).get("kind"),
    }
    for key, have in found.items():
        want = getattr(expect, key)
        if want is not None and want != have:
            yield f"{key} is {have!r}, expected {want!r}"
    if expect.min_confidence is not None and top["confidence"] < expect.min_confidence:
        yield f"confidence is {top['confidence']}, expected at least {expect.min_confidence}"
    if expect.max_confidence is not None and top["confidence"] > expect.max_confidence:
        yield f"confidence is {top['confidence']}, expected at most {expect.max_confidence}"
    if top["label"] in expect.not_:
        yield f"{top['label']} leads, which must not be"


def _route(playbook: Playbook, inputs: RunInputs, outcomes: Mapping[str, StepOutcome]) -> str:
    """The first look concludes only what it does not hand over: its tests name the playbook it hands over to."""
    first = score(playbook, FactSpace(inputs, outcomes), outcomes, Calibration())[0].hypothesis
    return first.label if first.continue_with else ""


def _inputs(test: PlaybookTest) -> RunInputs:
    values = {"org_id": "org_1", "opened_at": plain(CLOCK), **test.inputs}
    ticket = {"text": str(test.inputs.get("text", "")), "opened_at": plain(CLOCK), **test.ticket}
    return RunInputs(CLOCK, ticket, {}, plain(values), {}, tuple(test.earlier or ()))


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
