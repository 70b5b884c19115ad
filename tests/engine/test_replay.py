"""Same evidence, same diagnosis: a stored run is weighed anew, here and in a process that knows nothing of it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from investigations.diagnosis.diagnose import diagnose
from investigations.diagnosis.facts import plain
from investigations.diagnosis.types import StepOutcome
from investigations.engine import store
from investigations.engine.shadow import replay
from investigations.engine.work import inputs_of
from investigations.models import Evidence, Investigation, PlaybookVersion, StepResult, Ticket
from investigations.playbooks.format import Playbook
from investigations.services.playbooks import load_library
from tests import factories
from tests.engine.scene import ASKED, answering, carry, playbook, queued, step
from tests.loopback import Answer, Upstream, serving

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).parents[2]
#: The command in a process of its own, over the tests' database; every stored mapping comes in another order.
CHILD = """
import json, sys
import django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[1]
settings.SOURCES = [*settings.SOURCES, *json.loads(sys.argv[2])]
django.setup()
from django.db.models import JSONField
as_stored = JSONField.from_db_value
def turned(value):
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(list(value))}
    return [turned(item) for item in value] if isinstance(value, list) else value
JSONField.from_db_value = lambda self, *rest: turned(as_stored(self, *rest))
from django.core.management import call_command
for ref in sys.argv[3:]:
    call_command("investigate", "--replay", ref, "--format", "json")
