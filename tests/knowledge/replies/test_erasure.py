"""What a helpdesk removes is removed from replies too."""

from __future__ import annotations

import pytest

from knowledge.models import Reply
from tests import factories
from tests.helpdesks.scene import endpoint, event, take

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _playbook(db: None) -> None:
    """With one playbook in force the shipped library is not loaded, which takes most of a second."""
    factories.playbook()


def test_a_deleted_ticket_takes_its_replies_words_along_and_stops_what_waits() -> None:
    desk = endpoint()
    ticket = take(desk, event("ticket.created", subject="x"))
    out = factories.reply(ticket, text="Hello Kim, it was us.", draft_text="Hello Kim.", status="sent")
    waiting = factories.reply(ticket, text="Hello Kim.", status="queued")
    take(desk, event("ticket.deleted", minutes=9))
    assert not Reply.objects.filter(ticket=ticket).exclude(text="", draft_text="").exists()
    assert [Reply.objects.get(pk=one.pk).status for one in (out, waiting)] == ["sent", "failed"]


def test_one_removed_message_takes_only_its_own_reply() -> None:
    desk = endpoint()
    ticket = take(desk, event("ticket.created", subject="x"))
    gone = factories.reply(ticket, text="Hello Kim.", status="sent", external_id="m7")
    kept = factories.reply(ticket, text="Hello again.", status="sent", external_id="m8")
    take(desk, event("ticket.redacted", minutes=9, redacted=["m7"]))
    assert [Reply.objects.get(pk=one.pk).text for one in (gone, kept)] == ["", "Hello again."]
