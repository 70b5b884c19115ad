"""An answer that is kept is never late: whatever changes what the sidebar shows, the next call shows it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from altor.models import User
from investigations.models import Customer, HelpdeskConnection, Investigation, Ticket
from investigations.services.gates import override_gate
from investigations.widget.kept import Answer, Kept
from knowledge.models import Reply
from knowledge.replies.templates import load_library
from tests import factories
from tests.widget.scene import call_url, sidebar, ticket_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    return factories.user("ada", role="lead", teams=(factories.team(),))


@pytest.fixture
def ticket(desk: HelpdeskConnection) -> Ticket:
    found = ticket_of(desk, customer=factories.customer("org_1"))
    run = factories.finished_run(found)
    run.steps.filter(step_id="traffic").update(status="waiting")
    return found


def shown(desk: HelpdeskConnection, user: User | None) -> dict[str, Any]:
    answer = sidebar(desk, user).get(call_url(desk))
    assert answer.status_code == 200
    return dict(answer.json())


def _ticket(ticket: Ticket, ada: User) -> None:
    ticket.subject = "Another subject"
    ticket.save()


def _customer(ticket: Ticket, ada: User) -> None:
    customer = Customer.objects.get()
    customer.name = "Renamed"
    customer.save()


def _gate(ticket: Ticket, ada: User) -> None:
    override_gate(ticket.investigations.get(), "reply", "The customer is down.", actor=ada)


def _run(ticket: Ticket, ada: User) -> None:
    factories.run(ticket)


def _conclusion(ticket: Ticket, ada: User) -> None:
    run = ticket.investigations.get()
    other = factories.diagnosis(candidates=[factories.candidate("rl.retry_storm", "Retries", 0.8)])
    Investigation.objects.filter(pk=run.pk).update(diagnosis=other, live_version=run.live_version + 1)


def _templates(ticket: Ticket, ada: User) -> None:
    load_library()


def _draft(ticket: Ticket, ada: User) -> None:
    factories.reply(ticket, author=ada, status="draft", text="My own words")


def _saved(ticket: Ticket, ada: User) -> None:
    _draft(ticket, ada)
    Reply.objects.update(text="My own words, again", revision=2, saved_at=timezone.now())


def _role(ticket: Ticket, ada: User) -> None:
    User.objects.filter(pk=ada.pk).update(role="read_only")


CHANGES = (_ticket, _customer, _gate, _run, _conclusion, _templates, _draft, _saved, _role)


@pytest.mark.parametrize("change", CHANGES, ids=lambda one: one.__name__)
def test_a_change_is_shown_at_the_next_call(
    change: Callable[[Ticket, User], None], desk: HelpdeskConnection, ticket: Ticket, ada: User
) -> None:
    before = shown(desk, ada)
    assert shown(desk, ada) == before
    change(ticket, ada)
    assert shown(desk, ada) != before


def test_who_looks_gets_his_own_answer(desk: HelpdeskConnection, ticket: Ticket, ada: User) -> None:
    factories.reply(ticket, author=ada, status="draft", text="Ada's own words")
    bob = factories.user("bob", teams=(factories.team(),))
    assert "Ada's own words" in str(shown(desk, ada))
    assert "Ada's own words" not in str(shown(desk, bob))
    assert "Ada's own words" not in str(shown(desk, None))


def test_only_so_many_are_kept_and_the_oldest_go_first() -> None:
    kept, made = Kept(2), []

    def ask(key: str | None) -> None:
        kept.get(key, lambda: made.append(key) or Answer(b"{}", "t"))  # type: ignore[func-returns-value]  # counted

    for key in ("a", "b", "a", "c", "a", "b", None, None):
        ask(key)
    assert made == ["a", "b", "c", "b", None, None]


def _numbered(number: int) -> Answer:
    return Answer(str(number).encode(), "t")


def test_several_threads_at_once_get_whole_answers() -> None:
    kept = Kept(3)
    found: list[bytes] = []

    def ask() -> None:
        found.extend(kept.get(number % 5, partial(_numbered, number % 5)).body for number in range(200))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 800
    assert set(found) == {b"0", b"1", b"2", b"3", b"4"}
