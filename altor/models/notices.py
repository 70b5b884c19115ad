"""Notices to people: what was told, over which channels, to whom, and what each person wants to hear."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from altor.fields import EncryptedTextField
from altor.models.people import Team, User


class NoticeChannelQuerySet(models.QuerySet["NoticeChannel"]):
    def manageable_by(self, user: User) -> Self:
        """Channels of teams the person leads; all of them, and those of the installation, for administrators."""
        shared = self.filter(person=None)
        if user.role == "admin":
            return shared
        return shared.filter(team__memberships__user=user) if user.may("notice.channels") else self.none()

    def hearing(self, kind: str, team: Team | None) -> Self:
        """Active shared channels that get this kind of notice for this team; without a team the installation's only."""
        of_team = Q(team=None) if team is None else Q(team=None) | Q(team=team)
        return self.filter(of_team, Q(kinds=[]) | Q(kinds__contains=[kind]), is_active=True, person=None)


class NoticeChannel(models.Model):
    """A place notices go to: a team's, the installation's (no team), or one person's own."""

    class Kind(models.TextChoices):
        MAIL = "mail", "E-mail"
        SLACK_BOT = "slack_bot", "Slack, as a bot"
        SLACK_WEBHOOK = "slack_webhook", "Slack, incoming webhook"
        TEAMS = "teams", "Microsoft Teams, workflow webhook"
        APPRISE = "apprise", "Another service (Apprise)"

    slug = models.SlugField(max_length=60, unique=True)
    title = models.CharField(max_length=80)
    kind = models.CharField(max_length=14, choices=Kind)
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.CASCADE, related_name="notice_channels")
    person = models.OneToOneField(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="notice_channel"
    )
    address = models.CharField(max_length=500, blank=True)  # mail addresses, or Slack's id of a channel
    secret = EncryptedTextField(blank=True)  # a bot's token, or the whole address of a webhook
    kinds = ArrayField(models.CharField(max_length=60), default=list, blank=True)  # none = all
    is_active = models.BooleanField(default=True)
    last_ok_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    objects = NoticeChannelQuerySet.as_manager()

    class Meta:
        ordering = ("title", "pk")

    def __str__(self) -> str:
        return self.title


class NoticePreference(models.Model):
    """What one person wants to hear, how, and when not. Without a row the kinds' own defaults hold."""

    class Quiet(models.TextChoices):
        AFTER = "after", "Deliver afterwards"
        SKIP = "skip", "Leave out"

    person = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notice_preference")
    choices = models.JSONField(default=dict)  # {kind: {"mail": "now", "own": "off"}}
    # In the person's own zone. Both or neither.
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)
    quiet_rule = models.CharField(max_length=5, choices=Quiet, default=Quiet.AFTER)
    digest_hour = models.PositiveSmallIntegerField(default=8)

    def __str__(self) -> str:
        return f"notices for {self.person}"


class Notice(models.Model):
    """Something people are told of. `sha` is over what is shown: the same content is not told twice to one place."""

    kind = models.CharField(max_length=60)
    subject_ref = models.CharField(max_length=80)
    title = models.CharField(max_length=200)
    lines = models.JSONField(default=list)  # at most five texts, redacted
    url_path = models.CharField(max_length=300)
    severity = models.CharField(max_length=8, blank=True)
    team = models.ForeignKey(Team, null=True, on_delete=models.SET_NULL, related_name="+")
    key = models.CharField(max_length=160, unique=True)
    sha = models.CharField(max_length=64)
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_ref}"


class NoticeDeliveryQuerySet(models.QuerySet["NoticeDelivery"]):
    def claimable(self, now: datetime) -> Self:
        return self.filter(status=NoticeDelivery.Status.WAITING, not_before__lte=now)

    def unqueued(self, now: datetime, *, lost_after: datetime) -> Self:
        """Due, and not queued since it became due; or queued before `lost_after` and never taken."""
        return self.claimable(now).filter(Q(queued_at__lt=F("not_before")) | Q(queued_at__lt=lost_after))

    def visible_to(self, user: User) -> Self:
        """For the log: what went over channels that the person manages. Others' own mail is nobody's business."""
        return self.filter(channel__in=NoticeChannel.objects.manageable_by(user))


class NoticeDelivery(models.Model):
    """One notice for one place: a channel, or a person's mail (then `channel` is null)."""

    class Mode(models.TextChoices):
        NOW = "now"
        DIGEST = "digest"

    class Status(models.TextChoices):
        WAITING = "waiting"
        SENT = "sent"
        SKIPPED = "skipped"  # quiet hours, or nothing new
        REPLACED = "replaced"  # a newer notice of the same subject came first
        FAILED = "failed"

    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="deliveries")
    channel = models.ForeignKey(NoticeChannel, null=True, on_delete=models.CASCADE, related_name="deliveries")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+")
    place = models.CharField(max_length=40)  # "channel:3", "mail:5"
    mode = models.CharField(max_length=6, choices=Mode, default=Mode.NOW)
    status = models.CharField(max_length=8, choices=Status, default=Status.WAITING)
    why = models.CharField(max_length=300, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    not_before = models.DateTimeField()
    queued_at = models.DateTimeField()
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    objects = NoticeDeliveryQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        constraints = (models.UniqueConstraint(fields=["notice", "place"], name="notice_once_a_place"),)
        indexes = (
            models.Index(fields=["not_before"], condition=Q(status="waiting"), name="notice_due"),
            models.Index(fields=["place", "status"], name="notice_of_place"),
        )

    def __str__(self) -> str:
        return f"{self.notice} to {self.place}"


class NoticeThread(models.Model):
    """What one place shows of one subject: the message to edit in place, and what was told last."""

    place = models.CharField(max_length=40)
    kind = models.CharField(max_length=60)
    subject_ref = models.CharField(max_length=80)
    sha = models.CharField(max_length=64, blank=True)
    last_notice = models.PositiveBigIntegerField(default=0)
    reference = models.JSONField(default=dict)  # Slack: {"channel", "ts"}
    # One message at a time, so that two never both post where one should edit.
    busy_until = models.DateTimeField(null=True)
    updated_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["place", "kind", "subject_ref"], name="thread_once"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_ref} at {self.place}"
