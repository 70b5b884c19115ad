"""What customers say after a closing."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models

from investigations.models import Ticket

if TYPE_CHECKING:
    from altor.models import User


class SurveyQuerySet(models.QuerySet["RecoverySurvey"]):
    def visible_to(self, user: User) -> Self:
        """Of tickets the person may open."""
        return self.filter(ticket__in=Ticket.objects.visible_to(user))


class RecoverySurvey(models.Model):
    """The one question after a closing: asked of the customer by a link, and judged by the engineer apart from it."""

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="surveys")
    resolved_at = models.DateTimeField()  # of the closing that is asked about
    nonce = models.UUIDField(default=uuid.uuid4, editable=False)
    asked_at = models.DateTimeField(null=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    score = models.PositiveSmallIntegerField(null=True)  # 1 to 5, the customer's
    answered_at = models.DateTimeField(null=True)
    judged = models.PositiveSmallIntegerField(null=True)  # 1 to 5, the engineer's
    judged_at = models.DateTimeField(null=True)
    judged_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    objects = SurveyQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        constraints = (models.UniqueConstraint(fields=["ticket", "resolved_at"], name="survey_once"),)

    def __str__(self) -> str:
        return f"survey of {self.ticket_id}"
