"""What a run does to its ticket when a person was faster."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection

from altor.errors import Conflict, PermissionRefused
from altor.models import PhaseEvent
from investigations.diagnosis.diagnose import Diagnosis
from investigations.engine import store
from investigations.engine.lease import park
from investigations.models import Investigation, Ticket
from investigations.services.lifecycle import mark_replied, reopen, resolve
from investigations.services.runs import cancel_investigation, start_investigation
from tests import factories
from tests.engine.scene import carry, playbook, queued, step
from tests.loopback import Upstream


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("status", ["replied", "escalated", "resolved"])
def test_a_late_diagnosis_does_not_move_the_ticket_back(status: str, upstream: Upstream) -> None:
    run = queued(step("a"))
    Ticket.objects.filter(pk=run.ticket_id).update(status=status)
    assert carry(run, upstream).status == "done"
    assert Ticket.objects.get().status == status


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["replied", "escalated", "resolved"])
def test_starting_cancelling_and_failing_leave_it_too(status: str) -> None:
    book = playbook(step("a"))
    ticket = factories.ticket(status=status)
    cancel_investigation(start_investigation(ticket=ticket, playbook_key=book.key))
    assert park(start_investigation(ticket=ticket, playbook_key=book.key), "Its worker ended.")
    assert Ticket.objects.get().status == status


def _of_another_class(**strength: Any) -> Investigation:
    """A run whose only hypothesis is of another class than the ticket's words."""
    signal = {"when": "a.n > 1.0", "for": strength.get("when", "decisive"), "says": "Many"}
    hypothesis = {"label": strength.get("label", "lat.many"), "title": "Many", "signals": [signal]}
    return queued(step("a"), hypotheses=[hypothesis], **{"class": "latency"})


@pytest.mark.django_db(transaction=True)
def test_a_cause_found_corrects_the_class(upstream: Upstream) -> None:
    run = carry(_of_another_class(), upstream)
    assert run.confidence is not None and run.confidence >= 0.4
    assert Ticket.objects.get().incident_class == "latency"
    assert PhaseEvent.objects.get(kind="ticket.classified").data == {"class": "latency", "how": "evidence"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("strength", [{"when": 0.1}, {"label": "none.no_anomaly"}, {"label": "inconclusive"}])
def test_what_is_no_cause_or_hardly_likely_corrects_nothing(upstream: Upstream, strength: dict[str, Any]) -> None:
    run = carry(_of_another_class(**strength), upstream)
    assert run.top_label == strength.get("label", "inconclusive")
    assert Ticket.objects.get().incident_class == "rate_limit"
    assert not PhaseEvent.objects.filter(kind="ticket.classified").exists()


@pytest.mark.django_db(transaction=True)
def test_a_class_that_a_person_sets_while_the_run_ends_stays(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, concluded = _of_another_class(), store._concluded

    def meanwhile(diagnosis: Diagnosis) -> dict[str, Any]:
        Ticket.objects.update(incident_class="billing", class_why={"how": "person", "reasons": ["Set by ana."]})
        return concluded(diagnosis)

    monkeypatch.setattr(store, "_concluded", meanwhile)
    assert carry(run, upstream).top_label == "lat.many"
    ticket = Ticket.objects.get()
    assert (ticket.incident_class, ticket.class_why["how"]) == ("billing", "person")
    assert not PhaseEvent.objects.filter(kind="ticket.classified").exists()


@pytest.mark.django_db(transaction=True)
def test_a_reopened_ticket_is_diagnosed_again(upstream: Upstream) -> None:
    agent, run = factories.user(), queued(step("a"))
    resolve(run.ticket, actor=agent)
    reopen(run.ticket, actor=agent)
    carry(run, upstream)
    assert Ticket.objects.get().status == "diagnosed"


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["engineer", "read_only"])
def test_the_role_is_asked_by_the_service_too(role: str) -> None:
    ticket, person = factories.ticket(), factories.user(role=role)
    for act in (mark_replied, resolve, reopen):
        with pytest.raises(PermissionRefused):
            act(ticket, actor=person)
    assert Ticket.objects.get().status == "classified" and not PhaseEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_many_clicks_at_once_one_counts() -> None:
    ticket, person, together = factories.ticket(), factories.user(), threading.Barrier(5)

    def click() -> None:
        try:
            together.wait()
            mark_replied(ticket, actor=person)
            resolve(ticket, actor=person)
        except Conflict:
            pass  # somebody has resolved it meanwhile
        finally:
            connection.close()

    threads = [threading.Thread(target=click) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kinds = PhaseEvent.objects.filter(kind__startswith="ticket.").order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["ticket.replied", "ticket.resolved"]
