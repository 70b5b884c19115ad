"""Versions of the model of the installation's own tickets, and whether it may be used."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class TextModel(models.Model):
    """One training: what it learned from, how it did on newer tickets, and its weights. Never changed afterwards."""

    made_at = models.DateTimeField()
    data_version = models.CharField(max_length=64)  # of the labelled tickets, the rules' scores and the first look
    is_better = models.BooleanField()  # than the rules alone, on the tickets held back
    why = models.CharField(max_length=500)
    figures = models.JSONField()  # textmodel.judging.Verdict
    # textmodel.model.WordWeights learned from all tickets; null when there was too little to learn. Plain numbers and
    # words: nothing of it is ever run.
    document = models.JSONField(null=True)
    seconds = models.FloatField()
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"v{self.pk}"


class TextModelSwitch(models.Model):
    """The one row that says whether people let the model speak. Off counts at once, for runs under way too."""

    is_allowed = models.BooleanField(default=True)
    reason = models.CharField(max_length=300, blank=True)
    changed_at = models.DateTimeField(null=True)
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = (models.CheckConstraint(condition=models.Q(pk=1), name="text_model_switch_once"),)

    def __str__(self) -> str:
        return "allowed" if self.is_allowed else "switched off"
