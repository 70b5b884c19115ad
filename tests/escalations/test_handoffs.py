"""Handoffs: drafted once at a shift's end, signed, accepted one by one or together, refused, taken over, escalated."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from threading import Barrier
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from altor.errors import Conflict, DomainError, InvalidInput, PermissionRefused
from altor.models import AuditEvent, Notice, PhaseEvent, User
from escalations.handoffs.erasure import erase
from escalations.handoffs.giving import Changed, sign, write
from escalations.handoffs.sweeping import sweep
from escalations.handoffs.switching import save_setting
from escalations.handoffs.taking import accept, accept_rest, refuse, take, take_item
from escalations.lifecycle.acting import Doer, act
from escalations.lifecycle.sending import Wish, send
from escalations.models import Handoff, HandoffSetting, TicketStanding
from escalations.oncall.overrides import add_override
from investigations.models import Ticket
from investigations.services.custody import assign, give_back
from tests import factories as make
from tests.escalations.handoff_scene import (
    END,
    HOUR,
    MINUTE,
    NOW,
    drafted,
    kinds,
    promise,
    states,
    team_with_shifts,
    ticket_of,
)
from tests.escalations.oncall_scene import at, layer, people, rotation

pytestmark = pytest.mark.django_db


@pytest.fixture
def shifts() -> Any:
    return team_with_shifts()


def owner(ticket: Ticket) -> str:
    ticket.refresh_from_db()
    return ticket.owner.username if ticket.owner else ""


def told(kind: str) -> list[tuple[str, set[str]]]:
    """(title, who heard it) of each notice of the kind."""
    rows = Notice.objects.filter(kind=kind).order_by("pk")
    return [(one.title, {each.person.username for each in one.deliveries.all() if each.person}) for one in rows]


# ------------------------------------------------------------------------------------------------------------- drafting
def test_a_team_without_the_setting_hands_nothing_off(shifts: Any) -> None:
    HandoffSetting.objects.update(is_on=False)
    sweep(END - MINUTE)
    sweep(END + MINUTE)
    assert not Handoff.objects.exists()


def test_it_cannot_be_switched_on_without_shifts_nor_by_an_agent() -> None:
    team = make.team()
    lead, agent = make.user(role="lead", teams=(team,)), make.user(teams=(team,))
    values = {"is_on": True, "draft_before_min": 30, "escalate_after_min": 30, "now": NOW}
    with pytest.raises(InvalidInput):
        save_setting(team, actor=lead, **values)
    people("ana", "ben")
    rotation(layer("ana", "ben"))
    with pytest.raises(PermissionRefused):
        save_setting(team, actor=agent, **values)
    with pytest.raises(InvalidInput):
        save_setting(team, actor=lead, **{**values, "draft_before_min": 4})
    save_setting(team, actor=lead, **values)
    assert AuditEvent.objects.get(action="handoff.setting_changed").after["is_on"] is True


def test_it_is_drafted_half_an_hour_before_the_end_once_however_often_one_looks(shifts: Any) -> None:
    _, ana, ben, _, _ = shifts
    one = ticket_of(ana, subject="Slow")
    ticket_of(ben)
    sweep(END - 31 * MINUTE)
    assert not Handoff.objects.exists()
    for minute in (30, 30, 29, 10, 0, -1, -10):
        sweep(END - minute * MINUTE)
    handoff = Handoff.objects.get()
    assert (handoff.outgoing, handoff.incoming, handoff.ends_at, handoff.status) == (ana, ben, END, "drafted")
    assert kinds(handoff) == {one.ref: "The rest"}
    assert told("handoff.drafted") == [
        (f"{handoff.ref}: Ana Example hands 1 open thing to Ben Example at Mon 2 Mar 17:00 CET", {"ana", "ben"})
    ]


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_draft_one_handoff() -> None:
    team_with_shifts()
    start = Barrier(4)

    def look(_: int) -> None:
        try:
            start.wait()
            sweep(END - MINUTE)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(look, range(4)))
    assert Handoff.objects.count() == 1
    assert Notice.objects.filter(kind="handoff.drafted").count() == 1


def test_an_end_that_was_missed_is_drafted_late_but_not_one_before_the_switch(shifts: Any) -> None:
    sweep(END + 5 * HOUR)
    assert Handoff.objects.get().ends_at == END
    HandoffSetting.objects.update(since=END + HOUR)
    Handoff.objects.all().delete()
    sweep(END + 5 * HOUR)
    assert not Handoff.objects.exists()


@pytest.mark.parametrize(
    ("day", "end"),
    [
        ("2026-03-28", "2026-03-29T07:00:00+00:00"),  # clocks go forward in the night: 9:00 CEST
        ("2026-10-24", "2026-10-25T08:00:00+00:00"),  # and back: 9:00 CET
    ],
)
def test_a_shift_over_the_change_of_clocks_ends_on_the_wall_clock(shifts: Any, day: str, end: str) -> None:
    HandoffSetting.objects.update(since=at(f"{day}T18:00:00+00:00"))
    ends = at(end)
    sweep(ends - 31 * MINUTE)
    assert not Handoff.objects.exists()
    sweep(ends - 30 * MINUTE)
    handoff = Handoff.objects.get()
    assert (handoff.outgoing.username, handoff.incoming.username, handoff.ends_at) == ("ben", "ana", ends)


def test_hours_without_anybody_end_no_shift_of_whoever_comes_back() -> None:
    team = make.team()
    people("ana", "ben", team=team)
    lead = make.user("leo", role="lead", teams=(team,))
    rotation(layer("ana", "ben", hours={"week": {"mon-fri": "09:00-17:00"}}), now=NOW - 7 * HOUR)
    save_setting(team, is_on=True, draft_before_min=30, escalate_after_min=30, actor=lead, now=NOW)
    sweep(END)  # Monday 17:00: ana goes on at 9:00
    assert not Handoff.objects.exists()
    friday = at("2026-03-06T16:00:00+00:00")
    sweep(friday)
    handoff = Handoff.objects.get()
    assert (handoff.outgoing.username, handoff.incoming.username) == ("ana", "ben")
    assert handoff.due_from == at("2026-03-09T08:00:00+00:00")  # when ben begins
    sweep(friday + 2 * HOUR)
    handoff.refresh_from_db()
    assert handoff.unaccepted_at is None


def test_each_item_tells_state_evidence_next_step_deadline_and_promise(shifts: Any) -> None:
    _, ana, _, _, _ = shifts
    ticket = ticket_of(ana, customer=make.customer())
    run = make.finished_run(ticket)
    send(run, Wish(), actor=ana, now=NOW)
    TicketStanding.objects.create(ticket=ticket, due_at=END + 6 * HOUR, due_kind="resolution", read_at=NOW)
    promise(ticket, END + 2 * HOUR)
    (item,) = drafted().items.all()
    assert "ESC-" in item.state and "SEV2 sent" in item.state
    assert [lead for lead, _ in item.evidence] == ["Cause", "Scope", "Since", "It is not"]
    assert item.run_ref == run.ref
    assert item.next_step
    assert item.promises == [[(END + 2 * HOUR).isoformat(), "An update, promised by Ana Example"]]
    assert item.deadline_at <= END + 2 * HOUR and item.deadline_kind
    assert item.is_beyond


def test_urgent_promised_and_soon_due_come_apart_from_the_rest(shifts: Any) -> None:
    _, ana, _, _, _ = shifts
    urgent, promised, soon, rest = (ticket_of(ana, subject=name) for name in ("urgent", "promised", "soon", "rest"))
    Ticket.objects.filter(pk=urgent.pk).update(priority="Urgent")
    promise(promised, END + 9 * HOUR)
    TicketStanding.objects.create(ticket=soon, due_at=END + 4 * HOUR, due_kind="next_reply", read_at=NOW)
    TicketStanding.objects.create(
        ticket=rest, due_at=END + 4 * HOUR + MINUTE, due_kind="next_reply", read_at=NOW
    )  # fmt: skip
    assert kinds(drafted()) == {
        urgent.ref: "Urgent", promised.ref: "Promised", soon.ref: "Due soon", rest.ref: "The rest",
    }  # fmt: skip


def test_tickets_of_another_team_and_resolved_ones_stay_out(shifts: Any) -> None:
    _, ana, _, _, _ = shifts
    ticket_of(ana, in_team=make.team("Elsewhere"))
    ticket_of(ana, status=Ticket.Status.RESOLVED)
    assert kinds(drafted()) == {}


def test_a_draft_follows_what_is_open_and_keeps_what_was_written(shifts: Any) -> None:
    _, ana, ben, _, _ = shifts
    one, two = ticket_of(ana), ticket_of(ana)
    handoff = drafted()
    write(handoff, actor=ana, note="Quiet day.", items={one.ref: {"note": "Called at 15:00", "next_step": "Call"}},
          now=NOW)  # fmt: skip
    assign(two, owner=ben, actor=ben, now=NOW)
    assert states(handoff) == {one.ref: "offered", two.ref: "gone"}  # at once
    three = ticket_of(ana)
    TicketStanding.objects.create(ticket=one, is_broken=True, due_at=NOW, due_kind="next_reply", read_at=NOW)
    sweep(END - 10 * MINUTE)
    assert states(handoff) == {one.ref: "offered", two.ref: "gone", three.ref: "offered"}
    item = handoff.items.get(ticket=one)
    assert (item.note, item.shown_next_step, item.get_urgency_display()) == ("Called at 15:00", "Call", "Urgent")
    assign(two, owner=ana, actor=ben, now=NOW)
    sweep(END - 8 * MINUTE)
    assert states(handoff)[two.ref] == "offered"


# -------------------------------------------------------------------------------------------------------------- signing
def test_only_the_outgoing_or_a_lead_signs_and_only_what_they_have_seen(shifts: Any) -> None:
    _, ana, ben, _, _ = shifts
    ticket_of(ana)
    handoff = drafted()
    seen = handoff.revision
    with pytest.raises(PermissionRefused):
        sign(handoff, actor=ben, now=END)
    ticket_of(ana)
    with pytest.raises(Changed):
        sign(handoff, actor=ana, seen=seen, now=END)
    sweep(END)
    handoff.refresh_from_db()
    signed = sign(handoff, actor=ana, seen=handoff.revision, note="All yours", now=END)
    assert (signed.status, signed.note) == ("signed", "All yours")
    assert sign(handoff, actor=ana, now=END + MINUTE).signed_at == END
    with pytest.raises(Conflict):
        write(handoff, actor=ana, note="Too late", now=END)
    assert told("handoff.signed") == [(f"{handoff.ref}: Ana Example signed it", {"ben"})]


def test_what_comes_after_the_signature_is_added_until_the_shift_ends(shifts: Any) -> None:
    _, ana, _, _, _ = shifts
    handoff = drafted()
    sign(handoff, actor=ana, now=END - 15 * MINUTE)
    late = ticket_of(ana)
    sweep(END - 5 * MINUTE)
    ticket_of(ana)
    sweep(END + 5 * MINUTE)
    assert states(handoff) == {late.ref: "offered"}
    assert handoff.items.get().came_late


# ------------------------------------------------------------------------------------------------------------ accepting
def test_nothing_moves_before_it_is_accepted_and_then_with_audit_and_event(shifts: Any) -> None:
    _, ana, ben, _, _ = shifts
    ticket = ticket_of(ana)
    handoff = drafted()
    with pytest.raises(Conflict):
        accept(handoff, ticket.ref, actor=ben, now=END - MINUTE)
    sign(handoff, actor=ana, now=END - MINUTE)
    sweep(END + MINUTE)
    assert owner(ticket) == "ana"
    accept(handoff, ticket.ref, actor=ben, now=END + 2 * MINUTE)
    accept(handoff, ticket.ref, actor=ben, now=END + 3 * MINUTE)
    assert owner(ticket) == "ben"
    assert PhaseEvent.objects.filter(kind="ticket.assigned", ticket_ref=ticket.ref).count() == 1
    assert AuditEvent.objects.filter(action="handoff.accepted").count() == 1
    handoff.refresh_from_db()
    assert (handoff.status, handoff.closed_at) == ("closed", END + 2 * MINUTE)


def test_the_rest_goes_together_and_the_urgent_never_does(shifts: Any) -> None:
    _, ana, ben, _, _ = shifts
    rest = [ticket_of(ana) for _ in range(3)]
    urgent = ticket_of(ana, priority="urgent")
    handoff = drafted()
    sign(handoff, actor=ana, now=END - MINUTE)
    done = accept_rest(handoff, actor=ben, now=END)
    assert (sorted(done.refs), done.refused) == (sorted(one.ref for one in rest), [])
    assert [owner(one) for one in [*rest, urgent]] == ["ben", "ben", "ben", "ana"]


def test_a_promise_beyond_the_shift_is_the_receivers_to_make(shifts: Any) -> None:
    _, ana, ben, _, _ = shifts
    beyond, before = ticket_of(ana), ticket_of(ana)
    promise(beyond, END + HOUR)
    promise(before, END - 5 * MINUTE)
    handoff = drafted()
    sweep(END - 10 * MINUTE)
    assert told("handoff.promise") == [(f"{handoff.ref}: will you keep what was promised on {beyond.ref}?", {"ben"})]
    sign(handoff, actor=ana, now=END - MINUTE)
    accept(handoff, before.ref, actor=ben, now=END)
    with pytest.raises(InvalidInput) as refused:
        accept(handoff, beyond.ref, actor=ben, now=END)
    assert refused.value.extra["item"] == beyond.ref
    assert owner(beyond) == "ana"
    accept(handoff, beyond.ref, actor=ben, keeps_promise=True, now=END)
    assert owner(beyond) == "ben"


def test_a_refused_item_stays_and_the_lead_is_told(shifts: Any) -> None:
    _, ana, ben, _, _ = shifts
    ticket = ticket_of(ana)
    handoff = drafted()
    sign(handoff, actor=ana, now=END - MINUTE)
    with pytest.raises(InvalidInput):
        refuse(handoff, ticket.ref, actor=ben, reason="no", now=END)
    refuse(handoff, ticket.ref, actor=ben, reason="It needs somebody who speaks French", now=END - MINUTE)
    assert owner(ticket) == "ana"
    assert told("handoff.refused") == [(f"{handoff.ref}: Ben Example refused {ticket.ref}", {"ana", "leo"})]
    with pytest.raises(PermissionRefused):
        refuse(handoff, ticket.ref, actor=ana, reason="Back to me", now=END)
    accept(handoff, ticket.ref, actor=ben, now=END)  # they thought better of it
    assert owner(ticket) == "ben"


@pytest.mark.parametrize("change", ["other owner", "resolved"])
def test_what_changed_meanwhile_is_not_accepted(shifts: Any, change: str) -> None:
    _, ana, ben, leo, _ = shifts
    ticket = ticket_of(ana)
    handoff = drafted()
    sign(handoff, actor=ana, now=END - MINUTE)
    if change == "other owner":
        assign(ticket, owner=leo, actor=leo)
    else:
        Ticket.objects.filter(pk=ticket.pk).update(status=Ticket.Status.RESOLVED)
    with pytest.raises(Conflict):
        accept(handoff, ticket.ref, actor=ben, now=END)
    assert owner(ticket) == ("leo" if change == "other owner" else "ana")


@pytest.mark.django_db(transaction=True)
def test_of_two_who_take_at_once_one_gets_it() -> None:
    _team, ana, ben, leo, _ = team_with_shifts()
    tickets = [ticket_of(ana) for _ in range(4)]
    handoff = drafted()
    sign(handoff, actor=ana, now=END - MINUTE)
    start = Barrier(2)

    def go(actor: User) -> list[str]:
        got = []
        try:
            start.wait()
            for one in tickets:
                try:
                    if actor == ben:
                        accept(handoff, one.ref, actor=actor, now=END)
                    else:
                        take_item(handoff, one.ref, actor=actor, now=END)
                    got.append(one.ref)
                except DomainError:
                    pass
        finally:
            connection.close()
        return got

    with ThreadPoolExecutor(2) as pool:
        bens, leos = pool.map(go, (ben, leo))
    assert sorted(bens + leos) == sorted(one.ref for one in tickets)
    assert {one.ref: owner(one) for one in tickets} == {
        **dict.fromkeys(bens, "ben"), **dict.fromkeys(leos, "leo"),
    }  # fmt: skip
    assert PhaseEvent.objects.filter(kind="ticket.assigned").count() == 4


@pytest.mark.django_db(transaction=True)
def test_an_acceptance_and_an_assignment_at_once_leave_one_owner_and_no_deadlock() -> None:
    _team, ana, ben, leo, _ = team_with_shifts()
    for _ in range(5):
        ticket = ticket_of(ana)
        handoff = Handoff.objects.first() or drafted()
        sweep(END - 10 * MINUTE)
        start = Barrier(3)

        def go(step: int, ticket: Ticket = ticket, handoff: Handoff = handoff, start: Barrier = start) -> None:
            try:
                start.wait()
                if step == 0:
                    take_item(handoff, ticket.ref, actor=ben, now=END)
                elif step == 1:
                    assign(ticket, owner=leo, actor=leo)
                else:
                    sweep(END - 5 * MINUTE)
            except DomainError:
                pass
            finally:
                connection.close()

        with ThreadPoolExecutor(3) as pool:
            list(pool.map(go, range(3)))
        assert owner(ticket) in ("ben", "leo")
        Handoff.objects.update(read_at=NOW)
    call_command("owners", stdout=StringIO())


# ---------------------------------------------------------------------------------------------------------- taking over
def test_the_incoming_takes_over_before_it_is_signed_all_or_one(shifts: Any) -> None:
    _, ana, ben, _, _ = shifts
    one, two, three = ticket_of(ana), ticket_of(ana, priority="urgent"), ticket_of(ana)
    handoff = drafted()
    with pytest.raises(PermissionRefused):
        take(handoff, actor=ana, now=NOW)
    take_item(handoff, one.ref, actor=ben, now=END - 10 * MINUTE)
    assert [owner(each) for each in (one, two, three)] == ["ben", "ana", "ana"]
    done = take(handoff, actor=ben, now=END - 9 * MINUTE)
    assert sorted(done.refs) == sorted([two.ref, three.ref])
    assert [owner(each) for each in (one, two, three)] == ["ben", "ben", "ben"]


def test_once_it_is_signed_the_incoming_accepts_and_early_promises_are_asked_for_too(shifts: Any) -> None:
    _, ana, ben, leo, _ = shifts
    beyond, plain = ticket_of(ana), ticket_of(ana)
    promise(beyond, END + HOUR)
    handoff = drafted()
    done = take(handoff, actor=ben, now=END - 10 * MINUTE)
    assert done.refs == [plain.ref]
    assert done.refused == [
        f"{beyond.ref}: the customer was promised something for after Ana Example's shift. Say that you keep it."
    ]
    sign(handoff, actor=ana, now=END - 5 * MINUTE)
    with pytest.raises(Conflict):
        take(handoff, actor=ben, now=END)
    with pytest.raises(Conflict):
        take_item(handoff, beyond.ref, actor=ben, keeps_promise=True, now=END)
    Notice.objects.all().delete()
    take_item(handoff, beyond.ref, actor=leo, to=ben, now=END)
    assert owner(beyond) == "ben"
    assert told("handoff.promise") == [(f"{handoff.ref}: will you keep what was promised on {beyond.ref}?", {"ben"})]


def test_a_lead_takes_over_for_somebody_else_and_nobody_else_may(shifts: Any) -> None:
    team, ana, ben, leo, _ = shifts
    cleo = make.user("cleo", teams=(team,))
    ticket = ticket_of(ana)
    handoff = drafted()
    with pytest.raises(PermissionRefused):
        take(handoff, actor=cleo, now=NOW)
    with pytest.raises(PermissionRefused):
        take(handoff, actor=ben, to=cleo, now=NOW)
    with pytest.raises(PermissionRefused):
        take(handoff, actor=make.user(role="lead", teams=(make.team("Elsewhere"),)), now=NOW)
    assert take(handoff, actor=leo, to=cleo, now=NOW).refs == [ticket.ref]
    assert owner(ticket) == "cleo"


def test_an_escalation_worked_on_is_handed_over_too(shifts: Any) -> None:
    _team, _ana, ben, leo, _ = shifts
    # ana's shift goes to leo, who works on escalations
    add_override(shifts[4], seat="primary", begins_at=NOW - HOUR, ends_at=END, person=leo, actor=leo, now=NOW - HOUR)
    run = make.finished_run(ticket_of(ben, customer=make.customer()))
    sent, _ = send(run, Wish(), actor=ben, now=NOW)
    act(sent, "accept", Doer(leo), now=NOW + MINUTE)
    handoff = drafted()
    assert (handoff.outgoing, list(kinds(handoff))) == (leo, [sent.ref])
    sign(handoff, actor=leo, now=END - MINUTE)
    accept(handoff, sent.ref, actor=ben, now=END)
    sent.refresh_from_db()
    assert (sent.owner_person, sent.accepted_by) == (ben, ben)


# --------------------------------------------------------------------------------------------------------- not accepted
def test_an_unaccepted_handoff_is_told_to_the_leads_once_and_moves_nothing(shifts: Any) -> None:
    _, ana, _, _, _ = shifts
    ticket = ticket_of(ana)
    handoff = drafted()
    sweep(END + 29 * MINUTE)
    assert told("handoff.unaccepted") == []
    for minute in (30, 32, 90):
        sweep(END + minute * MINUTE)
    ((title, heard),) = told("handoff.unaccepted")
    assert title == f"{handoff.ref}: 1 not accepted by Ben Example since Mon 2 Mar 17:00 CET"
    assert heard == {"leo", "ana", "ben"}
    assert owner(ticket) == "ana"


def test_a_handoff_of_nothing_closes_by_itself(shifts: Any) -> None:
    handoff = drafted()
    sweep(END + MINUTE)
    handoff.refresh_from_db()
    assert handoff.status == "closed"


# --------------------------------------------------------------------------------------------------- edits of rotations
def test_another_incoming_gets_the_handoff_and_both_are_told(shifts: Any) -> None:
    team, ana, ben, leo, made = shifts
    cleo = make.user("cleo", teams=(team,))
    ticket = ticket_of(ana)
    handoff = drafted()
    sign(handoff, actor=ana, now=END - 15 * MINUTE)
    add_override(made, seat="primary", begins_at=END, ends_at=END + 8 * HOUR, person=cleo, actor=leo,
                 now=END - 14 * MINUTE)  # fmt: skip
    sweep(END - 10 * MINUTE)
    handoff.refresh_from_db()
    assert handoff.incoming == cleo
    assert told("handoff.redirected") == [(f"{handoff.ref}: goes to cleo", {"ana", "ben", "cleo"})]
    with pytest.raises(PermissionRefused):
        accept(handoff, ticket.ref, actor=ben, now=END)
    accept(handoff, ticket.ref, actor=cleo, now=END)
    assert owner(ticket) == "cleo"


def test_a_longer_or_a_shorter_shift_moves_its_end_and_keeps_what_was_written(shifts: Any) -> None:
    _team, ana, _ben, leo, made = shifts
    one = ticket_of(ana)
    handoff = drafted()
    write(handoff, actor=ana, note="Kept", now=NOW)
    add_override(made, seat="primary", begins_at=END, ends_at=END + 15 * MINUTE, person=ana, actor=leo,
                 now=END - 14 * MINUTE)  # fmt: skip
    sweep(END - 10 * MINUTE)
    handoff.refresh_from_db()
    assert (handoff.ends_at, handoff.note) == (END + 15 * MINUTE, "Kept")
    add_override(made, seat="primary", begins_at=END - 5 * MINUTE, ends_at=END + HOUR, person=leo, actor=leo,
                 now=END - 9 * MINUTE)  # fmt: skip
    sweep(END - 8 * MINUTE)
    handoff.refresh_from_db()
    assert (handoff.ends_at, handoff.incoming, list(kinds(handoff))) == (END - 5 * MINUTE, leo, [one.ref])
    assert Handoff.objects.count() == 1


def test_what_nobody_accepted_goes_on_with_the_seat_and_is_dropped_when_it_comes_back(shifts: Any) -> None:
    _, ana, ben, _, _ = shifts
    ticket = ticket_of(ana)
    handoff = drafted()
    morning = at("2026-03-03T08:00:00+00:00")
    sweep(morning + MINUTE)
    handoff.refresh_from_db()
    assert handoff.status == "dropped"
    assert owner(ticket) == "ana"
    sweep(morning + 5 * MINUTE)
    assert [(one.outgoing, one.ends_at) for one in Handoff.objects.exclude(pk=handoff.pk)] == [(ben, morning)]


def test_a_receiver_who_leaves_is_replaced_by_the_leads(shifts: Any) -> None:
    _team, ana, ben, leo, _made = shifts
    ticket = ticket_of(ana)
    handoff = drafted()
    User.objects.filter(pk=ben.pk).update(is_active=False)
    sweep(END - 10 * MINUTE)
    sweep(END - 8 * MINUTE)
    handoff.refresh_from_db()
    assert (handoff.status, handoff.incoming) == ("drafted", None)
    assert told("handoff.redirected") == [(f"{handoff.ref}: goes to nobody yet", {"ana", "leo"})]
    assert owner(ticket) == "ana"
    with pytest.raises(PermissionRefused):
        accept(handoff, ticket.ref, actor=ben, now=END)
    assert take(handoff, actor=leo, now=END).refs == [ticket.ref]


# -------------------------------------------------------------------------------------------------------- the invariant
def test_the_command_finds_what_is_offered_though_it_is_somebody_elses(shifts: Any) -> None:
    _, ana, ben, _, _ = shifts
    ticket = ticket_of(ana)
    drafted()
    call_command("owners", stdout=StringIO())
    Ticket.objects.filter(pk=ticket.pk).update(owner=ben)  # past every service
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("owners", stdout=out, stderr=StringIO())
    assert f"{ticket.ref}" in out.getvalue() and "Ben Example's" in out.getvalue()


def test_words_on_a_ticket_that_the_helpdesk_removed_are_gone(shifts: Any) -> None:
    _, ana, _, _, _ = shifts
    ticket, other = ticket_of(ana), ticket_of(ana)
    make.finished_run(ticket)
    handoff = drafted()
    words = {one.ref: {"note": "Rosa called twice", "next_step": "Call Rosa"} for one in (ticket, other)}
    write(handoff, actor=ana, items=words, now=NOW)
    erase(ticket, ["*"])
    item = handoff.items.get(ticket=ticket)
    assert (item.evidence, item.shown_next_step, item.note, item.status) == ([], "", "", "offered")
    assert handoff.items.get(ticket=other).note == "Rosa called twice"


def test_a_returned_ticket_is_in_its_queue_and_no_more_in_the_handoff(shifts: Any) -> None:
    _, ana, _, _, _ = shifts
    ticket = ticket_of(ana)
    handoff = drafted()
    give_back(ticket, actor=ana, reason="Not mine at all")
    assert states(handoff) == {ticket.ref: "gone"}
    call_command("owners", stdout=StringIO())
