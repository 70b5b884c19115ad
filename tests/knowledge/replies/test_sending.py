"""A reply goes out: held by leaks and by the gate, sent once, tried again without doubles."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ

from altor.models import PhaseEvent
from altor.models.audit import AuditEvent
from investigations.models import HelpdeskConnection, StepResult
from knowledge.models import PromisedUpdate, Reply
from knowledge.replies.outbox import MOST_ATTEMPTS, deliver, sweep
from tests import factories as make
from tests.knowledge.replies.conftest import Case, Desk
from tests.knowledge.replies.posting import fields_of, post

pytestmark = pytest.mark.django_db

GOOD = "Hello Noor,\n\nabout 45% of your requests are answered 429.\n\nKind regards\nPriya Nair"
LEAK = "Hello Noor,\n\nContoso Chemicals sees the same.\n\nKind regards"
REASON = "Both customers asked us to be named to each other."


def sent(case: Case, client: Client, text: str = GOOD, **more: str) -> Reply:
    client.force_login(case.agent)
    post(client, case, "reply-send", text=text, **more)
    return Reply.objects.latest("pk")


def test_a_reply_goes_through_the_outbox_to_the_customer(case: Case, desk: Desk, client: Client) -> None:
    reply = sent(case, client)
    assert reply.status == "queued" and desk.messages == []
    deliver(reply.pk)
    reply.refresh_from_db()
    assert [one["text"] for one in desk.messages] == [GOOD]
    assert (reply.status, reply.how, reply.external_id, reply.sent_by) == ("sent", "sent", "m1", case.agent)
    case.ticket.refresh_from_db()
    assert case.ticket.status == "replied"
    assert AuditEvent.objects.filter(action="reply.sent", object_ref=case.ticket.ref).count() == 1
    assert PhaseEvent.objects.filter(kind="ticket.replied", subject_ref=case.run.ref).count() == 1


def test_the_queue_holds_an_id_only(case: Case, desk: Desk, client: Client) -> None:
    reply = sent(case, client)
    (entry,) = [item for item in OrmQ.objects.all() if item.task["func"] == "knowledge.tasks.deliver_reply"]
    assert entry.task["args"] == (reply.pk,)


def test_a_double_click_sends_once(case: Case, desk: Desk, client: Client) -> None:
    client.force_login(case.agent)
    fields = {**fields_of(client, case), "text": GOOD}
    for _ in range(2):
        client.post(reverse("knowledge:reply-send", args=[case.ticket.ref]), fields)
    assert Reply.objects.count() == 1
    for _ in range(2):
        deliver(Reply.objects.get().pk)
    assert len(desk.messages) == 1


def test_the_same_words_from_another_tab_are_not_sent_again(case: Case, desk: Desk, client: Client) -> None:
    client.force_login(case.agent)
    first, second = fields_of(client, case), fields_of(client, case)
    assert first["token"] != second["token"]
    for fields in (first, second):
        client.post(reverse("knowledge:reply-send", args=[case.ticket.ref]), {**fields, "text": GOOD})
    assert Reply.objects.filter(status="queued").count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_that_arrive_together_one_sends(case: Case, desk: Desk, client: Client) -> None:
    client.force_login(case.agent)
    fields = {**fields_of(client, case), "text": GOOD}
    cookies, statuses = client.cookies, []

    def click() -> None:
        mine = Client()
        mine.cookies = cookies
        statuses.append(mine.post(reverse("knowledge:reply-send", args=[case.ticket.ref]), fields).status_code)
        connection.close()

    threads = [threading.Thread(target=click) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) == {302} and Reply.objects.exclude(status="draft").count() == 1
    assert OrmQ.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_workers_one_sends(case: Case, desk: Desk, client: Client) -> None:
    reply = sent(case, client)

    def work() -> None:
        deliver(reply.pk)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(desk.messages) == 1 and Reply.objects.get().status == "sent"


def test_a_leak_holds_the_reply_back(case: Case, desk: Desk, client: Client) -> None:
    client.force_login(case.agent)
    answer = post(client, case, "reply-send", text=LEAK, htmx=True)
    assert "Contoso Chemicals" in answer.content.decode() and "must not" in answer.content.decode()
    assert Reply.objects.get().status == "draft" and desk.asked == []


@pytest.mark.parametrize(
    ("who", "reason", "works"), [("agent", REASON, False), ("lead", "too short", False), ("lead", REASON, True)]
)
def test_a_leak_is_overridden_by_a_lead_with_a_reason(
    case: Case, desk: Desk, client: Client, who: str, reason: str, works: bool
) -> None:
    client.force_login(case.people[who])
    post(client, case, "reply-send", text=LEAK, reason=reason, override="yes")
    reply = Reply.objects.get()
    assert (reply.status == "queued") is works and (reply.override_reason == reason) is works
    assert AuditEvent.objects.filter(action="reply.overridden", reason=reason).count() == works
    assert PhaseEvent.objects.filter(kind="reply.overridden").count() == works
    if works:
        assert reply.leaks == 1
        assert reason in client.get(reverse("knowledge:reply", args=[case.ticket.ref])).content.decode()


def test_wording_is_remarked_upon_and_holds_nothing(case: Case, desk: Desk, client: Client) -> None:
    reply = sent(case, client, "Hello Noor,\n\nit is probably a glitch and will be fixed soon.")
    assert reply.status == "queued" and reply.leaks == 0
    assert {"speculation", "vague_promise"} & {item["kind"] for item in reply.findings}


def test_a_closed_gate_holds_an_answer_and_lets_a_holding_reply_pass(case: Case, desk: Desk, client: Client) -> None:
    StepResult.objects.filter(investigation=case.run, step_id="traffic").update(status="waiting")
    assert sent(case, client).status == "draft"
    post(client, case, "reply-fill", kind="holding", confirmed="yes")
    assert sent(case, client, "Hello Noor,\n\nwe are still working on it.", kind="holding").status == "queued"
    deliver(Reply.objects.get().pk)
    case.ticket.refresh_from_db()
    assert len(desk.messages) == 1 and case.ticket.status == "diagnosed"


def test_an_acknowledgement_needs_no_diagnosis(case: Case, desk: Desk, client: Client) -> None:
    case.run.delete()
    reply = sent(case, client, "Hello Noor,\n\nwe have received your message.")
    assert (reply.kind, reply.status) == ("acknowledgement", "queued")


def test_an_answer_does_not_rest_on_an_older_diagnosis(case: Case, desk: Desk, client: Client) -> None:
    client.force_login(case.agent)
    post(client, case, "reply-save", text=GOOD)
    make.finished_run(case.ticket)
    post(client, case, "reply-send", text=GOOD)
    assert Reply.objects.get().status == "draft"


def test_a_helpdesk_that_is_down_is_tried_again(case: Case, desk: Desk, client: Client) -> None:
    desk.fails = [503]
    reply = sent(case, client)
    now = timezone.now()
    deliver(reply.pk, now=now)
    reply.refresh_from_db()
    assert reply.status == "queued" and reply.not_before > now and reply.reason and desk.messages == []
    deliver(reply.pk, now=now)  # too early
    assert len(desk.asked) == 1
    deliver(reply.pk, now=reply.not_before)
    reply.refresh_from_db()
    assert reply.status == "sent" and len(desk.messages) == 1 and reply.reason == ""


def test_a_reply_whose_answer_was_lost_is_found_and_not_sent_twice(case: Case, desk: Desk, client: Client) -> None:
    desk.loses_answer = True
    reply = sent(case, client)
    deliver(reply.pk)
    reply.refresh_from_db()
    assert reply.status == "queued" and len(desk.messages) == 1
    deliver(reply.pk, now=reply.not_before)
    reply.refresh_from_db()
    assert (reply.status, reply.external_id) == ("sent", "m1") and len(desk.messages) == 1


def test_a_worker_that_died_is_replaced(case: Case, desk: Desk, client: Client) -> None:
    reply = sent(case, client)
    now = timezone.now()
    Reply.objects.filter(pk=reply.pk).update(status="sending", attempts=1, not_before=now + timedelta(seconds=90))
    OrmQ.objects.all().delete()
    assert sweep(now) == 0
    assert sweep(now + timedelta(seconds=91)) == 1
    deliver(reply.pk, now=now + timedelta(seconds=91))
    assert Reply.objects.get().status == "sent" and len(desk.messages) == 1


def test_a_late_worker_does_not_overwrite_what_another_one_did(case: Case, desk: Desk, client: Client) -> None:
    reply = sent(case, client)
    from knowledge.replies import outbox

    Reply.objects.filter(pk=reply.pk).update(status="sending", attempts=2)
    reply.refresh_from_db()
    reply.attempts = 1
    outbox._arrived(reply, "m9", timezone.now())
    outbox._failed(reply, "too late")
    assert Reply.objects.get().status == "sending"


def test_it_is_given_up_with_its_reason_and_can_be_sent_again(case: Case, desk: Desk, client: Client) -> None:
    desk.fails = [503] * MOST_ATTEMPTS
    reply = sent(case, client)
    for _ in range(MOST_ATTEMPTS):
        reply.refresh_from_db()
        deliver(reply.pk, now=reply.not_before or timezone.now())
    reply.refresh_from_db()
    assert reply.status == "failed" and reply.reason
    client.post(reverse("knowledge:reply-again", args=[case.ticket.ref, reply.pk]))
    reply.refresh_from_db()
    assert reply.status == "queued"
    deliver(reply.pk)
    assert Reply.objects.get().status == "sent" and len(desk.messages) == 1


def test_a_refused_credential_is_not_tried_again(case: Case, desk: Desk, client: Client) -> None:
    desk.fails = [401]
    reply = sent(case, client)
    deliver(reply.pk)
    reply.refresh_from_db()
    assert reply.status == "failed" and len(desk.asked) == 1


def test_without_leave_of_the_connection_nothing_is_sent(case: Case, desk: Desk, client: Client) -> None:
    HelpdeskConnection.objects.update(sends_replies=False)
    client.force_login(case.agent)
    assert "Send from Altor" not in client.get(reverse("knowledge:reply", args=[case.ticket.ref])).content.decode()
    assert sent(case, client).status == "draft" and desk.asked == []


def test_marked_as_sent_it_is_kept_with_what_became_of_the_draft(case: Case, client: Client) -> None:
    client.force_login(case.agent)
    draft = fields_of(client, case)["text"]
    post(client, case, "reply-mark", text=draft.replace("Kind regards", "All the best"), how="copied")
    reply = Reply.objects.get()
    assert (reply.status, reply.how) == ("sent", "copied") and 0.8 < reply.similarity < 1
    page = client.get(reverse("knowledge:reply-sent", args=[case.ticket.ref, reply.pk])).content.decode()
    assert "<del>Kind regards" in page and "<ins>All the best" in page


def test_what_is_kept_holds_no_secret(case: Case, client: Client) -> None:
    client.force_login(case.agent)
    post(client, case, "reply-mark", text="Hello, write to somebody.else@private.example please.")
    reply = Reply.objects.get()
    assert "somebody.else@private.example" not in reply.text and reply.leaks == 1


def test_a_promise_starts_a_clock_that_the_next_reply_meets(case: Case, desk: Desk, client: Client) -> None:
    client.force_login(case.agent)
    due = timezone.now().replace(second=0, microsecond=0) + timedelta(hours=3)
    post(client, case, "reply-mark", text=GOOD, next_update=due.strftime("%Y-%m-%dT%H:%M"))
    promise = PromisedUpdate.objects.get()
    assert promise.due_at == due and promise.met_at is None and promise.promised_by == case.agent
    post(client, case, "reply-send", text="Hello Noor,\n\nwe are still on it.", kind="holding", next_update="")
    deliver(Reply.objects.latest("pk").pk)
    promise.refresh_from_db()
    assert promise.met_at is not None and promise.met_by == Reply.objects.latest("pk")
    assert PromisedUpdate.objects.count() == 1


@pytest.mark.parametrize("who", ["engineer", "read_only", "outsider"])
@pytest.mark.parametrize("name", ["save", "fill", "undo", "suggest", "discard", "send", "mark"])
def test_who_may_not_reply_changes_nothing(case: Case, desk: Desk, client: Client, who: str, name: str) -> None:
    client.force_login(case.agent)
    fields = fields_of(client, case)
    client.force_login(case.people[who])
    answer = client.post(reverse(f"knowledge:reply-{name}", args=[case.ticket.ref]), {**fields, "text": GOOD})
    assert answer.status_code in (403, 404) and not Reply.objects.exists()
