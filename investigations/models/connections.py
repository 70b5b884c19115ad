"""Connections to sources, and the installation profile with its history."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from altor.fields import EncryptedTextField


class Connection(models.Model):
    """Address and credential of one source. Values in the environment override the row of that source for a process."""

    class Health(models.TextChoices):
        UNKNOWN = "unknown"
        OK = "ok"
        DEGRADED = "degraded"
        DOWN = "down"
        REFUSED = "refused"

    source = models.CharField(max_length=20)
    name = models.SlugField(max_length=60, default="main")
    base_url = models.CharField(max_length=500)
    secret = EncryptedTextField(blank=True)
    options = models.JSONField(default=dict, blank=True)
    is_active = models.BooleanField(default=True)
    health = models.CharField(max_length=10, choices=Health, default=Health.UNKNOWN)
    health_message = models.TextField(blank=True)
    checked_at = models.DateTimeField(null=True)
    last_ok_at = models.DateTimeField(null=True)
    latency_ms = models.PositiveIntegerField(null=True)
    scopes = models.JSONField(default=list)
    warnings = models.JSONField(default=list)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("source", "name")
        constraints = (models.UniqueConstraint(fields=["source", "name"], name="connection_once"),)

    def __str__(self) -> str:
        return f"{self.source}:{self.name}"


class InstallationProfile(models.Model):
    """One version of the profile; the newest is in force. Older ones stay, because runs refer to them."""

    data = models.JSONField()  # investigations.profile.Profile without the customers, which live in Customer
    comment = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"profile {self.pk}"