"""


def command(*arguments: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("investigate", *arguments, stdout=out, stderr=err)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def in_another_process(refs: list[str], *, seed: int) -> list[dict[str, Any]]:
    from tests.engine.sources import PATHS

    environment = {**os.environ, "PYTHONHASHSEED": str(seed), "DJANGO_SETTINGS_MODULE": "altor.settings.test"}
    name = str(connection.settings_dict["NAME"])
    done = subprocess.run(
        [sys.executable, "-c", CHILD, name, json.dumps(PATHS), *refs],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def rehearsed_runs() -> list[Investigation]:
    """A finished run per test of every shipped playbook: its facts stored as a worker stores them."""
    load_library()
    who = factories.customer("org_0042")
    runs = []
    for version in PlaybookVersion.objects.active().exclude(key="triage").order_by("key"):
        book = Playbook.model_validate(version.document)
        for test in book.tests:
            run = factories.run(factories.ticket(customer=who, incident_class=book.incident_class), playbook=version)
            inputs = inputs_of(run)
            outcomes = {
                planned.id: StepOutcome(
                    planned.id, planned.source, "done", verdict="abnormal", facts=plain(test.facts[planned.id])
                )
                if planned.id in test.facts
                else StepOutcome(planned.id, planned.source, "unavailable", error_kind="timeout", error="no answer")
                for planned in book.steps
                if planned.id in test.facts or planned.id in test.unavailable
            }
            for position, planned in enumerate(book.steps, 1):
                if planned.id in outcomes:
                    told = outcomes[planned.id]
                    factories.step(
                        run, planned.id, position, status=told.status, verdict=told.verdict, facts=dict(told.facts),
                        error_kind=told.error_kind, error=told.error,
                    )  # fmt: skip
            found = diagnose(book, inputs, outcomes)
            Investigation.objects.filter(pk=run.pk).update(
                status="done", result_hash=found.result_hash, diagnosis=found.as_dict(), top_label=found.top_label
            )
            runs.append(Investigation.objects.get(pk=run.pk))
    return runs


def test_stored_runs_of_every_class_give_the_same_hash_here_and_elsewhere() -> None:
    runs = rehearsed_runs()
    assert len({run.playbook_id for run in runs}) >= 7 and len({run.top_label for run in runs}) >= 10
    assert [replay(run).result_hash for run in runs] == [run.result_hash for run in runs]
    for seed in (1, 4242):
        told = in_another_process([run.ref for run in runs], seed=seed)
        assert [item["replayed_hash"] for item in told] == [run.result_hash for run in runs]
        assert all(item["same"] for item in told)


def test_evidence_failures_and_answers_of_people_are_replayed_as_they_were(upstream: Upstream) -> None:
    from investigations.services.runs import answer_step

    steps = (step("a"), step("b", "beta", depends_on=["a"]), step("c", "gamma", run_if="a.n > 100.0"), ASKED)
    book = playbook(*steps)
    with serving(answering(beta=Answer(status=500))) as broken:
        partly = carry(factories.run(playbook=book), broken)
    whole = carry(factories.run(playbook=book), upstream)
    answer_step(whole, "m", "yes", actor=factories.user(role="lead"))
    whole.refresh_from_db()
    assert len({partly.result_hash, whole.result_hash}) == 2
    told = in_another_process([partly.ref, whole.ref], seed=7)
    assert [item["replayed_hash"] for item in told] == [partly.result_hash, whole.result_hash]


def test_a_replay_reads_the_ticket_and_the_customer_as_the_run_did(upstream: Upstream) -> None:
    speaks = {"when": "speaks_of(ticket.text, ['refused'])", "for": "decisive", "says": "The ticket says so"}
    pays = {"when": "customer.plan == 'growth'", "for": "weak", "says": "A plan that pays"}
    causes = [{"label": "rl.said", "title": "Said", "needs_symptom": False, "signals": [speaks, pays]}]
    who = factories.customer()
    book = playbook(step("a"), hypotheses=causes)
    run = carry(factories.run(factories.ticket(customer=who), playbook=book), upstream)
    Ticket.objects.filter(pk=run.ticket_id).update(description="Never mind.", subject="Closed")
    type(who).objects.filter(pk=who.pk).update(plan="free", name="Renamed")
    assert replay(Investigation.objects.get(pk=run.pk)).result_hash == run.result_hash
    assert "requester_name" not in Investigation.objects.get(pk=run.pk).seen["ticket"]


def test_the_command_says_same_and_writes_nothing(upstream: Upstream) -> None:
    run = carry(queued(step("a"), step("b", "beta")), upstream)
    upstream.asked.clear()
    before = everything()
    code, out, _ = command("--replay", run.ref.lower())
    assert code == 0 and "the same diagnosis from the same evidence" in out
    assert everything() == before and not upstream.asked


def test_the_command_tells_what_differs_when_stored_facts_were_changed(upstream: Upstream) -> None:
    run = carry(queued(step("a"), step("b", "beta")), upstream)
    StepResult.objects.filter(investigation=run, step_id="a").update(facts={"row_count": 0.0, "n": 0.0})
    code, out, _ = command("--replay", run.ref, "--format", "json")
    told = json.loads(out)
    assert code == 1 and not told["same"] and told["changed"]["candidates"]["after"][0]["label"] == "rl.few"
    code, out, _ = command("--replay", run.ref)
    assert code == 1 and "rl.many" in out.split("->")[0] and "rl.few" in out.split("->")[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--replay", "INV-999999"], "there is no run INV-999999"),
        (["--replay", "nonsense"], "there is no run nonsense"),
        (["--replay", "INV-1", "--playbook", "latency"], "takes ticket, clock, profile and playbook from the run"),
        ([], "which ticket?"),
    ],
)
def test_wrong_arguments_are_refused_in_one_line(arguments: list[str], message: str) -> None:
    code, out, err = command(*arguments)
    assert (code, out) == (2, "") and message in err and err.count("\n") == 1


def test_a_run_without_a_diagnosis_cannot_be_replayed() -> None:
    run = factories.run()
    code, _, err = command("--replay", run.ref)
    assert code == 2 and "only a finished run" in err


def everything() -> list[Any]:
    """The rows that an investigation writes."""
    from altor.models import PhaseEvent

    models = (Ticket, Investigation, StepResult, Evidence, PhaseEvent)
    return [list(model.objects.order_by("pk").values()) for model in models]


def test_what_a_run_stores_is_what_it_weighed(upstream: Upstream) -> None:
    """Numbers at the edge of what JSON and PostgreSQL keep come back as they went in."""
    odd = {"n": 7.0, "tiny": 1e-300, "huge": 9e14, "third": 1 / 3, "negative_zero": -0.0, "text": "a\u2028b"}
    with serving(answering(a=Answer(body=odd))) as server:
        run = carry(queued(step("a", facts={"n": "a.data.n", "odd": "a.data"})), server)
    stored = store.stored_outcomes(run.pk)["a"].facts["odd"]
    assert {name: stored[name] for name in ("tiny", "huge", "third", "text")} == {
        name: odd[name] for name in ("tiny", "huge", "third", "text")
    }
    assert replay(Investigation.objects.get(pk=run.pk)).result_hash == run.result_hash
