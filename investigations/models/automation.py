"""Rules of automatic investigations in versions, their kill switch, and what was decided about each ticket."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q

from investigations.models.investigations import Investigation
from investigations.models.tickets import Ticket

#: A place in a quota is one of a rolling hour.
HOUR: Final = timedelta(hours=1)
#: A place whose run has not come by then is given back: no playbook covers the ticket, or its worker was killed.
FILLED_WITHIN: Final = timedelta(minutes=5)


class AutomationVersion(models.Model):
    """One version of the whole rule set; the newest is in force. The database refuses to change one."""

    number = models.PositiveIntegerField(unique=True)
    data = models.JSONField()  # investigations.automation.rules.RuleSet
    comment = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ("-number",)

    def __str__(self) -> str:
        return f"v{self.number}"


class AutomationSwitch(models.Model):
    """One use of the kill switch; the newest row tells how it stands, none means: on."""

    is_on = models.BooleanField()
    reason = models.CharField(max_length=300)
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    cancelled = models.PositiveIntegerField(default=0)  # queued runs that went with it

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return "on" if self.is_on else "off"


class AutomationDecisionQuerySet(models.QuerySet["AutomationDecision"]):
    def with_run_known(self) -> Self:
        """Adds `has_run`: the run that the place was for is named, or an automatic run of the ticket came since."""
        runs = Investigation.objects.filter(
            ticket=OuterRef("ticket"), trigger="ticket", queued_at__gte=OuterRef("at") - timedelta(seconds=1)
        )
        return self.alias(has_run=Q(run__isnull=False) | Exists(runs))

    def holding(self, now: datetime) -> Self:
        """Places of the last hour: their run has come, or may still come."""
        taken = self.filter(outcome=AutomationDecision.Outcome.ADMITTED, at__gt=now - HOUR).with_run_known()
        return taken.filter(Q(has_run=True) | Q(at__gt=now - FILLED_WITHIN))

    def open_places(self, now: datetime) -> Self:
        """Places whose run has not come yet."""
        taken = self.filter(outcome=AutomationDecision.Outcome.ADMITTED, at__gt=now - FILLED_WITHIN)
        return taken.with_run_known().filter(has_run=False)

    def waiting(self) -> Self:
        return self.filter(outcome=AutomationDecision.Outcome.WAITING)


class AutomationDecision(models.Model):
    """What the rules said about a ticket as it stood, and what became of it."""

    class Mode(models.TextChoices):
        WATCH = "watch", "Watched"
        SUGGEST = "suggest", "Suggested"
        AUTOMATIC = "automatic", "Automatic"

    class Outcome(models.TextChoices):
        NONE = "", "Nothing to start"
        ADMITTED = "admitted", "May run"  # took a place in the quota
        WAITING = "waiting", "Waits for the quota"
        LAPSED = "lapsed", "Not run"  # waited for an hour, or the ticket did not need it any more

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="automation_decisions")
    state = models.CharField(max_length=16)  # digest of what the ticket claimed: another state may run again
    at = models.DateTimeField()
    mode = models.CharField(max_length=10, choices=Mode)
    rule_key = models.CharField(max_length=40, blank=True)  # "" = the default decided
    rule_title = models.CharField(max_length=120, blank=True)
    version = models.PositiveIntegerField(default=0)  # of the rules; 0 = as shipped
    reason = models.CharField(max_length=400)
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True)
    run = models.ForeignKey(Investigation, null=True, on_delete=models.SET_NULL, related_name="+")
    objects = AutomationDecisionQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        indexes = (
            models.Index(fields=["ticket", "-id"], name="decision_of_ticket"),
            models.Index(fields=["outcome", "at"], name="decision_place"),
        )
        constraints = (
            # A ticket waits once: a newer decision takes the place of the one that waits.
            models.UniqueConstraint(
                fields=["ticket"], condition=models.Q(outcome="waiting"), name="decision_waits_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.mode} for {self.ticket_id}"
