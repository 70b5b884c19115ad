"""Replies that agents write in the helpdesk, and updates that were promised."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from altor.models import Notice, NoticeDelivery
from investigations.models import Ticket, TicketMessage
from investigations.replies import reply_seen
from knowledge.models import PromisedUpdate, Reply
from knowledge.replies.acceptance import acceptance
from knowledge.replies.promised import sweep
from tests import factories as make
from tests.knowledge.replies.conftest import Case
from tests.knowledge.replies.posting import fields_of, post

pytestmark = pytest.mark.django_db


def message(case: Case, text: str, **values: Any) -> TicketMessage:
    number = TicketMessage.objects.count() + 1
    defaults = {
        "external_id": f"m{number}", "author": "agent", "at": timezone.now(), "author_email": "priya@altor.example",
    }  # fmt: skip
    return TicketMessage.objects.create(ticket=case.ticket, text=text, **{**defaults, **values})


@pytest.fixture
def draft(case: Case, client: Client) -> Reply:
    client.force_login(case.agent)
    post(client, case, "reply-save", text=fields_of(client, case)["text"] + " ")
    return Reply.objects.get()


def test_a_typed_reply_becomes_the_drafts_sent_text(case: Case, draft: Reply) -> None:
    text = draft.draft_text.replace("Kind regards", "Best wishes")
    reply_seen(case.ticket, message(case, text))
    draft.refresh_from_db()
    assert (draft.status, draft.how, draft.external_id, draft.sent_by) == ("sent", "typed", "m1", case.agent)
    assert draft.text == text and 0.8 < draft.similarity < 1


def test_a_message_that_is_told_twice_counts_once(case: Case, draft: Reply) -> None:
    told = message(case, draft.draft_text)
    for _ in range(2):
        reply_seen(case.ticket, told)
    assert Reply.objects.filter(status="sent").count() == 1 and PromisedUpdate.objects.count() <= 1


@pytest.mark.parametrize(
    "values",
    [{"author": "customer"}, {"is_public": False}, {"is_ours": True}, {"text": ""}, {"text": "Did you get my parcel?"}],
)
def test_other_messages_are_no_reply(case: Case, draft: Reply, values: dict[str, Any]) -> None:
    text = values.pop("text", draft.draft_text)
    reply_seen(case.ticket, message(case, text, **values))
    draft.refresh_from_db()
    assert draft.status == "draft"


def test_a_reply_marked_by_hand_takes_the_words_that_went_out(case: Case, draft: Reply, client: Client) -> None:
    post(client, case, "reply-mark")
    text = draft.draft_text.replace("Hello Noor", "Dear Noor")
    reply_seen(case.ticket, message(case, text))
    assert Reply.objects.count() == 1
    reply = Reply.objects.get()
    assert reply.text == text and reply.external_id == "m1" and reply.similarity < 1


def test_the_newest_of_two_like_drafts_is_taken(case: Case, draft: Reply, client: Client) -> None:
    client.force_login(case.lead)
    post(client, case, "reply-save", text=fields_of(client, case)["text"] + " ")
    reply_seen(case.ticket, message(case, "Hello Noor,\n\n" + draft.draft_text.split("\n\n", 1)[1].split("Kind")[0]))
    assert Reply.objects.get(status="sent").author == case.lead


def test_a_public_reply_keeps_the_promise(case: Case, draft: Reply, client: Client) -> None:
    post(client, case, "reply-mark", text="We will write again within two hours.")
    promise = PromisedUpdate.objects.get()
    reply_seen(case.ticket, message(case, "Did you get my parcel?", at=timezone.now() + timedelta(minutes=30)))
    promise.refresh_from_db()
    assert promise.met_at is not None and not promise.is_late


def test_a_typed_promise_starts_a_clock(case: Case, draft: Reply) -> None:
    at = timezone.now()
    reply_seen(case.ticket, message(case, f"{draft.draft_text}\nWe will write again within two hours.", at=at))
    due = PromisedUpdate.objects.get().due_at
    assert due == at + timedelta(hours=2)


# -------------------------------------------------------------------------------------------------------- promises
def promise(ticket: Ticket, due_in: timedelta) -> PromisedUpdate:
    now = timezone.now()
    reply = Reply.objects.create(ticket=ticket, status="sent", saved_at=now)
    return PromisedUpdate.objects.create(ticket=ticket, reply=reply, due_at=now + due_in, promised_at=now)


def test_it_warns_before_and_tells_when_it_is_late(case: Case) -> None:
    late, close, far = (promise(case.ticket, timedelta(minutes=minutes)) for minutes in (-5, 20, 300))
    assert sweep() == (2, 1) and sweep() == (0, 0)
    for one in (late, close, far):
        one.refresh_from_db()
    assert late.overdue_at and late.warned_at and close.warned_at and not close.overdue_at and not far.warned_at


def test_those_who_can_keep_it_are_told_before_and_leads_when_it_was_broken(case: Case) -> None:
    Ticket.objects.filter(pk=case.ticket.pk).update(owner=case.agent)
    late, close = promise(case.ticket, timedelta(minutes=-5)), promise(case.ticket, timedelta(minutes=20))
    sweep(), sweep()
    told = {(one.notice.kind, one.person) for one in NoticeDelivery.objects.select_related("notice", "person")}
    assert told == {("promise.close", case.agent), ("promise.broken", case.agent), ("promise.broken", case.lead)}
    titles = {one.kind: one.title for one in Notice.objects.all()}
    assert f"{late.due_at.astimezone(UTC):%H:%M} UTC" in titles["promise.broken"]
    assert f"{close.due_at.astimezone(UTC):%H:%M} UTC" in titles["promise.close"]


def test_today_lists_what_is_close_or_late_of_the_own_teams(case: Case, client: Client) -> None:
    promise(case.ticket, timedelta(minutes=-5))
    theirs = make.ticket(in_team=make.team("Elsewhere"), subject="Not yours")
    promise(theirs, timedelta(minutes=-5))
    client.force_login(case.agent)
    page = client.get(reverse("knowledge:promised")).content.decode()
    assert case.ticket.ref in page and "Overdue" in page and theirs.ref not in page
    assert reverse("knowledge:promised") in client.get(reverse("today")).content.decode()
    panel = client.get(reverse("knowledge:reply", args=[case.ticket.ref])).content.decode()
    assert "is overdue" in panel


def test_a_resolved_ticket_waits_for_nothing(case: Case, client: Client) -> None:
    promise(case.ticket, timedelta(minutes=-5))
    Ticket.objects.filter(pk=case.ticket.pk).update(status="resolved")
    assert sweep() == (0, 0)
    client.force_login(case.agent)
    assert case.ticket.ref not in client.get(reverse("knowledge:promised")).content.decode()


# ------------------------------------------------------------------------------------------------------ acceptance
def test_acceptance_counts_unchanged_light_and_rewritten(case: Case, draft: Reply) -> None:
    version = draft.version
    for value in (1.0, 1.0, 0.95, 0.9, 0.5):
        Reply.objects.create(
            ticket=case.ticket, version=version, status="sent", similarity=value, saved_at=timezone.now()
        )  # fmt: skip
    found = acceptance(case.agent, [version.pk])[version.pk]
    assert (found.n, found.unchanged, found.light, found.rewritten) == (5, 2, 2, 1)
    assert found.accepted_share == 0.8 and found.is_small
    assert acceptance(case.outsider, [version.pk]) == {}
