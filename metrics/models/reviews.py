"""Weekly reviews: what was looked at, what was said, and what somebody does about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models

from altor.models import Team
from altor.roles import Role
from investigations.models import Ticket

if TYPE_CHECKING:
    from altor.models import User


class ReviewQuerySet(models.QuerySet["Review"]):
    def visible_to(self, user: User) -> Self:
        """Of the own teams; administrators see all. Engineers see none: they speak of tickets that are not theirs."""
        if user.role == Role.ADMIN:
            return self
        if user.role == Role.ENGINEER:
            return self.none()
        return self.filter(team__memberships__user=user)


class Review(models.Model):
    """One team's week. `week` is the Monday of the week that is looked at."""

    class Status(models.TextChoices):
        PREPARED = "prepared", "Prepared"
        HELD = "held", "Being held"
        CLOSED = "closed", "Closed"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="reviews")
    week = models.DateField()
    status = models.CharField(max_length=8, choices=Status, default=Status.PREPARED)
    notes = models.TextField(blank=True)  # Markdown
    decisions = models.TextField(blank=True)  # one a line
    revision = models.PositiveIntegerField(default=1)  # of the words, for two who write at once
    prepared_at = models.DateTimeField()
    prepared_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    held_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    objects = ReviewQuerySet.as_manager()

    class Meta:
        ordering = ("-week", "team")
        constraints = (models.UniqueConstraint(fields=["team", "week"], name="review_once"),)

    def __str__(self) -> str:
        return f"{self.team} {self.week.isoformat()}"

    @property
    def is_closed(self) -> bool:
        return self.status == self.Status.CLOSED

    @property
    def decided(self) -> list[str]:
        return [line.strip() for line in self.decisions.splitlines() if line.strip()]


class ReviewItem(models.Model):
    """A ticket that is looked at, with why it was chosen."""

    class Kind(models.TextChoices):
        MISS = "miss", "Diagnosis was corrected"
        AVOIDABLE = "avoidable", "Escalation could have been avoided"
        SLA = "sla", "SLA was broken"
        REOPENED = "reopened", "Came back"
        SLOW = "slow", "Took long"
        SUCCESS = "success", "Went well"
        CHOSEN = "chosen", "Chosen by a person"

    review = models.ForeignKey(Review, on_delete=models.CASCADE, related_name="items")
    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=9, choices=Kind)
    why = models.CharField(max_length=300)
    place = models.PositiveSmallIntegerField()
    notes = models.TextField(blank=True)
    is_done = models.BooleanField(default=False)  # looked at
    is_dropped = models.BooleanField(default=False)  # taken from the agenda; kept, so that it can come back

    class Meta:
        ordering = ("place", "pk")
        constraints = (models.UniqueConstraint(fields=["review", "ticket"], name="review_item_once"),)

    def __str__(self) -> str:
        return f"{self.ticket_id} in {self.review_id}"


class ReviewAction(models.Model):
    """What somebody does about it. It returns with every later review of the team until it is done or given up."""

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        DONE = "done", "Done"
        DROPPED = "dropped", "Given up"

    review = models.ForeignKey(Review, on_delete=models.CASCADE, related_name="actions")
    ticket = models.ForeignKey(Ticket, null=True, on_delete=models.SET_NULL, related_name="+")  # that gave rise to it
    text = models.CharField(max_length=300)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    due = models.DateField(null=True)
    # What should get better: a metric, of one class or of all.
    metric = models.CharField(max_length=40, blank=True)
    incident_class = models.CharField(max_length=20, blank=True)
    status = models.CharField(max_length=7, choices=Status, default=Status.OPEN)
    # What was changed for it: `playbook`, `rate_limit v8`, when.
    change_kind = models.CharField(max_length=20, blank=True)
    change_ref = models.CharField(max_length=80, blank=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return self.text[:60]
