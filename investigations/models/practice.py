"""Practice: a person's try at naming the cause of a closed ticket, before seeing what Altor and the team found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from altor.roles import Role
from investigations.models.investigations import Feedback, Investigation

if TYPE_CHECKING:
    from altor.models import User


class PracticeTryQuerySet(models.QuerySet["PracticeTry"]):
    def visible_to(self, user: User) -> Self:
        """Own tries; leads and administrators also those of others at tickets that they may open themselves."""
        if not user.is_active:
            return self.none()
        own = Q(person=user.pk)
        if user.role in (Role.LEAD, Role.ADMIN):
            return self.filter(own | Q(run__in=Investigation.objects.visible_to(user)))
        return self.filter(own)


class PracticeTry(models.Model):
    """One answer of one person. `grade` is against what was known at that moment; `truth` says what that was."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    run = models.ForeignKey(Investigation, on_delete=models.CASCADE, related_name="+")
    token = models.UUIDField(unique=True)  # of the form: a double click is one try
    label = models.CharField(max_length=60)
    scope = models.CharField(max_length=20)
    next_step = models.TextField(blank=True)
    confidence = models.FloatField(null=True)  # 0 to 1
    truth = models.CharField(max_length=60)
    is_of_team = models.BooleanField()  # whether the truth is a finding of the team, else Altor's diagnosis
    grade = models.CharField(max_length=8, choices=Feedback.Grade)
    at = models.DateTimeField(auto_now_add=True)
    objects = PracticeTryQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        indexes = (models.Index(fields=["person", "-id"]),)

    def __str__(self) -> str:
        return f"{self.label} of {self.run_id}"
