"""What a helpdesk removes is removed from escalations, their packets, files, questions and notices too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core import serializers
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ

from altor.models import InboundEndpoint, Notice
from escalations.attachments.keeping import Upload, attach
from escalations.interruptions.asking import Audience, answer, ask
from escalations.interruptions.typed import type_hours
from escalations.lifecycle.acting import Doer, act, judge
from escalations.lifecycle.answers import store_answers
from escalations.lifecycle.changing import add
from escalations.lifecycle.drafts import save_draft
from escalations.lifecycle.links import link_token
from escalations.lifecycle.sending import Wish, send
from escalations.models import (
    AttachedFile,
    ChecklistAnswer,
    Escalation,
    EscalationDraft,
    EscalationEvent,
    EscalationTicket,
    GapTask,
    IssueComment,
    IssueLink,
    ItemFile,
    Question,
    TrackedIssue,
    TypedHours,
    Verdict,
)
from escalations.packets.format import Packet
from investigations.models import Ticket, TicketMessage
from tests import factories as make
from tests.api.conftest import SECRET
from tests.api.test_hooks import event, post
from tests.escalations.linear_scene import connect, work_queue
from tests.escalations.peers.linear import LinearPeer

pytestmark = pytest.mark.django_db(transaction=True)
#: Said by the customer, repeated by us everywhere.
SAID = "Marigold"
WORDS = f"{SAID} rollout is refused with 429"
#: Where words of a ticket's escalations could lie.
KEPT = (
    AttachedFile, ChecklistAnswer, Escalation, EscalationDraft, EscalationEvent, EscalationTicket, GapTask,
    IssueComment, IssueLink, ItemFile, Notice, Question, TrackedIssue, TypedHours, Verdict,
)  # fmt: skip


def places() -> list[str]:
    """The fields in which the words lie: "Escalation.note"."""
    found = [row for model in KEPT for row in model.objects.all()]
    rows = json.loads(serializers.serialize("json", found))
    texts = {f"{row['model'].partition('.')[2]}.{name}" for row in rows for name, value in row["fields"].items()
             if SAID in json.dumps(value)}  # fmt: skip
    files = {"attachedfile.content" for one in AttachedFile.objects.all() if SAID in bytes(one.content).decode()}
    return sorted(texts | files)


@pytest.fixture
def desk() -> InboundEndpoint:
    make.playbook()
    return InboundEndpoint.objects.create(source="generic", connection="desk", secrets=SECRET)


@pytest.fixture
def agent() -> Any:
    return make.user("mina", teams=(make.team(),))


@pytest.fixture
def ticket(desk: InboundEndpoint, agent: Any) -> Iterator[Ticket]:
    yield make.ticket(
        helpdesk="generic", connection="desk", external_id="901", subject=WORDS, customer=make.customer(), owner=agent,
        url="https://desk.example/tickets/901",
    )  # fmt: skip


def deleted(kind: str = "ticket.deleted", **data: Any) -> None:
    """The helpdesk tells it: a signed webhook, worked by the queue."""
    told = event(kind=kind, at=timezone.now().isoformat(), **data)
    assert post(told, key=f"msg_{kind}").status_code in (200, 202)
    work_queue()


def escalated(ticket: Ticket, agent: Any) -> Escalation:
    """Sent with a note and an answer, asked back, returned, judged; a question beside it; the words in each."""
    now = timezone.now()
    engineer = make.user("eli", role="engineer")
    # The cause is not known: the ticket's subject is the title.
    document = make.diagnosis(candidates=[make.candidate("inconclusive", "", 0.3)], severity="SEV3", scope={
        "kind": "customer", "value": "x", "words": "One customer"})  # fmt: skip
    run = make.finished_run(ticket, diagnosis=document)
    store_answers(ticket, {"scope": WORDS}, actor=agent, now=now)
    make.reply(ticket, text=f"Hello, about {WORDS}", status="sent", external_id="m7", sent_at=now)
    attach(ticket, "reproduction", Upload(f"{SAID}.log", WORDS.encode()), actor=agent, now=now)
    wish = Wish(severity="SEV3", severity_why=WORDS, note=WORDS, answers={"reproduction": WORDS})
    sent, _ = send(run, wish, actor=agent, now=now)
    assert SAID in sent.title
    add(sent, WORDS, Doer(agent), now=now)
    act(sent, "ask", Doer(engineer), now=now, text=f"Since when is {WORDS}?")
    question, _ = ask(ticket, f"Why: {WORDS}?", Audience(person=engineer), actor=agent, now=now, run=run)
    answer(question, WORDS, Doer(engineer), now=now)
    type_hours(sent, who=f"user:{engineer.pk}", day=now.date(), minutes=5, actor=engineer, now=now, note=WORDS)
    judge(sent, Doer(engineer), is_complete=True, was_avoidable=False, comment=WORDS, now=now)
    save_draft(ticket, actor=agent, severity="SEV3", severity_why=WORDS, note=WORDS, token=None, now=now)
    return sent


def test_a_deleted_ticket_takes_its_words_from_everything_that_escalations_keep(
    peer: LinearPeer, ticket: Ticket, agent: Any
) -> None:
    connect(peer)
    sent = escalated(ticket, agent)
    work_queue()
    assert len(places()) > 15
    happened = list(sent.history.values_list("what", "at", "by"))
    evidence = sent.packet["evidence"]
    deleted()
    assert places() == []
    # What was measured, what happened, when and by whom stays.
    sent.refresh_from_db()
    assert list(sent.history.values_list("what", "at", "by")) == happened
    assert sent.packet["evidence"] == evidence
    assert [item["state"] for item in sent.checklist if item["id"] == "scope"] == ["met"]
    Packet.model_validate(sent.packet)
    client = Client()
    client.force_login(agent)
    for address in (
        reverse("escalations:escalation", args=[sent.ref]), reverse("escalations:packet", args=[sent.ref]),
        reverse("escalations:packet", args=[sent.ref]) + "?show=markdown",
        reverse("interruptions:question", args=[Question.objects.get().ref]),
        reverse("escalations:by-link", args=[link_token(sent)]),
    ):  # fmt: skip
        answered = client.get(address)
        assert answered.status_code == 200
        assert SAID not in answered.content.decode()


def test_a_deleted_ticket_that_is_told_twice_is_erased_once_and_stays_readable(ticket: Ticket, agent: Any) -> None:
    sent = escalated(ticket, agent)
    deleted()
    first = Escalation.objects.get(pk=sent.pk).packet
    deleted("ticket.redacted", redacted=["*"])
    assert Escalation.objects.get(pk=sent.pk).packet == first


def test_what_waits_to_be_written_in_linear_is_not_written_any_more(
    peer: LinearPeer, ticket: Ticket, agent: Any
) -> None:
    connect(peer)
    escalated(ticket, agent)
    waiting = list(OrmQ.objects.order_by("pk"))
    OrmQ.objects.all().delete()
    deleted()
    OrmQ.objects.bulk_create(waiting)
    work_queue()
    assert SAID not in json.dumps([peer.workspace.issues, peer.workspace.comments, peer.workspace.attachments])
    assert len(peer.workspace.issues) == 1


def test_another_tickets_words_stay_and_those_of_one_that_joined_go(ticket: Ticket, agent: Any) -> None:
    other = make.ticket(customer=make.customer(), owner=agent, subject="Another subject")
    sent, _ = send(make.finished_run(other), Wish(note="Our own note"), actor=agent, now=timezone.now())
    joined, _ = send(make.finished_run(ticket), Wish(note=WORDS, joins=True), actor=agent, now=timezone.now())
    assert joined == sent
    deleted()
    sent.refresh_from_db()
    assert (sent.note, sent.packet["tickets"][0]["subject"]) == ("Our own note", "Another subject")
    assert sent.history.get(what="joined").text == ""


def test_one_removed_message_takes_the_quoted_replies_and_leaves_what_our_people_wrote(
    ticket: Ticket, agent: Any
) -> None:
    TicketMessage.objects.create(
        ticket=ticket, external_id="m7", text="x", at=timezone.now() - timedelta(hours=1), author="agent"
    )
    sent = escalated(ticket, agent)
    assert SAID in json.dumps(sent.packet["told"])
    deleted("ticket.redacted", redacted=["m7"])
    sent.refresh_from_db()
    assert sent.packet["told"] == []
    assert sent.note == WORDS
