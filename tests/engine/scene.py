"""A playbook of small steps against the test sources, and a run of it."""

from __future__ import annotations

import itertools
import json
from typing import Any

from investigations.engine.lease import Lease, claim
from investigations.engine.work import work_on
from investigations.models import Investigation, PlaybookVersion, StepResult
from investigations.sources.base import ConnectionConfig
from tests import factories
from tests.engine.sources import NAMES
from tests.loopback import Answer, Asked, Behaviour, Upstream

_numbers = itertools.count(1)


def step(step_id: str, source: str = "alpha", **more: Any) -> dict[str, Any]:
    """A step that asks for a number `n` and finds it abnormal above 1."""
    if source == "manual":
        return {"id": step_id, "title": step_id, "question": "?", "source": "manual", **more}
    return {
        "id": step_id,
        "title": f"Value {step_id}",
        "question": "How many?",
        "source": source,
        "operation": "value",
        "params": {"of": json.dumps(step_id)},
        "facts": {"n": f"{step_id}.data.n"},
        "verdict": {"abnormal": f"{step_id}.n > 1.0", "normal": f"{step_id}.n <= 1.0"},
        "result": f"n is {{{step_id}.n}}",
        "evidence": [
            {"kind": "count", "summary": f"{step_id} has n = {{{step_id}.n}}", "ref": {"of": json.dumps(step_id)}}
        ],
        **more,
    }


#: A question to a person.
ASKED = step("m", "manual", manual={"ask": "Did a new job start?", "answer": "yes_no"})


def playbook(*steps: dict[str, Any], run_seconds: float = 5.0, **document: Any) -> PlaybookVersion:
    """Hypothesis `rl.many` holds when the first step's n is above 1, `rl.few` otherwise."""
    first = next(item["id"] for item in steps if item["source"] != "manual")
    many = {
        "when": f"{first}.n > 1.0",
        "for": "decisive",
        "against": "strong",
        "says": "Many",
        "decisive": True,
    }
    few = {"when": f"{first}.n <= 1.0", "for": "strong", "against": "strong", "says": "Few"}
    document.setdefault(
        "hypotheses",
        [
            {"label": "rl.many", "title": "Many", "signals": [many]},
            {"label": "rl.few", "title": "Few", "signals": [few]},
        ],
    )
    limits = {"run_seconds": run_seconds}
    return factories.playbook(f"engine_{next(_numbers)}", steps=list(steps), limits=limits, **document)


def queued(*steps: dict[str, Any], **limits: Any) -> Investigation:
    return factories.run(playbook=playbook(*steps, **limits))


def connections(upstream: Upstream) -> dict[str, ConnectionConfig]:
    return {name: ConnectionConfig(name, "test", upstream.url, origin="test") for name in NAMES}


def carry(run: Investigation, upstream: Upstream, **more: Any) -> Investigation:
    """Work on the run here and now, as a worker would."""
    work_on(run.pk, connections=connections(upstream), **more)
    return Investigation.objects.get(pk=run.pk)


def claimed(run: Investigation, owner: str = "test") -> Lease:
    lease = claim(run.pk, owner=owner)
    assert lease is not None
    return lease


def statuses(run: Investigation) -> dict[str, str]:
    return dict(StepResult.objects.filter(investigation=run).values_list("step_id", "status"))


def answering(n: float = 7.0, **special: Answer) -> Behaviour:
    """Every value is `n`; `special` is the answer for a step's id or a source's name."""

    def behave(asked: Asked) -> Answer:
        source = asked.path.split("/")[1]
        return special.get(asked.query.get("of", "")) or special.get(source) or Answer(body={"n": n})

    return behave


def asked_for(upstream: Upstream) -> list[str]:
    return [asked.query.get("of", "") for asked in upstream.asked]
