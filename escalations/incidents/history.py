"""Write an incident's timeline, and tell webhooks of what others wait for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db import IntegrityError, transaction

from altor.errors import Conflict, PermissionRefused
from altor.models import User
from altor.webhooks.publishing import publish
from escalations.lifecycle.history import clean
from escalations.models import Incident, IncidentEvent

W = IncidentEvent.What
SHORTEST: Final = 10
_CLOSED: Final = frozenset({W.CLOSED})
#: What is nobody's news outside: corrections of lists, and warnings to ourselves.
_OWN: Final = frozenset({W.CUSTOMERS, W.NOTICE, W.TOLD, W.UNTOLD, W.WARNED, W.FOLLOW_UP, W.CHANNEL})


def tell(
    incident: Incident, what: IncidentEvent.What, *, at: datetime, by: User | None = None, via: str = "page",
    text: str = "", data: Mapping[str, Any] | None = None, key: str = "",
) -> IncidentEvent | None:  # fmt: skip
    """Append to the timeline, in the caller's transaction; None for what was told before under this key."""
    event = IncidentEvent(
        incident=incident, what=what, at=at, by=by, via=via, text=clean(text), data=dict(data or {}),
        key=(key or f"{incident.pk}:{what}:{at.isoformat()}:{incident.revision}")[:120],
    )  # fmt: skip
    try:
        with transaction.atomic():
            event.save(force_insert=True)
    except IntegrityError:
        return None
    if what not in _OWN:
        _publish(incident, event)
    return event


def _publish(incident: Incident, event: IncidentEvent) -> None:
    """References and figures only."""
    name = {W.DECLARED: "incident.declared", W.CLOSED: "incident.closed"}.get(W(event.what), "incident.updated")
    data = {
        "incident": incident.ref, "what": str(event.what), "severity": incident.severity, "status": incident.status,
        "tickets": list(incident.links.filter(unlinked_at=None).values_list("ticket__ref", flat=True)[:50]),
        "next_update_at": incident.next_update_at,
    }  # fmt: skip
    publish(name, data, key=f"{name}:{event.key}"[:160], at=event.at)


def lock(incident: Incident) -> Incident:
    """The row, locked, then read with what belongs to it."""
    Incident.objects.select_for_update(of=("self",)).only("pk").get(pk=incident.pk)
    return Incident.objects.with_context().get(pk=incident.pk)


def save(locked: Incident) -> None:
    locked.revision += 1
    locked.save()


def allow(actor: User, permission: str = "incident.work") -> None:
    if not actor.may(permission):
        raise PermissionRefused("Your role may not do this with an incident.")


def require_open(locked: Incident) -> None:
    if not locked.is_open:
        raise Conflict(f"{locked.ref} is closed: reopen it first.", incident=locked.ref)
