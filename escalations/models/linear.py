"""Linear: the connection that files, the issues we filed or joined, and what goes there and comes back."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Final, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from altor.fields import EncryptedTextField
from altor.models import InboundEndpoint
from altor.redaction import redact_text
from investigations.models import Connection

#: A closed issue is looked at for so long: it may be reopened, and its fix ships after it is closed.
FOLLOWED_AFTER: Final = timedelta(days=14)
CLOSED_TYPES: Final = frozenset({"completed", "canceled", "duplicate"})


def fresh_id() -> uuid.UUID:
    """An id that we choose for something Linear will hold. One that reads like a card number would not come back whole
    through redacted events.
    """
    while True:
        chosen = uuid.uuid4()
        if redact_text(str(chosen)) == str(chosen):
            return chosen


class LinearConnection(models.Model):
    """The credential that files issues: apart from the source of evidence, which only reads. Its events come in at
    `endpoint`.
    """

    name = models.SlugField(max_length=60, default="main", unique=True)
    endpoint = models.OneToOneField(
        InboundEndpoint, null=True, blank=True, on_delete=models.PROTECT, related_name="linear"
    )
    base_url = models.CharField(max_length=500)
    secret = EncryptedTextField(blank=True)
    options = models.JSONField(default=dict, blank=True)  # {"auth": "oauth"}
    is_active = models.BooleanField(default=True)
    # Used where the caller names none: a team's key, a project's name, names of labels.
    team = models.CharField(max_length=80, blank=True)
    project = models.CharField(max_length=120, blank=True)
    labels = ArrayField(models.CharField(max_length=80), default=list, blank=True)
    # As the last test found it: {"id", "name", "key", "account", "account_id", "teams": [{"id", "key", "name"}]}.
    workspace = models.JSONField(default=dict, blank=True)
    has_customers = models.BooleanField(null=True)  # None = never asked
    health = models.CharField(max_length=10, choices=Connection.Health, default=Connection.Health.UNKNOWN)
    health_message = models.TextField(blank=True)
    checked_at = models.DateTimeField(null=True)
    last_ok_at = models.DateTimeField(null=True)
    latency_ms = models.PositiveIntegerField(null=True)
    scopes = models.JSONField(default=list)
    warnings = models.JSONField(default=list)
    heard_at = models.DateTimeField(null=True)  # when a signed event last came, to the minute
    polled_at = models.DateTimeField(null=True)  # when all issues were last asked for
    poll_not_before = models.DateTimeField(null=True)  # a poll is under way, or Linear asked us to wait
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return f"linear:{self.name}"


class Outgoing(models.TextChoices):
    """Of what is to be written to Linear."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


class TrackedIssueQuerySet(models.QuerySet["TrackedIssue"]):
    def claimable(self, now: datetime) -> Self:
        """Something is to be written for them, nobody is at it, and it is time for the next try."""
        free = Q(leased_until=None) | Q(leased_until__lte=now)
        due = Q(not_before=None) | Q(not_before__lte=now)
        return self.filter(free, due, has_work=True)

    def followed(self, now: datetime) -> Self:
        """They are in Linear, and what happens to them there still matters."""
        recent = Q(closed_at=None) | Q(closed_at__gt=now - FOLLOWED_AFTER)
        return self.filter(recent, status=TrackedIssue.Status.FILED, is_removed=False)


