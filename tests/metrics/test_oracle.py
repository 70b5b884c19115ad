"""Every metric against an independent computation from the raw events of 200 made-up tickets."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import Any

import pytest

from altor.models import PhaseEvent, Team
from escalations.ownership.policies import save_policy
from investigations.models import Ticket
from metrics.definitions.catalogue import METRICS
from metrics.definitions.metric import Axis
from metrics.models import Cycle
from metrics.phases.keeping import compute
from metrics.reading.figures import figures
from metrics.reading.scope import Scope
from tests import factories as make
from tests.metrics import oracle
from tests.metrics.histories import BEGIN, make_histories

pytestmark = pytest.mark.django_db
NOW = BEGIN + timedelta(days=90)
GOLD = {
    "key": "gold", "title": "Gold", "tier": "gold", "first_reply": "1 h", "resolution": "24 h", "pauses": ["customer"],
    "hours": {"zone": "Europe/Berlin", "week": {"mon-fri": "09:00-17:00"}},
}  # fmt: skip
#: Of these the figures rest on the SLA clocks, which have their own oracle (tests/escalations).
CLOCKS = {"broken-promises"}


def raw(tickets: list[Ticket]) -> dict[str, list[dict[str, Any]]]:
    found = defaultdict(list)
    for one in PhaseEvent.objects.filter(ticket_ref__in=[ticket.ref for ticket in tickets]):
        found[one.ticket_ref].append(
            {
                "kind": one.kind, "at": one.at, "subject": one.subject_ref, "by": one.actor_id is not None,
                "data": one.data, "key": one.key,
            }
        )  # fmt: skip
    return found


@pytest.fixture
def teams() -> tuple[Team, Team]:
    return make.team("Berlin", timezone="Europe/Berlin"), make.team("Auckland", timezone="Pacific/Auckland")


@pytest.mark.parametrize("seed", [1, 2])
def test_each_metric_agrees_with_a_count_by_hand(teams: tuple[Team, Team], seed: int) -> None:
    save_policy(GOLD, actor=None)
    lives = make_histories(100, seed, teams)
    tickets = [life.ticket for life in lives]
    assert compute([ticket.ref for ticket in tickets], NOW) == 100
    events = raw(tickets)
    by_hand = []
    for ticket in tickets:
        counted = oracle.cycles_of(events[ticket.ref], ticket.team.timezone, ticket.customer.tier, NOW)
        by_hand += [{**one, "team": ticket.team_id} for one in counted]
    assert len(by_hand) == Cycle.objects.count()
    assert {one["gone"] for one in by_hand} == {True, False}
    wanted = Scope(BEGIN.date() - timedelta(days=7), NOW.date())
    for groups in ((), ("week",), ("class",), ("week", "team")):
        got = figures(METRICS.values(), wanted, groups)
        for name, metric in METRICS.items():
            if name in CLOCKS:
                continue
            cells = defaultdict(list)
            week = "week" if metric.axis is Axis.CLOSED else "begun_week"
            for one in by_hand:
                if one[week] is not None:
                    cells[tuple(one[week if group == "week" else group] for group in groups)].append(one)
            assert set(got[name]) == set(cells), (name, groups)
            for key, cycles in cells.items():
                found = got[name][key]
                n, value, p90 = oracle.figure(name, cycles)
                told = (name, groups, key)
                assert found.n == n, told
                assert found.value == (pytest.approx(value) if value is not None else None), told
                assert found.p90 == (pytest.approx(p90) if p90 is not None else None), told
                assert found.anti == oracle.anti(name, cycles), told
