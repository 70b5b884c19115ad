"""Playbooks as immutable versions."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models


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
