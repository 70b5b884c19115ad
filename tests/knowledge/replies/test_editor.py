"""The editor on the pages of tickets and runs: kept as it is typed, checked, filled again, undone."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from altor.models import PhaseEvent
from investigations.models import Ticket
from knowledge.models import Reply, ReplyTemplateVersion
from tests import factories as make
from tests.knowledge.replies.conftest import Case
from tests.knowledge.replies.posting import fields_of, post
from tests.pages.scene import PAYLOADS

pytestmark = pytest.mark.django_db


@pytest.fixture
def agent(case: Case, client: Client) -> Client:
    client.force_login(case.agent)
    return client


def editor(client: Client, case: Case) -> str:
    return client.get(reverse("knowledge:reply", args=[case.ticket.ref])).content.decode()


def test_a_look_at_the_draft_stores_nothing(agent: Client, case: Case) -> None:
    page = editor(agent, case)
    assert "Hello Noor," in page and "Kind regards\nPriya Nair" in page
    assert not Reply.objects.exists() and not PhaseEvent.objects.filter(kind="reply.drafted").exists()


def test_the_first_change_keeps_the_draft_that_was_seen(agent: Client, case: Case) -> None:
    seen = fields_of(agent, case)["text"]
    post(agent, case, "reply-save", text=f"{seen}\n\nPS: one thing more.")
    reply = Reply.objects.get()
    assert reply.draft_text == seen and reply.text.endswith("one thing more.") and reply.run == case.run
    assert PhaseEvent.objects.filter(kind="reply.drafted", ticket_ref=case.ticket.ref).count() == 1
    assert "one thing more." in editor(agent, case)


def test_typing_is_saved_and_checked(agent: Client, case: Case) -> None:
    answer = post(agent, case, "reply-save", htmx=True, text="Contoso Chemicals has it too.")
    html = answer.content.decode()
    assert "Contoso Chemicals" in html and 'id="reply-check"' in html
    assert 'id="reply-revision"' in html and 'value="2"' in html and "<h1" not in html


def test_a_second_tab_does_not_undo_the_first(agent: Client, case: Case) -> None:
    post(agent, case, "reply-save", text="first")
    stale = fields_of(agent, case)
    post(agent, case, "reply-save", text="second")
    answer = agent.post(
        reverse("knowledge:reply-save", args=[case.ticket.ref]), {**stale, "text": "third"}, headers={"HX-Request": "1"}
    )
    assert "changed in another tab" in answer.content.decode() and Reply.objects.get().text == "second"


def test_one_draft_per_person_and_none_of_it_for_others(agent: Client, case: Case) -> None:
    post(agent, case, "reply-save", text="mine alone")
    agent.force_login(case.lead)
    assert "mine alone" not in editor(agent, case)
    post(agent, case, "reply-save", text="the lead's")
    assert Reply.objects.filter(status="draft").count() == 2
    agent.force_login(case.agent)
    assert "mine alone" in editor(agent, case)


def test_back_to_the_draft(agent: Client, case: Case) -> None:
    seen = fields_of(agent, case)["text"]
    post(agent, case, "reply-save", text="something else")
    post(agent, case, "reply-undo")
    assert Reply.objects.get().text == seen


def test_another_language_asks_before_it_replaces_what_was_written(agent: Client, case: Case) -> None:
    post(agent, case, "reply-save", text="something of my own")
    page = post(agent, case, "reply-fill", htmx=True, language="de", template="").content.decode()
    assert "would be replaced" in page and "something of my own" in page
    assert Reply.objects.get().text == "something of my own"
    post(agent, case, "reply-fill", language="de", template="", confirmed="yes")
    reply = Reply.objects.get()
    assert reply.text.startswith("Guten Tag Noor,") and reply.version.template.language == "de" and not reply.is_edited


def test_a_draft_that_nobody_touched_is_filled_again_at_once(agent: Client, case: Case) -> None:
    page = post(agent, case, "reply-fill", htmx=True, kind="holding", template="").content.decode()
    assert "We do not have a result yet for what you describe." in page and not Reply.objects.exists()


def test_a_template_of_another_case_cannot_be_chosen(agent: Client, case: Case) -> None:
    page = post(agent, case, "reply-fill", htmx=True, template="webhook-en").content.decode()
    assert "webhook-en" not in page and "rate-limit-en" in page
    page = post(agent, case, "reply-fill", htmx=True, template="all-well-en").content.decode()
    assert "nothing that we are repairing" not in page


def test_a_suggestion_is_taken_with_one_click(agent: Client, case: Case) -> None:
    text = "Hello Noor,\n\nContoso Chemicals sees it too."
    page = post(agent, case, "reply-save", htmx=True, text=text).content.decode()
    assert "Write “some customers”" in page
    start = text.index("Contoso")
    place = f"{start}:{start + len('Contoso Chemicals')}:other_customer"
    post(agent, case, "reply-suggest", text=text, place=place)
    assert Reply.objects.get().text == "Hello Noor,\n\nsome customers sees it too."


@pytest.mark.parametrize("place", ["0:5:other_customer", "x", "999999999999:1:secret", "-1:3:jargon", "1:2"])
def test_a_suggestion_for_another_place_changes_nothing(agent: Client, case: Case, place: str) -> None:
    text = "Hello Noor, Contoso Chemicals sees it too."
    post(agent, case, "reply-save", text=text)
    post(agent, case, "reply-suggest", text=text, place=place)
    assert Reply.objects.get().text == text


def test_the_time_that_the_text_promises_is_offered(agent: Client, case: Case) -> None:
    page = post(agent, case, "reply-save", htmx=True, text="You will hear from us again within 26 hours.")
    assert "The text promises an update by" in page.content.decode()
    taken = page.content.decode().split('name="take_promise" value="')[1].split('"')[0]
    post(agent, case, "reply-suggest", text="You will hear from us again within 26 hours.", take_promise=taken)
    due = Reply.objects.get().next_update_at
    assert 93_000 < (due - timezone.now()).total_seconds() <= 93_600


def test_facts_stand_beside_the_text_with_their_evidence(agent: Client, case: Case) -> None:
    page = editor(agent, case)
    assert "What each sentence rests on" in page
    assert reverse("investigations:evidence", args=[case.run.ref, "E2"]) in page


def test_a_draft_can_be_thrown_away(agent: Client, case: Case) -> None:
    post(agent, case, "reply-save", text="x")
    post(agent, case, "reply-discard")
    assert not Reply.objects.exists()


@pytest.mark.parametrize("text", ["x" * 20_001, "\x00"])
def test_texts_that_cannot_be_kept(agent: Client, case: Case, text: str) -> None:
    answer = post(agent, case, "reply-save", htmx=True, text=text)
    assert answer.status_code == 200
    assert all(one.text != text for one in Reply.objects.all())


@pytest.mark.parametrize(
    "change",
    [
        {"token": "nonsense"},
        {"next_update": "soon"},
        {"next_update": "2026-99-99T00:00"},
        {"drafted_at": "1"},
        {"kind": "x"},
    ],
)
def test_broken_fields_are_answered_and_not_an_error(agent: Client, case: Case, change: dict[str, str]) -> None:
    for name in ("reply-save", "reply-send", "reply-mark", "reply-suggest", "reply-fill"):
        assert post(agent, case, name, htmx=True, **change).status_code == 200


def test_hostile_words_leave_inert(agent: Client, case: Case) -> None:
    Ticket.objects.filter(pk=case.ticket.pk).update(subject=PAYLOADS[0], requester_name=PAYLOADS[1])
    post(agent, case, "reply-mark", text="\n".join(PAYLOADS))
    reply = Reply.objects.get()
    for page in (
        editor(agent, case),
        agent.get(reverse("knowledge:reply-sent", args=[case.ticket.ref, reply.pk])).content.decode(),
    ):
        assert "<script>window" not in page and "<img src=x" not in page and "<svg onload" not in page


def test_the_pages_hold_a_place_for_the_editor(agent: Client, case: Case) -> None:
    address = reverse("knowledge:reply", args=[case.ticket.ref])
    for page in (
        agent.get(reverse("investigations:ticket", args=[case.ticket.ref])).content.decode(),
        agent.get(reverse("investigations:run", args=[case.run.ref])).content.decode(),
    ):
        assert f'hx-get="{address}"' in page and 'id="panel-reply"' in page
    older = make.finished_run(case.ticket)
    page = agent.get(reverse("investigations:run", args=[case.run.ref])).content.decode()
    assert 'id="panel-reply"' not in page and older.ref in page
    agent.force_login(case.read_only)
    page = agent.get(reverse("investigations:ticket", args=[case.ticket.ref])).content.decode()
    assert 'id="panel-reply"' not in page


def test_another_teams_ticket_has_no_editor(client: Client, case: Case) -> None:
    client.force_login(case.outsider)
    assert client.get(reverse("knowledge:reply", args=[case.ticket.ref])).status_code == 404
    Reply.objects.create(ticket=case.ticket, status="sent", saved_at=timezone.now())
    address = reverse("knowledge:reply-sent", args=[case.ticket.ref, Reply.objects.get().pk])
    assert client.get(address).status_code == 404
    client.force_login(case.read_only)
    assert client.get(address).status_code == 200


def test_a_draft_is_nobodys_page_but_its_writers(agent: Client, case: Case) -> None:
    post(agent, case, "reply-save", text="x")
    assert agent.get(reverse("knowledge:reply-sent", args=[case.ticket.ref, Reply.objects.get().pk])).status_code == 404


def test_without_templates_the_page_says_so(agent: Client, case: Case) -> None:
    ReplyTemplateVersion.objects.update(is_active=False)
    assert "There is no template in force" in editor(agent, case)
    post(agent, case, "reply-mark", text="Hello, typed by hand.")
    assert Reply.objects.get().status == "sent"


def test_the_number_of_queries_does_not_grow(agent: Client, case: Case, django_assert_max_num_queries) -> None:  # type: ignore[no-untyped-def]
    for number in range(12):
        Reply.objects.create(ticket=case.ticket, status="sent", saved_at=timezone.now(), text=f"{number}", author=None)
    editor(agent, case)
    with django_assert_max_num_queries(34):
        editor(agent, case)
