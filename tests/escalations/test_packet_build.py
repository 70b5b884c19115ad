"""What a packet says of a run, from its stored rows."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from altor.models import User
from escalations.packets.build import build_packet
from escalations.packets.format import Link, Owner, Packet
from investigations.models import Investigation, StepResult, Ticket, TicketClaim, TicketMessage
from knowledge.models import PromisedUpdate, Reply
from tests import factories as make

pytestmark = pytest.mark.django_db
NOW = make.NOON + timedelta(minutes=5)
CANDIDATE = {
    "sha": "7f3c9a1" + "0" * 33, "short_sha": "7f3c9a1", "service": "edge", "state": "success",
    "title": "limiter: token bucket rewrite", "live_at": "2026-05-01T09:48:00Z", "minutes_before": 14.0,
    "files": ["limiter/bucket.go"], "compare_url": "https://github.example/acme/api/compare/a...b",
    "pulls": [{"url": "https://github.example/acme/api/pull/891", "title": "Rewrite", "author": "mira"}],
}  # fmt: skip
LATER = {
    "sha": "ae5dd80" + "0" * 33, "short_sha": "ae5dd80", "service": "core-api", "title": "Bump pydantic",
    "live_at": "2026-05-01T10:13:00Z", "minutes_after": 11.0,
}  # fmt: skip


def case(**diagnosis: Any) -> Investigation:
    """A finished run of an account with revenue; GitHub told of the culprit and of a deployment that came too late."""
    customer = make.customer(
        "org_0042", name="Northwind Freight", tier="enterprise", mrr_minor=240_000, mrr_currency="EUR"
    )
    ticket = make.ticket(customer=customer, requester_name="Noor Example", requester_email="noor@northwind.example")
    run = make.finished_run(ticket, diagnosis=make.diagnosis(**diagnosis))
    facts = {"rank": {"candidates": [CANDIDATE], "after": [LATER], "failed": [], "elsewhere": []}}
    run.steps.filter(step_id="deployments").update(facts=facts)
    return run


def packet_of(run: Investigation, *, made_by: User | None = None, **more: Any) -> Packet:
    found = Investigation.objects.with_context().get(pk=run.pk)
    given = {"severity": "SEV2", "severity_why": "Many customers are hit.", "now": NOW}
    return build_packet(found, made_by=made_by, **{**given, **more})


def sentences(text: str) -> list[str]:
    return [part for part in re.split(r"(?<=[.!?])\s+", text.strip()) if part]


def test_the_summary_is_three_sentences_that_name_figure_cause_change_and_what_is_asked():
    packet = packet_of(case())
    told = sentences(packet.summary)
    assert len(told) == 3
    assert "43% of this customer's requests are rejected with 429 (8,412 of 19,563)" in told[0]
    assert "1 May" in told[0] and "Northwind Freight" in told[0]
    assert "86% sure" in told[1] and "7f3c9a1" in told[1] and "edge" in told[1]
    assert "€2,400.00 a month at risk" in told[2] and "roll 7f3c9a1 back" in told[2]


@pytest.mark.parametrize("text", ["A. B! C? D. E", "1. First. 2. Second.", "Is it? No.\n\nYes. Perhaps!"])
def test_foreign_sentences_never_lengthen_the_summary(text):
    run = case(candidates=[make.candidate("rl.limiter_deploy", text, 0.9)], next_steps=[text], culprit={"kind": "deployment", "id": "abcdef1", "title": text})  # noqa: E501  # fmt: skip
    run.evidence.update(summary=text)
    run.ticket.customer.name = "Acme Inc"
    run.ticket.customer.save()
    assert len(sentences(packet_of(run).summary)) <= 3


def test_the_same_rows_give_the_same_packet():
    run = case()
    assert packet_of(run).as_dict() == packet_of(run).as_dict()


def test_the_culprit_carries_its_files_pull_request_and_author_who_is_suggested_as_owner():
    packet = packet_of(case())
    assert packet.change is not None and packet.owner is not None
    assert (packet.change.service, packet.change.files) == ("edge", ["limiter/bucket.go"])
    assert packet.change.pulls == [Link(title="Rewrite", url="https://github.example/acme/api/pull/891")]
    assert packet.owner.name == "mira"
    assert [one.ref for one in packet.related] == ["#891"]
    mine = Owner(name="API Platform", why="The contract says so.")
    assert packet_of(Investigation.objects.get(), owner=mine).owner == mine


def test_a_deployment_that_came_too_late_is_ruled_out_by_name():
    packet = packet_of(case())
    assert any("ae5dd80" in one.says and "11 min after the onset" in one.says for one in packet.ruled_out)
    assert not any("7f3c9a1" in one.says for one in packet.ruled_out)


def test_a_refuted_cause_is_ruled_out_with_what_was_measured():
    found = {one.label: one for one in packet_of(case(candidates=[
        make.diagnosis()["candidates"][0],
        make.candidate("rl.retry_storm", "The client retries at once", 0.03,
                       against=[{"evidence": "E1", "effect": "-1.5", "says": "Few requests are repeats"}]),
    ])).ruled_out}  # fmt: skip
    assert found["rl.retry_storm"].how == ["Few requests are repeats."]
    assert found["rl.retry_storm"].evidence == ["E1"]


def test_a_cause_that_still_has_a_share_is_not_called_ruled_out():
    packet = packet_of(case())  # the retry storm has 7%
    assert [one.label for one in packet.others] == ["rl.retry_storm"]
    assert not any(one.label for one in packet.ruled_out)


def test_what_could_not_be_checked_is_said_and_never_reads_as_excluded():
    packet = packet_of(case())
    assert [(one.what, one.source) for one in packet.not_checked] == [("Known bugs", "linear")]
    assert "no answer within 5 s" in packet.not_checked[0].why
    assert not any("bug" in one.says.lower() for one in packet.ruled_out)
    assert [one.ask for one in packet.questions] == ["Did a new job start?"]


def test_figures_queries_and_links_stand_with_the_evidence():
    packet = packet_of(case())
    first = next(one for one in packet.evidence if one.ref_id == "E1")
    assert first.figure is not None and first.figure.shown == "43%, before 3.1%, threshold 5.0%"
    assert (first.figure.numerator, first.figure.denominator) == (8412, 19563)
    query = next(one for one in packet.queries if one.id == first.queries[0])
    assert query.params == {"tenant": "org_0042"} and "{tenant:String}" in query.text
    assert first.altor_url.endswith(f"/investigations/{packet.investigation.ref}/evidence/E1/")
    assert packet.reproduction.detection is not None
    assert "tenant = 'org_0042'" in packet.reproduction.detection.sql
    assert packet.reproduction.detection.evidence == "E1"


def test_what_to_look_for_tells_another_tenant_from_the_customer():
    run = case()
    run.inputs = {"org_id": "org_0042", "window_start": "2026-05-01T00:00:00Z"}
    run.save()
    run.evidence.filter(ref_id="E1").update(ref={"org": "org_9", "endpoint": "GET /v2/orders"})
    TicketClaim.objects.create(ticket=run.ticket, kind="request_id", value="req_8f3a91")
    TicketClaim.objects.create(ticket=run.ticket, kind="request_id", value="req_wrong", is_active=False)
    found = packet_of(run).reproduction
    named = [(one.name, one.value) for one in found.markers]
    assert ("other customer", "org_9") in named and ("customer", "org_0042") in named
    assert ("request id", "req_8f3a91") in named and "req_wrong" not in str(named)
    assert found.since is not None and f"{found.since:%H:%M}" == "09:12", "the first moment at which it may have begun"
    assert "the requests of org_0042 on endpoint GET /v2/orders from 1 May 09:12 UTC" in found.steps[0]


def test_single_requests_that_failed_are_named_from_the_rows():
    run = case()
    run.evidence.filter(ref_id="E1").update(columns=["t", "trace_id"], rows=[["10:00", f"trace{n}"] for n in range(9)])
    found = packet_of(run).reproduction
    assert [one.value for one in found.samples] == [f"trace{n}" for n in range(5)]
    assert any("Follow one that failed: trace trace0" in text for text in found.steps)


def test_the_timeline_is_in_order_and_holds_onset_change_messages_and_earlier_runs():
    run = case()
    TicketMessage.objects.create(
        ticket=run.ticket, external_id="m1", author="customer", text="secret words", at=make.NOON
    )
    TicketMessage.objects.create(
        ticket=run.ticket, external_id="m2", author="agent", at=make.NOON + timedelta(minutes=1)
    )
    TicketMessage.objects.create(
        ticket=run.ticket, external_id="m3", author="agent", is_public=False, at=make.NOON + timedelta(minutes=2)
    )
    again = make.finished_run(run.ticket, previous=run)
    packet = packet_of(again)
    kinds = [one.kind for one in packet.timeline]
    assert [one.at for one in packet.timeline] == sorted(one.at for one in packet.timeline)
    assert kinds.count("onset") == 1 and "deployment" in kinds and kinds.count("reply") == 1
    assert sum(one.kind == "customer" for one in packet.timeline) == 2
    assert any(one.kind == "run" and run.ref in one.title for one in packet.timeline)
    assert "secret words" not in json.dumps(packet.as_dict())


def test_one_commit_that_two_sources_tell_is_one_event():
    events = [one for one in packet_of(case()).timeline if "7f3c9a1" in one.title]
    assert len(events) == 1 and events[0].is_key and events[0].evidence == ["E2"]


def test_other_customers_are_named_with_their_revenue_in_sums_per_currency():
    make.customer("org_b", name="Contoso", mrr_minor=100_000, mrr_currency="EUR", emails=["boss@contoso.example"])
    make.customer("org_c", name="Fabrikam", mrr_minor=50_000, mrr_currency="USD")
    make.customer("org_d", name="Initech")
    run = case(affected=make.affected("org_b", "org_c", "org_d", total=9))
    packet = packet_of(run)
    impact = packet.impact
    assert (impact.customers, impact.others, impact.revenue_unknown) == (10, 9, 7)
    assert {one.currency: (one.amount_minor, one.customers) for one in impact.revenue} == {
        "EUR": (340_000, 2), "USD": (50_000, 1)
    }  # fmt: skip
    assert {one.name for one in impact.listed} == {"Contoso", "Fabrikam", "Initech"}
    assert "boss" not in json.dumps(packet.as_dict())


def test_a_customer_whose_ticket_is_joined_is_counted_once():
    joined = make.customer("org_b", name="Contoso", mrr_minor=100_000, mrr_currency="EUR")
    run = case(affected=make.affected("org_b", "org_c", total=5))
    impact = packet_of(run, tickets=[make.ticket(customer=joined)]).impact
    assert impact.customers == 6
    assert [(one.amount_minor, one.customers) for one in impact.revenue] == [(340_000, 2)]


def test_where_nothing_is_wrong_nobody_is_called_affected():
    nothing = make.candidate("none.no_anomaly", "Nothing unusual", 0.9)
    run = case(candidates=[nothing], scope={"kind": "none", "value": None}, affected=make.affected("org_b"), culprit={})
    packet = packet_of(run)
    assert packet.impact.customers == 0 and packet.impact.revenue == []
    assert "No customer is known to be affected" in packet.summary


def test_tickets_of_teams_that_the_maker_may_not_see_are_not_named():
    other = make.customer("org_b", name="Contoso")
    elsewhere = make.ticket(in_team=make.team("Elsewhere"), customer=other)
    agent = make.user(teams=(make.team(),))
    run = case(affected=make.affected("org_b"))
    for maker in (agent, None):
        assert elsewhere.ref not in json.dumps(packet_of(run, made_by=maker).as_dict())
    assert elsewhere.ref in json.dumps(packet_of(run, made_by=make.user(role="admin")).as_dict())


def test_people_of_the_customer_and_secrets_are_taken_out_of_every_text():
    run = case()
    Ticket.objects.filter(pk=run.ticket_id).update(
        subject="Noor Example here: key sk_live_obviouslyfake123 fails, call Noor"
    )
    run.steps.filter(step_id="deployments").update(
        facts={"rank": {"candidates": [CANDIDATE | {"title": "by noor@northwind.example"}]}}
    )
    TicketClaim.objects.create(ticket=run.ticket, kind="request_id", value="req_8f3a91")
    text = json.dumps(packet_of(run).as_dict())
    for secret in ("Noor", "noor@", "obviouslyfake123"):
        assert secret not in text
    assert "[requester]" in text and "req_8f3a91" in text


def test_a_name_that_is_a_word_or_one_of_ours_spoils_no_other_text():
    run = case()
    Ticket.objects.filter(pk=run.ticket_id).update(requester_name="May Mira Second", subject="Mira here since 1 May")
    packet = packet_of(run)
    assert packet.tickets[0].subject == "[requester] here since 1 May"
    assert "1 May" in packet.summary and "1 May" in packet.onset.words
    assert packet.owner is not None and packet.owner.name == "mira"


def test_a_whole_name_is_found_wherever_it_stands_and_however_it_is_written():
    run = case()
    run.evidence.filter(ref_id="E3").update(summary="Opened by NOOR EXAMPLE, 2 of 2 checks green.")
    assert "noor" not in json.dumps(packet_of(run).as_dict()).lower()


def test_a_name_that_the_account_shares_stays():
    run = case()
    Ticket.objects.filter(pk=run.ticket_id).update(requester_name="Freight Desk")
    assert packet_of(run).customer.name == "Northwind Freight"


def test_what_was_told_and_promised_comes_from_the_replies():
    run = case()
    agent = make.user("priya", first_name="Priya", last_name="N.")
    said = "Hello Noor,\n\nWe look into it. You hear from us again by 15:00."
    reply = Reply.objects.create(
        ticket=run.ticket, run=run, status="sent", how="sent", text=said, saved_at=make.NOON, sent_at=make.NOON,
        sent_by=agent, statements=[{"part": "eta", "text": "You hear from us again by 15:00.", "kind": "promise"}],
    )  # fmt: skip
    due = make.NOON + timedelta(hours=3)
    PromisedUpdate.objects.create(ticket=run.ticket, reply=reply, due_at=due, promised_at=make.NOON, promised_by=agent)
    TicketMessage.objects.create(
        ticket=run.ticket, external_id="m2", author="agent", at=make.NOON + timedelta(seconds=20)
    )
    packet = packet_of(run)
    assert packet.told[0].next_step == "You hear from us again by 15:00."
    assert "Hello [requester]" in packet.told[0].text
    assert [(one.due_at, one.by) for one in packet.promised] == [(due, "Priya N.")]
    assert sum(one.kind == "reply" for one in packet.timeline) == 1, "ours and the helpdesk's account are one"
    before = packet_of(run, now=make.NOON - timedelta(minutes=1))
    assert before.told == [] and before.promised == []


def test_answers_judgements_and_overrides_are_what_was_tried():
    run = case()
    agent = make.user("priya", first_name="Priya", last_name="N.")
    run.steps.filter(step_id="confirm").update(status="done", answer=False, answered_by=agent, answered_at=make.NOON)
    tried = packet_of(run).tried
    assert [(one.what, one.result, one.by) for one in tried] == [
        ("Answered: Did the customer start a new job?", "no", "Priya N.")
    ]


def test_checklist_note_links_and_more_tickets_are_the_callers():
    run = case()
    other = make.ticket(customer=make.customer("org_b", name="Contoso"))
    packet = packet_of(
        run,
        checklist=[{"key": "figure", "title": "The failing share", "state": "met", "evidence": ["E1"]}],
        note="Sent provisionally: the request id is owed.",
        tickets=[run.ticket, other],
        links=[Link(title="ESC-57", url="https://altor.example/escalations/ESC-57/")],
    )
    assert [one.ref for one in packet.tickets] == [run.ticket.ref, other.ref]
    assert packet.impact.customers == 2
    assert packet.links[0].title == "ESC-57" and packet.checklist[0].state == "met"
    with pytest.raises(ValueError, match="state"):
        packet_of(run, checklist=[{"key": "a", "title": "b", "state": "perhaps"}])


def test_a_run_without_a_diagnosis_still_gives_a_packet_that_says_so():
    ticket = make.ticket(customer=make.customer("org_0042"))
    packet = packet_of(make.run(ticket, status="running", diagnosis=None))
    assert "has not come to a diagnosis" in packet.summary
    assert packet.cause is None and packet.onset.words == "Not established" and packet.impact.customers == 0
    assert [one.kind for one in packet.timeline] == ["customer"]


def test_an_undecided_diagnosis_names_no_cause():
    said = "Not enough evidence to name a cause"
    run = case(
        candidates=[make.candidate("inconclusive", said, 0.5)], culprit={"kind": "none", "id": None},
        scope={"kind": "none", "value": None}, onset=None, onset_between=None, summary=f"{said}.",
    )  # fmt: skip
    packet = packet_of(run)
    assert "The cause is not established" in packet.summary
    assert packet.change is None and packet.owner is None
    assert "Since when it happens was not established." in packet.unknown


def test_an_account_that_is_not_known_and_rows_of_odd_shapes_do_no_harm():
    run = make.finished_run(make.ticket(subject=""))
    run.evidence.update(figures=[], ref=[], requests={"a": 1}, columns=None or [], rows=[1, None])
    StepResult.objects.filter(investigation=run).update(
        facts={"rank": {"candidates": ["x", None], "matches": 7}, "a": []}
    )
    packet = packet_of(run)
    assert packet.customer is None and len(packet.evidence) == 3


def test_a_packet_takes_a_bounded_number_of_queries(django_assert_max_num_queries):
    found = Investigation.objects.with_context().get(pk=case(affected=make.affected("org_b", "org_c")).pk)
    with django_assert_max_num_queries(16):
        build_packet(found, severity="SEV2", severity_why="", now=NOW, made_by=make_admin())


def make_admin() -> User:
    return User(pk=0, role="admin", is_active=True)
