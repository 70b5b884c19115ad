"""A team with two shifts a day, in Berlin, that hands off."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from altor.models import Team, User
from escalations.handoffs.sweeping import sweep
from escalations.handoffs.switching import save_setting
from escalations.models import Handoff, Rotation
from investigations.models import Ticket
from knowledge.models import PromisedUpdate
from tests import factories as make
from tests.escalations.oncall_scene import at, layer, people, rotation

#: A Monday, 16:00 in Berlin: the shift of ana, which began at 9:00, ends at 17:00, and ben follows.
NOW = at("2026-03-02T15:00:00+00:00")
END = at("2026-03-02T16:00:00+00:00")
DAY_SHIFTS = {"unit": "day", "hours": None}
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def team_with_shifts(**setting: Any) -> tuple[Team, User, User, User, Rotation]:
    """(team, ana, ben, their lead leo, the rotation): ana 9 to 17 h, ben 17 to 9 h, every day."""
    team = make.team()
    ana, ben = people("ana", "ben", team=team)
    leo = make.user("leo", role="lead", teams=(team,))
    made = rotation(
        layer("ana", hours={"week": {"mon-sun": "09:00-17:00"}}), layer("ben"), now=NOW - 7 * HOUR, actor=None
    )
    values = {"is_on": True, "draft_before_min": 30, "escalate_after_min": 30, **setting}
    save_setting(team, actor=leo, now=NOW - 6 * HOUR, **values)
    return team, ana, ben, leo, made


def drafted(now: datetime = END - 20 * MINUTE) -> Handoff:
    sweep(now)
    return Handoff.objects.with_context().latest("pk")


def ticket_of(owner: User, **values: Any) -> Ticket:
    return make.ticket(owner=owner, opened_at=NOW - HOUR, **values)


def promise(ticket: Ticket, due_at: datetime) -> PromisedUpdate:
    reply = make.reply(ticket)
    return PromisedUpdate.objects.create(
        ticket=ticket, reply=reply, due_at=due_at, promised_by=ticket.owner, promised_at=NOW - HOUR
    )


def kinds(handoff: Handoff) -> dict[str, str]:
    """Reference -> its urgency."""
    return {one.ref: one.get_urgency_display() for one in handoff.items.select_related("ticket", "escalation")}


def states(handoff: Handoff) -> dict[str, str]:
    return {one.ref: one.status for one in handoff.items.select_related("ticket", "escalation")}
