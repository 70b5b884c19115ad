"""How a closed ticket ended, as a person said: asked for where its diagnosis was never judged."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from investigations.models.tickets import Ticket


class TicketClosure(models.Model):
    """What is said once per closing: a ticket that is reopened and closed again is asked about again."""

    class How(models.TextChoices):
        RIGHT = "right", "The diagnosis was right"
        OTHER_CAUSE = "other_cause", "It was something else"
        ANSWERED = "answered", "Answered without a cause: a question, or nothing was wrong"
        DUPLICATE = "duplicate", "Another ticket carries it on"
        GONE = "gone", "It went away, or the customer did"

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="closures")
    resolved_at = models.DateTimeField()  # of the closing that is explained
    how = models.CharField(max_length=12, choices=How)
    label = models.CharField(max_length=60, blank=True)  # of the cause
    reason = models.TextField(blank=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ("-at",)
        constraints = (models.UniqueConstraint(fields=["ticket", "resolved_at"], name="closure_once"),)

    def __str__(self) -> str:
        return f"{self.ticket_id} {self.how}"
