"""Inbound events: stored before they are answered, processed by a job, replayable, parked with a reason."""

from __future__ import annotations

from typing import Self

from django.db import models

from altor.fields import EncryptedTextField


class InboundEndpoint(models.Model):
    """An address that a foreign system posts to: `/api/v1/hooks/<source>/<connection>/`."""

    source = models.CharField(max_length=20)  # generic, zendesk, github, linear, stripe, …
    connection = models.SlugField(max_length=60)
    title = models.CharField(max_length=80, blank=True)
    # One secret a line, newest first: several live at once while one is being rotated.
    secrets = EncryptedTextField(blank=True)
    ticket_prefix = models.CharField(max_length=8, default="TK")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("source", "connection")
        constraints = (models.UniqueConstraint(fields=["source", "connection"], name="endpoint_once"),)

    def __str__(self) -> str:
        return f"{self.source}/{self.connection}"


class InboundEventQuerySet(models.QuerySet["InboundEvent"]):
    def waiting(self) -> Self:
        return self.filter(status__in=[InboundEvent.Status.RECEIVED, InboundEvent.Status.RETRY])


class InboundEvent(models.Model):
    """One delivery. `delivery_key` is unique per endpoint, so a repeated delivery does nothing."""

    class Status(models.TextChoices):
        RECEIVED = "received"
        RETRY = "retry"
        DONE = "done"
        IGNORED = "ignored"
        DEAD = "dead"

    endpoint = models.ForeignKey(InboundEndpoint, on_delete=models.PROTECT, related_name="events")
    delivery_key = models.CharField(max_length=200)
    kind = models.CharField(max_length=80, blank=True)
    headers = models.JSONField(default=dict)
    body = models.JSONField()  # redacted
    received_at = models.DateTimeField()
    occurred_at = models.DateTimeField(null=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.RECEIVED)
    attempts = models.PositiveSmallIntegerField(default=0)
    reason = models.TextField(blank=True)
    not_before = models.DateTimeField(null=True)
    processed_at = models.DateTimeField(null=True)
    result_ref = models.CharField(max_length=80, blank=True)
    # Of the queue: taken back when the event is worked before its turn.
    queue_entry = models.BigIntegerField(null=True)
    objects = InboundEventQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        constraints = (models.UniqueConstraint(fields=["endpoint", "delivery_key"], name="inbound_once"),)
        indexes = (
            models.Index(fields=["status", "received_at"]),
            models.Index(fields=["result_ref", "occurred_at"], name="inbound_of_ticket"),
        )

    def __str__(self) -> str:
        return f"{self.endpoint} {self.delivery_key}"
