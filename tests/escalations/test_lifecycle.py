"""What happens to an escalation after it is sent: acts, windows, the chain, and who hears of it."""

from __future__ import annotations

import html
from datetime import timedelta

import pytest
from django.db import IntegrityError, InternalError, connection

from altor.errors import Conflict, InvalidInput, NotFound, PermissionRefused
from altor.models import AuditEvent, Notice, PhaseEvent
from escalations.lifecycle import changing, gaps
from escalations.lifecycle.acting import Doer, act, judge
from escalations.lifecycle.links import escalation_of, link_token, renew
from escalations.lifecycle.looking import sweep
from escalations.lifecycle.sending import Wish, send
from escalations.models import Escalation, EscalationEvent
from investigations.models import Ticket
from tests import factories

pytestmark = pytest.mark.django_db
NOON = factories.NOON
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def agent():
    return factories.user("mina", teams=(factories.team(),))


@pytest.fixture
def lead():
    return factories.user("leo", role="lead", teams=(factories.team(),))


@pytest.fixture
def engineer():
    return factories.user("eli", role="engineer")


@pytest.fixture
def sent(agent, lead):
    return escalate(agent)


def escalate(agent, severity="SEV2", now=NOON, **wish):
    run = factories.finished_run(factories.ticket(customer=factories.customer(), owner=agent))
    why = "It is what it is, says the test." if severity != "SEV2" else ""
    return send(run, Wish(severity=severity, severity_why=why, **wish), actor=agent, now=now)[0]


def whats(escalation):
    return list(escalation.history.values_list("what", flat=True))


def test_an_engineer_takes_it_from_acknowledged_to_resolved_and_support_verifies(sent, agent, engineer):
    doer = Doer(engineer)
    act(sent, "acknowledge", doer, now=NOON + 10 * MINUTE)
    act(sent, "accept", doer, now=NOON + 20 * MINUTE)
    act(sent, "start", doer, now=NOON + 30 * MINUTE)
    act(sent, "update", doer, now=NOON + 2 * HOUR, text="The limiter is being rolled back.")
    act(sent, "resolve", doer, now=NOON + 3 * HOUR, text="Rolled back.")
    done = act(sent, "verify", Doer(agent), now=NOON + 4 * HOUR, text="The customer says so.")
    assert (done.status, done.accepted_by, done.is_broken) == ("verified", engineer, False)
    assert whats(done) == ["sent", "acknowledged", "accepted", "started", "updated", "resolved", "verified"]
    assert (done.acknowledge_by, done.update_by, done.resolve_by, done.next_look_at) == (None, None, None, None)
    kinds = PhaseEvent.objects.filter(subject_ref=done.ref).values_list("kind", flat=True)
    assert list(kinds) == [
        f"escalation.{what}" for what in ("sent", "acknowledged", "accepted", "resolved", "verified")
    ]
    moved = Notice.objects.filter(kind="escalation.moved", subject_ref=done.ref).order_by("pk")
    assert [one.title for one in moved][:2] == [
        f"{done.ref} was acknowledged by eli", f"{done.ref} was accepted by eli",
    ]  # fmt: skip
    assert {delivery.person for delivery in moved[0].deliveries.all()} == {agent}


def test_the_same_act_twice_changes_nothing(sent, engineer):
    act(sent, "acknowledge", Doer(engineer), now=NOON + MINUTE)
    act(sent, "acknowledge", Doer(engineer), now=NOON + 2 * MINUTE)
    assert whats(sent) == ["sent", "acknowledged"]


@pytest.mark.parametrize(("first", "then"), [("resolve", "accept"), ("reject", "resolve"), ("withdraw", "acknowledge")])
def test_what_is_over_is_not_acted_on(sent, agent, engineer, first, then):
    by = agent if first == "withdraw" else engineer
    act(sent, first, Doer(by), now=NOON + MINUTE, text="A reason of some length.", reason="not_a_bug")
    with pytest.raises(Conflict):
        act(sent, then, Doer(engineer), now=NOON + 2 * MINUTE)


def test_support_may_not_act_for_engineering_nor_the_other_way_round(sent, agent, engineer):
    with pytest.raises(PermissionRefused):
        act(sent, "accept", Doer(agent), now=NOON)
    with pytest.raises(PermissionRefused):
        act(sent, "withdraw", Doer(engineer), now=NOON, text="A reason of some length.")
    with pytest.raises(PermissionRefused):
        act(sent, "accept", Doer(None, "Somebody", "page"), now=NOON)


