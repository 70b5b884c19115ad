"""Phase events: the append-only truth from which every timing figure can be recomputed."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class PhaseEvent(models.Model):
    """Something that starts, ends, pauses or marks a phase of a ticket's life. Never changed, never deleted by the app.

    `at` is when it happened (a helpdesk's time may be earlier than ours), `recorded_at` when Altor learned of it.
    """

    ticket_ref = models.CharField(max_length=80, db_index=True)
    subject_ref = models.CharField(max_length=80, blank=True)  # INV-812, ESC-57; empty = the ticket itself
    kind = models.CharField(max_length=40)  # a key of altor.events.KINDS
    at = models.DateTimeField()
    recorded_at = models.DateTimeField(auto_now_add=True)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    data = models.JSONField(default=dict)
    # The same fact told twice (a retried job, a repeated webhook) is stored once.
    key = models.CharField(max_length=160, unique=True)

    class Meta:
        ordering = ("at", "pk")
        indexes = (models.Index(fields=["ticket_ref", "at"]), models.Index(fields=["kind", "at"]))

    def __str__(self) -> str:
        return f"{self.ticket_ref} {self.kind}"
