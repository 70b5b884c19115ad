"""One line in the sidebar: the incident that the ticket is part of, or that one is suggested."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from django.conf import settings
from django.db import connection
from django.urls import reverse

from altor.models import User
from escalations.models import Incident, IncidentSuggestion
from investigations.models import Ticket
from investigations.widget.parts import WidgetContext


def incident_part(context: WidgetContext) -> tuple[str, Mapping[str, Any]] | None:
    """("incident", {"state", "ref", "text", "url"}); None where there is neither an incident nor a suggestion.

    `state`: open, fixed, recovered, or suggested, which only who may declare sees.
    """
    newest = Incident.objects.of_ticket(context.ticket).open().order_by("-pk").first()
    if newest is not None:
        return "incident", _state(newest)
    user = context.user
    if user is None or not user.may("incident.declare"):
        return None
    found = IncidentSuggestion.objects.open().filter(tickets__contains=[context.ticket.ref]).first()
    if found is None:
        return None
    url = f"{reverse('incidents:declare')}?suggestion={found.pk}"
    return "incident", {
        "state": "suggested", "ref": "", "text": f"An incident? {found.figures}.", "url": settings.BASE_URL + url,
    }  # fmt: skip


def _state(found: Incident) -> dict[str, Any]:
    due = f", next update {_clock(found.next_update_at)}" if found.next_update_at is not None else ""
    return {
        "state": str(found.status), "ref": found.ref, "text": f"Part of {found.ref}: {found.title}{due}.",
        "url": settings.BASE_URL + reverse("incidents:incident", args=[found.ref]),
    }  # fmt: skip


def _clock(at: datetime) -> str:
    return f"{at.astimezone(UTC):%-d %b %H:%M UTC}"


_STATE: Final = """
SELECT (SELECT ROW(max(i.id), max(i.revision), bool_or(i.status <> 'closed'), max(i.next_update_at))::text
        FROM escalations_incidentticket l JOIN escalations_incident i ON i.id = l.incident_id
        WHERE l.ticket_id = %s AND l.unlinked_at IS NULL AND i.status <> 'closed'),
       (SELECT ROW(max(id), max(customers), max(wrote))::text FROM escalations_incidentsuggestion
        WHERE dismissed_at IS NULL AND became_id IS NULL
          AND tickets @> (SELECT to_jsonb(ref::text) FROM investigations_ticket WHERE id = %s))
"""


def incident_stamp(ticket: Ticket, user: User | None) -> Hashable:
    """Changes with what the part would show. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_STATE, [ticket.pk, ticket.pk])  # its reference may not have been read
        return (*cursor.fetchone(), user.role if user is not None else None)


incident_part.stamp = incident_stamp  # type: ignore[attr-defined]  # read by `parts_stamp`
