"""Incidents: one cause that is fought together, what customers were told of it, and what it leaves to be done."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from altor.models import Team
from altor.roles import Role
from escalations.contracts.spans import said
from escalations.models.contracts import ContractVersion
from escalations.models.escalations import Escalation
from investigations.models import Customer, Investigation, Ticket

if TYPE_CHECKING:
    from altor.models import User


class IncidentQuerySet(models.QuerySet["Incident"]):
    def visible_to(self, user: User) -> Self:
        """Those of tickets and escalations the person may open, those they command, and for who may declare incidents
        those of their teams.
        """
        if not user.is_authenticated or not user.is_active or not user.may("incident.read"):
            return self.none()
        if user.role == Role.ADMIN:
            return self
        links = IncidentTicket.objects.filter(unlinked_at=None, ticket__in=Ticket.objects.visible_to(user))
        found = Q(pk__in=links.values("incident")) | Q(escalation__in=Escalation.objects.visible_to(user))
        found |= Q(commander=user)
        if user.may("incident.declare"):
            found |= Q(team__in=user.memberships.values("team"))
        return self.filter(found)

    def by_ref(self, ref: str) -> Self:
        """The incident called `INC-3`, or none when the text is no such reference."""
        prefix, _, number = ref.partition("-")
        is_one = prefix == "INC" and number.isdecimal() and len(number) < 18
        return self.filter(pk=int(number)) if is_one else self.none()

    def open(self) -> Self:
        """Declared and not closed."""
        return self.exclude(status=Incident.Status.CLOSED)

    def of_ticket(self, ticket: Ticket) -> Self:
        links = IncidentTicket.objects.filter(ticket=ticket, unlinked_at=None)
        return self.filter(pk__in=links.values("incident"))

    def with_context(self) -> Self:
        return self.select_related(
            "team", "commander", "declared_by", "version__contract", "run__ticket__customer", "escalation", "closed_by"
        )


class Incident(models.Model):
    """One cause, declared as an incident. People call it INC-<id>."""

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        FIXED = "fixed", "Fixed, being measured"
        RECOVERED = "recovered", "Back to normal"
        CLOSED = "closed", "Closed"

    title = models.CharField(max_length=300)
    severity = models.CharField(max_length=4)
    status = models.CharField(max_length=10, choices=Status, default=Status.OPEN)
    # As of escalations, see `escalations.lifecycle.causes`.
    cause = models.CharField(max_length=200)
    run = models.ForeignKey(Investigation, null=True, on_delete=models.SET_NULL, related_name="incidents")
    escalation = models.ForeignKey(Escalation, null=True, on_delete=models.SET_NULL, related_name="incidents")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="incidents")
    # Whose terms hold; None where no contract covered it.
    version = models.ForeignKey(ContractVersion, null=True, on_delete=models.PROTECT, related_name="incidents")
    commander = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="incidents_commanded"
    )
    channel = models.CharField(max_length=300, blank=True)  # where it is spoken about: words, or an https address
    declared_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    declared_at = models.DateTimeField()
    began_at = models.DateTimeField(null=True)  # the onset, where it is known
    fixed_at = models.DateTimeField(null=True)
    back_since = models.DateTimeField(null=True)  # from when on the figures are normal again
    ended_at = models.DateTimeField(null=True)
    update_every_min = models.PositiveIntegerField()  # minutes of the contract's hours between customer updates
    next_update_at = models.DateTimeField(null=True)
    notice = models.JSONField(default=dict)  # language -> the text for customers who have not written; checked
    # Of the closing
    cause_label = models.CharField(max_length=60, blank=True)
    cause_text = models.TextField(blank=True)  # redacted
    unproven_reason = models.TextField(blank=True)  # why it was closed without proof of recovery
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    closed_at = models.DateTimeField(null=True)
    # Of the page it was declared from: the same page never declares two.
    token = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    revision = models.PositiveIntegerField(default=1)
    objects = IncidentQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        constraints = (
            models.UniqueConstraint(
                fields=["cause"], condition=~Q(status="closed"), name="incident_one_open_per_cause"
            ),
        )
        indexes = (
            models.Index(fields=["next_update_at"], condition=Q(next_update_at__isnull=False), name="incident_due"),
            models.Index(fields=["status", "-id"], name="incident_by_status"),
        )

    def __str__(self) -> str:
        return self.ref

    @property
    def ref(self) -> str:
        return f"INC-{self.pk}"

    @property
    def is_open(self) -> bool:
        return self.status != self.Status.CLOSED

    @property
    def every(self) -> str:
        """The interval as people read it: 30 min, 4 h."""
        return said(timedelta(minutes=self.update_every_min))

    @property
    def channel_url(self) -> str:
        """Where it is an address; "" for words."""
        return self.channel if self.channel.startswith("https://") else ""


class IncidentTicket(models.Model):
    """A ticket of the incident. One that was taken out stays as a row, so that nothing links it again by itself."""

    class How(models.TextChoices):
        DECLARED = "declared", "At the declaration"
        CAUSE = "cause", "Same cause, found by a run"
        PERSON = "person", "By a person"

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="links")
    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="incident_links")
    how = models.CharField(max_length=8, choices=How)
    linked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    linked_at = models.DateTimeField()
    unlinked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("pk",)
        constraints = (models.UniqueConstraint(fields=["incident", "ticket"], name="incident_ticket_once"),)

    def __str__(self) -> str:
        return f"{self.ticket_id} in INC-{self.incident_id}"


class IncidentCustomer(models.Model):
    """A customer whom it hits. Whether they have written is read from the linked tickets."""

    class Found(models.TextChoices):
        TICKET = "ticket", "They have written"
        MEASURED = "measured", "Measured"
        PERSON = "person", "Named by a person"

    class How(models.TextChoices):
        """How they were told."""

        MAIL = "mail", "By mail"
        CALL = "call", "By phone"
        CHAT = "chat", "In a chat"
        STATUS_PAGE = "status_page", "On the status page"
        OTHER = "other", "In another way"

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="customers")
    customer = models.ForeignKey(Customer, null=True, on_delete=models.CASCADE, related_name="incident_places")
    org_id = models.CharField(max_length=120)  # as the telemetry calls them
    found = models.CharField(max_length=8, choices=Found)
    shown = models.CharField(max_length=120, blank=True)  # what was measured: "43%, before 3.1%"
    added_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True)
    told_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    told_how = models.CharField(max_length=12, choices=How, blank=True)

    class Meta:
        ordering = ("pk",)
        constraints = (models.UniqueConstraint(fields=["incident", "org_id"], name="incident_customer_once"),)

    def __str__(self) -> str:
        return f"{self.org_id} in INC-{self.incident_id}"


class IncidentEvent(models.Model):
    """What happened to an incident: its timeline. Append-only: a database trigger refuses changes."""

    class What(models.TextChoices):
        DECLARED = "declared", "Declared"
        LINKED = "linked", "Ticket linked"
        UNLINKED = "unlinked", "Ticket taken out"
        CUSTOMERS = "customers", "Customers added"
        NOTE = "note", "Internal update"
        UPDATED = "updated", "Update for customers"
        SEVERITY = "severity", "Severity changed"
        COMMANDER = "commander", "Commander changed"
        CHANNEL = "channel", "Channel changed"
        INTERVAL = "interval", "Update interval changed"
        NOTICE = "notice", "Notice for customers written"
        TOLD = "told", "Customer told"
        UNTOLD = "untold", "Customer not told after all"
        WARNED = "warned", "A customer update comes due"
        LATE = "late", "A promised customer update is late"
        FIXED = "fixed", "Fixed, being measured"
        RECOVERED = "recovered", "Back to normal"
        NOT_RECOVERED = "not_recovered", "Not back to normal"
        FOLLOW_UP = "follow_up", "Follow-up"
        CLOSED = "closed", "Closed"
        REOPENED = "reopened", "Open again"

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="history")
    what = models.CharField(max_length=14, choices=What)
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    via = models.CharField(max_length=12, default="page")  # page, widget, api, command, clock, recovery
    text = models.TextField(blank=True)  # redacted
    data = models.JSONField(default=dict)
    # The same thing told twice is stored once.
    key = models.CharField(max_length=120, unique=True)

    class Meta:
        ordering = ("at", "pk")

    def __str__(self) -> str:
        return f"{self.what} of INC-{self.incident_id}"


class IncidentUpdate(models.Model):
    """What customers were to be told, in each language; it became drafts in the linked tickets."""

    class Stage(models.TextChoices):
        INVESTIGATING = "investigating", "Investigating"
        IDENTIFIED = "identified", "Identified"
        FIXING = "fixing", "Fix under way"
        MONITORING = "monitoring", "Monitoring"
        RESOLVED = "resolved", "Resolved"

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="updates")
    stage = models.CharField(max_length=14, choices=Stage)
    texts = models.JSONField()  # language -> words with placeholders
    findings = models.JSONField(default=list)  # of the language check, by language
    override_reason = models.TextField(blank=True)
    promised_for = models.DateTimeField(null=True)  # by when it was promised before
    next_update_at = models.DateTimeField(null=True)
    drafts = models.JSONField(default=list)  # [{"ticket", "state", "owner"}]: what became of it in each ticket
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField()
    token = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return f"{self.stage} of INC-{self.incident_id}"

    @property
    def is_late(self) -> bool:
        return self.promised_for is not None and self.at > self.promised_for


class FollowUp(models.Model):
    """What is to be done so that it does not come again. It lives on after the incident is closed."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="follow_ups")
    text = models.CharField(max_length=500)  # redacted
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    due_on = models.DateField()
    link = models.URLField(max_length=500, blank=True)
    done_at = models.DateTimeField(null=True)
    done_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    late_told_at = models.DateTimeField(null=True)  # when it was last told that it is late

    class Meta:
        ordering = ("due_on", "pk")
        indexes = (models.Index(fields=["due_on"], condition=Q(done_at=None), name="incident_follow_up_open"),)

    def __str__(self) -> str:
        return f"follow-up {self.pk} of INC-{self.incident_id}"


