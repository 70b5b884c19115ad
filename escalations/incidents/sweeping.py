"""What the supervisor does with incidents every few seconds: promised updates, late follow-ups, tickets that came."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from altor.words import duration
from escalations.incidents.followups import tell_late
from escalations.incidents.history import W, tell
from escalations.incidents.linking import link_new
from escalations.incidents.telling import tell_people, tell_team
from escalations.models import Incident

#: The commander is warned so long before the promised time, or a quarter of the interval before where that is less.
WARN_BEFORE: Final = timedelta(minutes=15)
_AT_MOST: Final = 100


def sweep(now: datetime | None = None) -> int:
    """How many incidents, tickets and follow-ups had something to tell."""
    now = now or timezone.now()
    due = Incident.objects.open().filter(next_update_at__lte=now + WARN_BEFORE)
    told = sum(look(pk, now) for pk in list(due.order_by("next_update_at").values_list("pk", flat=True)[:_AT_MOST]))
    return told + link_new(now) + tell_late(now)


@transaction.atomic
def look(pk: int, now: datetime) -> bool:
    """Whether something was told that was not told before. What somebody else holds is left for the next time."""
    held = Incident.objects.open().select_for_update(skip_locked=True, of=("self",)).only("pk").filter(pk=pk).first()
    incident = Incident.objects.open().with_context().filter(pk=pk).first() if held is not None else None
    if incident is None or incident.next_update_at is None:
        return False
    due = incident.next_update_at
    mark = f"{due:%Y%m%dT%H%M}"
    if now > due:
        return _late(incident, due, mark, now)
    if now >= due - warned_before(incident):
        return _warn(incident, due, mark, now)
    return False


def warned_before(incident: Incident) -> timedelta:
    return min(WARN_BEFORE, timedelta(minutes=incident.update_every_min) / 4)


def _warn(incident: Incident, due: datetime, mark: str, now: datetime) -> bool:
    event = tell(incident, W.WARNED, at=now, via="clock", data={"due_at": due.isoformat()},
                 key=f"{incident.pk}:warned:{mark}")  # fmt: skip
    if event is None:
        return False
    tell_people(
        "incident.late", incident, f"owes its customers an update by {due.astimezone(UTC):%H:%M UTC}", now=now,
        people=[incident.commander], key=f"incident:{event.key}", lines=[f"Due in {duration(due - now)}"],
    )  # fmt: skip
    return True


def _late(incident: Incident, due: datetime, mark: str, now: datetime) -> bool:
    """The commander and everybody above hear it, once for each promised time."""
    event = tell(incident, W.LATE, at=due, via="clock", data={"due_at": due.isoformat()},
                 key=f"{incident.pk}:late:{mark}")  # fmt: skip
    if event is None:
        return False
    tell_team(
        "incident.late", incident, f"promised its customers an update for {due.astimezone(UTC):%H:%M UTC}", now=now,
        key=f"incident:{event.key}", lines=[f"None was written; late since {duration(now - due)}"],
    )  # fmt: skip
    return True
