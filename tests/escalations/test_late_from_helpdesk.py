"""What a helpdesk tells late, twice and in any order gives the clocks and figures of one that told it in order."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from escalations.models import TicketClock
from escalations.ownership.custody import custody
from escalations.ownership.facts import facts_of
from escalations.ownership.policies import load_library
from escalations.ownership.standing import refresh
from investigations.helpdesks.base import TicketEvent
from investigations.models import Ticket
from tests import factories as make
from tests.helpdesks.scene import BEGIN, endpoint, event, message, take

pytestmark = pytest.mark.django_db
NOW = BEGIN + timedelta(minutes=400)
ANA, BEN = {"id": "7", "email": "ana@altor.example"}, {"id": "8", "email": "ben@altor.example"}
STORY: list[TicketEvent] = [
    event(
        "ticket.created", key="a", subject="Orders are refused", status="new", priority="normal",
        organization={"external_id": "org_big"}, requester={"email": "kim@copperlane.example"},
        created_at=BEGIN.isoformat(),
    ),
    event(minutes=3, key="b", assignee=ANA, status="open", previous_status="new"),
    event("ticket.message", minutes=20, key="c", message=message("m1", "We look into it.", minutes=20, kind="agent")),
    event(minutes=21, key="d", status="pending", previous_status="open"),
    event("ticket.message", minutes=80, key="e", message=message("m2", "It is still so.", minutes=80)),
    event(minutes=81, key="f", status="open", previous_status="pending", priority="urgent"),
    event(minutes=95, key="g", assignee=BEN),
    event("ticket.message", minutes=120, key="h", message=message("m3", "It is repaired.", minutes=120, kind="agent")),
    event("ticket.solved", minutes=121, key="i", previous_status="open"),
    event("ticket.reopened", minutes=200, key="j", previous_status="solved"),
    event(minutes=230, key="k", assignee=ANA),
]  # fmt: skip


def told(ticket: Ticket) -> dict[str, Any]:
    refresh(ticket.ref, NOW)
    clocks = TicketClock.objects.exclude(state="idle").filter(ticket=ticket).order_by("kind", "number")
    held = custody(facts_of(Ticket.objects.get(pk=ticket.pk)), NOW)
    return {
        "clocks": [(c.kind, c.number, c.state, c.elapsed_s, c.target_s, c.due_at, c.broken_at) for c in clocks],
        "held": held.held,
        "closed": held.closed,
        "unowned": held.unowned_time(NOW),
    }


@pytest.fixture(autouse=True)
def _scene() -> None:
    make.playbook()
    load_library()
    make.user("ana")
    make.user("ben")
    make.customer("org_big", tier="enterprise")


def test_in_order_the_figures_are_those_of_the_story() -> None:
    found = told(take(endpoint(), *STORY))
    assert [(kind, state, elapsed // 60) for kind, _, state, elapsed, *_ in found["clocks"]] == [
        ("first_reply", "fulfilled", 20),
        ("next_reply", "fulfilled", 40),  # 120 - 80
        ("resolution", "running", 21 + 41 + 200),  # to 21, from 80 to 121, from 200 to 400
    ]
    assert [one.owner for one in found["held"]] == ["", "ana", "ben", "ana"]
    assert found["unowned"] == timedelta(minutes=3)
    assert found["clocks"][2][4] == 8 * 3600  # urgent since 81


@pytest.mark.parametrize("seed", range(6))
def test_any_order_with_repeats_gives_the_same_clocks_and_owners(seed: int) -> None:
    desk, chance = endpoint(), random.Random(seed)
    expected = told(take(desk, *STORY))
    other = [replace(one, external_id="other") for one in STORY]
    found = told(take(desk, other[0], *chance.sample(other[1:], len(other) - 1), *chance.sample(other, 3)))
    assert found == expected
