"""Playbooks as immutable versions, the drafts they are written in, and what waits for a second person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models

if TYPE_CHECKING:
    from altor.models import User


class PlaybookVersionQuerySet(models.QuerySet["PlaybookVersion"]):
    def active(self) -> Self:
        return self.filter(is_active=True)


class PlaybookVersion(models.Model):
    """One version of one playbook. A database trigger refuses changes of everything but `is_active`."""

    key = models.SlugField(max_length=60)
    version = models.PositiveIntegerField()
    title = models.CharField(max_length=200)
    incident_class = models.CharField(max_length=20)
    source_yaml = models.TextField()  # the file as it was, comments included
    document = models.JSONField()  # parsed and validated
    sha256 = models.CharField(max_length=64)
    is_active = models.BooleanField(default=False)
    origin = models.CharField(max_length=20, default="library")  # library, file, editor
    comment = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    objects = PlaybookVersionQuerySet.as_manager()

    class Meta:
        ordering = ("key", "-version")
        constraints = (
            models.UniqueConstraint(fields=["key", "version"], name="playbook_version_once"),
            models.UniqueConstraint(fields=["key"], condition=models.Q(is_active=True), name="playbook_one_active"),
        )

    def __str__(self) -> str:
        return f"{self.key} v{self.version}"


class PlaybookDraftQuerySet(models.QuerySet["PlaybookDraft"]):
    def open(self) -> Self:
        return self.filter(discarded_at=None)

    def of(self, owner: User, key: str) -> Self:
        """The person's open draft of a playbook; `key` "" is the one of a new playbook."""
        return self.open().filter(owner=owner, key=key)


class PlaybookDraft(models.Model):
    """What one person is writing: saved as it is typed, valid or not. Publishing makes a version of it."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="playbook_drafts")
    key = models.SlugField(max_length=60, blank=True)  # "": a new playbook
    #: The version in force when the draft was begun, or whose changes it took up: who publishes must know a later one.
    base = models.ForeignKey(PlaybookVersion, null=True, on_delete=models.PROTECT, related_name="+")
    #: The version whose text it began with; another than `base` where an older or unpublished one was taken up again.
    begun_from = models.ForeignKey(PlaybookVersion, null=True, on_delete=models.PROTECT, related_name="+")
    text = models.TextField(blank=True)  # line ends as they were in the file
    revision = models.PositiveIntegerField(default=1)  # a tab that saves names the one it has seen
    #: The text before it was replaced as a whole (a file, another's changes, a new step), and what replaced it.
    kept_text = models.TextField(blank=True)
    kept_why = models.CharField(max_length=80, blank=True)
    trying_until = models.DateTimeField(null=True)  # one query at a time is tried out of a draft
    created_at = models.DateTimeField(auto_now_add=True)
    saved_at = models.DateTimeField()
    discarded_at = models.DateTimeField(null=True)
    objects = PlaybookDraftQuerySet.as_manager()

    class Meta:
        ordering = ("-saved_at",)
        constraints = (
            models.UniqueConstraint(
                fields=["owner", "key"], condition=models.Q(discarded_at=None), name="playbook_draft_one_open"
            ),
        )

    def __str__(self) -> str:
        return f"draft of {self.key or 'a new playbook'}"


class PlaybookApprovalQuerySet(models.QuerySet["PlaybookApproval"]):
    def waiting(self) -> Self:
        return self.filter(state=PlaybookApproval.State.WAITING)

    def waiting_for(self, user: User) -> Self:
        """Those the person may decide on."""
        own = models.Q(asked_by=user) | models.Q(version__created_by=user)
        return self.waiting().exclude(own)


class PlaybookApproval(models.Model):
    """A version that somebody wants in force and a second person has to agree to."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waits for approval"
        APPROVED = "approved", "Approved"
        RETURNED = "returned", "Sent back"
        OVERTAKEN = "overtaken", "Overtaken by a later version"

    version = models.OneToOneField(PlaybookVersion, on_delete=models.PROTECT, related_name="approval")
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    asked_at = models.DateTimeField()
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    decided_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=1000, blank=True)
    objects = PlaybookApprovalQuerySet.as_manager()

    class Meta:
        ordering = ("-asked_at",)

    def __str__(self) -> str:
        return f"{self.version}: {self.get_state_display()}"
