"""A run is started for what is new, once; what comes meanwhile is looked at when the run has ended."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.utils import timezone

from altor.models import InboundEvent, PhaseEvent
from escalations.ownership.custody import custody
from escalations.ownership.facts import facts_of
from investigations.models import Investigation, Ticket, TicketMirror
from investigations.services.automatic import WAITS_FOR_OPENING, consider, look_again, sweep
from tests import factories
from tests.helpdesks.scene import BEGIN, endpoint, event, message, take

pytestmark = pytest.mark.django_db
OPENING = {"subject": "Orders are refused", "description": "Since 07:00 GET /v2/orders answers 429."}


@pytest.fixture(autouse=True)
def _playbook() -> None:
    factories.playbook()


def opened(**more: Any) -> Ticket:
    return take(endpoint(), event("ticket.created", **{**OPENING, **more}))


def runs(ticket: Ticket) -> list[Investigation]:
    return list(Investigation.objects.filter(ticket=ticket).order_by("pk"))


def end(run: Investigation, status: str = "done") -> None:
    Investigation.objects.filter(pk=run.pk).update(status=status, finished_at=timezone.now())
    look_again(Investigation.objects.select_related("ticket").get(pk=run.pk))


def later(ticket: Ticket, text: str, *, minute: float = 5, key: str = "m1") -> None:
    from altor.models import InboundEndpoint

    take(InboundEndpoint.objects.get(), event(minutes=minute, message=message(key, text, minutes=minute)))
    consider(ticket)


def test_the_same_state_of_a_ticket_is_investigated_once() -> None:
    ticket = opened()
    first = consider(ticket).run
    assert first is not None
    assert consider(ticket).run == first
    end(first)
    assert consider(ticket).run == first
    assert len(runs(ticket)) == 1


def test_a_message_that_adds_facts_runs_again_and_remembers_the_run_before() -> None:
    ticket = opened()
    first = consider(ticket).run
    assert first is not None
    end(first)
    later(ticket, "The request id is req_8Kq2LmX0aB.")
    _, second = runs(ticket)
    assert second.previous == first
    assert any("req_8Kq2LmX0aB" in one for one in second.claims)


def test_a_message_without_facts_starts_nothing() -> None:
    ticket = opened()
    first = consider(ticket).run
    assert first is not None
    end(first)
    later(ticket, "Any news?")
    assert len(runs(ticket)) == 1
    assert consider(ticket).why == "Nothing new to look at."


def test_a_run_that_has_not_begun_takes_the_new_facts_up() -> None:
    ticket = opened()
    consider(ticket)
    later(ticket, "The request id is req_8Kq2LmX0aB.")
    [run] = runs(ticket)
    assert any("req_8Kq2LmX0aB" in one for one in run.claims)


def test_what_comes_while_a_run_is_under_way_is_looked_at_once_when_it_ends() -> None:
    ticket = opened()
    first = consider(ticket).run
    assert first is not None
    Investigation.objects.filter(pk=first.pk).update(status="running")
    for number in range(3):
        later(ticket, f"Another one: req_8Kq2LmX0a{number}", key=f"m{number}", minute=5 + number)
    assert len(runs(ticket)) == 1
    end(first)
    look_again(first)
    _, second = runs(ticket)
    assert sum("req_8Kq2LmX0a" in one for one in second.claims) == 3


def test_a_run_that_ended_without_telling_is_found_by_the_sweep() -> None:
    ticket = opened()
    first = consider(ticket).run
    assert first is not None
    Investigation.objects.filter(pk=first.pk).update(status="running")
    later(ticket, "The request id is req_8Kq2LmX0aB.")
    assert sweep() == 0
    Investigation.objects.filter(pk=first.pk).update(status="done")
    assert sweep() == 1
    assert sweep() == 0
    assert len(runs(ticket)) == 2


def test_a_ticket_whose_opening_has_not_arrived_waits_for_it() -> None:
    desk = endpoint()
    ticket = take(desk, event(minutes=5, message=message("m1", "GET /v2/orders still fails", minutes=5)))
    assert consider(ticket).run is None
    assert sweep() == 0
    take(desk, event("ticket.created", **OPENING))
    assert consider(ticket).run is not None


def test_an_opening_that_never_comes_is_not_waited_for_for_ever() -> None:
    factories.playbook("triage")
    ticket = take(endpoint(), event(minutes=5, message=message("m1", "GET /v2/orders still fails", minutes=5)))
    consider(ticket)
    assert sweep(now=timezone.now() + WAITS_FOR_OPENING + timedelta(seconds=1)) == 1
    assert len(runs(ticket)) == 1


def test_an_opening_that_comes_after_all_puts_the_beginning_right() -> None:
    factories.playbook("triage")
    desk = endpoint()
    ticket = take(desk, event(minutes=5, message=message("m1", "GET /v2/orders still fails", minutes=5)))
    consider(ticket)
    sweep(now=timezone.now() + WAITS_FOR_OPENING + timedelta(seconds=1))
    for _ in range(2):
        ticket = take(desk, event("ticket.created", key="opening", created_at=BEGIN.isoformat(), **OPENING))
    told = PhaseEvent.objects.filter(kind="ticket.received").order_by("at")
    assert [one.at for one in told] == [BEGIN, BEGIN + timedelta(minutes=5)]
    assert told[0].data == {"was": told[1].at.isoformat()}
    facts = facts_of(ticket)
    assert [fact.at for fact in facts if fact.kind == "ticket.received"] == [BEGIN]
    assert custody(facts, timezone.now()).began_at == BEGIN


def test_an_opening_that_lies_unread_in_our_own_store_is_waited_for() -> None:
    factories.playbook("triage")
    desk = endpoint()
    ticket = take(desk, event(minutes=5, message=message("m1", "GET /v2/orders still fails", minutes=5)))
    consider(ticket)
    late = timezone.now() + WAITS_FOR_OPENING + timedelta(minutes=10)
    others = endpoint("elsewhere")
    for of, key, at in (
        (desk, "in time", ticket.received_at),
        (desk, "after", late),
        (others, "other", ticket.received_at),
    ):
        InboundEvent.objects.create(endpoint=of, delivery_key=key, body={}, received_at=at)
    assert sweep(now=late) == 0 and consider(ticket, now=late).why == "Waiting for the ticket's opening."
    assert not PhaseEvent.objects.filter(kind="ticket.received").exists()
    InboundEvent.objects.filter(delivery_key="in time").update(status="done")
    assert sweep(now=late) == 1


@pytest.mark.parametrize("ended", ["cancelled", "failed"])
def test_a_cancelled_run_counts_as_none_and_a_failed_one_as_one(ended: str) -> None:
    ticket = opened()
    first = consider(ticket).run
    assert first is not None
    end(first, ended)
    assert (consider(ticket).run is None) == (ended == "failed") or consider(ticket).run == first


def test_a_resolved_ticket_starts_nothing_and_a_reopened_one_only_for_news() -> None:
    ticket = opened()
    first = consider(ticket).run
    assert first is not None
    end(first)
    Ticket.objects.filter(pk=ticket.pk).update(status="resolved")
    later(ticket, "The request id is req_8Kq2LmX0aB.")
    assert len(runs(ticket)) == 1
    Ticket.objects.filter(pk=ticket.pk).update(status="reopened")
    assert consider(ticket).run is not None
    assert len(runs(ticket)) == 2


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_start_one_run() -> None:
    ticket = opened()

    def work() -> None:
        try:
            consider(ticket)
        finally:
            database.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(runs(ticket)) == 1
    assert not TicketMirror.objects.filter(wants_run=True).exists()
