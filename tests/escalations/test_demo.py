"""The demo's queue is alive: tickets that are late, that come due, that wait, and one that circles."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from altor.demo.parts import DemoSetting
from altor.demo.people import create_people
from altor.demo.world.build import World
from escalations.demo import OwnershipDemo
from escalations.models import TicketStanding
from escalations.ownership.queues import violations
from investigations.demo import PREFIX, InvestigationsDemo
from investigations.models import Ticket

pytestmark = pytest.mark.django_db


def test_the_demos_queue_is_alive_and_seeding_again_changes_nothing() -> None:
    setting = DemoSetting(
        world=World(7, timezone.now() - timedelta(minutes=1)), upstreams="http://127.0.0.1:1", actor=create_people(),
        clickhouse="http://a:b@127.0.0.1:1/?database=otel", tickets=None, say=lambda text: None,
    )  # fmt: skip
    OwnershipDemo().connect(setting)
    InvestigationsDemo().seed(setting)
    OwnershipDemo().seed(setting)
    standings = TicketStanding.objects.filter(ticket__ref__startswith=PREFIX)
    assert standings.count() == Ticket.objects.count() > 20
    now = timezone.now()
    assert standings.filter(is_broken=True).exists() and standings.filter(due_at__gt=now).exists()
    assert standings.filter(waiting="customer").exists() and standings.filter(circles__gt=0).count() == 1
    assert standings.filter(unowned_since__isnull=False).exists() and list(violations(now)) == []
    before = list(standings.order_by("pk").values_list("due_at", "owner_changes", "waiting"))
    OwnershipDemo().connect(setting)
    OwnershipDemo().seed(setting)
    assert list(standings.order_by("pk").values_list("due_at", "owner_changes", "waiting")) == before
