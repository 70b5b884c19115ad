"""Trials: what would be said of past tickets. Trials and their cases are all that is written."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q

from altor.roles import Role
from investigations.models.investigations import Investigation
from investigations.models.playbooks import PlaybookVersion
from investigations.models.tickets import Ticket

if TYPE_CHECKING:
    from altor.models import User


class TrialQuerySet(models.QuerySet["Trial"]):
    def visible_to(self, user: User) -> Self:
        """Own trials, and those that hold a ticket the person may open; of the others' cases only those are shown."""
        if user.is_active and user.role == Role.ADMIN:
            return self
        seen = TrialCase.objects.filter(trial=OuterRef("pk"), ticket__in=Ticket.objects.visible_to(user))
        return self.filter(Q(requested_by=user.pk) | Exists(seen))

    def by_ref(self, ref: str) -> Self:
        """The trial called `TRY-12`, or none when the text is no such reference."""
        prefix, _, number = ref.partition("-")
        is_ref = prefix == "TRY" and number.isdecimal() and len(number) < 18
        return self.filter(pk=int(number)) if is_ref else self.none()

    def unfinished(self) -> Self:
        return self.filter(status__in=[Trial.Status.QUEUED, Trial.Status.RUNNING])

    def held(self, now: datetime) -> Self:
        """Worked on at this moment."""
        return self.filter(lease_expires_at__gt=now)


class Trial(models.Model):
    """A dry run of a changed playbook, or a backtest of Altor against what the team found. Called TRY-<id>."""

    class Kind(models.TextChoices):
        DRY_RUN = "dry_run", "Dry run"
        BACKTEST = "backtest", "Backtest"

    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        CANCELLED = "cancelled", "Cancelled"

    kind = models.CharField(max_length=10, choices=Kind)
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    # A dry run: the text that is tried, and the version when it is stored as one.
    playbook_key = models.CharField(max_length=60, blank=True)
    playbook = models.ForeignKey(PlaybookVersion, null=True, on_delete=models.CASCADE, related_name="trials")
    source_yaml = models.TextField(blank=True)
    document = models.JSONField(default=dict)
    asks = models.BooleanField(default=True)  # whether sources may be asked for what is not stored
    chosen = models.JSONField(default=dict)  # which tickets were wanted: {"last", "class", "since", "until"}
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    # Who works on it: `attempt` is the fencing number, `stumbles` the claims in a row that finished no case.
    attempt = models.PositiveIntegerField(default=0)
    stumbles = models.PositiveSmallIntegerField(default=0)
    lease_expires_at = models.DateTimeField(null=True)
    worked_at = models.DateTimeField(null=True)
    objects = TrialQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        indexes = (models.Index(fields=["playbook_key", "-id"]),)

    def __str__(self) -> str:
        return self.ref

    @property
    def ref(self) -> str:
        return f"TRY-{self.pk}"

    @property
    def is_active(self) -> bool:
        return self.status in (self.Status.QUEUED, self.Status.RUNNING)


class TrialCase(models.Model):
    """One ticket of a trial. `before` is what its stored run said, `after` what the trial says (`services.briefs`)."""

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DONE = "done", "Done"
        NOT_REPLAYABLE = "unavailable", "Could not be replayed"
        FAILED = "failed", "Failed"

    trial = models.ForeignKey(Trial, on_delete=models.CASCADE, related_name="cases")
    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="+")
    run = models.ForeignKey(Investigation, null=True, on_delete=models.SET_NULL, related_name="+")
    position = models.PositiveIntegerField()
    status = models.CharField(max_length=12, choices=Status, default=Status.WAITING)
    way = models.CharField(max_length=10, blank=True)  # stored, partly, asked (see `engine.shadow`)
    asked = models.JSONField(default=list)  # titles of the steps that a source was asked for
    why = models.TextField(blank=True)  # why it could not be replayed
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)

    class Meta:
        ordering = ("position",)
        constraints = (models.UniqueConstraint(fields=["trial", "ticket"], name="trial_ticket_once"),)

    def __str__(self) -> str:
        return f"{self.trial_id}:{self.ticket_id}"