class IncidentSuggestionQuerySet(models.QuerySet["IncidentSuggestion"]):
    def open(self) -> Self:
        return self.filter(dismissed_at=None, became=None)

    def visible_to(self, user: User) -> Self:
        """For who may declare: those of their teams, and of tickets they may open."""
        if not user.is_authenticated or not user.is_active or not user.may("incident.declare"):
            return self.none()
        if user.role == Role.ADMIN:
            return self
        mine = Q(team__in=user.memberships.values("team")) | Q(run__ticket__in=Ticket.objects.visible_to(user))
        return self.filter(mine)


class IncidentSuggestion(models.Model):
    """One cause that spread over several customers: somebody who may declares an incident, or dismisses it."""

    cause = models.CharField(max_length=200)
    run = models.ForeignKey(Investigation, on_delete=models.CASCADE, related_name="incident_suggestions")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="incident_suggestions")
    title = models.CharField(max_length=300)
    severity = models.CharField(max_length=4, blank=True)
    customers = models.PositiveIntegerField()  # all that it was found at
    wrote = models.PositiveIntegerField()
    threshold = models.PositiveIntegerField()  # of the contract, then
    tickets = models.JSONField(default=list)  # references
    found_at = models.DateTimeField()
    dismissed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    dismissed_at = models.DateTimeField(null=True)
    dismissed_why = models.TextField(blank=True)
    became = models.ForeignKey(Incident, null=True, on_delete=models.CASCADE, related_name="suggestions")
    objects = IncidentSuggestionQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        constraints = (
            models.UniqueConstraint(
                fields=["cause"], condition=Q(dismissed_at=None, became=None), name="incident_one_suggestion_per_cause"
            ),
        )

    def __str__(self) -> str:
        return f"suggestion {self.pk}: {self.cause}"

    @property
    def silent(self) -> int:
        """Customers that have not written."""
        return max(0, self.customers - self.wrote)

    @property
    def figures(self) -> str:
        many = f"{self.customers:,} customer{'' if self.customers == 1 else 's'}"
        have = "has" if self.silent == 1 else "have"
        return f"{many}: {self.wrote:,} wrote, {self.silent:,} {have} not"
