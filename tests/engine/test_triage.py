"""The first look: which playbook a run goes on with, and what stays of the one it began with."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from altor.models import PhaseEvent
from investigations.models import Evidence, Investigation, PlaybookVersion
from investigations.services.runs import NoPlaybook, answer_step, rerun_investigation, start_investigation
from tests import factories
from tests.engine.scene import ASKED, answering, asked_for, carry, playbook, statuses, step
from tests.loopback import Answer, Asked, Upstream

pytestmark = pytest.mark.django_db(transaction=True)
NO_FIT = {"began": 0.0, "other": 0.0}


def _hypotheses(label: str) -> list[dict[str, Any]]:
    return [{"label": label, "title": label, "signals": [{"when": "true", "for": "strong", "says": "So it is"}]}]


@pytest.fixture
def also() -> list[dict[str, Any]]:
    """Steps that both playbooks have beside their own."""
    return []


@pytest.fixture
def books(also: list[dict[str, Any]]) -> dict[str, PlaybookVersion]:
    """Two classes and the first look, which prefers `other` when it finds more than 1."""
    began = playbook(step("a"), step("slow", "beta", depends_on=["a"]), *also, hypotheses=_hypotheses("rl.began"))
    of_class = {"class": "latency"}
    other = factories.playbook(
        "other", steps=[step("b", "beta"), *also], hypotheses=_hypotheses("lat.other"), **of_class
    )

    def route(key: str, when: str) -> dict[str, Any]:
        fits = {"when": f"ticket.fits.{key} > 0.0", "for": 1.0, "scale": f"ticket.fits.{key}", "says": "Its words"}
        found = {"when": when, "for": 4.0, "against": 1.0, "says": "n is {look.n}", "says_not": "n is small"}
        return {
            "label": f"class.{key}", "title": key, "continue_with": key, "needs_symptom": False,
            "signals": [fits, found],
        }  # fmt: skip

    stays = {"label": "other.out_of_scope", "title": "Nothing", "prior": -2.5, "needs_symptom": False, "signals": []}
    triage = factories.playbook(
        "triage",
        steps=[step("look", "gamma")],
        symptom={"gate": "look.n > 1.0", "title": "Something"},
        hypotheses=[route(began.key, "look.n < 0.0"), route("other", "look.n > 1.0"), stays],
        **{"class": "other"},
    )
    return {"began": began, "other": other, "triage": triage}


def _run(books: dict[str, PlaybookVersion], **fits: float) -> Investigation:
    scores = {books["began"].key: fits.get("began", 0.0), "other": fits.get("other", 0.0)}
    ticket = factories.ticket(class_why={"how": "rules", "reasons": [], "scores": {}, "playbooks": scores})
    return factories.run(ticket, playbook=books["began"])


def test_the_run_goes_on_with_the_playbook_that_the_look_speaks_for(
    upstream: Upstream, books: dict[str, PlaybookVersion]
) -> None:
    run = carry(_run(books, began=2.0), upstream)
    assert (run.status, run.top_label, run.playbook_id) == ("done", "lat.other", books["other"].pk)
    assert statuses(run) == {"look": "done", "b": "done"}
    assert list(run.steps.values_list("step_id", "position")) == [("look", 0), ("b", 1)]
    assert set(Evidence.objects.filter(investigation=run).values_list("ref_id", "step__step_id")) == {("E1", "b")}
    assert (run.route["how"], run.route["playbook"], run.route["began"]) == ("triage", "other", books["began"].key)
    assert run.route["reasons"][0] == "n is 7"
    assert (run.ticket.incident_class, run.ticket.class_why["how"]) == ("latency", "evidence")
    kinds = set(PhaseEvent.objects.filter(subject_ref=run.ref).values_list("kind", flat=True))
    assert {"run.rerouted", "run.finished", "ticket.classified"} <= kinds


@pytest.mark.parametrize("also", [[ASKED]])
def test_what_a_person_answered_is_kept_when_the_run_goes_on_with_another_playbook(
    upstream: Upstream, books: dict[str, PlaybookVersion]
) -> None:
    run, person = _run(books, began=2.0), factories.user()

    def behave(asked: Asked) -> Answer:
        if asked.query.get("of") == "look":
            answer_step(run, "m", "yes", actor=person)
            connection.close()
        return Answer(body={"n": 7.0})

    upstream.behaviour = behave
    after = carry(run, upstream)
    assert after.playbook_id == books["other"].pk
    row = after.steps.get(step_id="m")
    assert (row.status, row.answer, row.answered_by) == ("done", "yes", person)
    assert after.diagnosis is not None
    assert not any("Waiting for an answer" in sentence for sentence in after.diagnosis["missing"])


def test_a_right_first_guess_is_kept_and_nothing_is_asked_twice(
    upstream: Upstream, books: dict[str, PlaybookVersion]
) -> None:
    upstream.behaviour = answering(0.5)
    run = carry(_run(books, began=2.0), upstream)
    assert (run.top_label, run.playbook_id, run.ticket.incident_class) == ("rl.began", books["began"].pk, "rate_limit")
    assert sorted(asked_for(upstream)) == ["a", "look", "slow"]
    assert run.route["playbook"] == books["began"].key


def test_words_that_are_clear_enough_stand_against_the_look(
    upstream: Upstream, books: dict[str, PlaybookVersion]
) -> None:
    assert carry(_run(books, began=9.0), upstream).top_label == "rl.began"


def test_without_the_looks_answer_the_words_decide(upstream: Upstream, books: dict[str, PlaybookVersion]) -> None:
    upstream.behaviour = answering(0.5, gamma=Answer(status=500))
    run = carry(_run(books, began=1.0), upstream)
    assert (run.top_label, statuses(run)["look"]) == ("rl.began", "unavailable")
    assert carry(_run(books, other=1.0), upstream).top_label == "lat.other"


def test_a_ticket_that_is_no_incident_ends_with_the_look(upstream: Upstream, books: dict[str, PlaybookVersion]) -> None:
    upstream.behaviour = answering(0.5)
    ticket = factories.ticket(incident_class="", class_why={"playbooks": NO_FIT}, customer=factories.customer())
    run = carry(factories.run(ticket, playbook=books["triage"]), upstream)
    assert asked_for(upstream) == ["look"]
    assert (run.top_label, run.playbook_id) == ("other.out_of_scope", books["triage"].pk)
    assert run.ticket.incident_class == "", "nothing spoke for it: a guess is no class"
    assert [candidate["label"] for candidate in run.diagnosis["candidates"]] == ["other.out_of_scope"]
    assert Evidence.objects.get(investigation=run).ref_id == "E1"


def test_a_playbook_that_is_not_in_force_is_not_taken(upstream: Upstream, books: dict[str, PlaybookVersion]) -> None:
    PlaybookVersion.objects.filter(pk=books["other"].pk).update(is_active=False)
    run = carry(_run(books, began=2.0), upstream)
    assert (run.top_label, run.playbook_id) == ("rl.began", books["began"].pk)


def test_an_attempt_after_the_look_does_not_look_again(upstream: Upstream, books: dict[str, PlaybookVersion]) -> None:
    run = _run(books, began=2.0)
    Investigation.objects.filter(pk=run.pk).update(route={"how": "triage", "playbook": books["began"].key})
    run = carry(run, upstream)
    assert run.top_label == "rl.began" and "look" not in asked_for(upstream)


def test_what_a_person_chose_is_not_looked_at(upstream: Upstream, books: dict[str, PlaybookVersion]) -> None:
    by_person = {"how": "person", "reasons": ["Set by ana."]}
    of_class = start_investigation(ticket=factories.ticket(class_why=by_person), queue=False)
    assert (of_class.route["how"], of_class.playbook_id) == ("person", books["began"].pk)
    chosen = start_investigation(ticket=factories.ticket(), playbook_key="other", queue=False)
    assert (chosen.route["how"], chosen.playbook_id) == ("chosen", books["other"].pk)
    carry(chosen, upstream)
    assert asked_for(upstream) == ["b"]
    again = rerun_investigation(Investigation.objects.get(pk=chosen.pk))
    assert again.playbook_id == books["other"].pk


def test_a_class_nobody_named_begins_with_the_look(books: dict[str, PlaybookVersion]) -> None:
    run = start_investigation(ticket=factories.ticket(incident_class="", class_why={}), queue=False)
    assert (run.playbook_id, run.route) == (books["triage"].pk, {})
    PlaybookVersion.objects.filter(key="triage").update(is_active=False)
    with pytest.raises(NoPlaybook, match="not known"):
        start_investigation(ticket=factories.ticket(incident_class="", class_why={}), queue=False)
