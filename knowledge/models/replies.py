"""Reply templates with their versions, replies from draft to sent, and the updates that were promised in them."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from investigations.models import Investigation, Ticket

if TYPE_CHECKING:
    from altor.models import User


class Kind(models.TextChoices):
    """What a reply is for. Only an answer rests on a diagnosis and waits for its gate."""

    ACKNOWLEDGEMENT = "acknowledgement", "Acknowledgement"
    HOLDING = "holding", "Holding reply"
    ANSWER = "answer", "Answer"


class Tone(models.TextChoices):
    NEUTRAL = "neutral", "Neutral"
    WARM = "warm", "Warm"
    BRIEF = "brief", "Brief"


class ReplyTemplate(models.Model):
    """One template: for which case, in which language and tone. Its words are its versions'."""

    key = models.SlugField(max_length=60, unique=True)
    title = models.CharField(max_length=120)
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.ANSWER)
    incident_class = models.CharField(max_length=20, blank=True)  # "" = any
    label = models.CharField(max_length=60, blank=True)  # of a cause, `inconclusive`, or "" = any named cause
    language = models.CharField(max_length=8, default="en")
    tone = models.CharField(max_length=8, choices=Tone, default=Tone.NEUTRAL)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("kind", "incident_class", "label", "language", "tone")
        constraints = (
            models.UniqueConstraint(
                fields=["kind", "incident_class", "label", "language", "tone"], name="reply_template_one_per_case"
            ),
        )

    def __str__(self) -> str:
        return self.title


class ReplyTemplateVersionQuerySet(models.QuerySet["ReplyTemplateVersion"]):
    def active(self) -> Self:
        return self.filter(is_active=True)


