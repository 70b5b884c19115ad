"""Notices to the owner of an escalation, and to who is asked, hold a link with which they act without an account."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from altor.models import NoticeDelivery
from altor.notify.delivering import deliver, message_of
from altor.notify.digest import body_of
from altor.notify.senders import slack, teams
from altor.redaction import redact_text
from escalations.interruptions.asking import Audience, ask
from escalations.lifecycle.acting import Doer, act
from escalations.lifecycle.changing import change_owner
from escalations.lifecycle.links import link_token, renew
from escalations.lifecycle.sending import Wish, send
from escalations.models import Escalation
from tests import factories as make

pytestmark = pytest.mark.django_db
NOW = make.NOON


@pytest.fixture
def agent() -> Any:
    return make.user("mina", teams=(make.team(),))


@pytest.fixture
def lead() -> Any:
    return make.user("leo", role="lead", teams=(make.team(),))


@pytest.fixture
def sent(agent: Any, lead: Any) -> Escalation:
    return send(make.finished_run(make.ticket(customer=make.customer())), Wish(), actor=agent, now=NOW)[0]


def mailed(kind: str) -> str:
    """What the next mail about `kind` says."""
    mail.outbox.clear()
    [waiting] = NoticeDelivery.objects.filter(notice__kind=kind, status="waiting")
    deliver(waiting.pk, now=NOW + timedelta(days=2))
    return str(mail.outbox[0].body)


def path_in(text: str) -> str:
    [found] = re.findall(r"^http://testserver(/[eq]/\S+)$", text, re.MULTILINE)
    return found


def test_the_owner_acts_with_the_link_of_the_mail_and_no_account(sent: Escalation) -> None:
    body = mailed("escalation.sent")
    assert "Act on it without an account:" in body
    client = Client()
    assert client.get(path_in(body)).status_code == 200
    client.post(path_in(body), {"act": "acknowledge", "name": "Priya"})
    sent.refresh_from_db()
    assert sent.status == "acknowledged"


def test_whoever_gets_it_later_gets_the_link_as_it_is_then(sent: Escalation, agent: Any) -> None:
    old = path_in(mailed("escalation.sent"))
    engineer = make.user("eli", role="engineer")
    change_owner(
        sent, team=None, person=engineer, why="It is in the billing code.", doer=Doer(agent), now=NOW + timedelta(1)
    )
    renew(sent, actor=agent)
    new = path_in(mailed("escalation.sent"))
    assert (Client().get(new).status_code, Client().get(old).status_code) == (200, 404)


def test_what_is_over_before_it_is_told_holds_no_link(sent: Escalation, agent: Any) -> None:
    act(sent, "withdraw", Doer(agent), now=NOW, text="It was our own mistake.")
    assert "without an account" not in mailed("escalation.sent")


def test_the_link_is_stored_with_no_notice_and_every_service_shows_it(sent: Escalation) -> None:
    [waiting] = NoticeDelivery.objects.filter(notice__kind="escalation.sent").select_related("notice")
    assert link_token(sent) not in str([waiting.notice.lines, waiting.notice.url_path, waiting.notice.title])
    message = message_of(waiting.notice)
    assert message.link.endswith(f"/e/{link_token(sent)}/")
    buttons = slack.card(message)["blocks"][-1]["elements"]
    assert [one["url"] for one in buttons] == [message.url, message.link]
    actions = teams.card(message)["attachments"][0]["content"]["actions"]
    assert [one["url"] for one in actions] == [message.url, message.link]
    assert f"Act on it without an account: {message.link}" in body_of([waiting])


def test_who_is_asked_a_question_answers_with_the_link_of_the_mail(agent: Any) -> None:
    engineer = make.user("eli", role="engineer")
    ask(make.ticket(), "Does the limiter count retries?", Audience(person=engineer), actor=agent, now=NOW)
    answered = Client().get(path_in(mailed("question.asked")))
    assert answered.status_code == 200
    assert "Does the limiter count retries?" in answered.content.decode()


def test_an_address_that_is_pasted_into_a_text_is_not_taken_for_a_card(sent: Escalation) -> None:
    for _ in range(500):
        sent.link_nonce = type(sent)._meta.get_field("link_nonce").get_default()
        address = f"https://altor.example/e/{link_token(sent)}/"
        assert redact_text(address) == address
