"""Proofs of recovery: what each affected customer shows after a fix."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q

from escalations.models.escalations import Escalation
from escalations.models.incidents import Incident
from investigations.models import Customer, Investigation, Ticket

if TYPE_CHECKING:
    from datetime import datetime


class RecoveryQuerySet(models.QuerySet["Recovery"]):
    def due(self, now: datetime) -> Self:
        return self.filter(next_at__lte=now)

    def under_way(self) -> Self:
        return self.filter(status__in=UNDER_WAY)


class Recovery(models.Model):
    """One fix, and whether it worked. People call it REC-<id>. What is measured is the symptom of `run`."""

    class Status(models.TextChoices):
        WAITING = "waiting", "Waits for the fix to ship"
        MEASURING = "measuring", "Being measured"
        PROVED = "proved", "Back to normal"
        FAILED = "failed", "The fix did not work"
        UNPROVEN = "unproven", "Could not be shown"
        DROPPED = "dropped", "Overtaken"

    escalation = models.ForeignKey(Escalation, null=True, on_delete=models.CASCADE, related_name="recoveries")
    incident = models.ForeignKey(Incident, null=True, on_delete=models.CASCADE, related_name="recoveries")
    run = models.ForeignKey(Investigation, on_delete=models.PROTECT, related_name="recoveries")
    status = models.CharField(max_length=9, choices=Status, default=Status.MEASURING)
    fixed_at = models.DateTimeField()  # from when on it is to be gone
    onset_at = models.DateTimeField(null=True)
    # What is measured: the step and its measure, {"step", "measure", "where", "title", "unit"}; {} for nothing.
    symptom = models.JSONField(default=dict)
    why = models.CharField(max_length=300, blank=True)  # it cannot be measured, or not yet
    rounds = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(null=True)  # of the next measuring; None once it is over
    measured_at = models.DateTimeField(null=True)
    back_since = models.DateTimeField(null=True)  # when the last of the customers was
    failed_at = models.DateTimeField(null=True)  # when it was first shown that it did not work
    ended_at = models.DateTimeField(null=True)
    began_at = models.DateTimeField()
    key = models.CharField(max_length=120, unique=True, default=uuid.uuid4)  # the same fix begins one
    objects = RecoveryQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        verbose_name_plural = "recoveries"
        indexes = (models.Index(fields=["next_at"], condition=Q(next_at__isnull=False), name="recovery_due"),)
        constraints = (
            models.UniqueConstraint(
                fields=["escalation"],
                condition=Q(status__in=["waiting", "measuring", "failed"]),
                name="recovery_one_under_way",
            ),
            models.UniqueConstraint(
                fields=["incident"],
                condition=Q(status__in=["waiting", "measuring", "failed"]),
                name="recovery_one_under_way_incident",
            ),
        )

    def __str__(self) -> str:
        return self.ref

    @property
    def ref(self) -> str:
        return f"REC-{self.pk}"

    @property
    def is_under_way(self) -> bool:
        return self.status in UNDER_WAY


#: Measured on: what did not work at once may do so with the rest of the roll-out.
UNDER_WAY = (Recovery.Status.WAITING, Recovery.Status.MEASURING, Recovery.Status.FAILED)


class RecoveryReading(models.Model):
    """One customer in one proof, as measured last. Levels are in the symptom's unit (shares 0 to 1)."""

    class Verdict(models.TextChoices):
        WAITING = "waiting", "Not measured yet"
        BACK = "back", "Back to normal"
        STILL = "still", "Still shows"
        QUIET = "quiet", "No traffic since"
        UNCLEAR = "unclear", "Too little to tell"
        FAILED = "failed", "Could not be measured"

    recovery = models.ForeignKey(Recovery, on_delete=models.CASCADE, related_name="readings")
    customer = models.ForeignKey(Customer, null=True, on_delete=models.SET_NULL, related_name="+")
    org_id = models.CharField(max_length=120)  # in the telemetry
    ticket = models.ForeignKey(Ticket, null=True, on_delete=models.SET_NULL, related_name="recovery_readings")
    position = models.PositiveSmallIntegerField(default=0)  # those with a ticket first
    verdict = models.CharField(max_length=8, choices=Verdict, default=Verdict.WAITING)
    before = models.FloatField(null=True)
    during = models.FloatField(null=True)
    after = models.FloatField(null=True)
    records = models.FloatField(default=0)  # since the fix
    since = models.DateTimeField(null=True)  # back since
    streak = models.PositiveSmallIntegerField(default=0)  # how often in a row it still showed
    error = models.CharField(max_length=300, blank=True)
    measured_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("position", "pk")
        constraints = (models.UniqueConstraint(fields=["recovery", "org_id"], name="recovery_customer_once"),)

    def __str__(self) -> str:
        return f"{self.org_id} in REC-{self.recovery_id}"
