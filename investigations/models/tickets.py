"""Tickets as Altor knows them, and what was read from their text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from altor.models import Team
from altor.registry import parts
from altor.roles import Role
from investigations.models.customers import Customer

if TYPE_CHECKING:
    from altor.models import User


class TicketQuerySet(models.QuerySet["Ticket"]):
    def visible_to(self, user: User) -> Self:
        """Tickets the person may open: the only way views and the API reach one.

        Administrators see all; everybody else the tickets of their own teams; an engineer only those assigned to them,
        and what the setting TICKET_VISIBILITY adds.
        """
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.role == Role.ADMIN:
            return self
        if user.role == Role.ENGINEER:
            mine = models.Q(owner=user)
            for part in parts("TICKET_VISIBILITY"):
                mine |= part(user)
            return self.filter(mine)
        return self.filter(team__memberships__user=user)

    def with_context(self) -> Self:
        return self.select_related("customer", "team", "owner")


class Ticket(models.Model):
    class Status(models.TextChoices):
        RECEIVED = "received", "Received"
        CLASSIFIED = "classified", "Classified"
        INVESTIGATING = "investigating", "Investigating"
        DIAGNOSED = "diagnosed", "Diagnosed"
        REPLIED = "replied", "Replied"
        ESCALATED = "escalated", "Escalated"
        RESOLVED = "resolved", "Resolved"
        REOPENED = "reopened", "Reopened"

    ref = models.CharField(max_length=80, unique=True)  # ZD-48213, TK-10134
    helpdesk = models.CharField(max_length=20, default="generic")
    connection = models.CharField(max_length=60, blank=True)  # slug of the helpdesk connection
    external_id = models.CharField(max_length=64)  # as text
    url = models.URLField(max_length=500, blank=True)
    subject = models.CharField(max_length=500, blank=True)
    description = models.TextField(blank=True)  # redacted
    channel = models.CharField(max_length=40, blank=True)
    priority = models.CharField(max_length=40, blank=True)
    tags = ArrayField(models.CharField(max_length=80), default=list, blank=True)
    requester_name = models.CharField(max_length=200, blank=True)
    requester_email = models.CharField(max_length=254, blank=True)
    organization = models.JSONField(default=dict)  # as the helpdesk gave it
    opened_at = models.DateTimeField()  # when the customer wrote
    received_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    status = models.CharField(max_length=14, choices=Status, default=Status.RECEIVED)
    incident_class = models.CharField(max_length=20, blank=True)
    class_why = models.JSONField(default=dict)  # {"how": …, "reasons": [...], "scores": {...}}
    customer = models.ForeignKey(Customer, null=True, blank=True, on_delete=models.PROTECT, related_name="tickets")
    customer_why = models.JSONField(default=dict)  # {"how": "domain", "detail": "…", "candidates": [...]}
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="tickets")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="owned_tickets"
    )
    resolved_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=0)  # counts changes of content; part of the run's event key
    objects = TicketQuerySet.as_manager()

    class Meta:
        ordering = ("-opened_at", "-pk")
        constraints = (models.UniqueConstraint(fields=["helpdesk", "connection", "external_id"], name="ticket_once"),)
        indexes = (
            models.Index(fields=["-opened_at", "-id"]),
            models.Index(fields=["status"]),
            models.Index(fields=["incident_class"]),
        )

    def __str__(self) -> str:
        return self.ref


class TicketClaim(models.Model):
    """What the text claims: an endpoint, a time, a request id. Editable, with its origin."""

    class Kind(models.TextChoices):
        ENDPOINT = "endpoint"  # "GET /v2/orders"
        ONSET = "onset"  # ISO 8601, UTC
        ENDED = "ended"
        REQUEST_ID = "request_id"
        ERROR_CODE = "error_code"
        AMOUNT = "amount"  # "1234 EUR", minor units
        OBJECT_ID = "object_id"  # in_…, evt_…, key_…
        ANSWER = "answer"  # a person's answer to a question of a diagnosis; `name` says which, `quote` is its text

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="claims")
    kind = models.CharField(max_length=12, choices=Kind)
    name = models.CharField(max_length=60, blank=True)  # of an answer: the input or the step that asked
    value = models.CharField(max_length=2000)
    quote = models.CharField(max_length=300, blank=True)  # the words it was read from
    precision_s = models.PositiveIntegerField(null=True)  # how exact a claimed time is
    origin = models.CharField(max_length=10, default="text")  # text, field, person
    edited_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    is_active = models.BooleanField(default=True)  # a person may strike a claim out without losing it

    class Meta:
        ordering = ("kind", "pk")

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"
