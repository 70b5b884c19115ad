"""Nothing decided: the one question that tells most is asked, and its answer runs the case again."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from altor.errors import Conflict, InvalidInput, PermissionRefused
from investigations.models import Investigation, TicketClaim
from investigations.services.compare import compare_runs
from investigations.services.questions import answer_question
from investigations.services.runs import answer_step, rerun_investigation, start_investigation
from tests import factories
from tests.api.conftest import client_of
from tests.engine.scene import asked_for, carry, playbook, step
from tests.loopback import Upstream

pytestmark = pytest.mark.django_db(transaction=True)


def cause(label: str, when: str, weight: Any = "decisive", **more: Any) -> dict[str, Any]:
    signal = {"when": when, "for": weight, "against": weight, "says": f"{label} fits"}
    return {"label": label, "title": label, "prior": -1.0, "needs_symptom": False, "signals": [signal], **more}


def asks(step_id: str, ask: str, **manual: Any) -> dict[str, Any]:
    return step(step_id, "manual", manual={"ask": ask, "answer": "yes_no", **manual})


#: `weak` moves the leaders little, `proxy` moves them apart, `same` moves both the same way.
STEPS = (
    step("a"),
    asks("weak", "Is it Monday?"),
    asks("same", "Is it slow?"),
    asks("proxy", "Is there a proxy?"),
)
CAUSES = [
    {
        **cause("rl.proxy", "proxy.yes", 3.0),
        "signals": [
            {"when": "proxy.yes", "for": 3.0, "against": 3.0, "says": "There is a proxy"},
            {"when": "weak.yes", "for": 0.4, "against": 0.4, "says": "It is Monday"},
            {"when": "same.yes", "for": 4.0, "against": 4.0, "says": "It is slow"},
        ],
    },
    {
        **cause("rl.client", "proxy.yes", 0.0),
        "signals": [
            {"when": "proxy.yes", "for": -3.0, "against": 3.0, "says": "There is a proxy"},
            {"when": "same.yes", "for": 4.0, "against": 4.0, "says": "It is slow"},
        ],
    },
]


def undecided(upstream: Upstream, *, steps: Any = STEPS, **document: Any) -> Investigation:
    run = carry(factories.run(playbook=playbook(*steps, **{"hypotheses": CAUSES, **document})), upstream)
    upstream.asked.clear()
    return run


def again(run: Investigation, upstream: Upstream) -> Investigation:
    return carry(run, upstream)


def test_the_question_that_tells_the_leaders_apart_is_asked(upstream: Upstream) -> None:
    run = undecided(upstream)
    question = run.diagnosis["question"]
    assert (question["kind"], question["name"], question["ask"]) == ("step", "proxy", "Is there a proxy?")
    assert question["why"] == "It tells “rl.proxy” from “rl.client”."


def test_a_decided_case_asks_nothing(upstream: Upstream) -> None:
    run = undecided(upstream, hypotheses=[cause("rl.many", "a.n > 1.0", 6.0), cause("rl.proxy", "proxy.yes")])
    assert run.top_label == "rl.many" and run.diagnosis["question"] is None


def test_an_answer_runs_the_case_again_with_it_and_the_same_clock(upstream: Upstream) -> None:
    run, agent = undecided(upstream), factories.user()
    new = answer_question(run, "yes", actor=agent)
    assert (new.previous, new.as_of, new.playbook, new.status) == (run, run.as_of, run.playbook, "queued")
    kept = TicketClaim.objects.get(kind="answer")
    assert (kept.name, kept.value, kept.quote, kept.edited_by) == ("proxy", "yes", "Is there a proxy?", agent)
    after = again(new, upstream)
    assert after.top_label == "rl.proxy" and after.confidence > run.confidence
    assert after.steps.get(step_id="proxy").result == "yes"
    assert {item["step"] for item in compare_runs(after, run)["steps"]} == {"proxy"}
    run.refresh_from_db()
    assert run.diagnosis["question"]["name"] == "proxy", "the former run stays as it was"


def test_answers_are_kept_for_all_later_runs_and_a_new_question_is_asked_anew(upstream: Upstream) -> None:
    run, agent = undecided(upstream), factories.user()
    answer_step(run, "weak", "no", actor=agent)
    after = again(rerun_investigation(run, actor=agent), upstream)
    assert after.steps.get(step_id="weak").status == "done"
    steps = [STEPS[0], asks("weak", "Is it a Monday in their time zone?"), *STEPS[2:]]
    other = carry(factories.run(run.ticket, playbook=playbook(*steps, hypotheses=CAUSES)), upstream)
    assert other.steps.get(step_id="weak").status == "asked"


def test_a_step_that_rests_on_the_answer_is_asked_in_the_new_run(upstream: Upstream) -> None:
    where = asks("where", "Which region?", answer="choice", choices=["eu", "us"])
    steps = (step("a"), where, step("r", params={"of": "where.answer"}, depends_on=["where"]))
    causes = [cause("rl.eu", "where.answer == 'eu'", 2.0), cause("rl.us", "where.answer == 'us'", 2.0)]
    run = undecided(upstream, steps=steps, hypotheses=causes)
    assert run.steps.get(step_id="r").status == "unavailable"
    again(answer_question(run, "eu", actor=factories.user()), upstream)
    assert "eu" in asked_for(upstream)


def test_an_input_that_only_a_person_knows_becomes_one_that_conditions_read(upstream: Upstream) -> None:
    inputs = {"sdk": {"title": "The SDK's version", "ask": "Which SDK do they use?", "choices": ["1.x", "2.x"]}}
    causes = [cause("rl.old_sdk", "inputs.sdk == '1.x'", 3.0), cause("rl.other", "inputs.sdk == '2.x'", 3.0)]
    run = undecided(upstream, steps=(step("a"),), hypotheses=causes, inputs=inputs)
    question = run.diagnosis["question"]
    assert (question["kind"], question["name"], question["choices"]) == ("input", "sdk", ["1.x", "2.x"])
    with pytest.raises(InvalidInput, match=r"one of 1\.x, 2\.x"):
        answer_question(run, "3.x", actor=factories.user())
    after = again(answer_question(run, "1.x", actor=factories.user()), upstream)
    assert (after.inputs["sdk"], after.top_label, after.diagnosis["question"]) == ("1.x", "rl.old_sdk", None)


def test_the_account_comes_from_the_directory_and_never_from_the_text(upstream: Upstream) -> None:
    inputs = {"org_id": {"title": "The account", "required": True, "ask": "Which account?"}}
    run = undecided(upstream, steps=(step("a", params={"of": "inputs.org_id"}),), inputs=inputs, hypotheses=[
        cause("rl.many", "a.n > 1.0"), cause("rl.few", "a.n <= 1.0"),
    ])  # fmt: skip
    assert run.diagnosis["question"]["name"] == "org_id"
    agent, who = factories.user(), factories.customer("org_real", name="Northwind")
    with pytest.raises(InvalidInput, match="No customer is called"):
        answer_question(run, "org_made_up", actor=agent)
    with pytest.raises(PermissionRefused):
        answer_question(run, "org_real", actor=factories.user(role="engineer"))
    assert not Investigation.objects.exclude(pk=run.pk).exists()
    after = again(answer_question(run, "northwind", actor=agent), upstream)
    assert (after.ticket.customer, after.inputs["org_id"]) == (who, "org_real") and "org_real" in asked_for(upstream)
    TicketClaim.objects.create(ticket=run.ticket, kind="answer", name="org_id", value="org_stolen", origin="person")
    fresh = again(rerun_investigation(after), upstream)
    assert fresh.inputs["org_id"] == "org_real"


def test_another_accounts_stripe_customer_is_refused(upstream: Upstream) -> None:
    factories.customer("org_other", stripe_customer="cus_theirs")
    inputs = {"stripe_customer": {"title": "In Stripe", "ask": "Which customer in Stripe?"}}
    causes = [cause("rl.a", "inputs.stripe_customer == 'cus_1'", 2.0), cause("rl.b", "a.n < 0.0", 0.1)]
    run = undecided(upstream, steps=(step("a"),), hypotheses=causes, inputs=inputs)
    with pytest.raises(InvalidInput, match="another account"):
        answer_question(run, "cus_theirs", actor=factories.user())
    assert answer_question(run, "cus_1", actor=factories.user()).previous == run


def test_a_double_click_makes_one_run_and_one_answer(upstream: Upstream) -> None:
    run, agent = undecided(upstream), factories.user()
    ready, made = threading.Barrier(2), []

    def click() -> None:
        ready.wait()
        try:
            made.append(answer_question(Investigation.objects.get(pk=run.pk), "yes", actor=agent).pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=click) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 2 and len(set(made)) == 1
    again(Investigation.objects.get(pk=made[0]), upstream)
    assert answer_question(run, "yes", actor=agent).pk == made[0], "also when the run is over"
    assert Investigation.objects.count() == 2
    assert TicketClaim.objects.filter(kind="answer", is_active=True).count() == 1


def test_while_another_run_works_the_answer_is_kept_and_the_person_told(upstream: Upstream) -> None:
    run, agent = undecided(upstream), factories.user()
    busy = start_investigation(ticket=run.ticket, playbook_key=run.playbook.key)
    with pytest.raises(Conflict, match="Your answer is kept") as told:
        answer_question(run, "yes", actor=agent)
    assert busy.ref in told.value.detail and TicketClaim.objects.get(kind="answer").value == "yes"
    assert again(busy, upstream).top_label == "rl.proxy"


@pytest.mark.parametrize(("answer", "name"), [("perhaps", ""), ("", ""), ("  ", "proxy")])
def test_an_answer_that_does_not_fit_is_refused_and_nothing_is_kept(upstream: Upstream, answer: str, name: str) -> None:
    run = undecided(upstream)
    with pytest.raises(InvalidInput):
        answer_question(run, answer, actor=factories.user(), name=name)
    assert not TicketClaim.objects.exists() and Investigation.objects.count() == 1


def test_the_page_asks_takes_the_answer_and_keeps_what_does_not_fit(upstream: Upstream) -> None:
    run = undecided(upstream)
    agent = factories.user(teams=(run.ticket.team,))
    client = Client()
    client.force_login(agent)
    there, here = reverse("investigations:run-question", args=[run.ref]), reverse("investigations:run", args=[run.ref])
    html = client.get(here).content.decode()
    assert "Is there a proxy?" in html and there in html
    wrong = client.post(there, {"answer": "<b>perhaps</b>", "name": "proxy"})
    assert (
        wrong.status_code == 400
        and "yes or no" in wrong.content.decode()
        and "<b>perhaps" not in wrong.content.decode()
    )
    other = client.post(there, {"answer": "yes", "name": "weak"})
    assert other.status_code == 409 and "asks for" in other.content.decode()
    answer = client.post(there, {"answer": "yes", "name": "proxy"}, follow=True)
    new = Investigation.objects.exclude(pk=run.pk).get()
    assert new.ref in answer.content.decode() and "looks again" in answer.content.decode()
    assert there not in client.get(here).content.decode(), "a newer run is there"
    client.force_login(factories.user(role="read_only", teams=(run.ticket.team,)))
    assert client.post(there, {"answer": "yes"}).status_code == 403


def test_yes_and_no_of_the_step_list_are_taken(upstream: Upstream) -> None:
    run = undecided(upstream)
    client = Client()
    client.force_login(factories.user(teams=(run.ticket.team,)))
    there = reverse("investigations:step-answer", args=[run.ref, "weak"])
    assert "part of the evidence" in client.post(there, {"answer": "yes"}, follow=True).content.decode()
    assert run.steps.get(step_id="weak").facts == {"answer": "yes", "yes": True}


def test_rest_takes_the_answer_once(upstream: Upstream) -> None:
    run = undecided(upstream)
    client = client_of(factories.user(teams=(run.ticket.team,)))
    url = f"/api/v1/investigations/{run.ref}/"
    assert client.get(url).json()["diagnosis"]["question"]["name"] == "proxy"
    first = client.post(f"{url}question/", {"answer": True, "name": "proxy"}, format="json")
    second = client.post(f"{url}question/", {"answer": "yes"}, format="json")
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["ref"] == second.json()["ref"] != run.ref
    assert first.json()["previous"] == run.ref
    bad = client.post(f"{url}question/", {"answer": "perhaps"}, format="json")
    assert bad.status_code == 400 and bad.json()["code"]
