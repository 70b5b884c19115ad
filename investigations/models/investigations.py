"""One run of a playbook for a ticket, its steps and its evidence."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from investigations.models.playbooks import PlaybookVersion
from investigations.models.tickets import Ticket

if TYPE_CHECKING:
    from altor.models import User

#: A run is tried this often before it is parked with its reason.
MAX_ATTEMPTS = 3


class InvestigationQuerySet(models.QuerySet["Investigation"]):
    def visible_to(self, user: User) -> Self:
        """Runs of tickets the person may open: the only way views and the API reach a run."""
        return self.filter(ticket__in=Ticket.objects.visible_to(user))

    def by_ref(self, ref: str) -> Self:
        """The run called `INV-812`, or none when the text is no such reference."""
        prefix, _, number = ref.partition("-")
        return (
            self.filter(pk=int(number)) if prefix == "INV" and number.isdecimal() and len(number) < 18 else self.none()
        )

    def unfinished(self) -> Self:
        return self.filter(status__in=[Investigation.Status.QUEUED, Investigation.Status.RUNNING])

    def claimable(self, now: datetime) -> Self:
        """Waiting, or left behind by a worker whose lease has run out by `now` (aware UTC)."""
        return self.filter(
            Q(status=Investigation.Status.QUEUED) | Q(status=Investigation.Status.RUNNING, lease_expires_at__lte=now),
            attempt__lt=MAX_ATTEMPTS,
        )

    def lapsed(self, now: datetime, silence: timedelta) -> Self:
        """Running, but their worker's lease is over or it has given no sign of life for `silence`."""
        return self.filter(
            Q(lease_expires_at__lt=now) | Q(heartbeat_at__lt=now - silence), status=Investigation.Status.RUNNING
        )

    def held_by(self, run_id: int, attempt: int) -> Self:
        """The run while that attempt may write to it: none when it was taken over, cancelled or is finished."""
        return self.filter(
            pk=run_id, attempt=attempt, status=Investigation.Status.RUNNING, cancel_requested_at__isnull=True
        )

    def with_context(self) -> Self:
        return self.select_related("ticket", "ticket__customer", "ticket__team", "playbook", "requested_by")


class Investigation(models.Model):
    """One investigation of one ticket, from trigger to delivered diagnosis. People call it INV-<id>."""

    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"  # parked after MAX_ATTEMPTS, or impossible from the start
        CANCELLED = "cancelled", "Cancelled"

    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="investigations")
    playbook = models.ForeignKey(PlaybookVersion, null=True, on_delete=models.PROTECT, related_name="investigations")
    # At most one run per ticket event: "ticket:<ref>:v3", "manual:<uuid>", "rerun:INV-7:<uuid>".
    event_key = models.CharField(max_length=160, unique=True)
    trigger = models.CharField(max_length=12, default="ticket")  # ticket, person, api, mcp, command, rerun
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    previous = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="reruns")
    as_of = models.DateTimeField()  # the run's clock: nothing later is read
    inputs = models.JSONField(default=dict)  # resolved inputs: tenant, endpoint, window, ...
    # {"ticket", "customer", "earlier"} as conditions read them at the start, without the requester's name, and the
    # "calibration" in force: all of them change later.
    seen = models.JSONField(default=dict)
    profile = models.JSONField(default=dict)  # the installation profile it ran under, without the directory
    # How the playbook was chosen: {"how": chosen|person|triage, "playbook", "reasons", "shares"}; {} before the look.
    route = models.JSONField(default=dict)
    # What the ticket claimed when the run was queued ("endpoint:GET /v2/orders"): more of it is a reason to run again.
    claims = models.JSONField(default=list)
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    attempt = models.PositiveSmallIntegerField(default=0)  # the fencing number
    lease_owner = models.CharField(max_length=80, blank=True)
    lease_expires_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    cancel_requested_at = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True)
    failure = models.TextField(blank=True)
    queued_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    seconds = models.FloatField(null=True)  # wall time of the run
    upstream_seconds = models.FloatField(null=True)  # wall time during which at least one request was under way
    diagnosis = models.JSONField(null=True)  # the object of the command and REST contract
    result_hash = models.CharField(max_length=64, blank=True)  # same evidence, same hash
    # Denormalised from the diagnosis for lists and filters.
    top_label = models.CharField(max_length=60, blank=True)
    confidence = models.FloatField(null=True)
    severity = models.CharField(max_length=4, blank=True)
    live_version = models.PositiveIntegerField(default=0)  # grows with every visible change; the live page polls it
    objects = InvestigationQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        constraints = (
            models.UniqueConstraint(
                fields=["ticket"], condition=Q(status__in=["queued", "running"]), name="investigation_one_active"
            ),
        )
        indexes = (
            models.Index(fields=["status", "lease_expires_at"]),
            models.Index(fields=["ticket", "-id"]),
        )

    def __str__(self) -> str:
        return self.ref

    @property
    def ref(self) -> str:
        return f"INV-{self.pk}"

    @property
    def is_active(self) -> bool:
        return self.status in (self.Status.QUEUED, self.Status.RUNNING)


