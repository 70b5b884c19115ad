"""The incident, ticket or suggestion that an address or a form names, if the person may open it."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from django.http import Http404
from django.utils import timezone

from altor.errors import InvalidInput
from altor.models import User
from escalations.incidents.proposing import Origin
from escalations.models import Escalation, Incident, IncidentSuggestion
from investigations.models import Ticket


def visible_incident(user: User, ref: str) -> Incident:
    """The incident, or 404: unknown and forbidden look alike."""
    found = Incident.objects.visible_to(user).by_ref(ref).with_context().first()
    if found is None:
        raise Http404
    return found


def origin_of(user: User, *, ticket: str = "", escalation: str = "", suggestion: str = "") -> Origin:
    """From one of these references; 404 for what the person may not open."""
    if suggestion:
        rows = IncidentSuggestion.objects.visible_to(user).select_related("run__ticket", "team")
        found = rows.filter(pk=int(suggestion)).first() if suggestion.isdecimal() and len(suggestion) < 18 else None
        if found is None:
            raise Http404
        return Origin(suggestion=found)
    if escalation:
        sent = Escalation.objects.visible_to(user).by_ref(escalation).with_context().first()
        if sent is None:
            raise Http404
        return Origin(escalation=sent)
    one = Ticket.objects.visible_to(user).with_context().filter(ref=ticket).first()
    if one is None:
        raise Http404
    return Origin(ticket=one)


def person_named(name: str) -> User | None:
    return User.objects.filter(username=name.strip()[:150], is_active=True).first() if name.strip() else None


def moment_of(text: str) -> datetime | None:
    """What a field of type datetime-local holds, in the person's zone. InvalidInput for anything else."""
    if not text.strip():
        return None
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInput("This is no time.", errors={"next_update_at": ["This is no time."]}) from None
    zone = timezone.get_current_timezone()
    return (at if at.tzinfo is not None else at.replace(tzinfo=ZoneInfo(str(zone)))).astimezone(UTC)


def whole(text: str) -> int:
    """0 for what is no number."""
    said = text.strip()
    return int(said) if said.isdecimal() and len(said) < 10 else 0
