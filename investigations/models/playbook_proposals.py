"""What a playbook could learn from a correction, until a person decides."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models

from investigations.models.investigations import Feedback
from investigations.models.playbooks import PlaybookVersion


class PlaybookProposalQuerySet(models.QuerySet["PlaybookProposal"]):
    def open(self) -> Self:
        return self.filter(status=PlaybookProposal.Status.OPEN)

    def of(self, key: str) -> Self:
        """Those of a playbook, newest first, with what their pages tell."""
        return self.filter(playbook_key=key).with_case().order_by("-pk")

    def with_case(self) -> Self:
        return self.select_related("base", "decided_by", "feedback__investigation__ticket", "feedback__user")

    def by_ref(self, ref: str) -> Self:
        """The one that people call `PB-12`; none for another text."""
        number = ref.removeprefix("PB-")
        is_ref = ref.startswith("PB-") and number.isascii() and number.isdecimal() and len(number) < 10
        return self.filter(pk=int(number)) if is_ref else self.none()


class PlaybookProposal(models.Model):
    """A correction of a diagnosis, read as a change of the playbook that made it. Nothing of it is in force by itself.

    It belongs to the installation as playbooks do: it holds labels, weights and numbers, and nothing of the ticket.
    """

    class Kind(models.TextChoices):
        CHANGE = "change", "Other weights"
        ELSEWHERE = "elsewhere", "A cause of another playbook"
        MISSING = "missing", "A cause that no playbook knows"

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        TAKEN = "taken", "Taken into a draft"
        DISMISSED = "dismissed", "Dismissed"
        OUTDATED = "outdated", "Outdated"

    feedback = models.OneToOneField(Feedback, on_delete=models.CASCADE, related_name="proposal")
    playbook_key = models.SlugField(max_length=60)
    base = models.ForeignKey(PlaybookVersion, on_delete=models.PROTECT, related_name="+")  # in force when it was made
    kind = models.CharField(max_length=10, choices=Kind)
    status = models.CharField(max_length=10, choices=Status, default=Status.OPEN)
    #: Each repairs the case and breaks none, the least change first: [{"edits", "after", "past", "diff"}].
    changes = models.JSONField(default=list)
    #: The case as it is, what was tried and what it was checked on; see `services.playbook_repairs`.
    effect = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    decided_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=500, blank=True)
    objects = PlaybookProposalQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        indexes = (models.Index(fields=["playbook_key", "status"], name="playbook_proposal_of"),)

    def __str__(self) -> str:
        return self.ref

    @property
    def ref(self) -> str:
        return f"PB-{self.pk}"

    @property
    def is_open(self) -> bool:
        return self.status == self.Status.OPEN
