"""What the metrics keep: the figures of each cycle of a ticket, computed from its phase events and never by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

from django.db import models
from django.db.models import F, Q

from altor.models import Team
from investigations.models import Ticket

if TYPE_CHECKING:
    from altor.models import User

#: Lanes whose seconds are kept, see `metrics.phases.lanes`.
LANES: Final = ("intake", "investigation", "drafting", "closure", "queue", "customer", "hold", "engineering")


class CycleQuerySet(models.QuerySet["Cycle"]):
    def visible_to(self, user: User) -> Self:
        """Cycles of tickets the person may open."""
        return self.filter(ticket__in=Ticket.objects.visible_to(user))


class Cycle(models.Model):
    """From a ticket's beginning or reopening to its next closing; written again whenever an event of it is told.

    Fields are those of `metrics.phases.figures.Figures`; seconds are of the team's open hours unless the name says
    elapsed. `week` is the Monday, in the team's zone, of the week of the closing, `begun_week` of the beginning.
    """

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="cycles")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveSmallIntegerField()
    begun_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    begun_week = models.DateField()
    week = models.DateField(null=True)
    gone = models.CharField(max_length=8, blank=True)
    estimated = models.BooleanField(default=False)
    incident_class = models.CharField(max_length=20, blank=True)
    tier = models.CharField(max_length=40, blank=True)
    customer = models.CharField(max_length=120, blank=True)
    label = models.CharField(max_length=60, blank=True)
    intake_s = models.IntegerField()
    investigation_s = models.IntegerField()
    drafting_s = models.IntegerField()
    closure_s = models.IntegerField()
    queue_s = models.IntegerField()
    customer_s = models.IntegerField()
    hold_s = models.IntegerField()
    engineering_s = models.IntegerField()
    intake_elapsed_s = models.IntegerField()
    investigation_elapsed_s = models.IntegerField()
    drafting_elapsed_s = models.IntegerField()
    closure_elapsed_s = models.IntegerField()
    queue_elapsed_s = models.IntegerField()
    elapsed_s = models.IntegerField()
    first_reply_s = models.IntegerField(null=True)
    confident_s = models.IntegerField(null=True)
    high_s = models.IntegerField(null=True)
    answers = models.PositiveSmallIntegerField()
    escalations = models.PositiveSmallIntegerField()
    sent = models.PositiveSmallIntegerField()
    packets = models.PositiveSmallIntegerField()
    runs = models.PositiveSmallIntegerField()
    asked_runs = models.PositiveSmallIntegerField()
    checks = models.PositiveIntegerField()
    manual_checks = models.PositiveIntegerField()
    confidence = models.FloatField(null=True)
    verdict = models.CharField(max_length=5, blank=True)
    early_reply = models.BooleanField()
    partial = models.BooleanField()
    reopened_after_s = models.IntegerField(null=True)
    learned = models.CharField(max_length=12, blank=True)
    recovery = models.PositiveSmallIntegerField(null=True)
    judged = models.PositiveSmallIntegerField(null=True)
    asked = models.BooleanField()
    broken_sla = models.BooleanField(null=True)  # None: nothing was promised
    objects = CycleQuerySet.as_manager()

    class Meta:
        ordering = ("-closed_at", "-pk")
        constraints = (
            models.UniqueConstraint(fields=["ticket", "number"], name="cycle_once"),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True) | Q(closed_at__gte=F("begun_at")), name="cycle_in_order"
            ),
        )
        indexes = (
            models.Index(fields=["week", "incident_class", "team"]),
            models.Index(fields=["begun_week"]),
        )

    def __str__(self) -> str:
        return f"{self.ticket_id} cycle {self.number}"

    @property
    def waited_s(self) -> int:
        """For others than us: the customer, what it was held back for, engineering."""
        return self.customer_s + self.hold_s + self.engineering_s


class Watermark(models.Model):
    """How far the events were read: tickets of later ones are computed again."""

    event = models.BigIntegerField(default=0)  # the highest number that was read
    # Number below it that nobody had told by then -> when it was missed first (ISO 8601). An event gets its number
    # before its transaction is over, so that a higher one may be seen earlier.
    missing = models.JSONField(default=dict)
    at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"events up to {self.event}"