def test_the_bearer_of_a_signed_link_acts_for_engineering_under_a_name(sent):
    act(sent, "acknowledge", Doer(None, "Eli from API Platform", "link"), now=NOON + MINUTE)
    event = sent.history.get(what="acknowledged")
    assert (event.by, event.via, event.data["name"]) == (None, "link", "Eli from API Platform")
    assert AuditEvent.objects.get(action="escalation.acknowledged").after["by"] == "Eli from API Platform"
    with pytest.raises(PermissionRefused):
        act(sent, "withdraw", Doer(None, "Eli", "link"), now=NOON, text="A reason of some length.")


def test_a_return_needs_a_reason_from_the_list_and_words(sent, engineer):
    with pytest.raises(InvalidInput):
        act(sent, "reject", Doer(engineer), now=NOON, text="There is no request id in it.", reason="because")
    with pytest.raises(InvalidInput):
        act(sent, "reject", Doer(engineer), now=NOON, text="no", reason="missing_evidence")
    act(
        sent,
        "reject",
        Doer(engineer),
        now=NOON + MINUTE,
        text="There is no request id in it.",
        reason="missing_evidence",
    )
    sent.refresh_from_db()
    assert (sent.status, sent.rejection, sent.ended_at) == ("rejected", "missing_evidence", NOON + MINUTE)
    sent.ticket.refresh_from_db()
    assert sent.ticket.status == Ticket.Status.DIAGNOSED
    lines = Notice.objects.get(kind="escalation.moved").lines
    assert "Evidence is missing" in lines and "There is no request id in it." in lines


def test_after_a_return_the_same_cause_may_be_escalated_again(sent, agent, engineer):
    act(sent, "reject", Doer(engineer), now=NOON + MINUTE, text="There is no request id.", reason="missing_evidence")
    again, is_new = send(sent.run, Wish(), actor=agent, now=NOON + HOUR)
    assert is_new and again != sent


def test_one_that_is_open_again_meets_another_of_the_same_cause(sent, agent, engineer):
    act(sent, "resolve", Doer(engineer), now=NOON + MINUTE)
    escalate(agent, now=NOON + HOUR)
    with pytest.raises(Conflict) as refused:
        act(sent, "reopen", Doer(engineer), now=NOON + 2 * HOUR, text="It came back at the customer.")
    assert "Another escalation of this cause is open" in refused.value.detail


# ------------------------------------------------------------------------------------------------------------ windows
def test_warned_before_and_told_once_when_the_response_window_is_over(sent, lead, agent):
    assert sent.next_look_at == NOON + 45 * MINUTE  # three quarters of an hour, and fifteen minutes before its end
    assert sweep(NOON + 44 * MINUTE) == 0
    assert sweep(NOON + 45 * MINUTE) == 1
    assert whats(sent) == ["sent", "warned"]
    assert sweep(NOON + 46 * MINUTE) == 0
    assert sweep(NOON + HOUR) == 1  # exactly at its end it is in time; the first step of the chain is due
    assert "broken" not in whats(sent)
    sweep(NOON + HOUR + MINUTE)
    sweep(NOON + HOUR + 2 * MINUTE)
    sent.refresh_from_db()
    assert whats(sent) == ["sent", "warned", "climbed", "broken"]
    assert sent.history.get(what="broken").at == NOON + HOUR
    assert sent.is_broken
    late = Notice.objects.filter(kind="escalation.late").order_by("pk")
    assert [one.title.removeprefix(sent.ref) for one in late] == [
        ": Acknowledgement is due in 15 min", " has not been acknowledged for 1 h",
        ": Acknowledgement is over since 1 min",
    ]  # fmt: skip
    assert {one.person for one in late[2].deliveries.all()} == {lead, agent}


def test_the_chain_climbs_until_somebody_acknowledges(sent, engineer):
    sweep(NOON + HOUR + MINUTE)
    act(sent, "acknowledge", Doer(engineer), now=NOON + 90 * MINUTE)
    sweep(NOON + 3 * HOUR)
    assert whats(sent).count("climbed") == 1
    # It was late, and stays so: an acknowledgement afterwards does not undo it.
    sent.refresh_from_db()
    assert sent.is_broken


def test_word_is_due_again_after_each_word_and_a_question_waits_for_support(sent, agent, engineer):
    act(sent, "acknowledge", Doer(engineer), now=NOON + MINUTE)
    sent.refresh_from_db()
    assert sent.update_by == NOON + MINUTE + 4 * HOUR
    act(sent, "update", Doer(engineer), now=NOON + 3 * HOUR, text="We look at the limiter.")
    sent.refresh_from_db()
    assert sent.update_by == NOON + 7 * HOUR
    act(sent, "ask", Doer(engineer), now=NOON + 4 * HOUR, text="Which region are they in?")
    sent.refresh_from_db()
    assert (sent.update_by, sent.waits_for) == (None, "support")
    act(sent, "answer", Doer(agent), now=NOON + 6 * HOUR, text="eu-central.")
    sent.refresh_from_db()
    assert (sent.update_by, sent.waits_for) == (NOON + 10 * HOUR, "")


