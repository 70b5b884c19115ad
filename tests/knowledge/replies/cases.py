"""Stored runs over every cause of the shipped playbooks: facts in, steps, evidence and diagnosis as a run stores them.

The facts come from the playbooks' own tests, and what a cause's reply reads beside them is made up by its format.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from investigations.diagnosis import steps as meaning
from investigations.diagnosis.diagnose import diagnose
from investigations.diagnosis.facts import FactSpace, plain
from investigations.diagnosis.texts import slots
from investigations.diagnosis.types import RunInputs, StepOutcome
from investigations.engine.store import _evidence
from investigations.models import Evidence, Investigation, StepResult, Ticket
from investigations.playbooks.format import Playbook
from tests import factories as make
from tests.shipped import playbooks

CLOCK = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
_PATH = re.compile(r"[a-z_]\w*(?:\[\d\]|\.\w+)+")
_numbers = itertools.count(1)


def causes() -> list[tuple[str, str]]:
    """(playbook, label) of every cause that has words for a reply."""
    return [(key, item.label) for key, book in playbooks().items() for item in book.hypotheses if item.reply]


def facts_for(book: Playbook, label: str, chance: random.Random) -> dict[str, Any]:
    """Facts of one of the playbook's tests, figures shifted by chance, with what the cause's reply reads added."""
    test = chance.choice(book.tests) if book.tests else None
    facts = shifted(plain(test.facts), chance) if test is not None else {}
    spec = next(item.reply for item in book.hypotheses if item.label == label)
    known = {step.id for step in book.steps}
    for text in (spec.observed, spec.scope, spec.next_step, spec.eta):
        for expression, form in slots(text):
            for path in _PATH.findall(expression):
                if path.split(".")[0].split("[")[0] in known:
                    put(facts, path, made_up(path, form, chance))
    return facts


def shifted(value: Any, chance: random.Random) -> Any:
    if isinstance(value, dict):
        return {name: shifted(item, chance) for name, item in value.items()}
    if isinstance(value, list):
        return [shifted(item, chance) for item in value]
    if isinstance(value, float) and 0 < value < 1:
        return min(0.999, value * chance.uniform(0.5, 1.6))
    return value * chance.uniform(0.5, 3) if isinstance(value, float) and value > 20 else value


def made_up(path: str, form: str, chance: random.Random) -> Any:
    match form:
        case "percent":
            return chance.uniform(0, 1)
        case "ms" | "number":
            return float(chance.randint(21, 90_000))
        case "seconds" | "ratio":
            return chance.uniform(0.2, 40_000)
        case "money":
            return "eur" if path.endswith("currency") else float(chance.randint(100, 900_000))
        case "time":
            return plain(CLOCK - timedelta(minutes=chance.randint(5, 9000)))
        case _:
            return f"thing-{chance.randint(1000, 9999)}"


def put(facts: dict[str, Any], path: str, value: Any) -> None:
    """Set what is not there yet at `a.b[0].c`."""
    at: Any = facts
    keys = re.findall(r"\w+", path.replace("[", "."))
    for key, after in itertools.pairwise(keys):
        wanted: Any = [] if after.isdigit() else {}
        if isinstance(at, list):
            at += [{}] * (int(key) + 1 - len(at))
            at = at[int(key)]
        else:
            if not isinstance(at.get(key), dict | list):
                at[key] = wanted
            at = at[key]
    if isinstance(at, dict):
        at.setdefault(keys[-1], value)


def stored(key: str, label: str, seed: int, **ticket: Any) -> Investigation:
    """A finished run whose first candidate is that cause where the facts allow it."""
    chance = random.Random(f"{key} {label} {seed}")
    book = playbooks()[key]
    leading = [
        item.model_copy(update={"prior": 4.0 if item.label == label else -7.0, "needs_symptom": False})
        for item in book.hypotheses
    ]  # fmt: skip
    book = book.model_copy(update={"hypotheses": leading})
    return store_run(book, facts_for(book, label, chance), make.ticket(**ticket))


def store_run(book: Playbook, facts: dict[str, Any], ticket: Ticket) -> Investigation:
    values = plain({"org_id": "org_1", "opened_at": CLOCK, "endpoint": "GET /v2/orders"})
    inputs = RunInputs(CLOCK, {"text": "", "opened_at": plain(CLOCK)}, {}, values, {}, ())
    document = {name: value for name, value in book.model_dump(by_alias=True, mode="json").items() if name != "key"}
    version = make.playbook(f"case_{next(_numbers)}", **document)
    outcomes: dict[str, StepOutcome] = {}
    for position, step in enumerate(book.steps, 1):
        if step.id not in facts:
            continue
        given = {"row_count": 1.0, "truncated": False, **plain(facts[step.id])}
        bare = StepOutcome(step.id, step.source, "done", facts=given, fetched_at=CLOCK)
        outcomes[step.id] = meaning.told_again(step, position, bare, given, FactSpace(inputs, outcomes))
    found = diagnose(book, inputs, outcomes)
    run = make.run(
        ticket, status="done", playbook=version, as_of=CLOCK, inputs=values, diagnosis=found.as_dict(),
        seen={"ticket": {"text": "", "opened_at": plain(CLOCK)}, "customer": {}, "earlier": [], "calibration": ""},
        top_label=found.top_label, confidence=found.confidence, severity=found.severity, finished_at=CLOCK,
    )  # fmt: skip
    for position, step in enumerate(book.steps, 1):
        if (outcome := outcomes.get(step.id)) is None:
            continue
        row = StepResult.objects.create(
            investigation=run, step_id=step.id, position=position, title=step.title, source=step.source,
            status="done", verdict=outcome.verdict, facts=dict(outcome.facts),
        )  # fmt: skip
        Evidence.objects.bulk_create([_evidence(row, one, CLOCK) for one in outcome.evidence])
    return run


def all_runs(seeds: int) -> Iterator[tuple[str, str, Investigation]]:
    for key, label in causes():
        for seed in range(seeds):
            yield key, label, stored(key, label, seed)
