"""What happens to tickets and runs is told: to other systems by signed events, to people by notices, once each."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from altor import events
from altor.models import Notice, NoticeDelivery, OutboundDelivery, OutboundEndpoint
from altor.webhooks.endpoints import create_endpoint
from altor.webhooks.events import event_types
from investigations.models import Investigation
from investigations.services import announcing
from investigations.services.gates import override_gate
from investigations.services.mirror import apply_event
from investigations.services.tickets import correct_ticket
from tests import factories
from tests.helpdesks.scene import endpoint, event

pytestmark = pytest.mark.django_db
SECRET_WORDS = ("Many 429 answers", "half of our calls", "@")


@pytest.fixture(autouse=True)
def _playbook(db: None) -> None:
    """With one playbook in force the shipped library is not loaded, which takes most of a second."""
    factories.playbook()


@pytest.fixture
def listener() -> OutboundEndpoint:
    found, _ = create_endpoint(
        title="Listener",
        url="https://listener.example/hook",
        event_types=event_types(),
        actor=factories.user(role="admin"),
    )
    return found


def told(kind: str) -> list[dict[str, Any]]:
    return [one.payload["data"] for one in OutboundDelivery.objects.filter(event_type=kind).order_by("pk")]


def finished(**values: Any) -> Investigation:
    owner = factories.user("ada")
    return factories.finished_run(factories.ticket(owner=owner), requested_by=factories.user("bob"), **values)


@pytest.mark.parametrize("kind", sorted(events.PUBLISHED))
def test_every_kind_is_sent_once_with_references_and_figures_only(kind: str, listener: OutboundEndpoint) -> None:
    type_, names = events.PUBLISHED[kind]
    data = {**dict.fromkeys(names, 1), "text": "what was written", "message": "m1"}
    for _ in range(2):
        events.record(kind, ticket_ref="TK-1", subject_ref="INV-1", at=timezone.now(), data=data, key=f"{kind}:1")
    assert told(type_) == [{"ticket": "TK-1", "subject": "INV-1", **dict.fromkeys(names, 1)}]


def test_history_is_no_news(listener: OutboundEndpoint) -> None:
    events.record("ticket.resolved", ticket_ref="TK-1", at=timezone.now() - timedelta(days=3))
    assert told("ticket.resolved") == []


def test_a_helpdesks_events_reach_the_listener_without_the_customers_words(listener: OutboundEndpoint) -> None:
    now = timezone.now()
    said = event(
        "ticket.created", subject=SECRET_WORDS[0], created_at=now.isoformat(), requester={"email": "k@x.example"}
    )
    apply_event(said, endpoint=endpoint(), now=now)
    assert told("ticket.received") == [{"ticket": "TK-901", "subject": ""}]
    assert not any(word in str(told("ticket.received")) for word in SECRET_WORDS)


def test_a_diagnosis_is_told_to_who_owns_and_who_asked_once_per_answer() -> None:
    run = finished()
    announcing.run_ended(run)
    announcing.run_ended(run)
    notice = Notice.objects.get()
    assert notice.title == f"{run.ticket.ref}: A deployment changed the limiter"
    assert notice.severity == "SEV2"
    assert len(notice.lines) == 5
    assert sorted(NoticeDelivery.objects.values_list("person__username", flat=True)) == ["ada", "bob"]
    run.result_hash = "b" * 64
    announcing.run_ended(run)
    assert Notice.objects.count() == 2


@pytest.mark.parametrize("values", [{"status": "failed"}, {"trigger": "command"}, {"diagnosis": None}])
def test_what_is_no_diagnosis_is_told_to_nobody(values: dict[str, Any]) -> None:
    announcing.run_ended(finished(**values))
    assert not Notice.objects.exists()


def test_going_past_a_gate_is_told_to_the_owner_and_the_leads_and_not_to_who_did_it(listener: OutboundEndpoint) -> None:
    run = finished()
    run.steps.filter(step_id="traffic").update(status="waiting")
    lead = factories.user("lead", role="lead", teams=(run.ticket.team,))
    factories.user("other-lead", role="lead", teams=(run.ticket.team,))
    override_gate(run, "reply", "The customer is down and waits.", actor=lead)
    assert sorted(NoticeDelivery.objects.values_list("person__username", flat=True)) == ["ada", "other-lead"]
    assert told("gate.overridden") == [
        {"ticket": run.ticket.ref, "subject": run.ref, "gate": "reply", "missing": ["traffic"]}
    ]


def test_a_new_owner_hears_of_it_and_the_former_one_too() -> None:
    team = factories.team()
    ada, bob, lead = (factories.user(name, teams=(team,)) for name in ("ada", "bob", "cy"))
    ticket = factories.ticket(in_team=team, owner=ada)
    correct_ticket(ticket, actor=lead, owner=bob)
    assert sorted(NoticeDelivery.objects.values_list("person__username", flat=True)) == ["ada", "bob"]
    assert "bob" in Notice.objects.get().title


def test_an_owner_named_in_the_helpdesk_hears_of_it_and_of_no_history() -> None:
    factories.user("ada")
    factories.user("bob")
    desk, now = endpoint(), timezone.now()
    named = [
        (9.0, event("ticket.created", subject="x", assignee={"id": "7", "email": "ada@altor.example"})),
        (8.0, event(assignee=None)),
        (0.0, event(assignee={"id": "8", "email": "bob@altor.example"})),
    ]
    for days, said in named:
        apply_event(replace(said, at=now - timedelta(days=days)), endpoint=desk, now=now)
    assert NoticeDelivery.objects.get().person.username == "bob"  # type: ignore[union-attr]  # a person's
