"""What is stored of a delivery still says which ticket it is about, who wrote and what happened."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from investigations.helpdesks.base import Helpdesk, Options, TicketEvent
from investigations.helpdesks.helpscout.adapter import HelpScout
from investigations.helpdesks.intercom.adapter import Intercom
from investigations.services.inbound import _redacted
from tests.helpdesks.mutations import fixtures

CASES = [
    pytest.param(adapter, fixture, id=f"{adapter.name}-{name}")
    for adapter in (Intercom(), HelpScout())
    for name, fixture in fixtures(adapter.name).items()
]


@pytest.mark.parametrize(("adapter", "fixture"), CASES)
def test_the_stored_body_is_read_like_the_one_that_came(adapter: Helpdesk, fixture: dict[str, Any]) -> None:
    stored = _redacted(fixture["body"], adapter.addresses)
    came, kept = (
        [timeless(event) for event in adapter.parse(body, fixture.get("headers", {}), Options())]
        for body in (fixture["body"], stored)
    )
    assert kept == came


def timeless(event: TicketEvent) -> TicketEvent:
    """Without what holds the words or the moment of reading."""
    return replace(event, key="", at=event.at.replace(microsecond=0) if not event.is_deleted else event.at.min)


def test_ids_as_long_as_a_card_number_survive() -> None:
    body = fixtures("intercom")["conversation_user_replied"]["body"]
    (message,) = body["data"]["item"]["conversation_parts"]["conversation_parts"]
    for number in ("4111111111111111", "5555555555554444", "215469840000077", "00491711234567"):
        body["data"]["item"]["id"] = message["id"] = number
        (event,) = Intercom().parse(_redacted(body, Intercom.addresses), {}, Options())
        assert (event.external_id, event.messages[0].external_id) == (number, number)


def test_ids_that_are_numbers_are_never_taken_for_anything_else() -> None:
    body = {**fixtures("helpscout")["convo_created"]["body"], "id": 4111111111111111}
    (event,) = HelpScout().parse(
        _redacted(body, HelpScout.addresses), {"x-helpscout-event": "convo.created"}, Options()
    )
    assert event.external_id == "4111111111111111"
