"""Entries that were asked for: inside investigations, and on a schedule ("is it back?")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models

from investigations.models import Customer, Investigation
from knowledge.models.entries import Entry

if TYPE_CHECKING:
    from altor.models import User


class Answered(models.TextChoices):
    """What a detection query said."""

    FIRED = "fired", "It is there"
    QUIET = "quiet", "It is not there"
    UNKNOWN = "unknown", "Could not be checked"
    UNASKED = "unasked", "Near by its words"  # its query was not asked, or it has none


class State(models.TextChoices):
    """What a recognition is worth beside the run's own diagnosis."""

    RECOGNISED = "recognised", "This is it"
    POSSIBLE = "possible", "It may be this"
    ELSEWHERE = "elsewhere", "Its signs are there, the cause is another"
    QUIET = "quiet", "It is not there"
    UNKNOWN = "unknown", "Could not be checked"
    NEAR = "near", "Near by its words"


class RecognitionQuerySet(models.QuerySet["Recognition"]):
    def visible_to(self, user: User) -> Self:
        """Of runs and of entries that the person may read."""
        return self.filter(
            entry__in=Entry.objects.visible_to(user), investigation__in=Investigation.objects.visible_to(user)
        )

    def with_context(self) -> Self:
        return self.select_related("entry", "investigation", "investigation__ticket")


class Recognition(models.Model):
    """What the detection query of an entry said during a run, or that it is near by its words. The run's diagnosis does
    not read it.
    """

    entry = models.ForeignKey(Entry, on_delete=models.CASCADE, related_name="recognitions")
    investigation = models.ForeignKey(Investigation, on_delete=models.CASCADE, related_name="recognitions")
    version = models.PositiveIntegerField()  # of the entry
    query = models.CharField(max_length=16)  # digest of the detection query: a changed one begins anew
    answered = models.CharField(max_length=7, choices=Answered)
    state = models.CharField(max_length=10, choices=State, blank=True)  # since the run has ended
    says = models.CharField(max_length=500, blank=True)  # the finding, or why it could not be checked
    error_kind = models.CharField(max_length=12, blank=True)  # as of a step
    facts = models.JSONField(default=dict)
    requests = models.JSONField(default=list)  # as sent, see RequestRecord
    columns = models.JSONField(default=list)
    rows = models.JSONField(default=list)  # at most twenty
    row_count = models.PositiveIntegerField(null=True)
    truncated = models.BooleanField(default=False)
    seconds = models.FloatField()
    at = models.DateTimeField()
    objects = RecognitionQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        constraints = (models.UniqueConstraint(fields=["investigation", "entry"], name="recognition_once"),)
        indexes = (
            models.Index(fields=["entry", "answered", "-at"], name="recognition_latest"),
            models.Index(fields=["answered", "-at"], name="recognition_of_today"),
        )

    def __str__(self) -> str:
        return f"{self.entry_id} in {self.investigation_id}: {self.answered}"


class Standing(models.Model):
    """How often an entry was recognised rightly, with the detection query that it has now."""

    entry = models.OneToOneField(Entry, on_delete=models.CASCADE, related_name="standing")
    query = models.CharField(max_length=16)
    right = models.PositiveIntegerField(default=0)  # tickets
    wrong = models.PositiveIntegerField(default=0)
    open = models.PositiveIntegerField(default=0)  # nobody has said yet
    unsaid = models.PositiveIntegerField(default=0)  # of `wrong`: by the cause that was found, not by a verdict
    rests = models.BooleanField(default=False)  # it misfires: it is not asked for until its query changes
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.entry_id}: {self.right} right, {self.wrong} wrong"


class Watch(models.Model):
    """The detection query of an entry, asked again and again. One that speaks of one customer asks for those whose
    tickets had the cause.
    """

    entry = models.OneToOneField(Entry, on_delete=models.CASCADE, related_name="watch")
    every_hours = models.PositiveSmallIntegerField()  # 0: it rests
    due_at = models.DateTimeField()
    answered = models.CharField(max_length=7, choices=Answered, blank=True)  # the last time
    says = models.CharField(max_length=500, blank=True)
    since = models.DateTimeField(null=True)  # of this answer
    asked_at = models.DateTimeField(null=True)
    failures = models.PositiveSmallIntegerField(default=0)  # one after the other
    error = models.CharField(max_length=500, blank=True)

    class Meta:
        verbose_name_plural = "watches"
        indexes = (models.Index(fields=["due_at"], name="watch_due", condition=~models.Q(every_hours=0)),)

    def __str__(self) -> str:
        return f"{self.entry_id} every {self.every_hours} h"


class Sighting(models.Model):
    """The cause was there, for a customer or (None) for everybody: from the first time it was seen to the last."""

    entry = models.ForeignKey(Entry, on_delete=models.CASCADE, related_name="sightings")
    customer = models.ForeignKey(Customer, null=True, on_delete=models.CASCADE, related_name="+")
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)  # asked again and not there
    says = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ("-pk",)
        constraints = (
            models.UniqueConstraint(
                fields=["entry", "customer"], condition=models.Q(ended_at=None), nulls_distinct=False,
                name="sighting_open_once",
            ),
        )  # fmt: skip

    def __str__(self) -> str:
        return f"{self.entry_id} {self.customer_id or 'everybody'} since {self.first_at}"
