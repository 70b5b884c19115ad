"""What customers were promised in time, the clocks of tickets under it, and who answers for tickets nobody owns."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from altor.models import Team
from escalations.clocks.clock import State
from investigations.models import Ticket


class SlaPolicy(models.Model):
    """For which tickets a policy is; what it promises is its versions'. Empty fields stand for any."""

    key = models.SlugField(max_length=60, unique=True)
    title = models.CharField(max_length=120)
    tier = models.CharField(max_length=40, blank=True)  # of the customer, lower case
    incident_class = models.CharField(max_length=20, blank=True)
    priority = models.CharField(max_length=40, blank=True)  # lower case
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("tier", "incident_class", "priority")
        verbose_name_plural = "SLA policies"
        constraints = (
            models.UniqueConstraint(fields=["tier", "incident_class", "priority"], name="sla_policy_one_per_case"),
        )

    def __str__(self) -> str:
        return self.title


class SlaPolicyVersionQuerySet(models.QuerySet["SlaPolicyVersion"]):
    def active(self) -> Self:
        return self.filter(is_active=True)


class SlaPolicyVersion(models.Model):
    """What a policy promises, once and for all: a database trigger refuses changes of everything but `is_active`."""

    policy = models.ForeignKey(SlaPolicy, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    document = models.JSONField()  # `escalations.ownership.format.PolicyForm` without the case
    sha256 = models.CharField(max_length=64)  # over the document
    is_active = models.BooleanField(default=False)
    origin = models.CharField(max_length=12, default="editor")  # library, file, editor
    comment = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    objects = SlaPolicyVersionQuerySet.as_manager()

    class Meta:
        ordering = ("policy", "-number")
        constraints = (
            models.UniqueConstraint(fields=["policy", "number"], name="sla_policy_version_once"),
            models.UniqueConstraint(
                fields=["policy"], condition=Q(is_active=True), name="sla_policy_one_active_version"
            ),
        )

    def __str__(self) -> str:
        return f"{self.policy.key} v{self.number}"


class TicketClockQuerySet(models.QuerySet["TicketClock"]):
    def live(self) -> Self:
        return self.filter(state__in=[State.RUNNING, State.PAUSED])

    def shown(self) -> Self:
        """Those that something was promised for."""
        return self.exclude(state=State.IDLE).filter(target_s__isnull=False)


class TicketClock(models.Model):
    """One promise on a ticket: its first reply, the reply to one of the customer's messages, its resolution.

    The figures are those of the last reading, kept for sorting; `TicketClockEvent`s give them again for any instant.
    """

    class Kind(models.TextChoices):
        FIRST_REPLY = "first_reply", "First reply"
        NEXT_REPLY = "next_reply", "Next reply"
        RESOLUTION = "resolution", "Resolution"

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="clocks")
    kind = models.CharField(max_length=12, choices=Kind)
    number = models.PositiveIntegerField(default=1)  # next replies follow each other, one for each time we must answer
    version = models.ForeignKey(SlaPolicyVersion, null=True, on_delete=models.PROTECT, related_name="clocks")
    state = models.CharField(max_length=10, choices=[(str(s), str(s)) for s in State], default=State.IDLE)
    pause = models.CharField(max_length=20, blank=True)  # why it pauses now
    target_s = models.PositiveIntegerField(null=True)  # null = nothing is promised
    elapsed_s = models.PositiveBigIntegerField(default=0)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)  # while it runs
    broken_at = models.DateTimeField(null=True)
    warned_at = models.DateTimeField(null=True)  # told that the share of the target has passed
    last_called_at = models.DateTimeField(null=True)  # told that it is due in a moment
    breach_told_at = models.DateTimeField(null=True)
    objects = TicketClockQuerySet.as_manager()

    class Meta:
        ordering = ("ticket", "kind", "number")
        constraints = (models.UniqueConstraint(fields=["ticket", "kind", "number"], name="ticket_clock_once"),)
        indexes = (
            models.Index(fields=["broken_at"], condition=Q(broken_at__isnull=False), name="ticket_clock_broken"),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.ticket_id}"

    @property
    def is_live(self) -> bool:
        return self.state in (State.RUNNING, State.PAUSED)


class TicketClockEvent(models.Model):
    """What happened to a clock, and what of the ticket's life caused it. Never changed: what a late event shows to be
    wrong is voided by another row.
    """

    clock = models.ForeignKey(TicketClock, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField()
    place = models.PositiveIntegerField(default=0)  # among those of the same instant
    what = models.CharField(max_length=10)  # escalations.clocks.clock.What
    reason = models.CharField(max_length=20, blank=True)  # of a pause
    version = models.ForeignKey(SlaPolicyVersion, null=True, on_delete=models.PROTECT, related_name="+")
    cause = models.CharField(max_length=40)  # kind of the phase event
    cause_key = models.CharField(max_length=160, blank=True)  # and its key
    voids = models.OneToOneField("self", null=True, on_delete=models.CASCADE, related_name="voided_by")
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("at", "place", "pk")
        indexes = (models.Index(fields=["clock", "at"]),)

    def __str__(self) -> str:
        return f"{self.what} {self.at:%Y-%m-%d %H:%M:%S}"


class TicketClockWork(models.Model):
    """Something happened to a ticket, and its clocks have not been read since. Written with what happened."""

    ticket_ref = models.CharField(max_length=80)

    def __str__(self) -> str:
        return self.ticket_ref


class TicketStandingQuerySet(models.QuerySet["TicketStanding"]):
    def to_check(self, now: datetime) -> Self:
        return self.filter(check_at__lte=now)


class TicketStanding(models.Model):
    """How a ticket stands, for lists: what is due next, who it waits for, how it was handed about."""

    ticket = models.OneToOneField(Ticket, on_delete=models.CASCADE, related_name="standing")
    due_at = models.DateTimeField(null=True)  # of the clock that is due first
    due_kind = models.CharField(max_length=12, blank=True)
    is_broken = models.BooleanField(default=False)  # a clock that runs or pauses is broken
    waiting = models.CharField(max_length=12, blank=True)  # customer, hold, engineering
    check_at = models.DateTimeField(null=True)  # when something is to be told next
    owner_since = models.DateTimeField(null=True)
    unowned_since = models.DateTimeField(null=True)  # null while it has an owner, or is over
    unowned_s = models.PositiveBigIntegerField(default=0)  # before `unowned_since`
    unowned_told = models.DateTimeField(null=True)  # the `unowned_since` that was told of
    owner_changes = models.PositiveIntegerField(default=0)
    circles = models.PositiveIntegerField(default=0)
    circles_told = models.PositiveIntegerField(default=0)
    # Which policy version was chosen for which case, once and for all: {"tier|class|priority": pk, 0 for none}
    pins = models.JSONField(default=dict)
    read_at = models.DateTimeField()
    objects = TicketStandingQuerySet.as_manager()

    class Meta:
        indexes = (
            models.Index(fields=["check_at"], condition=Q(check_at__isnull=False), name="standing_to_check"),
            models.Index(fields=["due_at"], name="standing_due"),
        )

    def __str__(self) -> str:
        return f"standing of {self.ticket_id}"


class TeamQueue(models.Model):
    """Who answers for tickets of a team that nobody owns. Without a row: the team's leads."""

    team = models.OneToOneField(Team, on_delete=models.CASCADE, related_name="queue")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="queues"
    )  # null = the team's leads
    changed_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"queue of {self.team}"
