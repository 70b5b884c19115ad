"""Proof of recovery: customers are measured again on a real engine, and only then is anything called back to normal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from altor.models import Notice, User
from escalations.incidents.proof import fixed_by, gone_again
from escalations.lifecycle.acting import Doer, act
from escalations.lifecycle.sending import Wish, send
from escalations.models import (
    Escalation,
    Incident,
    IssuePull,
    LinearConnection,
    Recovery,
    RecoveryReading,
    TrackedIssue,
)
from escalations.recovery import rounds
from escalations.recovery.rounds import measure_round, sweep
from escalations.recovery.starting import measure_now, shipped
from escalations.recovery.symptom import symptom_of_run
from investigations.playbooks.loader import LIBRARY
from investigations.services.playbooks import store_version
from investigations.sources.base import ConnectionConfig
from knowledge.models import Reply
from tests import factories as make
from tests.clickhouse.asking import config_for, create_tables, insert, server_span
from tests.clickhouse_fixtures import Database
from tests.shipped import reply_templates

pytestmark = pytest.mark.django_db
ONSET = datetime.fromisoformat("2026-05-01T10:02:00+00:00")
FIXED = make.NOON + timedelta(hours=2)
REJECTED = {"http.response.status_code": "429"}


def requests(
    org: str, start: datetime, end: datetime, *, rejected: float, every: float = 60.0
) -> Iterator[dict[str, Any]]:
    """A request each `every` seconds, of which that share is rejected, evenly."""
    at, number, owed = start, 0, 0.0
    while at < end:
        owed += rejected
        attributes = REJECTED if owed >= 1 else {}
        owed -= 1 if owed >= 1 else 0
        number += 1
        yield server_span(org, at=at, attributes=attributes, TraceId=f"{org}-{number}-{at:%H%M%S}")
        at += timedelta(seconds=every)


def history(org: str, *, during: float = 0.4) -> Iterator[dict[str, Any]]:
    yield from requests(org, ONSET - timedelta(hours=8), ONSET, rejected=0.005)
    yield from requests(org, ONSET, FIXED, rejected=during)


class Scene:
    """One escalation with the tickets of two customers, and a third that was only measured."""

    def __init__(self, database: Database) -> None:
        self.database = database
        create_tables(database)
        self.connections: dict[str, ConnectionConfig] = {"clickhouse": config_for(database.reader_url)}
        reply_templates()
        self.team = make.team()
        self.mina, self.ole = (make.user(name, teams=(self.team,)) for name in ("mina", "ole"))
        self.engineer = make.user("eli", role="engineer")
        self.lead = self.engineer
        self.run = self._run("org_a", self.mina)
        self.escalation, _ = send(self.run, Wish(), actor=self.mina, now=make.NOON)
        send(self._run("org_b", self.ole), Wish(joins=True), actor=self.ole, now=make.NOON)
        # The escalation asks for little of a run as factories make it; what is measured is the shipped playbook's.
        self.run.playbook = store_version(
            (LIBRARY / "rate_limit.yaml").read_text(), name="rate_limit.yaml", actor=None, origin="library",
            comment="", activate=True, past_approval=True,
        )  # fmt: skip
        self.run.save()
        for org in ("org_a", "org_b", "org_c"):
            self.add(history(org))

    def _run(self, org: str, owner: User) -> Any:
        ticket = make.ticket(in_team=self.team, customer=make.customer(org, name=org[-1].upper() * 4), owner=owner)
        return make.finished_run(ticket, diagnosis=make.diagnosis(affected=make.affected("org_c")))

    def add(self, spans: Iterator[dict[str, Any]]) -> None:
        insert(self.database, "otel_traces", spans)

    def after(self, org: str, *, rejected: float, until: datetime, since: datetime = FIXED) -> None:
        self.add(requests(org, since, until, rejected=rejected))

    def resolve(self) -> Recovery:
        self.escalation = act(self.escalation, "resolve", Doer(self.engineer), now=FIXED, text="Rolled back.")
        return Recovery.objects.get(escalation=self.escalation)

    def round(self, proof: Recovery, now: datetime) -> Recovery:
        found = measure_round(proof.pk, now=now, connections=self.connections)
        assert found is not None
        return found


@pytest.fixture
def scene(clickhouse_database: Database) -> Scene:
    return Scene(clickhouse_database)


def verdicts(proof: Recovery) -> dict[str, str]:
    return dict(RecoveryReading.objects.filter(recovery=proof).values_list("org_id", "verdict"))


def drafts() -> dict[str, str]:
    return {reply.author.username: reply.text for reply in Reply.objects.drafts().select_related("author")}


def told(kind: str) -> list[str]:
    return list(Notice.objects.filter(kind=kind).order_by("pk").values_list("title", flat=True))


def test_the_measure_behind_the_figure_is_asked_about_this_customer_alone(scene: Scene) -> None:
    symptom = symptom_of_run(scene.run)
    assert symptom is not None and symptom.step.id == "traffic" and symptom.step.fence == "customer"
    assert symptom.where == {"mine": 1} and symptom.unit == "%"
    assert symptom.measure == symptom.step.measure["mine"]


def test_everybody_is_measured_and_then_it_is_called_back(scene: Scene) -> None:
    proof = scene.resolve()
    assert proof.status == "measuring" and proof.next_at == FIXED + timedelta(minutes=12)
    assert list(proof.readings.values_list("org_id", flat=True)) == ["org_a", "org_b", "org_c"]
    assert "do not call it solved" in drafts()["mina"]
    now = FIXED + timedelta(minutes=32)
    for org in ("org_a", "org_b", "org_c"):
        scene.after(org, rejected=0.004, until=now)
    found = scene.round(proof, now)
    assert verdicts(found) == {"org_a": "back", "org_b": "back", "org_c": "back"}
    assert found.status == "proved" and found.back_since == FIXED and found.next_at is None
    reading = found.readings.get(org_id="org_a")
    assert reading.before == pytest.approx(0.005, abs=0.004) and reading.during == pytest.approx(0.4, abs=0.02)
    assert reading.after is not None and reading.after < 0.02 and reading.records > 25
    assert "is back to normal since 14:00 UTC on 1 May" in drafts()["mina"]
    assert "is back to normal since 14:00 UTC on 1 May" in drafts()["ole"]
    assert not Reply.objects.out().exists()
    (event,) = scene.escalation.history.filter(what="measured")
    assert event.text == "Back to normal since 14:00 UTC on 1 May: 3 of 3 customers measured after the fix."
    assert measure_round(proof.pk, now=now, connections=scene.connections) is None


def test_what_the_draft_states_names_its_proof(scene: Scene) -> None:
    proof, now = scene.resolve(), FIXED + timedelta(minutes=32)
    for org in ("org_a", "org_b", "org_c"):
        scene.after(org, rejected=0.0, until=now)
    scene.round(proof, now)
    reply = Reply.objects.drafts().get(author=scene.mina)
    facts = [fact for one in reply.statements if one["kind"] == "fact" for fact in one["facts"]]
    assert [(fact["name"], fact["evidence"]) for fact in facts] == [("recovered", [proof.ref])]
    client = Client()
    client.force_login(scene.mina)
    assert proof.ref in client.get(f"/tickets/{scene.run.ticket.ref}/reply-draft/").content.decode()
    page = client.get(f"/recoveries/{proof.ref}/").content.decode()
    assert "3 of 3 customers measured after the fix" in page and "AAAA" in page


def test_a_fix_that_did_not_work_goes_to_engineering_and_nothing_is_drafted(scene: Scene) -> None:
    proof = scene.resolve()
    scene.after("org_a", rejected=0.0, until=FIXED + timedelta(hours=1))
    scene.after("org_b", rejected=0.4, until=FIXED + timedelta(hours=1))
    scene.after("org_c", rejected=0.0, until=FIXED + timedelta(hours=1))
    first = scene.round(proof, FIXED + timedelta(minutes=22))
    assert first.status == "measuring" and told("recovery.failed") == []
    second = scene.round(proof, FIXED + timedelta(minutes=42))
    assert second.status == "failed" and second.failed_at == FIXED + timedelta(minutes=42)
    assert verdicts(second)["org_b"] == "still"
    ref = scene.escalation.ref
    assert told("recovery.failed")[0] == f"{ref}: The fix did not work: 1 of 3 customers still shows it."
    event = scene.escalation.history.get(what="measured")
    assert "BBBB:" in event.text and "while it lasted 40%" in event.text
    assert not any("back to normal since" in text for text in drafts().values())
    scene.round(proof, FIXED + timedelta(minutes=52))
    assert scene.escalation.history.filter(what="measured").count() == 1


def test_the_rest_of_a_roll_out_is_waited_for(scene: Scene) -> None:
    """Told that it did not work, it is measured on; when it works after all that is told too."""
    proof, done = scene.resolve(), FIXED + timedelta(hours=1)
    for org in ("org_a", "org_b", "org_c"):
        scene.after(org, rejected=0.4, until=done)
        scene.after(org, rejected=0.0, since=done, until=done + timedelta(hours=1))
    for minutes in (30, 50):
        failed = scene.round(proof, FIXED + timedelta(minutes=minutes))
    assert failed.status == "failed"
    found = scene.round(proof, done + timedelta(hours=1))
    assert found.status == "proved" and found.back_since is not None
    assert abs(found.back_since - done) <= timedelta(minutes=10)
    assert "back to normal since 15:0" in drafts()["mina"]


def test_silence_is_not_called_back(scene: Scene) -> None:
    proof = scene.resolve()
    scene.after("org_a", rejected=0.0, until=FIXED + timedelta(hours=3))
    scene.after("org_b", rejected=0.0, until=FIXED + timedelta(hours=3))
    early = scene.round(proof, FIXED + timedelta(hours=1))
    assert early.status == "measuring" and verdicts(early)["org_c"] == "quiet"
    late = scene.round(proof, FIXED + timedelta(hours=2, minutes=30))
    assert late.status == "proved"
    text = scene.escalation.history.get(what="measured").text
    assert "2 of 3 customers measured after the fix; 1 had no traffic since the fix." in text


def test_a_source_that_is_away_shows_nothing_and_takes_nothing_back(scene: Scene) -> None:
    proof, now = scene.resolve(), FIXED + timedelta(minutes=32)
    for org in ("org_a", "org_b"):
        scene.after(org, rejected=0.0, until=now + timedelta(hours=1))
    scene.round(proof, now)
    away = measure_round(proof.pk, now=now + timedelta(minutes=10), connections={})
    assert away is not None and away.status == "measuring"
    assert verdicts(away) == {"org_a": "back", "org_b": "back", "org_c": "failed"}
    assert away.readings.get(org_id="org_c").error
    over = measure_round(proof.pk, now=FIXED + timedelta(hours=25), connections={})
    assert over is not None and over.status == "unproven" and over.next_at is None
    assert told("recovery.unproven")


def test_reopening_ends_the_proof_and_the_next_fix_begins_another(scene: Scene) -> None:
    proof = scene.resolve()
    act(scene.escalation, "reopen", Doer(scene.engineer), now=FIXED + timedelta(minutes=5), text="It is still there.")
    proof.refresh_from_db()
    assert proof.status == "dropped" and proof.next_at is None
    act(scene.escalation, "resolve", Doer(scene.engineer), now=FIXED + timedelta(hours=1), text="Now it is.")
    again = Recovery.objects.filter(escalation=scene.escalation).first()
    assert again is not None and again.pk != proof.pk and again.fixed_at == FIXED + timedelta(hours=1)


def test_a_fix_that_has_not_shipped_is_waited_for(scene: Scene) -> None:
    issue = TrackedIssue.objects.create(
        connection=LinearConnection.objects.create(name="main"),
        cause_key="x",
        created_at=make.NOON,
        woken_at=make.NOON,
    )
    IssuePull.objects.create(issue=issue, url="https://github.example/acme/api/pull/1", owner="acme", repo="api",
                             number=1, state="merged")  # fmt: skip
    Escalation.objects.filter(pk=scene.escalation.pk).update(issue=issue)
    proof = scene.resolve()
    assert proof.status == "waiting" and "have not shipped" in proof.why
    at = FIXED + timedelta(hours=3)
    shipped(scene.escalation, at=at, now=at)
    proof.refresh_from_db()
    assert proof.status == "measuring" and proof.fixed_at == at and proof.next_at == at + timedelta(minutes=12)


def test_a_diagnosis_without_a_figure_is_said_to_be_unmeasurable(scene: Scene) -> None:
    other = make.diagnosis(culprit={"kind": "deployment", "id": "another"})
    ticket = make.ticket(in_team=scene.team, customer=make.customer("org_z"), owner=scene.mina)
    run = make.finished_run(ticket, diagnosis=other)
    lead = make.user("lea", role="lead", teams=(scene.team,))
    sent, _ = send(run, Wish(override_reason="The rest cannot be had today."), actor=lead, now=make.NOON)
    run.evidence.all().delete()
    act(sent, "resolve", Doer(scene.engineer), now=FIXED, text="Done.")
    proof = Recovery.objects.get(escalation=sent)
    assert proof.status == "unproven" and "look for yourself" in proof.why
    client = Client()
    client.force_login(scene.mina)
    assert "look for yourself" in client.get(f"/escalations/{sent.ref}/").content.decode()


def test_a_round_is_queued_once_and_again_when_its_worker_died(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    proof, queued = scene.resolve(), []
    monkeypatch.setattr(rounds, "enqueue", lambda task, pk: queued.append(pk))
    now = FIXED + timedelta(minutes=13)
    assert (sweep(FIXED), sweep(now), sweep(now), queued) == (0, 1, 0, [proof.pk])
    assert sweep(now + timedelta(minutes=11)) == 1
    assert measure_now(proof, actor=scene.mina, now=now) and sweep(now) == 1


def test_names_of_customers_stay_with_those_who_may_read_them_and_strangers_see_nothing(scene: Scene) -> None:
    proof = scene.resolve()
    stranger = Client()
    stranger.force_login(make.user("sam", teams=(make.team("Elsewhere"),)))
    assert stranger.get(f"/recoveries/{proof.ref}/").status_code == 404
    assert stranger.post(f"/recoveries/{proof.ref}/measure/").status_code == 404
    assert stranger.get(f"/api/v1/recoveries/{proof.ref}/").status_code == 404
    reader = Client()
    reader.force_login(scene.mina)
    assert reader.post(f"/recoveries/{proof.ref}/measure/").status_code == 302
    body = reader.get(f"/api/v1/recoveries/{proof.ref}/").json()
    assert body["headline"] and [one["customer"] for one in body["readings"]] == ["AAAA", "BBBB", "org_c"]
    assert reader.get("/api/v1/recoveries/?status=measuring").json()["results"][0]["ref"] == proof.ref
    html = reader.get(f"/escalations/{scene.escalation.ref}/").content.decode()
    assert "Proof of recovery" in html


# ------------------------------------------------------------------------------------------------------- incidents
def declared(scene: Scene, *, escalation: bool = True) -> Incident:
    scene.lead = make.user("lia", role="lead", teams=(scene.team,))
    found = Incident.objects.create(
        title="Requests are refused", severity="SEV1", cause=scene.escalation.cause, run=scene.run, team=scene.team,
        escalation=scene.escalation if escalation else None, commander=scene.lead, declared_by=scene.lead,
        declared_at=make.NOON, update_every_min=60,
    )  # fmt: skip
    for number in ("org_a", "org_b"):
        ticket = scene.escalation.links.get(ticket__customer__org_id=number).ticket
        found.links.create(ticket=ticket, how="declared", linked_at=make.NOON)
    found.customers.create(org_id="org_d", found="person", added_at=make.NOON)
    return found


def test_an_incident_is_over_when_its_escalations_fix_is_proved(scene: Scene) -> None:
    incident, now = declared(scene), FIXED + timedelta(minutes=32)
    proof = scene.resolve()
    incident.refresh_from_db()
    assert incident.status == "fixed" and incident.fixed_at == FIXED and proof.incident == incident
    assert list(proof.readings.values_list("org_id", flat=True)) == ["org_a", "org_b", "org_c", "org_d"]
    scene.add(history("org_d"))
    for org in ("org_a", "org_b", "org_c", "org_d"):
        scene.after(org, rejected=0.0, until=now)
    scene.round(proof, now)
    incident.refresh_from_db()
    assert incident.status == "recovered" and incident.back_since == FIXED
    assert "4 of 4 customers" in incident.history.get(what="recovered").text
    client = Client()
    client.force_login(scene.lead)
    assert "Proof of recovery" in client.get(f"/incidents/{incident.ref}/").content.decode()


def test_an_incident_whose_fix_did_not_work_is_worked_on_again(scene: Scene) -> None:
    incident = declared(scene)
    proof = scene.resolve()
    for minutes in (22, 42):
        scene.after("org_b", rejected=0.4, since=FIXED + timedelta(minutes=minutes - 22),
                    until=FIXED + timedelta(minutes=minutes))  # fmt: skip
        scene.round(proof, FIXED + timedelta(minutes=minutes))
    incident.refresh_from_db()
    assert incident.status == "open" and "BBBB" in incident.history.get(what="not_recovered").text


def test_an_incident_without_an_escalation_is_measured_from_its_run(scene: Scene) -> None:
    incident, now = declared(scene, escalation=False), FIXED + timedelta(minutes=32)
    found = fixed_by(incident, now=FIXED, actor=scene.lead, text="The flag is off.", via="page")
    assert found.status == "fixed"
    proof = Recovery.objects.get(incident=incident)
    assert proof.escalation is None and proof.next_at is not None
    fixed_by(incident, now=FIXED, actor=scene.lead, text="Pressed twice.", via="page")
    assert Recovery.objects.filter(incident=incident).count() == 1
    scene.add(history("org_d"))
    for org in ("org_a", "org_b", "org_c", "org_d"):
        scene.after(org, rejected=0.0, until=now)
    scene.round(proof, now)
    incident.refresh_from_db()
    assert incident.status == "recovered" and "back to normal since 14:00 UTC" in drafts()["mina"]
    reader = Client()
    reader.force_login(scene.lead)
    body = reader.get(f"/api/v1/recoveries/?incident={incident.ref}").json()
    assert [one["ref"] for one in body["results"]] == [proof.ref]


def test_who_says_it_is_not_gone_ends_the_proof(scene: Scene) -> None:
    incident = declared(scene, escalation=False)
    fixed_by(incident, now=FIXED, actor=scene.lead, text="The flag is off.", via="page")
    gone_again(incident, "Two customers still call.", now=FIXED + timedelta(minutes=5), actor=scene.lead, via="page")
    incident.refresh_from_db()
    assert incident.status == "open"
    assert Recovery.objects.get(incident=incident).status == "dropped"