class ReplyTemplateVersion(models.Model):
    """The words of a template, once and for all: a database trigger refuses changes of everything but `is_active`."""

    template = models.ForeignKey(ReplyTemplate, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    greeting = models.TextField(blank=True)
    observed = models.TextField()
    scope = models.TextField()
    next_step = models.TextField()
    eta = models.TextField()
    closing = models.TextField(blank=True)
    sha256 = models.CharField(max_length=64)  # over the parts
    is_active = models.BooleanField(default=False)
    origin = models.CharField(max_length=12, default="editor")  # library, file, editor
    comment = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    objects = ReplyTemplateVersionQuerySet.as_manager()

    class Meta:
        ordering = ("template", "-number")
        constraints = (
            models.UniqueConstraint(fields=["template", "number"], name="reply_template_version_once"),
            models.UniqueConstraint(
                fields=["template"], condition=Q(is_active=True), name="reply_template_one_active_version"
            ),
        )

    def __str__(self) -> str:
        return f"{self.template.key} v{self.number}"

    @property
    def parts(self) -> dict[str, str]:
        """Part -> text, in the order in which a reply has them."""
        return {
            "greeting": self.greeting, "observed": self.observed, "scope": self.scope,
            "next_step": self.next_step, "eta": self.eta, "closing": self.closing,
        }  # fmt: skip


class ReplyQuerySet(models.QuerySet["Reply"]):
    def visible_to(self, user: User) -> Self:
        """Replies on tickets the person may open."""
        return self.filter(ticket__in=Ticket.objects.visible_to(user))

    def drafts(self) -> Self:
        return self.filter(status=Reply.Status.DRAFT)

    def out(self) -> Self:
        """What the customer has: sent by us, or by a person and told to us."""
        return self.filter(status=Reply.Status.SENT)

    def due(self, now: datetime) -> Self:
        """To be sent now: waiting, or left behind by a worker."""
        waiting = Q(not_before=None) | Q(not_before__lte=now)
        return self.filter(waiting, status__in=[Reply.Status.QUEUED, Reply.Status.SENDING])


class Reply(models.Model):
    """One reply to a customer: the draft it began as, what became of it, and how it went out."""

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        QUEUED = "queued", "On its way"
        SENDING = "sending", "Being sent"
        SENT = "sent", "Sent"
        FAILED = "failed", "Could not be sent"

    class How(models.TextChoices):
        INSERTED = "inserted", "Inserted from the sidebar"
        COPIED = "copied", "Copied"
        SENT = "sent", "Sent from Altor"
        TYPED = "typed", "Typed in the helpdesk"

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="replies")
    # The diagnosis it rests on; None without one.
    run = models.ForeignKey(Investigation, null=True, on_delete=models.SET_NULL, related_name="replies")
    version = models.ForeignKey(ReplyTemplateVersion, null=True, on_delete=models.PROTECT, related_name="replies")
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.ANSWER)
    status = models.CharField(max_length=8, choices=Status, default=Status.DRAFT)
    draft_text = models.TextField(blank=True)  # as it was filled
    statements = models.JSONField(default=list)  # of the draft, see `knowledge.replies.draft`
    text = models.TextField(blank=True)  # as it stands; once it is out: what the customer has, redacted
    # Of the page it was begun on: the same page never begins two.
    token = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    revision = models.PositiveIntegerField(default=1)  # a tab that saves names the one it has seen
    findings = models.JSONField(default=list)  # of the checks, when it went out
    override_reason = models.TextField(blank=True)  # why it went out although it holds a leak
    how = models.CharField(max_length=8, choices=How, blank=True)
    similarity = models.FloatField(null=True)  # of what went out to the draft, 0 to 1, word by word
    next_update_at = models.DateTimeField(null=True)  # promised in it, confirmed by the person
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="reply_drafts"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    saved_at = models.DateTimeField()
    sent_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    sent_at = models.DateTimeField(null=True)
    # The way out
    marker = models.CharField(max_length=16, blank=True)  # in the helpdesk's message, not seen by the customer
    external_id = models.CharField(max_length=80, blank=True)  # of the helpdesk's message
    attempts = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField(null=True)
    reason = models.TextField(blank=True)  # why it could not be sent yet
    objects = ReplyQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        verbose_name_plural = "replies"
        constraints = (
            models.UniqueConstraint(
                fields=["ticket", "author"], condition=Q(status="draft"), name="reply_one_draft_per_person"
            ),
            models.UniqueConstraint(fields=["marker"], condition=~Q(marker=""), name="reply_marker_once"),
        )
        indexes = (
            models.Index(fields=["status", "not_before"], name="reply_due"),
            models.Index(fields=["version", "status"], name="reply_of_version"),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} on {self.ticket_id}"

    @property
    def is_edited(self) -> bool:
        return self.text != self.draft_text

    @property
    def is_draft(self) -> bool:
        return self.status == self.Status.DRAFT

    @property
    def is_under_way(self) -> bool:
        return self.status in (self.Status.QUEUED, self.Status.SENDING)

    @property
    def leaks(self) -> int:
        """How many leaks it went out with."""
        return sum(bool(item.get("is_leak")) for item in self.findings)


class PromisedUpdateQuerySet(models.QuerySet["PromisedUpdate"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(ticket__in=Ticket.objects.visible_to(user))

    def open(self) -> Self:
        return self.filter(met_at=None)


class PromisedUpdate(models.Model):
    """A customer was told when they hear from us next. Met by the next public reply."""

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="promised_updates")
    reply = models.OneToOneField(Reply, on_delete=models.CASCADE, related_name="promise")
    due_at = models.DateTimeField()
    promised_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    promised_at = models.DateTimeField()
    met_at = models.DateTimeField(null=True)
    met_by = models.ForeignKey(Reply, null=True, on_delete=models.SET_NULL, related_name="+")
    warned_at = models.DateTimeField(null=True)  # when it was found to be close
    overdue_at = models.DateTimeField(null=True)  # when it was found to be broken
    objects = PromisedUpdateQuerySet.as_manager()

    class Meta:
        ordering = ("due_at", "pk")
        indexes = (models.Index(fields=["due_at"], condition=Q(met_at=None), name="promise_open"),)

    def __str__(self) -> str:
        return f"update on {self.ticket_id} by {self.due_at:%Y-%m-%d %H:%M}"

    @property
    def is_late(self) -> bool:
        """It was met, but after its time."""
        return self.met_at is not None and self.met_at > self.due_at
