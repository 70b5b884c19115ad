"""Sending an escalation: what a contract asks for, what keeps it, and that nothing is sent twice."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from altor.errors import Conflict, InvalidInput, PermissionRefused
from altor.models import AuditEvent, Notice, PhaseEvent
from escalations.contracts.choosing import NoContract
from escalations.contracts.reading import library_files
from escalations.contracts.stored import load_library, save_contract
from escalations.lifecycle.proposing import propose
from escalations.lifecycle.sending import AlreadyEscalated, ContractUnmet, Wish, send
from escalations.models import ChecklistAnswer, ContractVersion, Escalation
from investigations.models import Ticket
from tests import factories

pytestmark = pytest.mark.django_db
NOON = factories.NOON
REASON = "The customer's launch is today and everybody is waiting."


@pytest.fixture
def agent():
    return factories.user("mina", teams=(factories.team(),))


@pytest.fixture
def lead():
    return factories.user("leo", role="lead", teams=(factories.team(),))


def finished(*, known_customer=True, **values):
    of = factories.ticket(customer=factories.customer() if known_customer else None)
    return factories.finished_run(of, **values)


def states(escalation):
    return {item["id"]: item["state"] for item in escalation.checklist}


def test_a_diagnosis_that_asks_for_an_escalation_goes_out_as_it_stands(agent, lead):
    run = finished()
    sent, is_new = send(run, Wish(), actor=agent, now=NOON)
    assert is_new
    assert (sent.severity, sent.proposed_severity, sent.status) == ("SEV2", "SEV2", "sent")
    assert sent.severity_why == "Many customers are affected (“A deployment changed the limiter”, high confidence)."
    assert sent.acknowledge_by == NOON + timedelta(hours=1)
    assert sent.resolve_by == NOON + timedelta(hours=24)
    assert states(sent) == {
        "symptom": "met", "customer": "met", "scope": "met", "onset": "met", "deployments": "met",
        "reproduction": "met", "ruled_out": "met", "known_bugs": "tried",
    }  # fmt: skip
    # Its source was asked and is down: reported apart, and no more.
    assert sent.completeness == "tried"
    assert next(one for one in sent.checklist if one["id"] == "symptom")["evidence"] == ["E1"]
    run.ticket.refresh_from_db()
    assert run.ticket.status == Ticket.Status.ESCALATED
    assert sent.packet["summary"]
    assert {item["key"] for item in sent.packet["checklist"]} == set(states(sent))
    told = PhaseEvent.objects.get(kind="escalation.sent")
    assert (told.ticket_ref, told.subject_ref, told.data["severity"]) == (run.ticket.ref, sent.ref, "SEV2")
    assert AuditEvent.objects.get(action="escalation.sent").object_ref == sent.ref
    # Nobody is named in the shipped contract: the leads of the ticket's team hear of it.
    notice = Notice.objects.get(kind="escalation.sent")
    assert notice.deliveries.get().person == lead


def test_what_is_missing_is_named_with_the_ways_to_supply_it_and_nothing_is_sent(agent):
    run = finished(known_customer=False)
    with pytest.raises(ContractUnmet) as refused:
        send(run, Wish(), actor=agent, now=NOON)
    (item,) = refused.value.extra["missing"]
    assert item["title"] == "The customer, with its id"
    assert [way["what"] for way in item["supplies"]] == ["answer"]
    assert not Escalation.objects.exists()
    assert not Notice.objects.exists()


def test_a_missing_item_is_supplied_by_an_answer_which_stays_with_the_ticket(agent):
    run = finished(known_customer=False)
    sent, _ = send(run, Wish(answers={"customer": "org_0042, says the contract"}), actor=agent, now=NOON)
    item = next(one for one in sent.checklist if one["id"] == "customer")
    assert (item["state"], item["says"]) == ("answered", "org_0042, says the contract")
    assert ChecklistAnswer.objects.get().ticket == run.ticket


def test_an_answer_survives_a_refusal_only_where_the_sending_is_undone_as_a_whole(agent):
    """A refusal stores nothing; the page keeps what was typed, and a draft keeps it on purpose."""
    run = finished(known_customer=False)
    with pytest.raises(InvalidInput):
        send(run, Wish(severity="SEV3", answers={"customer": "org_0042"}), actor=agent, now=NOON)
    assert not ChecklistAnswer.objects.exists()


def test_an_answer_does_not_replace_what_only_evidence_can_meet(agent):
    run = finished()
    run.evidence.update(verdict="normal")
    with pytest.raises(ContractUnmet) as refused:
        send(run, Wish(answers={"symptom": "I saw it myself"}), actor=agent, now=NOON)
    assert [item["id"] for item in refused.value.extra["missing"]] == ["symptom", "reproduction"]


def test_a_source_that_is_down_counts_as_tried_and_one_that_was_not_asked_does_not(agent):
    run = finished()
    run.steps.filter(source="linear").update(status="skipped")
    run.diagnosis = {**run.diagnosis, "unavailable": []}
    run.save(update_fields=["diagnosis"])
    with pytest.raises(ContractUnmet) as refused:
        send(run, Wish(), actor=agent, now=NOON)
    assert [item["id"] for item in refused.value.extra["missing"]] == ["known_bugs"]
    assert refused.value.extra["missing"][0]["supplies"][0]["what"] == "run"


def test_the_steps_that_the_playbook_wants_before_an_escalation_are_items_too(agent, lead):
    run = finished()
    run.steps.filter(step_id="deployments").update(status="asked")
    with pytest.raises(ContractUnmet) as refused:
        send(run, Wish(), actor=agent, now=NOON)
    assert "gate:deployments" in {item["id"] for item in refused.value.extra["missing"]}
    sent, _ = send(run, Wish(override_reason=REASON), actor=lead, now=NOON)
    # The gate was passed with the same reason, and is told as passed.
    assert run.overrides.get().reason == REASON
    assert sent.completeness == "overridden"


def test_another_severity_than_the_proposed_one_needs_a_reason(agent):
    run = finished()
    with pytest.raises(InvalidInput) as refused:
        send(run, Wish(severity="SEV1"), actor=agent, now=NOON)
    assert "proposes SEV2" in refused.value.detail
    sent, _ = send(run, Wish(severity="SEV1", severity_why="Checkout is down for everybody."), actor=agent, now=NOON)
    assert (sent.severity, sent.severity_why) == ("SEV1", "Checkout is down for everybody.")
    assert sent.acknowledge_by == NOON + timedelta(minutes=15)


def test_a_diagnosis_that_asks_for_none_is_escalated_only_with_a_reason(agent):
    run = finished(diagnosis=factories.diagnosis(escalate=False, severity=None))
    with pytest.raises(InvalidInput) as refused:
        send(run, Wish(), actor=agent, now=NOON)
    assert "asks for no escalation" in refused.value.detail
    sent, _ = send(run, Wish(severity_why="The customer pays for round-the-clock engineering."), actor=agent, now=NOON)
    assert sent.severity == "SEV3"


def test_only_those_whom_the_contract_lets_may_send_it_incomplete(agent, lead):
    run = finished(known_customer=False)
    with pytest.raises(PermissionRefused) as refused:
        send(run, Wish(override_reason=REASON), actor=agent, now=NOON)
    assert "lead, admin" in refused.value.detail
    with pytest.raises(InvalidInput):
        send(run, Wish(override_reason="now"), actor=lead, now=NOON)
    sent, _ = send(run, Wish(override_reason=REASON), actor=lead, now=NOON)
    assert (sent.completeness, sent.override_reason) == ("overridden", REASON)
    audit = AuditEvent.objects.get(action="escalation.sent")
    assert (audit.reason, audit.after["missing"]) == (REASON, ["customer"])
    assert REASON in sent.packet["note"]


def test_a_reason_given_although_nothing_is_missing_overrides_nothing(lead):
    sent, _ = send(finished(), Wish(override_reason=REASON), actor=lead, now=NOON)
    assert (sent.completeness, sent.override_reason) == ("tried", "")


def test_a_sev1_goes_out_at_once_and_its_gaps_become_tasks_with_a_time(agent):
    run = finished(known_customer=False)
    wish = Wish(severity="SEV1", severity_why="Nobody can log in.", is_provisional=True)
    sent, _ = send(run, wish, actor=agent, now=NOON)
    assert sent.completeness == "provisional"
    (gap,) = sent.gaps.all()
    assert (gap.item, gap.due_at) == ("customer", NOON + timedelta(hours=1))
    assert "still open: The customer, with its id" in " ".join(Notice.objects.get(kind="escalation.sent").lines)


def test_a_lower_severity_cannot_be_sent_provisionally(agent):
    with pytest.raises(ContractUnmet):
        send(finished(known_customer=False), Wish(is_provisional=True), actor=agent, now=NOON)


def test_the_same_page_sends_once(agent):
    run, token = finished(), uuid.uuid4()
    first, is_new = send(run, Wish(token=token), actor=agent, now=NOON)
    again, is_new_again = send(run, Wish(token=token), actor=agent, now=NOON)
    assert (first, is_new, is_new_again) == (again, True, False)


def test_the_same_ticket_escalated_again_is_the_open_escalation(agent):
    run = finished()
    first, _ = send(run, Wish(), actor=agent, now=NOON)
    again, is_new = send(run, Wish(), actor=agent, now=NOON)
    assert (again, is_new) == (first, False)
    assert first.links.count() == 1


def test_another_ticket_of_the_same_cause_is_offered_to_join_and_engineering_hears_once(agent, lead):
    first, _ = send(finished(), Wish(), actor=agent, now=NOON)
    other = finished()
    with pytest.raises(AlreadyEscalated) as refused:
        send(other, Wish(), actor=agent, now=NOON)
    assert refused.value.extra["escalation"] == first.ref
    joined, is_new = send(other, Wish(joins=True, note="They lost orders."), actor=agent, now=NOON)
    assert (joined, is_new) == (first, False)
    assert set(first.links.values_list("ticket__ref", flat=True)) == {first.ticket.ref, other.ticket.ref}
    other.ticket.refresh_from_db()
    assert other.ticket.status == Ticket.Status.ESCALATED
    assert Notice.objects.filter(kind="escalation.sent").count() == 1
    send(other, Wish(joins=True), actor=agent, now=NOON)
    assert first.history.filter(what="joined").count() == 1
    assert PhaseEvent.objects.filter(kind="escalation.joined", ticket_ref=other.ticket.ref).count() == 1


def test_a_cause_that_nobody_could_name_is_nobody_elses(agent):
    unnamed = factories.diagnosis(candidates=[factories.candidate("inconclusive", "No cause", 0.4)])
    first, second = finished(diagnosis=unnamed), finished(diagnosis=unnamed)
    assert propose(first).cause != propose(second).cause
    assert propose(first).title == first.ticket.subject


def test_an_engineer_and_a_reader_may_not_send(agent):
    run = finished()
    for role in ("engineer", "read_only"):
        with pytest.raises(PermissionRefused):
            send(run, Wish(), actor=factories.user(role=role, teams=(factories.team(),)), now=NOON)


def test_a_run_that_is_not_finished_is_no_ground(agent):
    with pytest.raises(Conflict):
        send(factories.run(status="running"), Wish(), actor=agent, now=NOON)


def test_the_contract_of_the_narrowest_area_is_taken_and_the_escalation_keeps_its_version(agent, lead):
    load_library()
    shipped = library_files()[0].read_text()
    narrow = shipped.replace("key: engineering", "key: limits", 1).replace(
        "area: {}", "area: {classes: [rate_limit]}", 1
    )
    version = save_contract(narrow.replace("title: Escalation to engineering", "title: Limits", 1), actor=lead)
    sent, _ = send(finished(), Wish(), actor=agent, now=NOON)
    assert (sent.version, sent.version.number) == (version, 1)
    save_contract(version.source_yaml.replace("acknowledge_within: 1 h", "acknowledge_within: 2 h"), actor=lead)
    sent.refresh_from_db()
    assert sent.version == version
    assert sent.acknowledge_by == NOON + timedelta(hours=1)


def test_without_a_contract_that_covers_it_nothing_is_sent(agent):
    load_library()
    shipped = ContractVersion.objects.get()
    text = shipped.source_yaml.replace("area: {}", "area: {classes: [billing]}", 1)
    save_contract(text, actor=None)
    with pytest.raises(NoContract):
        send(finished(), Wish(), actor=agent, now=NOON)


def test_secrets_and_addresses_of_people_do_not_travel(agent):
    key = "sk_" + "live_" + "obviouslyFake0123456789abcdef"
    sent, _ = send(finished(), Wish(note=f"Their key is {key}, ask noor@customer.example"), actor=agent, now=NOON)
    for text in (sent.note, str(sent.packet)):
        assert key not in text
        assert "noor@customer.example" not in text


def test_whoever_is_on_call_in_the_contracts_rotation_gets_it(agent, lead):
    from escalations.oncall.editing import create_rotation
    from escalations.oncall.format import read_form

    load_library()
    engineer = factories.user("eli", role="engineer", teams=(factories.team(),))
    create_rotation(
        read_form(
            {
                "name": "API on call", "team": factories.team().slug,
                "seats": [
                    {"key": "p", "name": "Primary", "layers": [{"people": ["eli"], "begins": "2026-04-27T09:00"}]}
                ],
            }
        ),
        actor=lead, now=NOON - timedelta(days=1), slug="api",
    )  # fmt: skip
    version = ContractVersion.objects.get()
    save_contract(version.source_yaml.replace("owner: {}", "owner: {rotation: api}", 1), actor=None)
    sent, _ = send(finished(), Wish(), actor=agent, now=NOON)
    assert sent.owner_person == engineer
    assert Notice.objects.get(kind="escalation.sent").deliveries.get().person == engineer
