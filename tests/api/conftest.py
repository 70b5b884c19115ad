"""Two teams, one person of each role, a ticket with a finished run in each team.

Made once a module: each test works in a savepoint of its own that is taken back. Tests that commit make theirs.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import transaction
from pytest_django import DjangoDbBlocker
from rest_framework.test import APIClient

from altor.events import record
from altor.models import InboundEndpoint, InboundEvent, Membership, Team, User
from altor.roles import PERMISSIONS, Role, role_may
from altor.tokens import create_token
from escalations.interruptions.asking import Audience, ask
from escalations.lifecycle.sending import Wish, send
from escalations.models import Escalation, Handoff, Incident, Question, Recovery, Rotation
from investigations.models import (
    Connection,
    Customer,
    Evidence,
    Investigation,
    PlaybookVersion,
    StepResult,
    Ticket,
    Trial,
    TrialCase,
)
from investigations.playbooks.format import Playbook
from investigations.services.briefs import brief
from knowledge.entries.saving import create_entry
from knowledge.models import Entry
from tests import factories as make
from tests.intake.conftest import shipped_playbooks, store_playbooks

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
SECRET = "whsec_b2J2aW91c2x5LWZha2Utc2VjcmV0"


@dataclass(frozen=True)
class World:
    people: dict[str, User]  # by role, all in team "ours"; plus "outsider", an agent of "theirs"
    ours: Team
    theirs: Team
    ticket: Ticket
    run: Investigation
    older_run: Investigation
    foreign_ticket: Ticket
    foreign_run: Investigation
    customer: Customer
    connection: Connection
    endpoint: InboundEndpoint
    dead_event: InboundEvent
    backtest: Trial
    foreign_backtest: Trial
    escalation: Escalation
    foreign_escalation: Escalation
    recovery: Recovery
    foreign_recovery: Recovery
    question: Question
    foreign_question: Question
    handoff: Handoff
    foreign_handoff: Handoff
    incident: Incident
    foreign_incident: Incident
    entry: Entry
    foreign_entry: Entry


@pytest.fixture(autouse=True)
def _no_counts_left() -> None:
    cache.clear()


def person(name: str, role: str, team: Team) -> User:
    user = User.objects.create_user(name, f"{name}@altor.example", "not-a-real-password", role=role)
    Membership.objects.create(user=user, team=team)
    return user


def ticket_of(team: Team, number: int, **extra: Any) -> Ticket:
    return Ticket.objects.create(
        ref=f"TK-{number}",
        external_id=str(number),
        team=team,
        subject="API is slow",
        opened_at=NOW,
        incident_class="latency",
        status=Ticket.Status.DIAGNOSED,
        version=1,
        **extra,
    )


def backtest_of(run: Investigation) -> Trial:
    """A finished backtest of the run's ticket, as the command line begins one."""
    trial = Trial.objects.create(kind=Trial.Kind.BACKTEST, status=Trial.Status.RUNNING, chosen={"last": 50})
    TrialCase.objects.create(trial=trial, ticket=run.ticket, run=run, position=1, before=brief(run.diagnosis or {}))
    return trial


def run_of(ticket: Ticket, number: int, status: str = "done") -> Investigation:
    playbook = PlaybookVersion.objects.active().get(key="latency")
    run = Investigation.objects.create(
        ticket=ticket,
        playbook=playbook,
        event_key=f"test:{ticket.ref}:{number}",
        as_of=NOW,
        status=status,
        finished_at=NOW,
        seconds=1.5,
        diagnosis={
            "class": "latency",
            "candidates": [{"label": "lat.deploy_route", "title": "A deployment slowed a route", "confidence": 0.8}],
            "onset": None,
            "affected": make.affected("org_nobody"),
        },
        top_label="lat.deploy_route",
        confidence=0.8,
    )
    step = StepResult.objects.create(
        investigation=run, step_id="speed", position=1, title="Speed", source="clickhouse", status="done"
    )
    StepResult.objects.create(
        investigation=run, step_id="asked", position=2, title="Ask", source="manual", status="asked"
    )
    Evidence.objects.create(
        investigation=run, step=step, ref_id="E1", source="clickhouse", kind="latency_p95", summary="p95 is 900 ms",
        fetched_at=NOW, columns=["t"], rows=[[1]], row_count=1, sha256="0" * 64,
    )  # fmt: skip
    record("run.queued", ticket_ref=ticket.ref, subject_ref=run.ref, at=NOW)
    return run


@pytest.fixture(scope="session")
def playbooks() -> list[Playbook]:
    return shipped_playbooks()


@pytest.fixture(scope="module")
def _built(django_db_setup: None, django_db_blocker: DjangoDbBlocker, playbooks: list[Playbook]) -> Iterator[bytes]:
    with django_db_blocker.unblock(), transaction.atomic():
        yield pickle.dumps(build(playbooks))
        transaction.set_rollback(True)


@pytest.fixture
def world(_built: bytes, db: None) -> World:
    """As it was made: what another test changed in these objects is not seen."""
    made: World = pickle.loads(_built)
    return made


@pytest.fixture
def committed_world(transactional_db: None, playbooks: list[Playbook]) -> World:
    """For tests in which several connections look at it; not in one module with `world`."""
    return build(playbooks)


