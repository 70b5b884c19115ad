"""What a run knows before its first step."""

from __future__ import annotations

from datetime import timedelta

import pytest

from investigations.diagnosis.facts import plain
from investigations.engine.inputs import WINDOW, build_inputs
from investigations.models import TicketClaim
from investigations.profile import Profile
from tests import factories

AS_OF = factories.NOON


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("hours_ago", "precision_s", "misses"),
    [(2, 600, False), (40, 600, True), (40, 12 * 3600, False), (None, None, False)],
)
def test_a_ticket_of_a_time_before_the_telemetry_is_known_as_such(hours_ago, precision_s, misses):
    ticket = factories.ticket()
    if hours_ago is not None:
        at = plain(AS_OF - timedelta(hours=hours_ago))
        TicketClaim.objects.create(ticket=ticket, kind="onset", value=at, precision_s=precision_s, origin="text")
    assert build_inputs(ticket, as_of=AS_OF, profile=Profile()).values["window_misses"] is misses


@pytest.mark.django_db
def test_a_ticket_older_than_the_telemetry_is_known_as_such():
    ticket = factories.ticket(opened_at=AS_OF - WINDOW - timedelta(hours=1))
    assert build_inputs(ticket, as_of=AS_OF, profile=Profile()).values["window_misses"] is True