class StepResult(models.Model):
    """What one step of the playbook found. Stored as it ends, so a killed worker repeats only what was not stored."""

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"  # for steps it depends on
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        SKIPPED = "skipped", "Skipped"  # its run_if was false
        UNAVAILABLE = "unavailable", "Could not be checked"
        ASKED = "asked", "Waiting for an answer"  # manual
        CANCELLED = "cancelled", "Cancelled"  # its run was cancelled before it ended: it has not run

    class Verdict(models.TextChoices):
        NORMAL = "normal", "Within"
        ABNORMAL = "abnormal", "Breach"
        INCONCLUSIVE = "inconclusive", "Unknown"

    investigation = models.ForeignKey(Investigation, on_delete=models.CASCADE, related_name="steps")
    step_id = models.CharField(max_length=60)
    position = models.PositiveSmallIntegerField()
    title = models.CharField(max_length=200)
    source = models.CharField(max_length=20)
    status = models.CharField(max_length=12, choices=Status, default=Status.WAITING)
    verdict = models.CharField(max_length=12, choices=Verdict, blank=True)
    result = models.CharField(max_length=500, blank=True)  # one line: "43% measured, threshold 5%"
    facts = models.JSONField(default=dict)
    error_kind = models.CharField(max_length=12, blank=True)  # unavailable, refused, invalid, limited, timeout
    error = models.TextField(blank=True)
    requests = models.JSONField(default=list)
    truncated = models.BooleanField(default=False)
    newest_at = models.DateTimeField(null=True)  # freshness of the source for this question
    attempt = models.PositiveSmallIntegerField(default=0)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    seconds = models.FloatField(null=True)
    # Manual steps
    assignee = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    answer = models.JSONField(null=True)
    answered_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    answered_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("position",)
        constraints = (models.UniqueConstraint(fields=["investigation", "step_id"], name="step_once"),)

    def __str__(self) -> str:
        return self.step_id


class Evidence(models.Model):
    """One fact, with its source, the query as sent, its time and a link into the system it came from."""

    investigation = models.ForeignKey(Investigation, on_delete=models.CASCADE, related_name="evidence")
    step = models.ForeignKey(StepResult, on_delete=models.CASCADE, related_name="evidence")
    ref_id = models.CharField(max_length=8)  # E3
    source = models.CharField(max_length=20)
    kind = models.CharField(max_length=40)  # vocabulary of the taxonomy
    ref = models.JSONField(default=dict)
    title = models.CharField(max_length=200, blank=True)
    summary = models.TextField()  # one sentence with its figures
    verdict = models.CharField(max_length=12, blank=True)  # normal, abnormal, inconclusive, "" = context
    at = models.DateTimeField(null=True)  # event time: the timeline's order
    fetched_at = models.DateTimeField()
    url = models.URLField(max_length=800, blank=True)
    figures = models.JSONField(
        default=dict
    )  # value, baseline, threshold, maximum, unit, numerator, denominator, series
    requests = models.JSONField(default=list)  # RequestRecord as JSON: query as sent
    columns = models.JSONField(default=list)
    rows = models.JSONField(default=list)  # bounded; `row_count` tells the whole
    row_count = models.PositiveIntegerField(null=True)
    truncated = models.BooleanField(default=False)
    sha256 = models.CharField(max_length=64)

    class Meta:
        ordering = ("pk",)
        constraints = (models.UniqueConstraint(fields=["investigation", "ref_id"], name="evidence_ref_once"),)

    def __str__(self) -> str:
        return f"{self.ref_id} {self.kind}"


class GateOverride(models.Model):
    """A gate (before reply, before escalation) passed by a person although required steps had not run."""

    class Gate(models.TextChoices):
        REPLY = "reply"
        ESCALATION = "escalation"

    investigation = models.ForeignKey(Investigation, on_delete=models.CASCADE, related_name="overrides")
    gate = models.CharField(max_length=10, choices=Gate)
    missing = models.JSONField(default=list)  # step ids that had not run
    reason = models.TextField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return f"{self.gate} of INV-{self.investigation_id}"


class Feedback(models.Model):
    """What the cause really was, as a person found it: of a run, or of a ticket that has none."""

    class Grade(models.TextChoices):
        """How near the first answer was to the cause."""

        EXACT = "exact", "Exactly right"
        ONE_HOP = "one_hop", "One hop short"
        AREA = "area", "Right area"
        WRONG = "wrong", "Wrong"

    investigation = models.ForeignKey(Investigation, null=True, on_delete=models.CASCADE, related_name="feedback")
    ticket = models.ForeignKey(Ticket, null=True, on_delete=models.CASCADE, related_name="findings")
    verdict = models.CharField(max_length=10)  # accepted, corrected; found (of a ticket without a run)
    grade = models.CharField(max_length=8, choices=Grade, blank=True)  # "": nobody graded it
    label = models.CharField(max_length=60, blank=True)  # taxonomy label, or ""
    comment = models.TextField(blank=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-pk",)
        constraints = (
            models.CheckConstraint(
                condition=Q(investigation__isnull=False) | Q(ticket__isnull=False), name="feedback_is_of_something"
            ),
        )

    def __str__(self) -> str:
        return f"{self.verdict} {self.label}"
