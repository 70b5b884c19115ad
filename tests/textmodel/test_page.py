"""The page and the command of the text model: state, figures, switch."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django_q.models import OrmQ

from altor.models import AuditEvent
from investigations.services import textmodel
from investigations.services.tickets import upsert_ticket
from tests import factories
from tests.factories import NOON
from tests.textmodel.scene import history

pytestmark = pytest.mark.django_db


def client(role: str) -> Client:
    made = Client()
    made.force_login(factories.user(role=role, teams=(factories.team(),)))
    return made


def test_before_the_first_training_the_page_says_so():
    text = client("agent").get(reverse("investigations:classification")).content.decode()
    assert "It has not been trained yet." in text
    assert "Switch off" not in text


def test_the_page_shows_figures_and_words_and_the_ticket_tells_its_reading():
    history()
    textmodel.train(now=NOON)
    agent = client("agent")
    text = agent.get(reverse("investigations:classification")).content.decode()
    assert "It speaks in the first look" in text
    assert "Of the 50 newest tickets" in text
    assert 'courier <span class="al-dim"' in text
    body = {"id": "9002", "subject": "Hi", "description": "The courier is silent", "created_at": NOON.isoformat()}
    ticket, _ = upsert_ticket(body, now=NOON)
    page = agent.get(reverse("investigations:ticket", args=[ticket.ref])).content.decode()
    assert "The text model (v" in page
    assert "&#x27;courier&#x27; (in" in page


def test_the_switch_is_for_those_who_edit_playbooks_and_is_in_the_audit_log():
    address = reverse("investigations:classification-switch")
    assert client("agent").post(address, {"to": "off"}).status_code == 403
    assert textmodel.state().switch.is_allowed
    lead = client("lead")
    text = lead.post(address, {"to": "off", "reason": "Wrong since May"}, follow=True).content.decode()
    assert "Wrong since May" in text
    assert "Allow it again" in text
    assert "already switched off" in lead.post(address, {"to": "off"}, follow=True).content.decode()
    lead.post(address, {"to": "on"})
    assert textmodel.state().switch.is_allowed
    assert list(
        AuditEvent.objects.filter(action="textmodel.switched").order_by("pk").values_list("reason", flat=True)
    ) == [
        "Wrong since May",
        "",
    ]


def test_training_is_queued_and_not_done_in_the_web_process():
    address = reverse("investigations:classification-train")
    assert client("agent").post(address).status_code == 403
    assert client("lead").get(address).status_code == 405
    before = OrmQ.objects.count()
    assert client("lead").post(address).status_code == 302
    assert OrmQ.objects.count() == before + 1
    assert textmodel.state().newest is None


def test_the_command_trains_shows_and_switches():
    def told(*arguments: str) -> str:
        out = StringIO()
        call_command("textmodel", *arguments, stdout=out)
        return out.getvalue()

    assert told("show") == "off: It has not been trained yet.\n"
    assert "0 tickets with a known class" in told("train")
    assert "nothing to learn" in told("train")
    assert "off: Switched off: as a try" in told("off", "--reason", "as a try")
    with pytest.raises(SystemExit) as ended:
        told("off")
    assert ended.value.code == 2
    assert "0 tickets with a known class" in told("on")
