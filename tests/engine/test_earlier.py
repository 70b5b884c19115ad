"""Causes that people confirmed on earlier tickets: who sees which of them, and that a run keeps what it saw."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from altor.models import User
from investigations.engine.earlier import MOST, earlier_cases
from investigations.engine.inputs import build_inputs
from investigations.engine.shadow import replay, shadow_of_run, shadow_of_ticket
from investigations.models import Feedback, Investigation, Ticket, TicketClaim
from investigations.playbooks.format import Playbook
from investigations.profile import Profile
from tests import factories
from tests.engine.scene import carry, connections, playbook, step
from tests.loopback import Upstream

pytestmark = pytest.mark.django_db(transaction=True)
NOW = factories.NOON
COUNTS = {"same_customer": "weak"}
ENDPOINT = {"kind": "endpoint", "value": "GET /v2/orders"}


def somebody() -> User:
    return User.objects.first() or factories.user()


def said(run: Investigation, verdict: str, *, days: float, **values: Any) -> Feedback:
    found = Feedback.objects.create(investigation=run, verdict=verdict, user=somebody(), **values)
    Feedback.objects.filter(pk=found.pk).update(at=NOW - timedelta(days=days))
    return found


def case(days: float = 12.0, label: str = "rl.many", verdict: str = "accepted", **values: Any) -> Investigation:
    """A finished run `days` ago of a ticket with `values`, and a verdict on it within the hour."""
    diagnosis = factories.diagnosis(
        candidates=[factories.candidate("rl.many", "Too many of them", 0.8)], scope=values.pop("scope", ENDPOINT)
    )
    at = NOW - timedelta(days=days)
    run = factories.run(
        factories.ticket(**values), status="done", top_label="rl.many", diagnosis=diagnosis, as_of=at, finished_at=at
    )
    said(run, verdict, days=days - 0.01, label=label)
    return run


def seen(ticket: Ticket, **values: Any) -> list[dict[str, Any]]:
    return earlier_cases(ticket, **{"as_of": NOW, "endpoint": None, **values})


def weighing(**document: Any) -> Any:
    return playbook(step("a"), step("b", "beta"), earlier=COUNTS, **document)


def test_a_confirmed_case_is_read_with_its_shape_and_without_texts() -> None:
    who = factories.customer()
    run = case(customer=who, subject="Ada Example cannot log in")
    [found] = seen(factories.ticket(customer=who), endpoint="GET /v2/orders")
    assert found == {
        "ref": run.ref, "ticket": run.ticket.ref, "label": "rl.many", "title": "Too many of them",
        "class": "rate_limit", "at": "2026-04-19T12:00:00Z", "days": 12.0, "same_customer": True,
        "endpoint": "GET /v2/orders", "same_endpoint": True, "culprit_id": "7f3c9a1",
    }  # fmt: skip


def test_what_a_diagnosis_was_corrected_to_is_the_case_without_its_wrong_reach() -> None:
    case(label="rl.few", verdict="corrected")
    [found] = seen(factories.ticket(), endpoint="GET /v2/orders")
    assert (found["label"], found["title"], found["endpoint"], found["culprit_id"]) == ("rl.few", "rl.few", None, None)
    assert not found["same_endpoint"] and not found["same_customer"]


def test_a_rejection_gives_no_case_and_takes_back_what_was_accepted() -> None:
    case(label="", verdict="corrected")
    run = case()
    assert len(seen(factories.ticket())) == 1
    said(run, "corrected", days=1, label="", grade="wrong")
    assert seen(factories.ticket()) == []


def test_an_answer_that_names_nothing_is_no_cause() -> None:
    case(label="inconclusive")
    assert seen(factories.ticket()) == []


def test_a_verdict_after_the_clock_is_not_seen_and_the_one_before_it_is() -> None:
    run = case(12)
    said(run, "corrected", days=2, label="rl.few")
    ticket = factories.ticket()
    assert [item["label"] for item in seen(ticket)] == ["rl.few"]
    assert [item["label"] for item in seen(ticket, as_of=NOW - timedelta(days=5))] == ["rl.many"]
    assert seen(ticket, as_of=NOW - timedelta(days=12)) == []


def test_cases_of_another_team_of_the_ticket_itself_and_of_long_ago_are_not_seen() -> None:
    ticket = factories.ticket()
    case(in_team=factories.team("Payments"))
    case(181)
    own = factories.run(ticket, status="done", top_label="rl.many", finished_at=NOW - timedelta(days=3))
    said(own, "accepted", days=2, label="rl.many")
    assert seen(ticket) == []
    kept = case(179)
    assert [item["ref"] for item in seen(ticket)] == [kept.ref]


def test_a_ticket_is_one_case_however_often_it_was_run() -> None:
    first = case()
    again = factories.run(first.ticket, status="done", top_label="rl.many", finished_at=NOW - timedelta(days=11))
    said(again, "accepted", days=10.9, label="rl.many")
    assert [item["ref"] for item in seen(factories.ticket())] == [again.ref]


def test_cases_are_bounded_newest_first_and_others_do_not_crowd_out_the_customers_own() -> None:
    who = factories.customer()
    own = case(100, customer=who)
    for days in range(1, MOST + 3):
        case(days)
    ticket = factories.ticket(customer=who)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        found = seen(ticket)
    assert len(asked) == 2 and len(found) == MOST
    assert found[-1]["ref"] == own.ref and [item["days"] for item in found] == sorted(item["days"] for item in found)


def test_a_case_of_the_same_customer_adds_to_its_cause_and_says_so(upstream: Upstream) -> None:
    who = factories.customer()
    before = carry(factories.run(factories.ticket(customer=who), playbook=weighing()), upstream)
    found = case(12.4, customer=who)
    after = carry(factories.run(factories.ticket(customer=who), playbook=weighing()), upstream)
    plain, hinted = ((run.diagnosis or {})["candidates"][0] for run in (before, after))
    assert (plain["label"], hinted["label"]) == ("rl.many", "rl.many")
    assert hinted["log_odds"] == pytest.approx(plain["log_odds"] + 0.7)
    says = f"The same cause was confirmed for this customer 12 days ago ({found.ref})"
    assert {"evidence": "", "effect": "+0.7", "says": says, "investigation": found.ref} in hinted["why"]
    assert not any("investigation" in why for why in plain["why"])


def test_a_run_says_the_same_again_whatever_was_confirmed_since(upstream: Upstream) -> None:
    who = factories.customer()
    case(customer=who)
    run = carry(factories.run(factories.ticket(customer=who), playbook=weighing()), upstream)
    assert [item["label"] for item in run.seen["earlier"]] == ["rl.many"]
    Feedback.objects.all().delete()
    case(3, customer=who)
    case(2, customer=who, label="rl.few", verdict="corrected")
    again = Investigation.objects.get(pk=run.pk)
    assert replay(again).result_hash == run.result_hash
    book = Playbook.model_validate(run.playbook.document)
    assert shadow_of_run(again, book, connections=None).diagnosis.result_hash == run.result_hash


def test_a_shadow_is_not_told_what_was_found_after_its_clock(upstream: Upstream) -> None:
    who = factories.customer()
    ticket, book = factories.ticket(customer=who), Playbook.model_validate(weighing().document)

    def shadow() -> str:
        return shadow_of_ticket(
            ticket, book, as_of=NOW, profile=Profile(), connections=connections(upstream)
        ).diagnosis.result_hash

    alone = shadow()
    own = factories.run(ticket, status="done", top_label="rl.many", finished_at=NOW - timedelta(hours=1))
    said(own, "accepted", days=0.01, label="rl.many")
    late = case(customer=who)
    Feedback.objects.filter(investigation=late).update(at=NOW + timedelta(minutes=1))
    assert shadow() == alone
    Feedback.objects.filter(investigation=late).update(at=NOW - timedelta(minutes=1))
    assert shadow() != alone


def test_a_run_older_than_this_reads_the_cases_of_its_own_clock(upstream: Upstream) -> None:
    who = factories.customer()
    run = carry(factories.run(factories.ticket(customer=who), playbook=weighing()), upstream)
    seen_then = {name: value for name, value in run.seen.items() if name != "earlier"}
    Investigation.objects.filter(pk=run.pk).update(seen=seen_then)
    late = case(customer=who)
    Feedback.objects.filter(investigation=late).update(at=NOW + timedelta(days=1))
    assert replay(Investigation.objects.get(pk=run.pk)).result_hash == run.result_hash


def test_without_any_verdict_the_key_changes_nothing(upstream: Upstream) -> None:
    ticket = factories.ticket()
    runs = []
    for book in (weighing(), playbook(step("a"), step("b", "beta"))):
        run = factories.run(ticket, playbook=book)
        runs.append(carry(run, upstream))
    assert runs[0].result_hash == runs[1].result_hash
    assert (runs[0].diagnosis or {})["candidates"] == (runs[1].diagnosis or {})["candidates"]


def test_conditions_read_the_cases_and_an_empty_list_is_known(upstream: Upstream) -> None:
    again = {
        "when": "earlier.exists(e, e.label == 'rl.few' && e.same_endpoint)", "for": "weak", "against": "weak",
        "says": "Again", "says_not": "Not before",
    }  # fmt: skip
    causes = [{"label": "rl.few", "title": "Few", "signals": [again]}]
    ticket = factories.ticket(customer=factories.customer())
    TicketClaim.objects.create(ticket=ticket, kind="endpoint", value="GET /v2/orders")
    assert build_inputs(ticket, as_of=NOW, profile=Profile()).earlier == []

    def told() -> list[str]:
        run = carry(factories.run(ticket, playbook=playbook(step("a"), hypotheses=causes)), upstream)
        first = (run.diagnosis or {})["candidates"][0]
        return [item["says"] for item in [*first["why"], *first["against"]]]

    assert told() == ["Not before"]
    Investigation.objects.filter(pk=case().pk).update(top_label="rl.few")
    Feedback.objects.update(label="rl.few")
    assert told() == ["Again"]
