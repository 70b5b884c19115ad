"""Which tickets an engineer may open because they were escalated."""

from __future__ import annotations

from django.db.models import Q

from altor.models import User
from escalations.models import EscalationTicket
from escalations.models.escalations import reaching


def escalated_to(user: User) -> Q:
    """For the setting TICKET_VISIBILITY: tickets of escalations that reached this engineer."""
    links = EscalationTicket.objects.filter(reaching(user, "escalation__"))
    return Q(pk__in=links.values("ticket"))
