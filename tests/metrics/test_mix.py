"""The period before at this period's mix of classes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from altor import events
from altor.models import Team
from metrics.definitions.catalogue import METRICS
from metrics.phases.keeping import compute
from metrics.reading.figures import figures
from metrics.reading.mix import at_mix
from metrics.reading.overview import Overview
from metrics.reading.scope import last_weeks
from tests import factories as make

pytestmark = pytest.mark.django_db
#: Class -> minutes of investigation. They never change.
TAKES = {"billing": 60, "webhook": 10}


def closings(team: Team, weeks_ago: int, **counts: int) -> None:
    now, refs = timezone.now(), []
    for incident_class, count in counts.items():
        for number in range(count):
            begin = now - timedelta(weeks=weeks_ago, hours=4, seconds=number)
            ticket = make.ticket(in_team=team, opened_at=begin, customer=make.customer(tier=""))
            ref = f"INV-{ticket.pk}"
            for minutes, kind, data in (
                (0, "ticket.received", {}),
                (0, "ticket.classified", {"class": incident_class}),
                (0, "ticket.customer_set", {"org_id": "org_1"}),
                (0, "ticket.assigned", {"owner": "ana"}),
                (0, "run.queued", {}),
                (TAKES[incident_class], "ticket.replied", {"before_diagnosis": False}),
                (TAKES[incident_class], "ticket.resolved", {}),
            ):
                if kind == "ticket.replied":
                    events.record("run.finished", ticket_ref=ticket.ref, subject_ref=ref, at=begin, data={})
                subject = ref if kind == "run.queued" else ""
                events.record(
                    kind, ticket_ref=ticket.ref, subject_ref=subject, at=begin + timedelta(minutes=minutes), data=data
                )
            refs.append(ticket.ref)
    compute(refs, now)


def test_other_tickets_are_told_from_other_work() -> None:
    team, admin = make.team("Support"), make.user("root", role="admin")
    closings(team, 6, billing=30, webhook=10)
    closings(team, 1, billing=6, webhook=24)
    found = Overview(last_weeks(admin, 4, timezone.now()), timezone.now())
    shown = next(one for one in found.front if one.metric.name == "investigation-time")
    assert (shown.now.value, shown.before.value) == (600, 3600)
    assert shown.look == "good"  # six times as fast, and yet
    assert shown.at_mix == 600


def test_nothing_is_said_where_the_classes_are_others_or_the_same() -> None:
    team, admin = make.team("Support"), make.user("root", role="admin")
    closings(team, 6, billing=12)
    closings(team, 1, webhook=24)
    wanted = last_weeks(admin, 4, timezone.now())
    metric = METRICS["investigation-time"]
    now, before = (figures([metric], one, ("class",))[metric.name] for one in (wanted, wanted.before))
    assert at_mix(metric, now, before, wanted.before) is None
    closings(team, 1, billing=100)
    shown = next(one for one in Overview(wanted, timezone.now()).front if one.metric.name == metric.name)
    assert shown.at_mix is None  # 3600 before, and at the mix of now too
