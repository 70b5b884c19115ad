"""The audit log: who decided what, when, from where. Append-only, enforced by a database trigger."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class AuditEvent(models.Model):
    """One decision. Written in the transaction of the change it tells of."""

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    actor_kind = models.CharField(max_length=12, default="user")  # user, token, system, widget
    actor_label = models.CharField(max_length=200, blank=True)
    action = models.CharField(max_length=60, db_index=True)  # "run.started"
    object_kind = models.CharField(max_length=40, blank=True)
    object_ref = models.CharField(max_length=80, blank=True, db_index=True)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    reason = models.TextField(blank=True)
    origin = models.CharField(max_length=64, blank=True)  # client address
    request_id = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"{self.action} {self.object_ref}"
