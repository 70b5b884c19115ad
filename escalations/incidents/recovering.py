"""The seam to the proof of recovery: what was fixed is measured elsewhere, and says here how it ended.

Each of the three may be called twice, and in the transaction of whoever calls; an incident that is closed stays closed.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from altor.audit import record_event
from altor.models import User
from escalations.incidents.history import W, lock, save, tell
from escalations.incidents.telling import tell_team
from escalations.lifecycle.history import clean
from escalations.models import Incident

S = Incident.Status


def fixed(
    incident: Incident, *, at: datetime | None = None, now: datetime | None = None, actor: User | None = None,
    text: str = "", via: str = "recovery",
) -> Incident:  # fmt: skip
    """The cause is gone, people say, since `at`: from here on it is measured whether customers are back to normal."""
    now = now or timezone.now()
    with transaction.atomic():
        locked = lock(incident)
        if locked.status != S.OPEN:
            return locked
        locked.status, locked.fixed_at = S.FIXED, at or now
        return _moved(locked, W.FIXED, "is fixed, and being measured", clean(text), at or now, now, actor, via)


def recovered(
    incident: Incident, since: datetime, *, now: datetime | None = None, actor: User | None = None, text: str = "",
    via: str = "recovery",
) -> Incident:  # fmt: skip
    """It was proved that the customers are back to normal, since then."""
    now = now or timezone.now()
    with transaction.atomic():
        locked = lock(incident)
        if locked.status not in (S.OPEN, S.FIXED):
            return locked
        locked.status, locked.back_since = S.RECOVERED, since
        locked.fixed_at = locked.fixed_at or since
        return _moved(locked, W.RECOVERED, "is back to normal", clean(text), now, now, actor, via)


def not_recovered(
    incident: Incident, text: str, *, now: datetime | None = None, actor: User | None = None, via: str = "recovery"
) -> Incident:  # fmt: skip
    """It was measured that they are not, or it could not be measured: the incident is worked on again."""
    now = now or timezone.now()
    with transaction.atomic():
        locked = lock(incident)
        if locked.status not in (S.FIXED, S.RECOVERED):
            return locked
        locked.status, locked.fixed_at, locked.back_since = S.OPEN, None, None
        return _moved(locked, W.NOT_RECOVERED, "is not back to normal", clean(text), now, now, actor, via)


def _moved(
    locked: Incident, what: W, words: str, text: str, at: datetime, now: datetime, actor: User | None, via: str
) -> Incident:
    save(locked)
    event = tell(
        locked, what, at=at, by=actor, via=via, text=text,
        data={"since": locked.back_since.isoformat()} if locked.back_since is not None else {},
        key=f"{locked.pk}:{what}:{locked.revision}",
    )  # fmt: skip
    record_event(
        actor=actor, action=f"incident.{what}", target=locked, reason=text[:300],
        after={"status": str(locked.status), "via": via},
    )  # fmt: skip
    if event is not None:
        tell_team("incident.moved", locked, words, lines=[text], actor=actor, now=now, key=f"incident:{event.key}")
    return locked