def test_a_question_pauses_the_resolution_where_the_contract_says_so(agent, lead, engineer):
    # Friday, 1 May 2026, 12:00 UTC; SEV3 counts Monday to Friday, 09:00 to 17:00.
    sent = escalate(agent, "SEV3")
    # 40 h of open time: 5 h on Friday, then 35 h = 4 days of 8 h and 3 h: Friday, 8 May, 12:00.
    assert sent.resolve_by == NOON + timedelta(days=7)
    act(sent, "ask", Doer(engineer), now=NOON + HOUR, text="Which region?")
    act(sent, "answer", Doer(agent), now=NOON + timedelta(days=3, hours=1), text="eu-central.")  # Monday, 13:00
    sent.refresh_from_db()
    # Paused from Friday 13:00 to Monday 13:00: 4 h and 4 h of open time. 8 May 12:00 plus 8 h: Monday, 11 May, 12:00.
    assert sent.resolve_by == NOON + timedelta(days=10)


def test_a_lower_severity_keeps_what_has_elapsed_and_takes_the_other_target(sent, engineer):
    act(sent, "acknowledge", Doer(engineer), now=NOON + MINUTE)
    changing.change_severity(sent, "SEV1", "It is everybody now.", Doer(engineer), now=NOON + HOUR)
    sent.refresh_from_db()
    assert (sent.severity, sent.resolve_by) == ("SEV1", NOON + 4 * HOUR)
    with pytest.raises(InvalidInput):
        changing.change_severity(sent, "SEV2", "no", Doer(engineer), now=NOON + HOUR)
    with pytest.raises(InvalidInput):
        changing.change_severity(sent, "SEV9", "A reason of some length.", Doer(engineer), now=NOON + HOUR)


def test_time_between_resolved_and_open_again_counts_for_nobody(sent, engineer):
    act(sent, "acknowledge", Doer(engineer), now=NOON + MINUTE)
    act(sent, "resolve", Doer(engineer), now=NOON + 2 * HOUR)
    act(sent, "reopen", Doer(engineer), now=NOON + 12 * HOUR, text="It came back at the customer.")
    sent.refresh_from_db()
    assert sent.resolve_by == NOON + 34 * HOUR
    assert sent.status == "in_progress"


def test_gaps_of_a_provisional_escalation_are_reminded_of_when_they_are_due(agent, lead):
    run = factories.finished_run(factories.ticket())
    wish = Wish(severity="SEV1", severity_why="Nobody can log in.", is_provisional=True)
    send(run, wish, actor=agent, now=NOON)
    sweep(NOON + HOUR)
    sweep(NOON + HOUR + MINUTE)
    reminded = Notice.objects.filter(kind="escalation.late", title__contains="gaps are due")
    assert reminded.count() == 1
    assert lead in {one.person for one in reminded.get().deliveries.all()}


def test_a_gap_is_closed_by_an_answer_and_engineering_reads_it_as_an_addition(agent, lead):
    run = factories.finished_run(factories.ticket())
    wish = Wish(severity="SEV1", severity_why="Nobody can log in.", is_provisional=True)
    sent, _ = send(run, wish, actor=agent, now=NOON)
    assert gaps.answer(sent, "customer", "org_0042, says the contract", actor=agent, now=NOON + 10 * MINUTE) == 1
    assert sent.gaps.get().closed_at == NOON + 10 * MINUTE
    assert sent.history.get(what="added").text == "The customer, with its id: org_0042, says the contract"
    sweep(NOON + 2 * HOUR)
    assert not Notice.objects.filter(title__contains="gaps are due").exists()
    with pytest.raises(NotFound):
        gaps.answer(sent, "customer", "again", actor=agent, now=NOON + HOUR)


def test_a_gap_is_closed_by_the_next_run_that_holds_it(agent, lead):
    run = factories.finished_run(factories.ticket(customer=factories.customer()))
    run.evidence.update(verdict="normal")
    wish = Wish(severity="SEV1", severity_why="Nobody can log in.", is_provisional=True)
    sent, _ = send(run, wish, actor=agent, now=NOON)
    assert set(sent.gaps.values_list("item", flat=True)) == {"symptom", "reproduction"}
    again = factories.finished_run(run.ticket)
    gaps.run_ended(again)
    gaps.run_ended(again)
    assert not sent.gaps.filter(closed_at=None).exists()
    assert sorted(sent.history.filter(what="added").values_list("text", flat=True)) == [
        "How to see it again: E1", "The symptom, measured: E1",
    ]  # fmt: skip


