"""Helpdesks: how one is reached, what it last said about a ticket, its messages, and what we write there."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from altor.fields import EncryptedTextField
from altor.models import InboundEndpoint
from investigations.models.connections import Connection
from investigations.models.investigations import Investigation
from investigations.models.tickets import Ticket


class HelpdeskConnection(models.Model):
    """One helpdesk account: its API, its sidebar, and what may be written back. Its events come in at `endpoint`."""

    endpoint = models.OneToOneField(InboundEndpoint, on_delete=models.PROTECT, related_name="helpdesk")
    base_url = models.CharField(max_length=500, blank=True)  # of its API
    secret = EncryptedTextField(blank=True)  # of its API
    options = models.JSONField(default=dict, blank=True)  # the adapter's `options`
    # Origins of pages that may frame the sidebar: "https://acme.zendesk.com".
    origins = ArrayField(models.CharField(max_length=200), default=list, blank=True)
    # Key of the sidebar's signed start: JWT public key, client secret, app secret; ours where we sign.
    launch_secret = EncryptedTextField(blank=True)
    writes_notes = models.BooleanField(default=False)
    writes_tags = models.BooleanField(default=False)
    sends_replies = models.BooleanField(default=False)
    health = models.CharField(max_length=10, choices=Connection.Health, default=Connection.Health.UNKNOWN)
    health_message = models.TextField(blank=True)
    checked_at = models.DateTimeField(null=True)
    warnings = models.JSONField(default=list)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("endpoint__source", "endpoint__connection")

    def __str__(self) -> str:
        return str(self.endpoint)


class TicketMirror(models.Model):
    """What the helpdesk said about a ticket, field by field, each with the time it was said.

    A newer statement of a field stands against an older one, whichever arrives first: so events may come late, twice
    and in any order, and the ticket ends up the same.
    """

    ticket = models.OneToOneField(Ticket, on_delete=models.CASCADE, related_name="mirror")
    # The neutral ticket shape, redacted, merged of all events.
    fields = models.JSONField(default=dict)
    custom = models.JSONField(default=dict)
    # "fields.subject" -> [ISO time of the event, key of the event]
    stamps = models.JSONField(default=dict)
    status = models.CharField(max_length=10, blank=True)  # helpdesks.base.Status; "" = never told
    assignee = models.JSONField(default=dict)  # {"id", "name", "email"}; {} = nobody, or never told
    merged_into = models.CharField(max_length=64, blank=True)
    deleted_at = models.DateTimeField(null=True)
    # The ticket's beginning is known: without it a run would know only an answer to it.
    is_whole = models.BooleanField(default=False)
    wants_run = models.BooleanField(default=False)  # something new came while a run was under way
    last_event_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"mirror of {self.ticket_id}"


class TicketMessage(models.Model):
    """A message of a ticket after its opening. Text is redacted, and empty once the helpdesk has removed it."""

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="messages")
    external_id = models.CharField(max_length=80)
    author = models.CharField(max_length=10)  # helpdesks.base.Author
    author_name = models.CharField(max_length=200, blank=True)
    author_email = models.CharField(max_length=254, blank=True)
    is_public = models.BooleanField(default=True)
    text = models.TextField(blank=True)
    at = models.DateTimeField()
    is_ours = models.BooleanField(default=False)  # written by Altor
    is_redacted = models.BooleanField(default=False)

    class Meta:
        ordering = ("at", "pk")
        constraints = (models.UniqueConstraint(fields=["ticket", "external_id"], name="message_once"),)

    def __str__(self) -> str:
        return f"{self.ticket_id} {self.external_id}"


class TicketNote(models.Model):
    """What is written back to a ticket (one internal note, tags, fields): what should stand there, and what does."""

    class Status(models.TextChoices):
        WAITING = "waiting"
        DONE = "done"
        FAILED = "failed"

    ticket = models.OneToOneField(Ticket, on_delete=models.CASCADE, related_name="note")
    marker = models.CharField(max_length=16, unique=True)
    run = models.ForeignKey(Investigation, null=True, on_delete=models.SET_NULL, related_name="+")
    wanted = models.JSONField(default=list)  # lines: [[text, lead, url], …]
    wanted_digest = models.CharField(max_length=64)
    sent_digest = models.CharField(max_length=64, blank=True)
    wanted_tags = ArrayField(models.CharField(max_length=80), default=list, blank=True)
    sent_tags = ArrayField(models.CharField(max_length=80), default=list, blank=True)
    wanted_fields = models.JSONField(default=dict)  # custom field id -> value
    sent_fields = models.JSONField(default=dict)
    external_id = models.CharField(max_length=80, blank=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.WAITING)
    # A try began to write and nobody knows whether it did: the note is looked for before it is written again.
    is_unsure = models.BooleanField(default=False)
    attempts = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField(null=True)
    reason = models.TextField(blank=True)
    sent_at = models.DateTimeField(null=True)
    writes = models.PositiveIntegerField(default=0)  # how often the helpdesk was written to

    class Meta:
        indexes = (models.Index(fields=["status", "not_before"], name="note_due"),)

    def __str__(self) -> str:
        return f"note on {self.ticket_id}"


class Backfill(models.Model):
    """Reading the last days of a helpdesk, page by page. A killed worker goes on where it was."""

    class Status(models.TextChoices):
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    connection = models.ForeignKey(HelpdeskConnection, on_delete=models.CASCADE, related_name="backfills")
    since = models.DateTimeField()
    cursor = models.TextField(blank=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.RUNNING)
    pages = models.PositiveIntegerField(default=0)
    read = models.PositiveIntegerField(default=0)  # tickets
    created = models.PositiveIntegerField(default=0)  # of them new to Altor
    problems = models.JSONField(default=list)  # the first of the tickets that could not be taken, with why
    total = models.PositiveIntegerField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)  # tries of the present page
    not_before = models.DateTimeField(null=True)
    reason = models.TextField(blank=True)
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    requested_by = models.ForeignKey("altor.User", null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ("-pk",)
        constraints = (
            models.UniqueConstraint(
                fields=["connection"], condition=models.Q(status="running"), name="backfill_one_at_a_time"
            ),
        )

    def __str__(self) -> str:
        return f"backfill of {self.connection_id}"


class InboundRefusal(models.Model):
    """Refused deliveries by endpoint, reason and hour: a wrong secret shows on the page, not only in a log."""

    endpoint = models.ForeignKey(InboundEndpoint, on_delete=models.CASCADE, related_name="refusals")
    hour = models.DateTimeField()
    reason = models.CharField(max_length=200)
    count = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField()

    class Meta:
        ordering = ("-last_at",)
        constraints = (models.UniqueConstraint(fields=["endpoint", "hour", "reason"], name="refusal_once"),)

    def __str__(self) -> str:
        return f"{self.endpoint_id} {self.reason}"


class WidgetLaunch(models.Model):
    """A signed start of the sidebar that was used: a second use of the same one is refused."""

    connection = models.ForeignKey(HelpdeskConnection, on_delete=models.CASCADE, related_name="+")
    nonce = models.CharField(max_length=64)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["connection", "nonce"], name="launch_once"),)

    def __str__(self) -> str:
        return self.nonce
