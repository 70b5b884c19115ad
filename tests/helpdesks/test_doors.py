"""Intercom and Help Scout through the whole door: signed delivery, storage, work, the API, the ticket."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from altor.models import InboundEndpoint, InboundEvent
from altor.outbound.state import forget_states
from investigations.helpdesks.helpscout import tokens
from investigations.models import HelpdeskConnection, Ticket, TicketMessage, TicketMirror
from investigations.services.inbound import process_event
from tests.helpdesks.mutations import fixtures
from tests.helpdesks.peers.helpscout import APP, SECRET, HelpScoutPeer
from tests.helpdesks.peers.helpscout import conversation as helpscout_conversation
from tests.helpdesks.peers.intercom import T0, TOKEN, IntercomPeer
from tests.helpdesks.peers.intercom import conversation as intercom_conversation
from tests.loopback import serving

pytestmark = pytest.mark.django_db
KEY = "obviously-fake-secret"


@pytest.fixture(autouse=True)
def loopback(settings: Settings) -> Iterator[None]:
    settings.ALLOW_LOOPBACK_UPSTREAMS = True
    forget_states()
    tokens.forget_all()
    yield
    forget_states()
    tokens.forget_all()


def connect(source: str, prefix: str, url: str, secret: str) -> None:
    endpoint = InboundEndpoint.objects.create(source=source, connection="inbox", ticket_prefix=prefix, secrets=KEY)
    HelpdeskConnection.objects.create(endpoint=endpoint, base_url=url, secret=secret)


def deliver(source: str, fixture: dict[str, Any]) -> int:
    """Post it as the vendor would and work it; the answer's status."""
    raw = json.dumps(fixture["body"]).encode()
    digest = hmac.new(KEY.encode(), raw, "sha1")
    signature = {
        "intercom": {"X-Hub-Signature": f"sha1={digest.hexdigest()}"},
        "helpscout": {"X-HelpScout-Signature": base64.b64encode(digest.digest()).decode()},
    }[source]
    answer = Client().post(
        f"/api/v1/hooks/{source}/inbox/", raw, "application/json", headers={**signature, **fixture.get("headers", {})}
    )
    for event in InboundEvent.objects.waiting():
        process_event(event.pk)
    return answer.status_code


def happening_now(value: Any, shift: int) -> Any:
    """The fixture as if its story began now: what the API says of it is read now."""
    if isinstance(value, dict):
        return {name: happening_now(inner, shift) for name, inner in value.items()}
    if isinstance(value, list):
        return [happening_now(inner, shift) for inner in value]
    return value + shift if isinstance(value, int) and T0 <= value < T0 + 200_000 else value


def test_an_intercom_conversation_from_its_beginning_to_its_removal() -> None:
    peer, cases = IntercomPeer(), happening_now(fixtures("intercom"), int(time.time()) - T0)
    peer.add(intercom_conversation(1, **cases["conversation_user_created"]["body"]["data"]["item"]))
    with serving(peer) as upstream:
        connect("intercom", "IC", upstream.url, TOKEN)
        assert deliver("intercom", cases["conversation_user_created"]) == 202
        assert deliver("intercom", cases["conversation_user_created"]) == 200
        ticket = Ticket.objects.get(ref="IC-215469840000077")
        assert (ticket.subject, ticket.requester_email) == ("Payments fail", "kim@acme.example")
        assert TicketMirror.objects.get(ticket=ticket).fields["organization"]["external_id"] == "org_7"
        for name in ("user_replied", "admin_noted", "admin_closed"):
            assert deliver("intercom", cases[f"conversation_{name}"]) == 202
        ticket.refresh_from_db()
        assert ticket.status == Ticket.Status.RESOLVED
        told = TicketMessage.objects.filter(ticket=ticket).values_list("external_id", "author", "is_public")
        assert list(told) == [("501", "customer", True), ("504", "agent", False)]
        assert deliver("intercom", cases["conversation_part_redacted"]) == 202
        assert TicketMessage.objects.get(external_id="501").text == ""
        assert deliver("intercom", cases["conversation_deleted"]) == 202
    ticket.refresh_from_db()
    assert (ticket.requester_email, ticket.description) == ("", "")
    assert not InboundEvent.objects.exclude(status=InboundEvent.Status.DONE).exists()
    assert peer.problems == []


def test_a_help_scout_conversation_whose_tags_move_no_time() -> None:
    peer, cases = HelpScoutPeer(), fixtures("helpscout")
    peer.add(helpscout_conversation(9, tags=[{"id": 1, "tag": "vip"}]))
    with serving(peer) as upstream:
        connect("helpscout", "HS", upstream.url, f"{APP}:{SECRET}")
        assert deliver("helpscout", cases["convo_created"]) == 202
        ticket = Ticket.objects.get(ref="HS-9")
        assert (ticket.subject, ticket.requester_email, ticket.tags) == ("Case 9", "kim@acme.example", ["vip"])
        assert TicketMirror.objects.get(ticket=ticket).fields["organization"]["name"] == "Acme"
        for tags in (["vip", "billing"], ["billing"], ["billing", "again"]):
            peer.conversations["9"]["tags"] = [{"id": 1, "tag": tag} for tag in tags]
            assert (
                deliver("helpscout", {**cases["convo_tags"], "body": {**cases["convo_tags"]["body"], "n": tags}}) == 202
            )
            ticket.refresh_from_db()
            assert ticket.tags == tags
        assert deliver("helpscout", cases["convo_deleted"]) == 202
    ticket.refresh_from_db()
    assert ticket.requester_email == ""
    assert peer.problems == []
