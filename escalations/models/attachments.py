"""Files that people attach to items of a ticket's checklist. The bytes lie in the database, beside what erases them."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from escalations.models.escalations import Escalation
from escalations.models.nonces import fresh_nonce
from investigations.models import Ticket

if TYPE_CHECKING:
    from altor.models import User


class AttachedFileQuerySet(models.QuerySet["AttachedFile"]):
    def visible_to(self, user: User) -> Self:
        """Files of tickets the person may open, and of tickets whose escalation they may read."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        read = Escalation.objects.visible_to(user).values("ticket")
        return self.filter(Q(ticket__in=Ticket.objects.visible_to(user).values("pk")) | Q(ticket__in=read))

    def by_ident(self, ident: str) -> Self:
        """The file of that name in addresses (32 hexadecimal digits), or none when the text is no such name."""
        try:
            found = uuid.UUID(hex=ident) if len(ident) == 32 else None
        except ValueError:
            found = None
        return self.filter(public_id=found) if found is not None else self.none()


class AttachedFile(models.Model):
    """One file of a ticket, as it is handed out: texts are redacted before they are stored."""

    class Kind(models.TextChoices):
        TEXT = "text", "Text"
        JSON = "json", "JSON"
        HAR = "har", "HAR"
        CSV = "csv", "CSV"
        PNG = "png", "PNG image"
        JPEG = "jpeg", "JPEG image"
        PDF = "pdf", "PDF"
        GZIP = "gzip", "gzip archive"
        ZIP = "zip", "zip archive"

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="attached_files")
    public_id = models.UUIDField(unique=True, default=fresh_nonce, editable=False)
    name = models.CharField(max_length=120)  # redacted
    kind = models.CharField(max_length=4, choices=Kind)
    size = models.PositiveIntegerField()  # bytes
    sha256 = models.CharField(max_length=64)  # of `content`
    is_redacted = models.BooleanField()  # False: an image, a document or an archive, which is kept as it came
    content = models.BinaryField()
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    added_at = models.DateTimeField()
    objects = AttachedFileQuerySet.as_manager()

    class Meta:
        ordering = ("pk",)
        constraints = (models.UniqueConstraint(fields=["ticket", "sha256"], name="attached_file_once_per_ticket"),)

    def __str__(self) -> str:
        return self.ident

    @property
    def ident(self) -> str:
        """What it is called in addresses, packets and the audit log."""
        return self.public_id.hex


class ItemFile(models.Model):
    """A file that supplies an item of the checklist. The same file may supply several."""

    file = models.ForeignKey(AttachedFile, on_delete=models.CASCADE, related_name="items")
    item = models.CharField(max_length=60)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ("pk",)
        constraints = (models.UniqueConstraint(fields=["file", "item"], name="item_file_once"),)

    def __str__(self) -> str:
        return f"{self.item}: {self.file_id}"
