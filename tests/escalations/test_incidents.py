"""Incidents: declared once for one cause, told to customers at the promised interval, closed with what they leave."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import InternalError, connection, transaction
from django.db.utils import IntegrityError

from altor.errors import Conflict, InvalidInput, NotFound, PermissionRefused
from altor.models import AuditEvent, Notice, OutboundDelivery
from escalations.incidents import changing, closing, followups, recovering
from escalations.incidents.customers import as_csv, customers_of, keep_notice, mark_told, undo_told
from escalations.incidents.declaring import IncidentOpen, Wish, declare
from escalations.incidents.linking import join, unlink
from escalations.incidents.proposing import Origin, propose
from escalations.incidents.reviewing import markdown, review_of
from escalations.incidents.suggesting import run_ended
from escalations.incidents.sweeping import sweep
from escalations.incidents.updates import UpdateLeaks, Words, proposed, publish
from escalations.lifecycle.sending import Wish as EscalationWish
from escalations.lifecycle.sending import send
from escalations.models import FollowUp, Incident, IncidentEvent, IncidentSuggestion
from investigations.models import Investigation, Ticket
from knowledge.models import Reply
from tests import factories as make
from tests.escalations.incident_scene import DAY, HOUR, MINUTE, NOW, build

pytestmark = pytest.mark.django_db
WHY = "A reason of some length."


@pytest.fixture
def scene():
    return build()


def whats(incident):
    return list(incident.history.values_list("what", flat=True))


def told(kind):
    """{(title, who)} of notices by mail."""
    return {(one.title, person.person.username) for one in Notice.objects.filter(kind=kind)
            for person in one.deliveries.all() if person.person}  # fmt: skip


# ------------------------------------------------------------------------------------------------------------ declaring
def test_it_is_proposed_with_the_cause_the_tickets_and_those_who_have_not_written(scene):
    wanted = propose(Origin(ticket=scene.first), actor=scene.eli, now=NOW)
    assert (wanted.title, wanted.severity) == ("A deployment changed the limiter", "SEV2")
    assert wanted.tickets == [scene.first, scene.second]
    assert [one.name for one in wanted.silent] == ["Blue Kite Traders", "Red Fern Logistics"]
    assert wanted.commander == scene.eli
    said = " ".join(wanted.does(NOW))
    assert "Tells Leo Example and Mina Example." in said  # whoever declares it knows
    assert f"Marks {scene.first.ref} and {scene.second.ref} as part of it." in said
    assert "by 16:05 UTC on 1 May (every 4 h)" in said
    assert "Sends nothing to any customer." in said
    assert not Incident.objects.exists()


def test_declaring_does_what_was_said(scene):
    make.outbound_endpoint(event_types=["incident.declared"])
    incident = scene.declare(note="We roll it back.", channel="#inc-limiter")
    assert (incident.status, incident.severity, incident.commander) == ("open", "SEV2", scene.leo)
    assert incident.next_update_at == NOW + 4 * HOUR
    assert incident.began_at.isoformat() == "2026-05-01T10:02:00+00:00"
    assert whats(incident) == ["declared"]
    assert incident.every == "4 h"
    assert list(incident.links.values_list("ticket__ref", flat=True)) == [scene.first.ref, scene.second.ref]
    assert set(incident.customers.values_list("org_id", "found")) == {
        ("org_wind", "ticket"), ("org_oak", "ticket"), ("org_kite", "measured"), ("org_fern", "measured"),
    }  # fmt: skip
    assert told("incident.declared") == {(f"{incident.ref} is declared at SEV2 by Leo Example", "mina")}
    sent = OutboundDelivery.objects.get(event_type="incident.declared").payload["data"]
    assert (sent["incident"], sent["severity"]) == (incident.ref, "SEV2")
    assert "limiter" not in str(sent)
    assert AuditEvent.objects.get(action="incident.declared").object_ref == incident.ref


def test_from_a_ticket_that_measured_nobody_the_others_are_still_known(scene):
    wanted = propose(Origin(ticket=scene.second), actor=scene.leo, now=NOW)
    assert [one.org_id for one in wanted.silent] == ["org_kite", "org_fern"]


def test_whoever_is_on_call_and_may_commands_it(scene):
    from escalations.oncall.editing import create_rotation
    from escalations.oncall.format import read_form

    layer = {"people": ["eli"], "begins": "2026-04-01 00:00"}
    form = {"name": "Triage", "team": "support", "owns": "triage",
            "seats": [{"key": "first", "name": "First", "layers": [layer]}]}  # fmt: skip
    create_rotation(read_form(form), actor=None, now=NOW - 20 * DAY)
    assert propose(Origin(ticket=scene.first), actor=scene.leo, now=NOW).commander == scene.eli


def test_a_second_declaration_of_the_cause_joins(scene):
    incident = scene.declare(tickets=[scene.first.ref])
    with pytest.raises(IncidentOpen) as refused:
        declare(Origin(ticket=scene.second), Wish(), actor=scene.eli, now=NOW)
    assert refused.value.extra["incident"] == incident.ref
    joined, is_new = declare(Origin(ticket=scene.second), Wish(joins=True), actor=scene.eli, now=NOW + MINUTE)
    assert (joined, is_new) == (incident, False)
    assert whats(incident) == ["declared", "linked"]
    declare(Origin(ticket=scene.second), Wish(joins=True), actor=scene.eli, now=NOW + 2 * MINUTE)
    assert whats(incident) == ["declared", "linked"]


def test_the_same_page_declares_once(scene):
    wish = Wish()
    first, is_new = declare(Origin(ticket=scene.first), wish, actor=scene.leo, now=NOW)
    again, is_second = declare(Origin(ticket=scene.first), wish, actor=scene.leo, now=NOW)
    assert (first, is_new, again, is_second) == (again, True, first, False)


@pytest.mark.django_db(transaction=True)
def test_two_who_declare_at_once_make_one_incident(scene):
    def go(actor):
        try:
            return declare(Origin(ticket=scene.first), Wish(joins=True), actor=actor, now=NOW)[1]
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(go, [scene.leo, scene.eli]))
    assert sorted(found) == [False, True]
    assert Incident.objects.count() == 1
    assert IncidentEvent.objects.filter(what="declared").count() == 1


def test_from_an_escalation_it_takes_its_severity_contract_and_tickets(scene):
    sent, _ = send(scene.run, EscalationWish(severity="SEV1", severity_why=WHY), actor=scene.mina, now=NOW)
    found, _ = declare(Origin(escalation=sent), Wish(), actor=scene.eli, now=NOW)
    assert (found.severity, found.escalation, found.version) == ("SEV1", sent, sent.version)
    assert found.next_update_at == NOW + 30 * MINUTE


def test_a_ticket_without_a_diagnosis_can_be_an_incident_of_its_own(scene):
    ticket = make.ticket(in_team=scene.team, subject="Everything is down")
    found, _ = declare(Origin(ticket=ticket), Wish(severity="SEV1"), actor=scene.leo, now=NOW)
    assert (found.title, found.run, found.version) == ("Everything is down", None, None)
    assert found.update_every_min == 24 * 60


@pytest.mark.parametrize(
    ("field", "wish"),
    [
        ("severity", {"severity": "SEV9"}), ("channel", {"channel": "http://chat.example/x"}),
        ("channel", {"channel": "javascript://alert"}), ("update_every_min", {"update_every_min": 4}),
        ("tickets", {"tickets": ["TK-0"]}), ("commander", {"commander": "mina"}),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_its_field(scene, field, wish):
    values = {**wish, "commander": scene.mina} if "commander" in wish else wish
    with pytest.raises(InvalidInput) as refused:
        declare(Origin(ticket=scene.first), Wish(**values), actor=scene.leo, now=NOW)
    assert field in refused.value.extra["errors"]
    assert not Incident.objects.exists()


def test_agents_see_and_do_not_declare(scene):
    with pytest.raises(PermissionRefused):
        declare(Origin(ticket=scene.first), Wish(), actor=scene.mina, now=NOW)
    incident = scene.declare()
    assert incident in Incident.objects.visible_to(scene.mina)
    with pytest.raises(PermissionRefused):
        changing.note(incident, "A word.", actor=scene.mina, now=NOW)


def test_only_those_of_its_tickets_its_team_and_administrators_see_it(scene):
    incident = scene.declare()
    elsewhere = make.team("Elsewhere")
    for who in (make.user(teams=(elsewhere,)), make.user(role="lead", teams=(elsewhere,)), make.user(role="engineer")):
        assert not Incident.objects.visible_to(who).exists(), who.role
    assert incident in Incident.objects.visible_to(make.user(role="admin"))
    other = make.user("olga", role="lead", teams=(elsewhere,))
    changing.change_commander(incident, other, actor=scene.leo, now=NOW)
    assert incident in Incident.objects.visible_to(other)


# -------------------------------------------------------------------------------------------------------------- tickets
def test_a_later_ticket_of_the_cause_is_linked_and_told(scene):
    incident = scene.declare()
    late = make.ticket(in_team=scene.team, customer=make.customer("org_new", name="New Leaf"), owner=scene.mina)
    run = make.finished_run(late, finished_at=NOW)
    run_ended(run)
    run_ended(run)
    assert incident.links.filter(ticket=late, how="cause").count() == 1
    assert whats(incident) == ["declared", "linked"]
    assert (f"{incident.ref} has another ticket: {late.ref}", "mina") in told("incident.word")


def test_the_sweep_links_what_the_end_of_the_run_did_not(scene):
    incident = scene.declare()
    late = make.ticket(in_team=scene.team)
    make.finished_run(late, finished_at=NOW + MINUTE)
    assert sweep(NOW + 2 * MINUTE) == 1
    assert sweep(NOW + 2 * MINUTE) == 0
    assert incident.links.filter(ticket=late).exists()


def test_a_run_as_of_long_before_is_another_time(scene):
    incident = scene.declare()
    old = make.ticket(in_team=scene.team)
    run_ended(make.finished_run(old, as_of=NOW - 2 * DAY))
    assert not incident.links.filter(ticket=old).exists()


def test_what_a_person_took_out_only_a_person_links_again(scene):
    incident = scene.declare()
    unlink(incident, scene.second.ref, actor=scene.leo, why=WHY, now=NOW)
    run_ended(Investigation.objects.get(ticket=scene.second))
    assert not Incident.objects.of_ticket(scene.second).exists()
    assert join(incident, scene.second, actor=scene.leo, now=NOW + MINUTE)
    assert Incident.objects.of_ticket(scene.second).get() == incident
    with pytest.raises(NotFound):
        unlink(incident, "TK-0", actor=scene.leo, why="", now=NOW)


# -------------------------------------------------------------------------------------------------------------- updates
def test_an_update_becomes_a_draft_in_each_ticket_in_the_customers_language(scene):
    incident = scene.declare()
    texts = proposed(incident, "identified")
    assert set(texts) == {"en", "de"}
    made = publish(incident, Words("identified", texts), actor=scene.leo, now=NOW + MINUTE)
    drafts = {one.ticket: one for one in Reply.objects.all()}
    english, german = drafts[scene.first].text, drafts[scene.second].text
    assert "You will hear from us again by 16:06 UTC on 1 May." in english
    assert "It began at about 10:00 UTC on 1 May." in english
    assert english.endswith("Kind regards\nMina Example")
    assert "Sie hören bis 16:06 Uhr (UTC) am 1. Mai wieder von uns." in german
    assert {one.status for one in drafts.values()} == {"draft"}
    assert {one.author for one in drafts.values()} == {scene.mina}
    assert drafts[scene.first].next_update_at == made.next_update_at == NOW + MINUTE + 4 * HOUR
    assert [one["state"] for one in made.drafts] == ["drafted", "drafted"]
    assert "by 16:06 UTC on 1 May." in incident.history.get(what="updated").text
    incident.refresh_from_db()
    assert incident.next_update_at == made.next_update_at
    assert not Reply.objects.filter(text__contains="{").exists()


def test_a_persons_own_draft_is_not_touched_and_ours_is_renewed(scene):
    incident = scene.declare()
    own = Reply.objects.create(ticket=scene.second, author=scene.mina, text="My words", saved_at=NOW)
    publish(incident, Words("identified", proposed(incident, "identified")), actor=scene.leo, now=NOW + MINUTE)
    again = publish(incident, Words("fixing", proposed(incident, "fixing")), actor=scene.leo, now=NOW + HOUR)
    own.refresh_from_db()
    assert own.text == "My words"
    assert [one["state"] for one in again.drafts] == ["renewed", "kept"]
    renewed = Reply.objects.get(ticket=scene.first)
    assert "Our engineers have begun to repair what you see." in renewed.text
    Reply.objects.filter(pk=renewed.pk).update(text="Changed by Mina")
    words = Words("monitoring", proposed(incident, "monitoring"))
    third = publish(incident, words, actor=scene.leo, now=NOW + 2 * HOUR)
    assert [one["state"] for one in third.drafts] == ["kept", "kept"]
    assert Reply.objects.get(ticket=scene.first).text == "Changed by Mina"


def test_tickets_that_are_resolved_or_nobodys_get_no_draft(scene):
    incident = scene.declare()
    Ticket.objects.filter(pk=scene.first.pk).update(status="resolved")
    Ticket.objects.filter(pk=scene.second.pk).update(owner=None)
    made = publish(incident, Words("identified", proposed(incident, "identified")), actor=scene.leo, now=NOW)
    assert [one["state"] for one in made.drafts] == ["resolved", "nobody"]
    assert not Reply.objects.exists()


@pytest.mark.parametrize("leak", ["Oakline Foods", "commit 7f3c9a1 broke it", "sk_live_4eC39HqLyjWDarjtT1zdp7dc"])
def test_a_leak_keeps_an_update_back(scene, leak):
    incident = scene.declare()
    texts = {"en": f"It also hits {leak}. You will hear from us by {{next_update}}."}
    with pytest.raises(UpdateLeaks) as refused:
        publish(incident, Words("identified", texts), actor=scene.leo, now=NOW)
    assert any(one["is_leak"] and one["language"] == "en" for one in refused.value.extra["findings"])
    assert not Reply.objects.exists() and not incident.updates.exists()
    with pytest.raises(PermissionRefused):
        publish(incident, Words("identified", texts, override_reason=WHY), actor=scene.eli, now=NOW)
    made = publish(incident, Words("identified", texts, override_reason=WHY), actor=scene.leo, now=NOW)
    assert made.override_reason == WHY


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("We work on it.", "Say when the next update comes"), ("Hi {amount} {next_update}.", "no placeholder"),
        ("Hi {x.y} {next_update}.", "no placeholder"), ("x" * 5001, "At most 5,000"), ("", "Write the update"),
    ],
)  # fmt: skip
def test_words_that_cannot_go_out_are_refused(scene, text, words):
    incident = scene.declare()
    with pytest.raises(InvalidInput, match=words):
        publish(incident, Words("identified", {"en": text}), actor=scene.leo, now=NOW)


def test_the_next_update_lies_ahead(scene):
    incident = scene.declare()
    texts = proposed(incident, "identified")
    for due in (NOW, NOW + 40 * DAY):
        with pytest.raises(InvalidInput):
            publish(incident, Words("identified", texts, due), actor=scene.leo, now=NOW)


def test_the_same_page_publishes_once(scene):
    incident = scene.declare()
    wish = Words("identified", proposed(incident, "identified"))
    assert publish(incident, wish, actor=scene.leo, now=NOW) == publish(incident, wish, actor=scene.leo, now=NOW)
    assert incident.updates.count() == 1


def test_the_commander_is_warned_and_then_those_above_are_told_once(scene):
    incident = scene.declare(commander=scene.eli)
    due = incident.next_update_at
    assert sweep(due - 16 * MINUTE) == 0
    assert (sweep(due - 14 * MINUTE), sweep(due - 13 * MINUTE)) == (1, 0)
    assert {who for _, who in told("incident.late")} == {"eli"}
    assert (sweep(due + MINUTE), sweep(due + HOUR)) == (1, 0)
    assert whats(incident) == ["declared", "warned", "late"]
    assert {who for _, who in told("incident.late")} == {"eli", "leo"}
    made = publish(incident, Words("fixing", proposed(incident, "fixing")), actor=scene.leo, now=due + 2 * HOUR)
    assert made.is_late


def test_the_interval_runs_in_the_contracts_hours(scene):
    incident = scene.declare(severity="SEV3")  # every 16 h, Monday to Friday 9 to 17 h
    # Friday 12:05 to 17:00 are 4 h 55 min, Monday 8 h, and 3 h 05 min of Tuesday end at 12:05.
    assert incident.next_update_at == NOW + 4 * DAY


# ------------------------------------------------------------------------------------------------------------- changes
def test_severity_commander_channel_and_interval_change_with_a_trace(scene):
    incident = scene.declare()
    with pytest.raises(InvalidInput):
        changing.change_severity(incident, "SEV1", "no", actor=scene.leo, now=NOW)
    moved = changing.change_severity(incident, "SEV1", WHY, actor=scene.leo, now=NOW + MINUTE)
    assert (moved.update_every_min, moved.next_update_at) == (30, NOW + 31 * MINUTE)
    changing.change_commander(incident, scene.eli, actor=scene.leo, now=NOW + MINUTE)
    changing.change_channel(incident, "https://chat.example/inc", actor=scene.leo, now=NOW + MINUTE)
    late = changing.change_interval(incident, 120, WHY, actor=scene.leo, now=NOW + 2 * MINUTE)
    assert late.next_update_at == NOW + 31 * MINUTE  # what was promised stays
    assert changing.change_interval(incident, 10, WHY, actor=scene.leo, now=NOW + 3 * MINUTE).next_update_at == (
        NOW + 13 * MINUTE
    )
    assert whats(incident) == ["declared", "severity", "commander", "channel", "interval", "interval"]
    assert changing.change_severity(incident, "SEV1", "", actor=scene.leo, now=NOW).severity == "SEV1"


def test_an_internal_update_reaches_those_who_work_on_it(scene):
    incident = scene.declare(commander=scene.eli)
    changing.note(incident, "Rolled back in eu; key sk_live_4eC39HqLyjWDarjtT1zdp7dc", actor=scene.leo, now=NOW)
    event = incident.history.get(what="note")
    assert "4eC39" not in event.text
    assert told("incident.word") == {(f"{incident.ref} has word from Leo Example", "eli")}
    assert not Reply.objects.exists()


def test_the_timeline_is_append_only(scene):
    incident = scene.declare()
    for change in ({"what": "closed"}, {"data": {}}):
        with pytest.raises((InternalError, IntegrityError)), transaction.atomic():
            incident.history.update(**change)
    with pytest.raises((InternalError, IntegrityError)), transaction.atomic():
        incident.history.all().delete()
    incident.history.update(text="")


# ------------------------------------------------------------------------------------------------------- the way back
def test_the_three_calls_of_the_proof_move_it(scene):
    incident = scene.declare()
    assert recovering.recovered(incident, NOW + HOUR, now=NOW + 2 * HOUR).status == "recovered"
    assert recovering.not_recovered(incident, "It came back.", now=NOW + 3 * HOUR).status == "open"
    assert recovering.fixed(incident, now=NOW + 4 * HOUR).status == "fixed"
    assert recovering.fixed(incident, now=NOW + 5 * HOUR).fixed_at == NOW + 4 * HOUR
    found = recovering.recovered(incident, NOW + 4 * HOUR + MINUTE, now=NOW + 5 * HOUR)
    recovering.recovered(incident, NOW + 6 * HOUR, now=NOW + 6 * HOUR)
    assert (found.status, found.back_since) == ("recovered", NOW + 4 * HOUR + MINUTE)
    assert whats(incident) == ["declared", "recovered", "not_recovered", "fixed", "recovered"]


def test_it_closes_with_proof_or_with_a_reason_and_never_without_a_cause(scene):
    incident = scene.declare()
    values = {"cause_label": "rl.limiter_deploy", "cause_text": "The limiter was rewritten.", "actor": scene.leo}
    with pytest.raises(InvalidInput) as refused:
        closing.close(incident, cause_label="x", cause_text="", actor=scene.leo, now=NOW)
    assert set(refused.value.extra["errors"]) == {"cause_label", "cause_text", "unproven_reason"}
    with pytest.raises(InvalidInput):
        closing.close(incident, **values, now=NOW)
    recovering.recovered(incident, NOW + HOUR, now=NOW + HOUR)
    done = closing.close(incident, **values, now=NOW + 2 * HOUR)
    assert (done.status, done.ended_at, done.next_update_at) == ("closed", NOW + HOUR, None)
    assert closing.close(incident, **values, now=NOW + 3 * HOUR).closed_at == NOW + 2 * HOUR
    with pytest.raises(Conflict):
        changing.note(incident, "A word.", actor=scene.leo, now=NOW)
    assert recovering.fixed(incident, now=NOW).status == "closed"
    assert sweep(NOW + 30 * DAY) == 0


def test_what_a_person_vouches_for_is_a_reason_and_no_proof(scene):
    incident = scene.declare()
    recovering.recovered(incident, NOW, now=NOW, actor=scene.leo, text="The share is back at 3%.", via="page")
    done = closing.close(incident, cause_label="rl.limiter_deploy", cause_text=WHY, actor=scene.leo, now=NOW)
    assert done.unproven_reason == "The share is back at 3%."
    assert done.history.get(what="closed").data["proved"] is False


def test_it_opens_again_with_a_reason_unless_another_is_open(scene):
    incident = scene.declare()
    close = {"cause_label": "rl.limiter_deploy", "cause_text": WHY, "unproven_reason": WHY, "actor": scene.leo}
    closing.close(incident, **close, now=NOW)
    with pytest.raises(InvalidInput):
        closing.reopen(incident, "no", actor=scene.leo, now=NOW)
    again = closing.reopen(incident, WHY, actor=scene.leo, now=NOW + HOUR)
    assert (again.status, again.next_update_at) == ("open", NOW + 5 * HOUR)
    closing.close(incident, **close, now=NOW)
    other = scene.declare()
    with pytest.raises(Conflict) as refused:
        closing.reopen(incident, WHY, actor=scene.leo, now=NOW)
    assert refused.value.extra["incident"] == other.ref


def test_a_follow_up_lives_on_and_is_told_late_once_a_week(scene):
    incident = scene.declare()
    close = {"cause_label": "rl.limiter_deploy", "cause_text": WHY, "unproven_reason": WHY, "actor": scene.leo}
    closing.close(incident, **close, now=NOW)
    day = (NOW + DAY).date()
    made = followups.add_follow_up(
        incident, "Alert on quota drops", owner=scene.eli, due_on=day, link="https://linear.example/ENG-1",
        actor=scene.leo, now=NOW,
    )  # fmt: skip
    assert sweep(NOW + DAY) == 0
    assert [sweep(NOW + n * DAY) for n in (2, 3, 8, 9)] == [1, 0, 0, 1]
    with pytest.raises(PermissionRefused):
        followups.mark_done(incident, made.pk, done=True, actor=scene.mina, now=NOW)
    followups.mark_done(incident, made.pk, done=True, actor=scene.eli, now=NOW + 10 * DAY)
    assert sweep(NOW + 20 * DAY) == 0
    with pytest.raises(NotFound):
        followups.mark_done(incident, made.pk + 1, done=True, actor=scene.leo, now=NOW)


@pytest.mark.parametrize(
    ("field", "values"),
    [("text", {"text": " "}), ("owner", {"owner": None}), ("due_on", {"due_on": None}),
     ("link", {"link": "javascript:alert(1)"}), ("link", {"link": "https://"})],
)  # fmt: skip
def test_a_follow_up_needs_words_an_owner_and_a_day(scene, field, values):
    incident = scene.declare()
    whole = {"text": "Alert", "owner": scene.eli, "due_on": NOW.date(), "link": "", **values}
    with pytest.raises(InvalidInput) as refused:
        followups.add_follow_up(incident, whole.pop("text"), **whole, actor=scene.leo, now=NOW)
    assert set(refused.value.extra["errors"]) == {field}
    assert not FollowUp.objects.exists()


def test_the_review_counts_what_was_promised_and_kept(scene):
    incident = scene.declare(severity="SEV1")  # every 30 min
    publish(incident, Words("identified", proposed(incident, "identified")), actor=scene.leo, now=NOW + 20 * MINUTE)
    sweep(NOW + 51 * MINUTE)
    publish(incident, Words("fixing", proposed(incident, "fixing")), actor=scene.leo, now=NOW + HOUR)
    sweep(NOW + 91 * MINUTE)  # never followed by another
    recovering.fixed(incident, now=NOW + HOUR)
    recovering.recovered(incident, NOW + 2 * HOUR, now=NOW + 3 * HOUR)
    incident.refresh_from_db()
    found = review_of(incident, scene.leo)
    assert (found.promised, found.kept) == (3, 1)
    assert {one.title: one.shown for one in found.durations}["Fixed to back to normal"] == "1 h"


def test_hostile_words_stay_words_in_the_review(scene):
    incident = scene.declare(title="![x](https://evil.example) <script>")
    changing.note(incident, "# Not a heading\n[click](javascript:alert(1))", actor=scene.leo, now=NOW)
    text = markdown(review_of(incident, scene.leo))
    assert "![" not in text.replace("\\!\\[", "") and "<script>" not in text.replace("\\<script\\>", "")
    assert "\n# Not" not in text and "[click](" not in text.replace("\\[click\\](", "")


# ------------------------------------------------------------------------------------------------------------ customers
def test_customers_are_listed_by_revenue_and_told_by_hand(scene):
    incident = scene.declare()
    found = customers_of(incident, scene.leo)
    assert [one.name for one in found.silent] == ["Blue Kite Traders", "Red Fern Logistics"]
    assert {one.name for one in found.wrote} == {"Northwind Freight", "Oakline Foods"}
    assert found.revenue == ["€2,500.00"]
    pks = [one.row.pk for one in found.silent]
    assert mark_told(incident, pks, how="call", actor=scene.leo, now=NOW) == 2
    assert mark_told(incident, pks, how="mail", actor=scene.leo, now=NOW) == 0
    assert undo_told(incident, pks[0], actor=scene.leo, now=NOW)
    assert [one.name for one in customers_of(incident, scene.leo).untold] == ["Blue Kite Traders"]
    row = incident.customers.get(pk=pks[1])
    assert (row.told_by, row.told_how, row.told_at) == (scene.leo, "call", NOW)
    with pytest.raises(NotFound):
        mark_told(incident, [10**6], how="call", actor=scene.leo, now=NOW)
    with pytest.raises(InvalidInput):
        mark_told(incident, pks, how="pigeon", actor=scene.leo, now=NOW)


def test_names_stay_hidden_from_who_may_not_read_the_directory(scene):
    incident = scene.declare()
    found = customers_of(incident, scene.mina, reads_directory=False)
    assert {one.name for one in found.listed} == {"Northwind Freight", "Oakline Foods", "A customer"}
    assert all(one.org_id == "" and one.revenue == "" for one in found.listed if one.is_hidden)
    stranger = make.user(role="read_only")
    assert {one.name for one in customers_of(incident, stranger, reads_directory=False).listed} == {"A customer"}


def test_the_notice_is_checked_filled_and_exported_safely(scene):
    make.customer("org_evil", name="=cmd|' /C calc'!A0")
    incident = scene.declare()
    with pytest.raises(UpdateLeaks):
        keep_notice(incident, {"en": "As Oakline Foods saw too."}, actor=scene.leo, now=NOW)
    kept = keep_notice(incident, {"en": "{account}: we work on it until {next_update}."}, actor=scene.leo, now=NOW)
    from escalations.incidents.customers import add_customer

    add_customer(incident, "org_evil", actor=scene.leo, now=NOW)
    text = as_csv(kept, customers_of(kept, scene.leo).listed, "Leo")
    rows = text.splitlines()
    assert rows[0] == "org_id,name,mrr_minor,mrr_currency,measured,told_at,notice_en"
    notice = "Blue Kite Traders: we work on it until 16:05 UTC on 1 May."
    assert f"org_kite,Blue Kite Traders,250000,EUR,60%,,{notice}" in rows
    assert "'=cmd" in text and "\n=cmd" not in text and ",=cmd" not in text
    assert "Northwind" not in text  # has written


# ---------------------------------------------------------------------------------------------------------- suggestions
def test_one_cause_at_several_customers_is_suggested_once(scene, monkeypatch):
    monkeypatch.setattr("escalations.incidents.suggesting.timezone.now", lambda: NOW)
    run_ended(scene.run)
    run_ended(scene.run)
    found = IncidentSuggestion.objects.get()
    assert found.figures == "4 customers: 2 wrote, 2 have not"
    assert {who for _, who in told("incident.suggested")} == {"leo", "eli"}
    assert Notice.objects.filter(kind="incident.suggested").count() == 1
    made, _ = declare(Origin(suggestion=found), Wish(), actor=scene.eli, now=NOW)
    found.refresh_from_db()
    assert found.became == made
    run_ended(scene.run)
    assert IncidentSuggestion.objects.count() == 1