class TrackedIssue(models.Model):
    """One Linear issue that we filed or joined: what we wanted, and what Linear last said of it.

    `client_id` is chosen before the first try and is the issue's id in Linear, so that no retry makes a second issue.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        FILING = "filing"
        FILED = "filed"
        FAILED = "failed"

    connection = models.ForeignKey(LinearConnection, on_delete=models.PROTECT, related_name="issues")
    client_id = models.UUIDField(default=fresh_id, unique=True, editable=False)
    cause_key = models.CharField(max_length=200)
    is_open = models.BooleanField(default=True)  # not completed, cancelled or removed in Linear
    is_joined = models.BooleanField(default=False)  # it was there already
    status = models.CharField(max_length=8, choices=Status, default=Status.PENDING)
    reason = models.TextField(blank=True)  # why it failed, or waits
    notes = ArrayField(models.CharField(max_length=300), default=list, blank=True)  # what could not be done as wanted

    # What we want. Team by key, name or id; project and labels by name or id; assignee by e-mail, name or id.
    team = models.CharField(max_length=80, blank=True)
    project = models.CharField(max_length=120, blank=True)
    labels = ArrayField(models.CharField(max_length=80), default=list, blank=True)
    priority = models.PositiveSmallIntegerField(default=0)  # 0 none, 1 urgent, 2 high, 3 medium, 4 low
    assignee = models.CharField(max_length=254, blank=True)
    title = models.CharField(max_length=255, blank=True)
    description = models.TextField(blank=True)  # Markdown, redacted by the caller

    # What Linear says.
    issue_id = models.CharField(max_length=64, blank=True)
    identifier = models.CharField(max_length=40, blank=True)  # ENG-123
    url = models.CharField(max_length=500, blank=True)
    seen_title = models.CharField(max_length=300, blank=True)
    state_name = models.CharField(max_length=80, blank=True)
    state_type = models.CharField(max_length=20, blank=True)  # triage, backlog, unstarted, started, completed, …
    assignee_id = models.CharField(max_length=64, blank=True)
    assignee_name = models.CharField(max_length=120, blank=True)
    seen_priority = models.PositiveSmallIntegerField(null=True)
    cycle_name = models.CharField(max_length=120, blank=True)
    cycle_ends_at = models.DateTimeField(null=True)
    due_on = models.DateField(null=True)
    project_id_seen = models.CharField(max_length=64, blank=True)
    project_name = models.CharField(max_length=200, blank=True)
    project_target_on = models.DateField(null=True)
    fix = models.CharField(max_length=10, blank=True)  # linear.fixes.Fix; "" = no pull request is linked
    fix_at = models.DateTimeField(null=True)
    issue_updated_at = models.DateTimeField(null=True)  # Linear's own time of what is known: older news is not taken
    seen_at = models.DateTimeField(null=True)
    seen_how = models.CharField(max_length=8, blank=True)  # filing, webhook, poll
    missing_since = models.DateTimeField(null=True)  # polls no longer find it
    is_removed = models.BooleanField(default=False)
    wants_read = models.BooleanField(default=False)  # an event told less than a poll would: read it soon
    polled_at = models.DateTimeField(null=True)  # its comments until then are known
    pulls_checked_at = models.DateTimeField(null=True)
    filed_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    # The work of writing to Linear.
    has_work = models.BooleanField(default=True)
    woken_at = models.DateTimeField()  # when its writing was last queued
    lease = models.PositiveIntegerField(default=0)  # counts claims: a worker's later writes name the one it holds
    leased_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(
        default=0
    )  # tries since the last success that were answered or timed out
    not_before = models.DateTimeField(null=True)
    untold_not_before = models.DateTimeField(null=True)  # a hook failed: its changes are told later
    objects = TrackedIssueQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        constraints = (
            models.UniqueConstraint(fields=["cause_key"], condition=Q(is_open=True), name="issue_open_once_per_cause"),
            models.UniqueConstraint(
                fields=["connection", "issue_id"], condition=~Q(issue_id=""), name="issue_tracked_once"
            ),
        )
        indexes = (
            models.Index(fields=["not_before"], condition=Q(has_work=True), name="issue_work"),
            models.Index(fields=["identifier"], name="issue_identifier"),
        )

    def __str__(self) -> str:
        return self.identifier or f"issue for {self.cause_key}"

    @property
    def ref(self) -> str:
        return self.identifier or str(self.client_id)

    @property
    def is_filed(self) -> bool:
        return self.status == self.Status.FILED


class IssueLink(models.Model):
    """A ticket on an issue: an attachment, and a customer's need where the workspace has these. Once per ticket."""

    class Need(models.TextChoices):
        NONE = "none"  # nobody knows the customer
        PENDING = "pending"
        DONE = "done"
        REFUSED = "refused"  # the workspace has no such feature, or does not know the customer

    issue = models.ForeignKey(TrackedIssue, on_delete=models.CASCADE, related_name="links")
    ticket_ref = models.CharField(max_length=80)
    url = models.CharField(max_length=500)
    title = models.CharField(max_length=200)
    customer = models.CharField(max_length=120, blank=True)  # our id of it: its external id in Linear
    attachment_client_id = models.UUIDField(default=fresh_id, editable=False)
    attachment_id = models.CharField(max_length=64, blank=True)
    need_client_id = models.UUIDField(default=fresh_id, editable=False)
    need_id = models.CharField(max_length=64, blank=True)
    status = models.CharField(max_length=8, choices=Outgoing, default=Outgoing.PENDING)
    need = models.CharField(max_length=8, choices=Need, default=Need.NONE)
    reason = models.CharField(max_length=300, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("pk",)
        constraints = (models.UniqueConstraint(fields=["issue", "ticket_ref"], name="issue_link_once"),)

    def __str__(self) -> str:
        return f"{self.ticket_ref} on {self.issue_id}"


class IssueComment(models.Model):
    """A comment that we write, with an id we chose, or one that was written in Linear."""

    class Direction(models.TextChoices):
        OUT = "out"
        IN = "in"

    issue = models.ForeignKey(TrackedIssue, on_delete=models.CASCADE, related_name="comments")
    direction = models.CharField(max_length=3, choices=Direction)
    comment_id = models.CharField(max_length=64)  # in Linear
    key = models.CharField(max_length=120, blank=True)  # ours: what the comment is for, once per issue
    body = models.TextField(blank=True)  # Markdown, redacted; empty once it was removed in Linear
    status = models.CharField(max_length=8, choices=Outgoing, default=Outgoing.DONE)
    reason = models.CharField(max_length=300, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    author = models.CharField(max_length=120, blank=True)
    url = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField()
    changed_at = models.DateTimeField(null=True)  # Linear's own time of its last change
    is_removed = models.BooleanField(default=False)

    class Meta:
        ordering = ("at", "pk")
        constraints = (
            models.UniqueConstraint(fields=["issue", "comment_id"], name="issue_comment_once"),
            models.UniqueConstraint(
                fields=["issue", "key"], condition=Q(direction="out"), name="issue_comment_once_per_key"
            ),
        )

    def __str__(self) -> str:
        return f"comment on {self.issue_id}"


class IssuePull(models.Model):
    """A pull request that is linked to an issue."""

    class State(models.TextChoices):
        UNKNOWN = "unknown"
        DRAFT = "draft"
        OPEN = "open"
        MERGED = "merged"
        CLOSED = "closed"

    issue = models.ForeignKey(TrackedIssue, on_delete=models.CASCADE, related_name="pulls")
    url = models.CharField(max_length=300)
    owner = models.CharField(max_length=100)
    repo = models.CharField(max_length=100)
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=300, blank=True)
    state = models.CharField(max_length=8, choices=State, default=State.UNKNOWN)
    merged_at = models.DateTimeField(null=True)
    merge_sha = models.CharField(max_length=40, blank=True)
    shipped_at = models.DateTimeField(null=True)
    shipped_url = models.CharField(max_length=500, blank=True)
    seen_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField(null=True)  # GitHub's own time of its last change

    class Meta:
        ordering = ("pk",)
        constraints = (models.UniqueConstraint(fields=["issue", "url"], name="issue_pull_once"),)
        indexes = (models.Index(fields=["owner", "repo", "number"], name="issue_pull_number"),)

    def __str__(self) -> str:
        return self.url


class IssueChange(models.Model):
    """Something that happened to an issue, in our order of learning it. Told once to the hooks of `ISSUE_CHANGED`."""

    class Kind(models.TextChoices):
        FILED = "filed"  # after: {"identifier", "url", "is_joined"}
        FAILED = "failed"  # filing was given up. after: {"reason"}
        STATE = "state"  # {"name", "type"}
        ASSIGNEE = "assignee"  # {"id", "name"}; {} = nobody
        PRIORITY = "priority"  # {"value"}
        CYCLE = "cycle"  # {"name", "ends_at"}; {} = none
        ETA = "eta"  # {"on", "source", "confidence"}; {} = none
        COMMENT = "comment"  # after: {"id", "author", "body", "url"}
        PULL = "pull"  # {"url", "number", "state"}
        FIX = "fix"  # {"state", "at"}
        REMOVED = "removed"

    class Source(models.TextChoices):
        FILING = "filing"
        WEBHOOK = "webhook"
        POLL = "poll"
        GITHUB = "github"

    issue = models.ForeignKey(TrackedIssue, on_delete=models.CASCADE, related_name="changes")
    kind = models.CharField(max_length=10, choices=Kind)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    at = models.DateTimeField()  # when it happened, as far as the upstream says
    by = models.CharField(max_length=120, blank=True)  # "" = not told
    source = models.CharField(max_length=8, choices=Source)
    told_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)  # of telling it
    reason = models.CharField(max_length=300, blank=True)  # why it could not be told

    class Meta:
        ordering = ("pk",)
        indexes = (models.Index(fields=["issue", "id"], condition=Q(told_at=None), name="issue_change_untold"),)

    def __str__(self) -> str:
        return f"{self.kind} of {self.issue_id}"