# ------------------------------------------------------------------------------------------- owner, packet, judgement
def test_handed_to_another_team_all_of_it_is_told(sent, engineer, lead):
    team = factories.team("API Platform")
    other = factories.user("uma", role="engineer", teams=(team,))
    changing.change_owner(
        sent, team=team, person=None, why="The limiter is theirs.", doer=Doer(lead), now=NOON + MINUTE
    )
    sent.refresh_from_db()
    assert sent.owner_team == team
    notice = Notice.objects.get(kind="escalation.sent", title__contains="is yours now")
    assert [one.person for one in notice.deliveries.all()] == [other]


def test_what_was_sent_stays_and_what_comes_later_is_marked(sent, agent, engineer):
    frozen = dict(sent.packet)
    act(sent, "accept", Doer(engineer), now=NOON + MINUTE)
    changing.add(sent, "Request ids: r-1, r-2.", Doer(agent), now=NOON + HOUR)
    sent.refresh_from_db()
    assert sent.packet == frozen
    from escalations.packets.frozen import additions

    (later,) = additions(sent)
    assert (later["text"], later["by"]) == ("Request ids: r-1, r-2.", "mina")


def test_engineering_judges_and_the_newest_counts(sent, engineer, agent):
    judge(sent, Doer(engineer), is_complete=True, was_avoidable=False, now=NOON)
    judge(sent, Doer(engineer), is_complete=True, was_avoidable=False, now=NOON)
    judge(sent, Doer(engineer), is_complete=False, was_avoidable=True, comment="No request id.", now=NOON + MINUTE)
    assert sent.verdicts.count() == 2
    with pytest.raises(PermissionRefused):
        judge(sent, Doer(agent), is_complete=True, was_avoidable=False, now=NOON)


def test_the_history_is_append_only(sent):
    with pytest.raises((InternalError, IntegrityError)), connection.cursor() as cursor:
        cursor.execute("UPDATE escalations_escalationevent SET at = now()")


def test_an_engineer_sees_what_reached_them_and_its_tickets(sent, engineer):
    # Nobody is named: it reached all engineers.
    assert Escalation.objects.visible_to(engineer).get() == sent
    assert Ticket.objects.visible_to(engineer).get() == sent.ticket
    team = factories.team("API Platform")
    Escalation.objects.update(owner_team=team)
    assert not Escalation.objects.visible_to(engineer).exists()
    assert not Ticket.objects.visible_to(engineer).exists()
    insider = factories.user("uma", role="engineer", teams=(team,))
    assert Escalation.objects.visible_to(insider).get() == sent
    stranger = factories.user("zoe", teams=(factories.team("Other"),))
    assert not Escalation.objects.visible_to(stranger).exists()


def test_the_time_of_what_happened_orders_the_history(sent):
    assert EscalationEvent.objects.get().at == NOON


# ------------------------------------------------------------------------------------------------------- signed links
def test_the_holder_of_a_link_reads_the_packet_and_acts_without_an_account(sent, client):
    address = f"/e/{link_token(sent)}/"
    shown = client.get(address)
    assert shown.status_code == 200
    assert sent.packet["summary"][:40] in html.unescape(shown.content.decode())
    assert (shown["Referrer-Policy"], shown["Cache-Control"]) == ("same-origin", "no-store")
    done = client.post(address, {"act": "acknowledge", "name": "Eli\nPlatform"})
    assert done.status_code == 302
    event = sent.history.get(what="acknowledged")
    assert (event.by, event.via, event.data["name"]) == (None, "link", "Eli Platform")
    refused = client.post(address, {"act": "reject", "reason": "", "text": "It is not ours at all."})
    assert refused.status_code == 400
    assert "It is not ours at all." in refused.content.decode()


def test_a_link_opens_no_other_escalation_and_none_after_it_was_renewed(sent, agent, client):
    token = link_token(sent)
    assert client.get(f"/e/{token[:-1]}{'A' if token[-1] != 'A' else 'B'}/").status_code == 404
    renew(sent, actor=agent)
    assert client.get(f"/e/{token}/").status_code == 404
    sent.refresh_from_db()
    assert client.get(f"/e/{link_token(sent)}/").status_code == 200


def test_a_link_may_not_do_what_is_supports(sent, client):
    for name in ("withdraw", "verify", "answer", "nothing"):
        answer = client.post(f"/e/{link_token(sent)}/", {"act": name, "text": "A reason of some length."})
        assert answer.status_code == 404
    assert whats(sent) == ["sent"]


def test_a_link_ends_a_fortnight_after_the_escalation(sent, engineer):
    act(sent, "resolve", Doer(engineer), now=NOON)
    assert escalation_of(link_token(sent), now=NOON + timedelta(days=13)) == sent
    assert escalation_of(link_token(sent), now=NOON + timedelta(days=15)) is None
