"""Webhooks that leave Altor: addresses of other systems, what is sent to them, and every try."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from altor.fields import EncryptedTextField


def message_id() -> str:
    """The id that stays the same on every try: receivers know a repeated delivery by it."""
    return f"msg_{secrets.token_hex(16)}"


class OutboundEndpoint(models.Model):
    """An address of another system that is told of events."""

    slug = models.SlugField(max_length=60, unique=True)
    title = models.CharField(max_length=80)
    url = models.CharField(max_length=500)
    # One secret a line, newest first. Every live one signs, so that a receiver can change over when it likes.
    secrets = EncryptedTextField(blank=True)
    event_types = ArrayField(models.CharField(max_length=60), default=list)
    # Told when the endpoint is switched off because it fails.
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    is_active = models.BooleanField(default=True)
    disabled_reason = models.CharField(max_length=300, blank=True)
    disabled_at = models.DateTimeField(null=True)
    failing_since = models.DateTimeField(null=True)  # the first failed try since the last good one
    last_success_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("title", "pk")

    def __str__(self) -> str:
        return self.slug

    @property
    def live_secrets(self) -> list[str]:
        return self.secrets.splitlines()


class OutboundDeliveryQuerySet(models.QuerySet["OutboundDelivery"]):
    def claimable(self, now: datetime) -> Self:
        """Waiting and due: a first try, a later one, or one whose worker was killed."""
        # Not a join: an UPDATE over one would judge the row by what it was before the other worker's claim.
        active = OutboundEndpoint.objects.filter(is_active=True).values("pk")
        return self.filter(status=OutboundDelivery.Status.WAITING, not_before__lte=now, endpoint_id__in=active)

    def unqueued(self, now: datetime, *, lost_after: datetime) -> Self:
        """Due, and not queued since it became due; or queued before `lost_after` and never taken."""
        return self.claimable(now).filter(Q(queued_at__lt=F("not_before")) | Q(queued_at__lt=lost_after))

    def undelivered(self) -> Self:
        return self.filter(status__in=[OutboundDelivery.Status.FAILED, OutboundDelivery.Status.CANCELLED])


class OutboundDelivery(models.Model):
    """One event for one endpoint. `key` is unique per endpoint, so an event that is published twice is sent once."""

    class Status(models.TextChoices):
        WAITING = "waiting"
        DELIVERED = "delivered"
        FAILED = "failed"
        CANCELLED = "cancelled"

    endpoint = models.ForeignKey(OutboundEndpoint, on_delete=models.PROTECT, related_name="deliveries")
    message_id = models.CharField(max_length=40, unique=True, default=message_id, editable=False)
    event_type = models.CharField(max_length=60)
    key = models.CharField(max_length=160)
    payload = models.JSONField()  # {"type", "timestamp", "data"}
    status = models.CharField(max_length=10, choices=Status, default=Status.WAITING)
    reason = models.CharField(max_length=300, blank=True)
    attempts = models.PositiveIntegerField(default=0)  # all of them: the number that a stale worker does not hold
    tries = models.PositiveSmallIntegerField(default=0)  # since it was published, or replayed
    not_before = models.DateTimeField()
    queued_at = models.DateTimeField()
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    objects = OutboundDeliveryQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        constraints = (models.UniqueConstraint(fields=["endpoint", "key"], name="outbound_once"),)
        indexes = (
            models.Index(fields=["not_before"], condition=Q(status="waiting"), name="outbound_due"),
            models.Index(fields=["ended_at"], name="outbound_ended"),
        )

    def __str__(self) -> str:
        return self.message_id


class OutboundAttempt(models.Model):
    """One try. Written before it is made: one without an end had its worker killed."""

    delivery = models.ForeignKey(OutboundDelivery, on_delete=models.CASCADE, related_name="tried")
    number = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    status = models.PositiveSmallIntegerField(null=True)  # the answer's; null = no answer
    latency_ms = models.PositiveIntegerField(null=True)
    answer = models.CharField(max_length=500, blank=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ("number",)
        constraints = (models.UniqueConstraint(fields=["delivery", "number"], name="outbound_attempt_once"),)

    def __str__(self) -> str:
        return f"{self.delivery} try {self.number}"
