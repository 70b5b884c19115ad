"""Contracts with their immutable versions."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q


class Contract(models.Model):
    """One contract; what it says are its versions'."""

    key = models.SlugField(max_length=60, unique=True)
    title = models.CharField(max_length=120)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("key",)

    def __str__(self) -> str:
        return self.title


class ContractVersionQuerySet(models.QuerySet["ContractVersion"]):
    def active(self) -> Self:
        return self.filter(is_active=True)


class ContractVersion(models.Model):
    """A contract as it was written, once and for all: a database trigger refuses changes of all but `is_active`."""

    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    source_yaml = models.TextField()  # as written, with comments
    document = models.JSONField()  # what was read from it
    sha256 = models.CharField(max_length=64)  # over the document
    is_active = models.BooleanField(default=False)
    origin = models.CharField(max_length=12, default="editor")  # library, file, editor
    comment = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    objects = ContractVersionQuerySet.as_manager()

    class Meta:
        ordering = ("contract", "-number")
        constraints = (
            models.UniqueConstraint(fields=["contract", "number"], name="contract_version_once"),
            models.UniqueConstraint(
                fields=["contract"], condition=Q(is_active=True), name="contract_one_active_version"
            ),
        )

    def __str__(self) -> str:
        return f"{self.contract.key} v{self.number}"
