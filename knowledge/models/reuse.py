"""Entries at work: on which tickets they were used and whether they helped, and what each closed ticket left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from investigations.models import Ticket
from knowledge.models.entries import Entry

if TYPE_CHECKING:
    from altor.models import User


class EntryUse(models.Model):
    """One entry on one ticket. Reuse is review (KCS): what came of it moves the entry's confidence."""

    class Verdict(models.TextChoices):
        NONE = "", "Nobody has said"
        HELPED = "helped", "It helped"
        FAILED = "failed", "It did not hold"

    entry = models.ForeignKey(Entry, on_delete=models.CASCADE, related_name="uses")
    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="entry_uses")
    verdict = models.CharField(max_length=6, choices=Verdict, blank=True)
    is_own = models.BooleanField(default=False)  # by somebody who wrote it: no proof
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ("-pk",)
        constraints = (models.UniqueConstraint(fields=["entry", "ticket"], name="entry_use_once"),)
        indexes = (models.Index(fields=["entry", "verdict", "-at"], name="entry_use_verdict"),)

    def __str__(self) -> str:
        return f"{self.entry_id} on {self.ticket_id}: {self.verdict}"


class LearnedQuerySet(models.QuerySet["Learned"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(ticket__in=Ticket.objects.visible_to(user))


class Learned(models.Model):
    """What a closed ticket left behind, as a person said. Asked once per closing and never forced."""

    class How(models.TextChoices):
        LINKED = "linked", "An entry says it already"
        IMPROVED = "improved", "An entry was improved"
        DRAFT = "draft", "A new entry was drafted"
        NOTHING = "nothing", "Nothing to learn"

    class Why(models.TextChoices):
        """Why there is nothing to learn."""

        QUESTION = "question", "A question, no incident"
        ONE_OFF = "one_off", "It will not happen again"
        CUSTOMER = "customer", "On the customer's side"
        UNKNOWN = "unknown", "The cause was not found"
        OTHER = "other", "Something else"

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="learned")
    resolved_at = models.DateTimeField()  # of the closing that it is about
    how = models.CharField(max_length=8, choices=How)
    why = models.CharField(max_length=8, choices=Why, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    entry = models.ForeignKey(Entry, null=True, on_delete=models.PROTECT, related_name="learned")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField()
    objects = LearnedQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        verbose_name_plural = "learned"
        constraints = (
            models.UniqueConstraint(fields=["ticket", "resolved_at"], name="learned_once"),
            models.CheckConstraint(
                condition=Q(how="nothing", entry=None) | (~Q(how="nothing") & Q(entry__isnull=False)),
                name="learned_names_its_entry",
            ),
        )

    def __str__(self) -> str:
        return f"{self.ticket_id} {self.how}"
