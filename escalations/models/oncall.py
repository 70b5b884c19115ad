"""Rotations with their versions, what replaces their turns, calendars that are read in, and links that are read out.

A version holds seats and layers as a document (see `escalations.oncall.format`): who was on call in the past stays as
it was, whatever is edited later.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from altor.fields import EncryptedTextField
from altor.models import Team
from altor.roles import Role

if TYPE_CHECKING:
    from datetime import datetime

    from altor.models import User


class RotationQuerySet(models.QuerySet["Rotation"]):
    def visible_to(self, user: User) -> Self:
        """Everybody who reads on-call reads all of it: whom to ask is no secret inside a company."""
        return self.all() if user.may("oncall.read") else self.none()

    def editable_by(self, user: User) -> Self:
        """A lead edits those of the own teams, an administrator all."""
        if not user.may("oncall.edit"):
            return self.none()
        return self.all() if user.role == Role.ADMIN else self.filter(team__memberships__user=user)

    def active(self) -> Self:
        return self.filter(is_active=True)


class Rotation(models.Model):
    """Who owns something, in turns. Name, team, owns and zone are those of the newest version."""

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=80)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="rotations")
    owns = models.CharField(max_length=80)  # in words: "urgent triage"
    zone = models.CharField(max_length=60, default="UTC")
    is_default = models.BooleanField(default=False)  # of its team: asked when nobody names a rotation
    is_active = models.BooleanField(default=True)
    # Another one with every change of what decides who holds its seats.
    stamp = models.UUIDField(default=uuid.uuid4, editable=False)
    checked_at = models.DateTimeField(null=True)  # for gaps and double bookings; None: is due
    problems_told = models.JSONField(default=list)  # which of these the leads were told of
    created_at = models.DateTimeField(auto_now_add=True)
    objects = RotationQuerySet.as_manager()

    class Meta:
        ordering = ("-is_default", "name")
        constraints = (
            models.UniqueConstraint(
                fields=["team"], condition=Q(is_default=True, is_active=True), name="rotation_one_default_per_team"
            ),
        )

    def __str__(self) -> str:
        return self.name


class RotationVersion(models.Model):
    """Seats and layers from a moment on, once and for all: a database trigger refuses changes.

    At any instant the highest number that is in force by then decides.
    """

    rotation = models.ForeignKey(Rotation, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    in_force_from = models.DateTimeField()
    document = models.JSONField()
    comment = models.CharField(max_length=300, blank=True)
    origin = models.CharField(max_length=12, default="editor")  # editor, file, api, restored
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ("rotation", "-number")
        constraints = (models.UniqueConstraint(fields=["rotation", "number"], name="rotation_version_once"),)

    def __str__(self) -> str:
        return f"{self.rotation.slug} v{self.number}"


class ShiftSwap(models.Model):
    """One person's shift for another's, or for nothing. It counts once the other has accepted."""

    class Status(models.TextChoices):
        ASKED = "asked", "Asked"
        ACCEPTED = "accepted", "Accepted"
        DECLINED = "declined", "Declined"
        WITHDRAWN = "withdrawn", "Withdrawn"
        UNDONE = "undone", "Undone"  # an edit took one of the shifts away

    rotation = models.ForeignKey(Rotation, on_delete=models.CASCADE, related_name="swaps")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="swaps_asked")
    asked = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="swaps_to_answer")
    status = models.CharField(max_length=10, choices=Status, default=Status.ASKED)
    reason = models.CharField(max_length=300, blank=True)
    seat = models.CharField(max_length=40)
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    # What the other gives in return; all empty when it is only taken over.
    return_seat = models.CharField(max_length=40, blank=True)
    return_begins_at = models.DateTimeField(null=True)
    return_ends_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    why = models.CharField(max_length=300, blank=True)  # of the end: the other's words, or what an edit did

    class Meta:
        ordering = ("-pk",)
        constraints = (
            models.CheckConstraint(condition=Q(begins_at__lt=F("ends_at")), name="swap_has_length"),
            models.CheckConstraint(condition=~Q(asked_by=F("asked")), name="swap_between_two"),
        )
        indexes = (models.Index(fields=["asked"], condition=Q(status="asked"), name="swap_to_answer"),)

    def __str__(self) -> str:
        return f"swap {self.pk} in {self.rotation_id}"

    @property
    def is_two_way(self) -> bool:
        return self.return_begins_at is not None


class RotationOverrideQuerySet(models.QuerySet["RotationOverride"]):
    def counting(self) -> Self:
        """Those that replace somebody for any time at all."""
        return self.filter(Q(cancelled_at=None) | Q(cancelled_at__gt=F("begins_at")))


class RotationOverride(models.Model):
    """For a time somebody else holds a seat. A cancelled one counts up to then, so that the past stays as it was."""

    rotation = models.ForeignKey(Rotation, on_delete=models.CASCADE, related_name="overrides")
    seat = models.CharField(max_length=40)  # its key in the version's document
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    # Only where this one would hold it; None: whoever it would be.
    instead_of = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    swap = models.ForeignKey(ShiftSwap, null=True, on_delete=models.CASCADE, related_name="overrides")
    reason = models.CharField(max_length=300, blank=True)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    made_at = models.DateTimeField()
    cancelled_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    cancelled_at = models.DateTimeField(null=True)
    objects = RotationOverrideQuerySet.as_manager()

    class Meta:
        ordering = ("begins_at", "pk")
        constraints = (models.CheckConstraint(condition=Q(begins_at__lt=F("ends_at")), name="override_has_length"),)
        indexes = (models.Index(fields=["rotation", "ends_at"], name="override_by_end"),)

    def __str__(self) -> str:
        return f"override {self.pk} of {self.rotation_id}"

    @property
    def counts_until(self) -> datetime:
        return min(self.ends_at, self.cancelled_at) if self.cancelled_at is not None else self.ends_at


class ImportedCalendar(models.Model):
    """A calendar elsewhere that says who is on call. The last good copy counts until a newer one is read."""

    rotation = models.ForeignKey(Rotation, on_delete=models.CASCADE, related_name="calendars")
    key = models.SlugField(max_length=40)
    url = EncryptedTextField()  # such an address is the key to the calendar
    zone = models.CharField(max_length=60, default="UTC")  # of times that name none
    # [from, to, person's id or null, the name in the calendar], in order and apart; the past stays as it was read.
    spans = models.JSONField(default=list)
    unmatched = models.JSONField(default=list)  # [name, number of shifts] nobody here could be found for
    said = models.JSONField(default=list)  # sentences on what else was passed over
    names = models.JSONField(default=dict)  # name in the calendar -> username, chosen by a person
    etag = models.CharField(max_length=200, blank=True)
    fetched_at = models.DateTimeField(null=True)  # the last good copy
    tried_at = models.DateTimeField(null=True)
    next_fetch_at = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("rotation", "key")
        constraints = (models.UniqueConstraint(fields=["rotation", "key"], name="imported_calendar_once"),)
        indexes = (models.Index(fields=["next_fetch_at"], name="calendar_to_fetch"),)

    def __str__(self) -> str:
        return f"calendar {self.key} of {self.rotation_id}"


class CalendarLink(models.Model):
    """An address without login under which a calendar reads on-call shifts. The address is signed; the row holds only a
    part of it, so that a copy of the database opens nothing.
    """

    class Kind(models.TextChoices):
        PERSON = "person", "My shifts"
        ROTATION = "rotation", "One rotation"
        TEAM = "team", "A team"

    lookup = models.CharField(max_length=40, unique=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="calendar_links")
    kind = models.CharField(max_length=8, choices=Kind)
    rotation = models.ForeignKey(Rotation, null=True, on_delete=models.CASCADE, related_name="links")
    team = models.ForeignKey(Team, null=True, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-pk",)
        constraints = (
            models.CheckConstraint(
                condition=Q(kind="person", rotation=None, team=None)
                | Q(kind="rotation", rotation__isnull=False, team=None)
                | Q(kind="team", rotation=None, team__isnull=False),
                name="calendar_link_of_one_thing",
            ),
            models.UniqueConstraint(
                fields=["owner", "kind", "rotation", "team"], condition=Q(revoked_at=None), nulls_distinct=False,
                name="calendar_link_one_live",
            ),
        )  # fmt: skip

    def __str__(self) -> str:
        return f"calendar link {self.pk}"
