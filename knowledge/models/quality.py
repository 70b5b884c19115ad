"""What tells how well the knowledge base serves: searches, votes, measurements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models

from knowledge.models.entries import Entry

if TYPE_CHECKING:
    from collections.abc import Mapping


class SearchLog(models.Model):
    """A search as somebody ended it: what is typed letter by letter is one. Words are kept without personal data."""

    class Door(models.TextChoices):
        PAGE = "page", "Page"
        API = "api", "REST"
        ASSISTANT = "mcp", "Assistant"

    words = models.CharField(max_length=300)
    folded = models.CharField(max_length=300)  # the same for searches that differ in case and spaces only
    door = models.CharField(max_length=4, choices=Door)
    found = models.PositiveSmallIntegerField()  # entries that the person could read
    is_filtered = models.BooleanField(default=False)
    opened = models.ForeignKey(Entry, null=True, on_delete=models.SET_NULL, related_name="+")
    is_refined = models.BooleanField(default=False)  # nothing was opened, and other words were tried
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ("-pk",)
        indexes = (
            models.Index(fields=["by", "door", "-at"], name="search_log_of"),
            models.Index(fields=["-at"], name="search_log_latest"),
        )

    def __str__(self) -> str:
        return self.words


class EntryVote(models.Model):
    """Whether a reader found an entry helpful: their last word on each version."""

    entry = models.ForeignKey(Entry, on_delete=models.CASCADE, related_name="votes")
    version = models.PositiveIntegerField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    is_helpful = models.BooleanField()
    comment = models.CharField(max_length=500, blank=True)  # what is wrong or missing
    at = models.DateTimeField()

    class Meta:
        ordering = ("-pk",)
        constraints = (models.UniqueConstraint(fields=["entry", "version", "by"], name="entry_vote_once"),)

    def __str__(self) -> str:
        return f"{self.entry_id} v{self.version}: {'helpful' if self.is_helpful else 'not helpful'}"


class Measurement(models.Model):
    """How well the search found the entries of this installation's own resolved tickets, at one time."""

    at = models.DateTimeField(unique=True)
    pairs = models.PositiveIntegerField()  # tickets with the entries that were linked to them
    entries = models.PositiveIntegerField()
    model = models.CharField(max_length=60, blank=True)  # "" by words alone
    figures = models.JSONField()  # nDCG@10, success@1, success@5, MRR@10: 0 to 1; p50 and p95: ms

    class Meta:
        ordering = ("-at",)

    def __str__(self) -> str:
        return f"{self.at}: {self.pairs} pairs"

    @property
    def shown(self) -> Mapping[str, Any]:
        """The figures under names that a template can read."""
        return {name.replace("@", "_"): value for name, value in self.figures.items()}
