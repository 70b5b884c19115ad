"""Escalations: what was handed to engineering, under which contract, and what became of it."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from altor.models import Team
from altor.roles import Role
from escalations.models.contracts import ContractVersion
from escalations.models.linear import TrackedIssue
from escalations.models.nonces import fresh_nonce
from investigations.models import Investigation, Ticket

if TYPE_CHECKING:
    from altor.models import User


def reaching(user: User, prefix: str = "") -> Q:
    """Escalations that reached an engineer: by name, by team or, where nobody is named, all. `prefix` leads to them."""
    names = {
        "owner_person": user, "accepted_by": user, "owner_team__memberships__user": user,
    }  # fmt: skip
    found = Q(**{f"{prefix}owner_team": None, f"{prefix}owner_person": None})
    for name, value in names.items():
        found |= Q(**{f"{prefix}{name}": value})
    return found


class EscalationQuerySet(models.QuerySet["Escalation"]):
    def visible_to(self, user: User) -> Self:
        """Those of tickets the person may open, and for engineers those that reached them: by name, by team or, when
        nobody is named, all.
        """
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.role == Role.ADMIN:
            return self
        if user.role == Role.ENGINEER:
            found = reaching(user) | Q(ticket__owner=user)
        else:
            open_to = Ticket.objects.visible_to(user)
            found = Q(ticket__in=open_to) | Q(links__ticket__in=open_to)
        return self.filter(pk__in=self.model.objects.filter(found).values("pk"))

    def by_ref(self, ref: str) -> Self:
        """The escalation called `ESC-57`, or none when the text is no such reference."""
        prefix, _, number = ref.partition("-")
        is_one = prefix == "ESC" and number.isdecimal() and len(number) < 18
        return self.filter(pk=int(number)) if is_one else self.none()

    def open(self) -> Self:
        """Sent, and not yet at its end."""
        return self.filter(status__in=OPEN)

    def due(self, now: datetime) -> Self:
        """Whose clocks have something to tell by `now`."""
        return self.filter(next_look_at__lte=now)

    def with_context(self) -> Self:
        return self.select_related(
            "ticket", "ticket__customer", "ticket__team", "ticket__owner", "run", "version__contract", "owner_team",
            "owner_person", "accepted_by", "sent_by", "issue",
        )  # fmt: skip


class Escalation(models.Model):
    """One escalation of one cause. Other tickets of the same cause are joined to it. People call it ESC-<id>."""

    class Status(models.TextChoices):
        SENT = "sent", "Sent"
        ACKNOWLEDGED = "acknowledged", "Acknowledged"
        ACCEPTED = "accepted", "Accepted"
        IN_PROGRESS = "in_progress", "In progress"
        RESOLVED = "resolved", "Resolved"
        VERIFIED = "verified", "Verified with the customer"
        REJECTED = "rejected", "Returned"
        WITHDRAWN = "withdrawn", "Withdrawn"

    class Rejection(models.TextChoices):
        """Why engineering returned it."""

        MISSING = "missing_evidence", "Evidence is missing"
        WRONG_OWNER = "wrong_owner", "Not ours: wrong owner"
        NOT_A_BUG = "not_a_bug", "Not a bug"
        DUPLICATE = "duplicate", "Duplicate"
        AVOIDABLE = "avoidable", "Support could have resolved it"

    class Completeness(models.TextChoices):
        """What the checklist said at sending, by the weakest item."""

        EVIDENCE = "evidence", "Complete by evidence"
        ANSWERS = "answers", "Complete with answers"
        TRIED = "tried", "Complete but for sources that were down"
        PROVISIONAL = "provisional", "Sent provisionally"
        OVERRIDDEN = "overridden", "Sent past its contract"

    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="escalations")
    run = models.ForeignKey(Investigation, on_delete=models.PROTECT, related_name="escalations")
    version = models.ForeignKey(ContractVersion, on_delete=models.PROTECT, related_name="escalations")
    # What makes two escalations the same for engineering, see `escalations.lifecycle.causes`.
    cause = models.CharField(max_length=200)
    title = models.CharField(max_length=300)
    severity = models.CharField(max_length=4)
    proposed_severity = models.CharField(max_length=4, blank=True)  # by the diagnosis
    severity_why = models.TextField(blank=True)
    status = models.CharField(max_length=12, choices=Status, default=Status.SENT)
    completeness = models.CharField(max_length=12, choices=Completeness)
    checklist = models.JSONField(default=list)  # as it stood at sending, see `checklist.Checked.as_dict`
    override_reason = models.TextField(blank=True)
    note = models.TextField(blank=True)  # of the sender to the engineer; redacted
    packet = models.JSONField(default=dict)  # the frozen copy
    issue = models.ForeignKey(TrackedIssue, null=True, on_delete=models.SET_NULL, related_name="escalations")
    # The one of the ticket that was returned or taken back before this one was sent.
    after = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="followed_by")
    # Of the page it was sent from: the same page never sends two.
    token = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    link_nonce = models.UUIDField(default=fresh_nonce, editable=False)  # of its signed link
    owner_team = models.ForeignKey(Team, null=True, on_delete=models.SET_NULL, related_name="+")
    owner_person = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    accepted_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    rejection = models.CharField(max_length=16, choices=Rejection, blank=True)
    sent_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    sent_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)  # resolved, returned or withdrawn
    # Kept for lists; each can be computed again from the history.
    acknowledge_by = models.DateTimeField(null=True)
    update_by = models.DateTimeField(null=True)
    resolve_by = models.DateTimeField(null=True)
    is_broken = models.BooleanField(default=False)  # some window was
    waits_for = models.CharField(max_length=8, blank=True)  # support, customer: who is asked at the moment
    next_look_at = models.DateTimeField(null=True)  # when its clocks have something to tell
    revision = models.PositiveIntegerField(default=1)
    objects = EscalationQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        constraints = (
            models.UniqueConstraint(
                fields=["cause"],
                condition=Q(status__in=["sent", "acknowledged", "accepted", "in_progress"]),
                name="escalation_one_open_per_cause",
            ),
        )
        indexes = (
            models.Index(fields=["next_look_at"], condition=Q(next_look_at__isnull=False), name="escalation_due"),
            models.Index(fields=["status", "-id"], name="escalation_by_status"),
        )

    def __str__(self) -> str:
        return self.ref

    @property
    def ref(self) -> str:
        return f"ESC-{self.pk}"

    @property
    def is_open(self) -> bool:
        return self.status in OPEN


#: Sent, and not at an end.
OPEN = (
    Escalation.Status.SENT,
    Escalation.Status.ACKNOWLEDGED,
    Escalation.Status.ACCEPTED,
    Escalation.Status.IN_PROGRESS,
)


class EscalationTicket(models.Model):
    """A ticket that an escalation is for: the first, and those that joined."""

    escalation = models.ForeignKey(Escalation, on_delete=models.CASCADE, related_name="links")
    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="escalation_links")
    run = models.ForeignKey(Investigation, null=True, on_delete=models.SET_NULL, related_name="+")
    linked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    linked_at = models.DateTimeField()

    class Meta:
        ordering = ("pk",)
        constraints = (models.UniqueConstraint(fields=["escalation", "ticket"], name="escalation_ticket_once"),)

    def __str__(self) -> str:
        return f"{self.ticket_id} in ESC-{self.escalation_id}"


class ChecklistAnswer(models.Model):
    """What a person said to an item that the investigation does not hold. The newest counts; none is changed."""

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="checklist_answers")
    item = models.CharField(max_length=60)
    text = models.TextField()  # redacted
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ("pk",)
        indexes = (models.Index(fields=["ticket", "item", "-id"], name="checklist_answer_newest"),)

    def __str__(self) -> str:
        return f"{self.item} of {self.ticket_id}"


class EscalationEvent(models.Model):
    """What happened to an escalation. Append-only: a database trigger refuses changes. Clocks are read from it."""

    class What(models.TextChoices):
        SENT = "sent", "Sent"
        JOINED = "joined", "Another ticket joined"
        ACKNOWLEDGED = "acknowledged", "Acknowledged"
        ACCEPTED = "accepted", "Accepted"
        STARTED = "started", "Work began"
        REJECTED = "rejected", "Returned"
        ASKED = "asked", "Waits for an answer"
        ANSWERED = "answered", "Answered"
        UPDATED = "updated", "Update"
        SEVERITY = "severity", "Severity changed"
        OWNER = "owner", "Owner changed"
        RESOLVED = "resolved", "Resolved"
        REOPENED = "reopened", "Open again"
        VERIFIED = "verified", "Verified with the customer"
        WITHDRAWN = "withdrawn", "Withdrawn"
        ADDED = "added", "Added to the packet"
        CLIMBED = "climbed", "Told further up"
        WARNED = "warned", "A window is nearly over"
        BROKEN = "broken", "A window is over"
        JUDGED = "judged", "Judged by engineering"
        ISSUE = "issue", "Linear"

    escalation = models.ForeignKey(Escalation, on_delete=models.CASCADE, related_name="history")
    what = models.CharField(max_length=12, choices=What)
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    via = models.CharField(max_length=12, default="page")  # page, widget, api, command, link, linear, clock
    text = models.TextField(blank=True)  # redacted
    data = models.JSONField(default=dict)
    # The same thing told twice is stored once.
    key = models.CharField(max_length=120, unique=True)

    class Meta:
        ordering = ("at", "pk")

    def __str__(self) -> str:
        return f"{self.what} of ESC-{self.escalation_id}"


class GapTask(models.Model):
    """What a provisional escalation still owes, and by when."""

    escalation = models.ForeignKey(Escalation, on_delete=models.CASCADE, related_name="gaps")
    item = models.CharField(max_length=60)
    title = models.CharField(max_length=200)
    due_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    late_at = models.DateTimeField(null=True)  # when it was told that it is late

    class Meta:
        ordering = ("due_at", "pk")
        constraints = (models.UniqueConstraint(fields=["escalation", "item"], name="escalation_gap_once"),)

    def __str__(self) -> str:
        return f"{self.item} of ESC-{self.escalation_id}"


class Verdict(models.Model):
    """What engineering says of an escalation: was the packet complete, was it avoidable. The newest counts."""

    escalation = models.ForeignKey(Escalation, on_delete=models.CASCADE, related_name="verdicts")
    is_complete = models.BooleanField()
    was_avoidable = models.BooleanField()
    comment = models.TextField(blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return f"verdict on ESC-{self.escalation_id}"


class EscalationDraft(models.Model):
    """What was filled in on a ticket's escalation and is not sent yet. One per ticket: whoever comes next goes on."""

    ticket = models.OneToOneField(Ticket, on_delete=models.CASCADE, related_name="escalation_draft")
    severity = models.CharField(max_length=4, blank=True)
    severity_why = models.TextField(blank=True)
    note = models.TextField(blank=True)
    token = models.UUIDField(default=uuid.uuid4)  # of the escalation it becomes
    saved_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    saved_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"draft on {self.ticket_id}"