def build(playbooks: list[Playbook]) -> World:
    store_playbooks(playbooks)
    ours = Team.objects.create(name="Ours", slug="ours", is_default=True)
    theirs = Team.objects.create(name="Theirs", slug="theirs")
    people = {role: person(role, role, ours) for role in Role.values}
    people["outsider"] = person("outsider", Role.AGENT, theirs)
    customer = Customer.objects.create(org_id="org_k3p7elJo60", name="Copper Lane", domains=["copperlane.eu"])
    ticket = ticket_of(ours, 10134, customer=customer, owner=people["engineer"])
    foreign = ticket_of(theirs, 20999)
    older, run = run_of(ticket, 1), run_of(ticket, 2)
    make.reply_template()
    connection = Connection.objects.create(
        source="github", base_url="https://api.github.com", secret="gh-obviously-fake-1234"
    )
    endpoint = InboundEndpoint.objects.create(source="generic", connection="desk", secrets=SECRET)
    dead = InboundEvent.objects.create(
        endpoint=endpoint, delivery_key="d1", kind="ticket.created", body={"type": "ticket.created", "data": {"id": 5}},
        received_at=NOW - timedelta(hours=1), status="dead", reason="broken",
    )  # fmt: skip
    make.outbound_delivery(make.outbound_endpoint())
    foreign_run = run_of(foreign, 1)
    sent = escalation_of(run, people["lead"])
    foreign_sent = escalation_of(foreign_run, people["admin"], owner_team=theirs)
    return World(
        people,
        ours,
        theirs,
        ticket,
        run,
        older,
        foreign,
        foreign_run,
        customer,
        connection,
        endpoint,
        dead,
        backtest_of(run),
        backtest_of(foreign_run),
        sent,
        foreign_sent,
        recovery_of(sent),
        recovery_of(foreign_sent),
        question_of(run, people["lead"], ours),
        question_of(foreign_run, people["admin"], theirs),
        handoff_of(ticket, ours, people["agent"], people["engineer"]),
        handoff_of(foreign, theirs, people["outsider"], people["admin"]),
        incident_of(ticket, people["lead"]),
        incident_of(foreign, people["admin"]),
        create_entry({"title": "Deployments slow a route", "symptoms": "API is slow"}, actor=people["lead"]),
        create_entry({"title": "Theirs alone", "symptoms": "API is slow TK-20999"}, actor=people["admin"], team=theirs),
    )


def handoff_of(ticket: Ticket, team: Team, outgoing: User, incoming: User) -> Handoff:
    rotation = Rotation.objects.create(slug=team.slug, name=f"{team} shifts", team=team, owns="triage")
    made = Handoff.objects.create(
        rotation=rotation, seat="primary", seat_name="Primary", team=team, outgoing=outgoing, incoming=incoming,
        ends_at=NOW, drafted_at=NOW, read_at=NOW,
    )  # fmt: skip
    made.items.create(ticket=ticket, state="Diagnosed")
    return made


def recovery_of(sent: Escalation) -> Recovery:
    made = Recovery.objects.create(
        escalation=sent, run=sent.run, fixed_at=NOW, began_at=NOW, next_at=NOW, key=f"{sent.pk}:resolved",
        symptom={"step": "traffic", "title": "Requests rejected with 429", "unit": "%", "where": {}},
    )  # fmt: skip
    made.readings.create(org_id="org_k3p7elJo60", ticket=sent.ticket)
    return made


def incident_of(ticket: Ticket, commander: User) -> Incident:
    """Of its team and this ticket, and of a cause that no run names."""
    made = Incident.objects.create(
        title="Nothing answers", severity="SEV2", cause=f"test:{ticket.ref}", team=ticket.team, commander=commander,
        declared_by=commander, declared_at=NOW, update_every_min=60,
    )  # fmt: skip
    made.links.create(ticket=ticket, how="declared", linked_at=NOW)
    return made


def escalation_of(run: Investigation, sender: User, **values: Any) -> Escalation:
    """Sent past its contract; the ticket's own teams and, where no owner is given, all engineers see it."""
    wish = Wish(severity="SEV3", severity_why="Said by the test itself.", override_reason="Said by the test itself.")
    sent, _ = send(run, wish, actor=sender, now=NOW)
    Escalation.objects.filter(pk=sent.pk).update(**values or {"cause": sent.cause})
    Ticket.objects.filter(pk=run.ticket_id).update(status=Ticket.Status.DIAGNOSED)
    return sent


def question_of(run: Investigation, asker: User, team: Team) -> Question:
    """To the team, of which somebody may answer."""
    make.user(f"engineer-{team.slug}", role="engineer", teams=(team,))
    text = "Does the limiter count retries twice?"
    return ask(run.ticket, text, Audience(team=team), actor=asker, now=NOW, run=run)[0]


def client_of(user: User, *scopes: str) -> APIClient:
    """A client with a bearer token of the person; without scopes: all that the role holds."""
    wanted = scopes or tuple(name for name in PERMISSIONS if role_may(user.role, name))
    _, text = create_token(user=user, name="test", scopes=wanted)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


@pytest.fixture
def agent_api(world: World) -> APIClient:
    return client_of(world.people["agent"])


@pytest.fixture
def admin_api(world: World) -> APIClient:
    return client_of(world.people["admin"])
