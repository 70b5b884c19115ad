"""Cycles follow the events: at once, late, out of order, corrected; and verifying finds what does not agree."""

from __future__ import annotations

from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from altor import events
from altor.models import PhaseEvent, Team
from investigations.models import Ticket
from metrics.models import Cycle, Watermark
from metrics.phases.keeping import refresh, verify
from tests import factories as make
from tests.metrics.histories import make_histories

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def began() -> datetime:
    return timezone.now().replace(microsecond=0) - timedelta(hours=20)


@pytest.fixture
def ticket(began: datetime) -> Ticket:
    made = make.ticket(opened_at=began, customer=make.customer(tier=""))
    events.record("ticket.received", ticket_ref=made.ref, at=began)
    return made


def tell(ticket: Ticket, kind: str, at: datetime, **data: Any) -> None:
    events.record(kind, ticket_ref=ticket.ref, at=at, data=data)


def test_what_happens_is_counted_with_the_next_refresh(ticket: Ticket, began: datetime) -> None:
    assert refresh() == 1
    assert Cycle.objects.get().closed_at is None
    tell(ticket, "ticket.replied", began + HOUR, before_diagnosis=True)
    tell(ticket, "ticket.resolved", began + 3 * HOUR)
    assert refresh() == 1
    cycle = Cycle.objects.get()
    assert (cycle.intake_s, cycle.closure_s, cycle.answers) == (3600, 7200, 1)
    assert refresh() == 0


def test_a_ticket_that_is_opened_again_has_two_cycles(ticket: Ticket, began: datetime) -> None:
    tell(ticket, "ticket.resolved", began + HOUR)
    tell(ticket, "ticket.customer_wrote", began + 2 * HOUR)
    tell(ticket, "ticket.reopened", began + 2 * HOUR)
    tell(ticket, "ticket.resolved", began + 5 * HOUR)
    refresh()
    first, second = Cycle.objects.order_by("number")
    assert (first.reopened_after_s, first.elapsed_s, second.queue_s) == (3600, 3600, 3 * 3600)


def test_what_is_told_late_changes_what_was_counted(ticket: Ticket, began: datetime) -> None:
    tell(ticket, "ticket.resolved", began + 4 * HOUR)
    refresh()
    assert Cycle.objects.get().intake_s == 4 * 3600
    tell(ticket, "ticket.status", began + HOUR, status="hold")
    refresh()
    assert (Cycle.objects.get().intake_s, Cycle.objects.get().hold_s) == (3600, 3 * 3600)


def test_a_closing_that_is_taken_back_at_once_does_not_count(ticket: Ticket, began: datetime) -> None:
    tell(ticket, "ticket.resolved", began + HOUR)
    refresh()
    tell(ticket, "ticket.reopened", began + HOUR + timedelta(minutes=9))
    tell(ticket, "ticket.resolved", began + 2 * HOUR)
    refresh()
    cycle = Cycle.objects.get()
    assert (cycle.closed_at, cycle.reopened_after_s) == (began + 2 * HOUR, None)
    assert cycle.elapsed_s == 7200 - 9 * 60


def test_an_event_whose_transaction_ends_after_a_later_one_is_not_missed(ticket: Ticket, began: datetime) -> None:
    refresh()
    with connection.cursor() as cursor:  # a number that is taken by a transaction that is not over
        cursor.execute("SELECT nextval(pg_get_serial_sequence('altor_phaseevent', 'id'))")
        (number,) = cursor.fetchone()
    other = make.ticket(opened_at=began)
    events.record("ticket.received", ticket_ref=other.ref, at=began)
    assert refresh() == 1
    assert Watermark.objects.get().event > number
    PhaseEvent.objects.create(
        pk=number, kind="ticket.resolved", ticket_ref=ticket.ref, at=began + HOUR, key=f"late:{number}"
    )
    assert refresh() == 1
    assert Cycle.objects.get(ticket=ticket).closed_at == began + HOUR
    assert refresh(timezone.now() + timedelta(hours=1)) == 0
    assert Watermark.objects.get().missing == {}


def test_what_came_from_a_helpdesks_history_is_marked(began: datetime) -> None:
    long_ago = began - timedelta(days=60)
    old = make.ticket(opened_at=long_ago)
    tell(old, "ticket.received", long_ago)
    tell(old, "ticket.resolved", long_ago + HOUR)
    refresh()
    assert Cycle.objects.get().estimated


def test_weeks_are_those_of_the_teams_zone(began: datetime) -> None:
    team = make.team("Auckland", timezone="Pacific/Auckland")
    sunday_evening = datetime.fromisoformat("2026-05-03T20:00:00+00:00")  # Monday morning there
    ticket = make.ticket(opened_at=sunday_evening, in_team=team)
    tell(ticket, "ticket.received", sunday_evening)
    tell(ticket, "ticket.resolved", sunday_evening + HOUR)
    refresh()
    assert str(Cycle.objects.get().week) == "2026-05-04"


def run(*args: str) -> tuple[int, str]:
    out = StringIO()
    from contextlib import redirect_stdout

    with redirect_stdout(out):
        try:
            call_command("metrics", *args)
        except SystemExit as ended:
            return int(ended.code or 0), out.getvalue()
    return 0, out.getvalue()


def test_verifying_finds_what_is_not_what_the_events_give() -> None:
    lives = make_histories(30, 3, (make.team("Support"),))
    code, _ = run("refresh")
    assert code == 0
    code, told = run("verify")
    assert (code, told.splitlines()[-1]) == (0, f"{Cycle.objects.count()} cycles compared, 0 differ")
    victim = Cycle.objects.filter(closed_at__isnull=False).first()
    assert victim is not None
    Cycle.objects.filter(pk=victim.pk).update(drafting_s=victim.drafting_s + 1)
    gone = Cycle.objects.exclude(pk=victim.pk).filter(closed_at__isnull=False).first()
    assert gone is not None
    gone.delete()
    code, told = run("verify")
    assert code == 1
    assert f"cycle {victim.number}: drafting_s is {victim.drafting_s + 1}, the events give {victim.drafting_s}" in told
    assert told.splitlines()[-1].endswith("2 differ")
    assert len(list(verify())) == 2
    assert run("refresh", "--all")[1] == f"{len(lives)} tickets computed\n"
    assert run("verify")[0] == 0


def test_several_teams_are_told_apart(began: datetime) -> None:
    one, other = make.team("One"), Team.objects.create(name="Two", slug="two")
    for team in (one, other):
        ticket = make.ticket(opened_at=began, in_team=team)
        tell(ticket, "ticket.received", began)
    refresh()
    assert sorted(Cycle.objects.values_list("team__slug", flat=True)) == ["one", "two"]
