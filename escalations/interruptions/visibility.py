"""Which tickets an engineer may open because they were asked about them."""

from __future__ import annotations

from django.db.models import Q

from altor.models import User
from escalations.models import Question
from escalations.models.interruptions import asking


def asked_of(user: User) -> Q:
    """For the setting TICKET_VISIBILITY: tickets of questions that reached this engineer."""
    return Q(pk__in=Question.objects.filter(asking(user)).values("ticket"))
