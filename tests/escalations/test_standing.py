"""Clocks in the database: fed by what happens to tickets, told once, readable again from their events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from altor import events
from altor.models import Notice, Team, User
from escalations.lifecycle.acting import Doer, act
from escalations.lifecycle.sending import Wish, send
from escalations.models import (
    SlaPolicyVersion,
    TicketClock,
    TicketClockEvent,
    TicketClockWork,
    TicketStanding,
)
from escalations.ownership.plan import reading
from escalations.ownership.policies import load_library, save_policy
from escalations.ownership.queues import owners_of, set_queue, violations
from escalations.ownership.standing import events_of, refresh, sweep
from investigations.models import Ticket
from investigations.services.custody import assign, give_back, take
from investigations.services.customers import update_customer
from investigations.services.lifecycle import reopen, resolve
from investigations.services.tickets import upsert_ticket
from tests import factories as make

pytestmark = pytest.mark.django_db

GOLD = {
    "key": "gold", "title": "Gold", "tier": "gold", "hours": "always", "first_reply": "4 h", "next_reply": "8 h",
    "resolution": "24 h", "unowned_after": "30 min",
}  # fmt: skip


@pytest.fixture
def support() -> Team:
    return make.team("Support", is_default=True)


@pytest.fixture
def lead(support: Team) -> User:
    return make.user("lena", role="lead", teams=(support,), first_name="Lena", last_name="Lead")


@pytest.fixture
def ana(support: Team) -> User:
    return make.user("ana", teams=(support,), first_name="Ana", last_name="Reyes")


@pytest.fixture
def began() -> datetime:
    """An hour ago: what happened long ago is no news."""
    return timezone.now().replace(microsecond=0) - timedelta(hours=1)


@pytest.fixture
def ticket(support: Team, began: datetime) -> Ticket:
    load_library()
    save_policy(GOLD, actor=None)
    found = make.ticket(in_team=support, opened_at=began, customer=make.customer("org_gold", tier="Gold"))
    events.record("ticket.received", ticket_ref=found.ref, at=began)
    return found


def told(ticket: Ticket) -> list[tuple[str, str]]:
    kinds = ["sla.close", "sla.broken", "ticket.unowned", "ticket.circling"]
    found = Notice.objects.filter(subject_ref=ticket.ref, kind__in=kinds).order_by("pk")
    return list(found.values_list("kind", "title"))


def clock(ticket: Ticket, kind: str, number: int = 1) -> TicketClock:
    return TicketClock.objects.get(ticket=ticket, kind=kind, number=number)


def test_a_ticket_runs_under_the_policy_of_its_customers_tier(ticket: Ticket, began: datetime) -> None:
    sweep(began + timedelta(hours=1))
    found = clock(ticket, "first_reply")
    assert found.version is not None and found.version.policy.key == "gold"
    assert (found.target_s, found.elapsed_s) == (4 * 3600, 3600)
    assert found.due_at == began + timedelta(hours=4)
    standing = TicketStanding.objects.get(ticket=ticket)
    assert (standing.due_at, standing.due_kind) == (found.due_at, "first_reply")
    assert TicketClockWork.objects.count() == 0


def test_a_day_of_sweeps_tells_each_thing_once(ticket: Ticket, lead: User, ana: User, began: datetime) -> None:
    for minutes in range(0, 25 * 60, 5):
        sweep(began + timedelta(minutes=minutes))
        if minutes == 60:
            take(ticket, actor=ana, now=began + timedelta(minutes=60))
    assert [kind for kind, _ in told(ticket)] == [
        "ticket.unowned",  # after 30 min
        "sla.close",  # 3 h: 75 % of 4 h
        "sla.close",  # 3 h 45 min
        "sla.broken",  # 4 h
        "sla.close",  # the resolution: 18 h
        "sla.close",  # 23 h 45 min
        "sla.broken",  # 24 h
    ]
    broken = Notice.objects.filter(kind="sla.broken").order_by("pk")[0]
    assert set(broken.deliveries.values_list("person__username", flat=True)) == {"ana", "lena"}


def test_nothing_is_looked_at_before_it_is_due(ticket: Ticket, began: datetime) -> None:
    sweep(began)
    standing = TicketStanding.objects.get(ticket=ticket)
    assert standing.check_at == began + timedelta(minutes=30)  # nobody has it
    assert sweep(began + timedelta(minutes=29)) == 0
    assert sweep(began + timedelta(minutes=30)) == 1


def test_a_sweep_with_nothing_to_do_asks_little(
    ticket: Ticket, began: datetime, django_assert_num_queries: Any
) -> None:
    sweep(began)
    with django_assert_num_queries(4):  # work, unread tickets, due ones, whether policies are loaded
        sweep(began)


def test_an_answer_that_is_told_late_takes_back_what_was_broken(ticket: Ticket, lead: User, began: datetime) -> None:
    sweep(began + timedelta(hours=5))
    assert clock(ticket, "first_reply").broken_at == began + timedelta(hours=4)
    events.record(
        "ticket.replied", ticket_ref=ticket.ref, at=began + timedelta(hours=3), data={"before_diagnosis": True}
    )
    sweep(began + timedelta(hours=5))
    found = clock(ticket, "first_reply")
    assert (found.state, found.broken_at, found.elapsed_s) == ("fulfilled", None, 3 * 3600)


def test_events_of_a_clock_are_voided_never_changed(ticket: Ticket, began: datetime) -> None:
    later, earlier = began + timedelta(hours=3), began + timedelta(hours=2)
    events.record("ticket.replied", ticket_ref=ticket.ref, at=later)
    sweep(later)
    events.record("ticket.replied", ticket_ref=ticket.ref, at=earlier)
    sweep(later)
    rows = TicketClockEvent.objects.filter(clock=clock(ticket, "first_reply"))
    assert [(row.what, row.at, row.voids is not None) for row in rows.order_by("pk")] == [
        ("activate", began, False), ("fulfil", later, False), ("fulfil", later, True), ("fulfil", earlier, False),
    ]  # fmt: skip
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(cause="forged")


def test_any_reading_comes_again_from_the_stored_events(ticket: Ticket, ana: User, began: datetime) -> None:
    take(ticket, actor=ana, now=began + timedelta(minutes=5))
    resolve(ticket, actor=ana, now=began + timedelta(hours=2))
    reopen(ticket, actor=ana, now=began + timedelta(hours=6))
    now = began + timedelta(hours=7)
    sweep(now)
    for kept in TicketClock.objects.filter(ticket=ticket):
        found, _ = reading(kept.kind, events_of(kept), now)
        assert (found.state, int(found.elapsed.total_seconds())) == (kept.state, kept.elapsed_s)
        assert found.elapsed == timedelta(hours=3)  # 2 + 1; the four hours between are nobody's
        past, _ = reading(kept.kind, events_of(kept), began + timedelta(hours=1))
        assert past.elapsed == timedelta(hours=1)


def test_reading_twice_adds_nothing(ticket: Ticket, began: datetime) -> None:
    sweep(began + timedelta(hours=5))
    before = TicketClockEvent.objects.count(), Notice.objects.count()
    for _ in range(3):
        refresh(ticket.ref, began + timedelta(hours=5))
    assert (TicketClockEvent.objects.count(), Notice.objects.count()) == before


def test_another_tier_in_the_directory_retargets_open_tickets(ticket: Ticket, lead: User) -> None:
    sweep()
    assert ticket.customer is not None
    update_customer(ticket.customer, actor=lead, changes={"tier": "enterprise"})
    sweep()
    found = clock(ticket, "first_reply")
    assert found.version is not None and found.version.policy.key == "enterprise"
    assert found.target_s == 3600 and found.elapsed_s >= 3600
    assert found.broken_at is not None and found.broken_at > timezone.now() - timedelta(minutes=1)


def test_another_priority_retargets(support: Team, lead: User) -> None:
    load_library()
    who = make.customer("org_big", tier="enterprise", domains=["big.example"])
    body = {"id": "9001", "subject": "slow", "requester": {"email": "a@big.example"}, "priority": "normal"}
    found, _ = upsert_ticket(body)
    assert found.customer == who
    sweep()
    upsert_ticket({**body, "priority": "urgent"})
    sweep()
    version = clock(found, "first_reply").version
    assert version is not None and version.policy.key == "enterprise-urgent"
    retargets = TicketClockEvent.objects.filter(clock__ticket=found, what="retarget")
    assert {row.cause for row in retargets} == {"ticket.priority"}


def test_a_ticket_keeps_the_version_it_came_under(ticket: Ticket, lead: User) -> None:
    sweep()
    newer = save_policy({**GOLD, "first_reply": "1 h"}, actor=lead)
    events.record("ticket.customer_wrote", ticket_ref=ticket.ref, at=timezone.now())
    sweep()
    assert newer.number == 2 and clock(ticket, "first_reply").target_s == 4 * 3600


def test_old_history_is_no_news(support: Team, lead: User) -> None:
    load_library()
    old = timezone.now() - timedelta(days=9)
    found = make.ticket(in_team=support, opened_at=old)
    sweep()
    assert clock(found, "first_reply").broken_at is not None and told(found) == []


def test_circling_is_told_once_for_each_time(ticket: Ticket, lead: User, ana: User, began: datetime) -> None:
    ben = make.user("ben", teams=(ticket.team,))
    for number, person in enumerate((ana, ben, ana, ben), 1):
        assign(ticket, owner=person, actor=lead, now=began + timedelta(minutes=number))
        for _ in range(2):
            sweep(began + timedelta(minutes=number))
    assert [kind for kind, _ in told(ticket)] == ["ticket.circling"] * 2
    standing = TicketStanding.objects.get(ticket=ticket)
    assert (standing.owner_changes, standing.circles) == (3, 2)


def test_unowned_is_told_again_for_the_next_time(ticket: Ticket, lead: User, ana: User, began: datetime) -> None:
    sweep(began + timedelta(minutes=40))
    take(ticket, actor=ana, now=began + timedelta(minutes=41))
    give_back(ticket, actor=ana, reason="not my field", now=began + timedelta(minutes=50))
    sweep(began + timedelta(minutes=60))
    assert [kind for kind, _ in told(ticket)] == ["ticket.unowned"]
    sweep(began + timedelta(minutes=85))
    assert [kind for kind, _ in told(ticket)] == ["ticket.unowned"] * 2


def test_stored_policy_versions_are_immutable(ticket: Ticket) -> None:
    version = SlaPolicyVersion.objects.get(policy__key="gold")
    for change in ({"document": {}}, {"number": 7}):
        with pytest.raises(IntegrityError), transaction.atomic():
            SlaPolicyVersion.objects.filter(pk=version.pk).update(**change)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM escalations_slapolicyversion WHERE id = %s", [version.pk])


# -------------------------------------------------------------------------------------------------------- the invariant
def owners(capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    try:
        call_command("owners")
    except SystemExit as ended:
        return int(ended.code or 0), capsys.readouterr().out
    return 0, capsys.readouterr().out


def test_an_open_ticket_is_somebodys_or_in_a_queue_that_is(
    ticket: Ticket, capsys: pytest.CaptureFixture[str], ana: User
) -> None:
    code, said = owners(capsys)
    assert code == 1 and ticket.ref in said and "nobody answers for Support" in said
    lead = make.user("lena", role="lead", teams=(ticket.team,))
    assert owners(capsys)[0] == 0
    User.objects.filter(pk=lead.pk).update(is_active=False)
    assert owners(capsys)[0] == 1
    take(ticket, actor=ana)
    assert owners(capsys)[0] == 0
    User.objects.filter(pk=ana.pk).update(is_active=False)
    code, said = owners(capsys)
    assert code == 1 and "Ana Reyes is not active" in said


def test_somebody_who_was_named_answers_for_the_queue(ticket: Ticket, lead: User, ana: User) -> None:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    assert owners_of(ticket.team, now) == [lead]
    set_queue(ticket.team, person=ana, actor=lead)
    assert owners_of(ticket.team, now) == [ana]
    User.objects.filter(pk=ana.pk).update(is_active=False)
    assert [one.ticket for one in violations(now)] == [ticket.ref]


# --------------------------------------------------------------------------------------------------------- after commit
@pytest.mark.django_db(transaction=True)
def test_the_clocks_stand_right_after_what_moved_them(support: Team) -> None:
    load_library()
    found, _ = upsert_ticket({"id": "9002", "subject": "slow"})
    assert TicketStanding.objects.filter(ticket=found).exists()
    assert not TicketClockWork.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_first_ticket_of_a_new_installation_is_under_the_shipped_policies(support: Team) -> None:
    found, _ = upsert_ticket({"id": "9004", "subject": "slow"})
    version = clock(found, "first_reply").version
    assert version is not None and version.policy.key == "standard"


@pytest.mark.django_db(transaction=True)
def test_what_was_cut_short_is_done_by_the_sweep(support: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    load_library()
    monkeypatch.setattr("escalations.ownership.hearing.refresh_waiting", lambda ref: 1 / 0)
    found, _ = upsert_ticket({"id": "9003", "subject": "slow"})
    assert TicketClockWork.objects.filter(ticket_ref=found.ref).exists()
    sweep()
    assert TicketStanding.objects.filter(ticket=found).exists() and not TicketClockWork.objects.exists()


def test_a_ticket_that_waits_for_engineering_says_so_in_the_queue_and_on_its_page(client: Client) -> None:
    agent = make.user("mina", teams=(make.team(),))
    save_policy({**GOLD, "pauses": ["customer", "engineering"]}, actor=None)
    now = timezone.now()
    ticket = make.ticket(customer=make.customer(tier="gold"), owner=agent, opened_at=now - timedelta(minutes=5))
    run = make.finished_run(ticket)
    sent, _ = send(run, Wish(), actor=agent, now=now)
    refresh(ticket.ref, now + timedelta(minutes=1))
    clock = TicketClock.objects.get(ticket=ticket, kind="resolution")
    assert (clock.state, clock.pause) == ("paused", "engineering")
    assert TicketStanding.objects.get(ticket=ticket).waiting == "engineering"
    client.force_login(agent)
    queue = client.get("/queue/?view=engineering").content.decode()
    assert ticket.ref in queue
    assert ticket.ref not in client.get("/queue/?view=waiting").content.decode()
    page = client.get(f"/tickets/{ticket.ref}/ownership/").content.decode()
    assert "paused," in page and "waiting on engineering" in page
    act(sent, "ask", Doer(make.user("eli", role="engineer")), now=now, text="Which region is it?")
    refresh(ticket.ref, now + timedelta(minutes=2))
    clock.refresh_from_db()
    assert (clock.state, clock.pause) == ("running", "")
