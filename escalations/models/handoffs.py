"""What goes from one shift to the next: the handoff of a person, and the open things in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from altor.models import Team
from altor.roles import Role
from escalations.models.escalations import Escalation
from escalations.models.oncall import Rotation
from investigations.models import Ticket

if TYPE_CHECKING:
    from datetime import datetime

    from altor.models import User


class HandoffSetting(models.Model):
    """Whether a team hands off at the ends of its shifts. Without a row: no."""

    team = models.OneToOneField(Team, on_delete=models.CASCADE, related_name="handoff_setting")
    is_on = models.BooleanField(default=False)
    since = models.DateTimeField()  # shifts that ended before were not handed off
    draft_before_min = models.PositiveIntegerField(default=30)  # minutes before the shift's end
    escalate_after_min = models.PositiveIntegerField(default=30)  # minutes from when somebody could accept

    def __str__(self) -> str:
        return f"handoffs of {self.team}"


class HandoffQuerySet(models.QuerySet["Handoff"]):
    def visible_to(self, user: User) -> Self:
        """One's own, and those of one's teams. What is in them follows the tickets, see `HandoffItemQuerySet`."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.role == Role.ADMIN:
            return self
        found = Q(outgoing=user) | Q(incoming=user)
        if user.role != Role.ENGINEER:
            found |= Q(team__memberships__user=user)
        return self.filter(pk__in=self.model.objects.filter(found).values("pk"))

    def open(self) -> Self:
        return self.filter(status__in=OPEN)

    def by_ref(self, ref: str) -> Self:
        """The handoff called `HO-12`, or none when the text is no such reference."""
        prefix, _, number = ref.partition("-")
        is_one = prefix == "HO" and number.isdecimal() and len(number) < 18
        return self.filter(pk=int(number)) if is_one else self.none()

    def with_context(self) -> Self:
        return self.select_related("rotation", "team", "outgoing", "incoming")


class Handoff(models.Model):
    """What `outgoing` gives to `incoming` when a shift ends. People call it HO-<id>.

    Until an item is accepted it stays with `outgoing`.
    """

    class Status(models.TextChoices):
        DRAFTED = "drafted", "Draft"
        SIGNED = "signed", "Signed"
        CLOSED = "closed", "Done"  # each item was decided
        DROPPED = "dropped", "Dropped"  # the shift does not end there any more

    rotation = models.ForeignKey(Rotation, on_delete=models.CASCADE, related_name="handoffs")
    seat = models.CharField(max_length=40)
    seat_name = models.CharField(max_length=80)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="handoffs")
    outgoing = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="handoffs_given")
    # None: nobody follows who could take it.
    incoming = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="handoffs_taken"
    )
    ends_at = models.DateTimeField()  # of the outgoing shift
    incoming_from = models.DateTimeField(null=True)  # when the shift of `incoming` begins
    status = models.CharField(max_length=8, choices=Status, default=Status.DRAFTED)
    note = models.TextField(blank=True)  # of the outgoing to the incoming; redacted
    drafted_at = models.DateTimeField()
    read_at = models.DateTimeField()  # when its items were last read from what they are
    signed_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    unaccepted_at = models.DateTimeField(null=True)  # when the leads were told
    # One more with each item that came or went: whoever signs has seen the same ones.
    revision = models.PositiveIntegerField(default=1)
    objects = HandoffQuerySet.as_manager()

    class Meta:
        ordering = ("-ends_at", "-pk")
        constraints = (
            models.UniqueConstraint(
                fields=["rotation", "seat", "ends_at"], condition=~Q(status="dropped"), name="handoff_once_per_end"
            ),
        )
        indexes = (
            models.Index(fields=["outgoing"], condition=Q(status__in=["drafted", "signed"]), name="handoff_to_give"),
            models.Index(fields=["incoming"], condition=Q(status__in=["drafted", "signed"]), name="handoff_to_take"),
        )

    def __str__(self) -> str:
        return self.ref

    @property
    def ref(self) -> str:
        return f"HO-{self.pk}"

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    @property
    def is_signed(self) -> bool:
        return self.signed_at is not None

    @property
    def due_from(self) -> datetime:
        """From here on it waits for whoever takes it."""
        return max(self.ends_at, self.incoming_from or self.ends_at)


#: Not at an end.
OPEN = (Handoff.Status.DRAFTED, Handoff.Status.SIGNED)


class HandoffItemQuerySet(models.QuerySet["HandoffItem"]):
    def visible_to(self, user: User) -> Self:
        """Those of tickets and escalations the person may open."""
        return self.filter(
            Q(ticket__in=Ticket.objects.visible_to(user)) | Q(escalation__in=Escalation.objects.visible_to(user))
        )

    def offered(self) -> Self:
        return self.filter(status=HandoffItem.Status.OFFERED)


class HandoffItem(models.Model):
    """An open ticket or escalation of the outgoing person, as it stood when the handoff was last read."""

    class Status(models.TextChoices):
        OFFERED = "offered", "Offered"
        ACCEPTED = "accepted", "Accepted"
        REFUSED = "refused", "Refused"
        GONE = "gone", "Not theirs any more"  # resolved, or somebody else's meanwhile

    class Urgency(models.IntegerChoices):
        URGENT = 1, "Urgent"
        PROMISED = 2, "Promised"
        SOON = 3, "Due soon"
        REST = 4, "The rest"

    handoff = models.ForeignKey(Handoff, on_delete=models.CASCADE, related_name="items")
    ticket = models.ForeignKey(Ticket, null=True, on_delete=models.CASCADE, related_name="handoff_items")
    escalation = models.ForeignKey(Escalation, null=True, on_delete=models.CASCADE, related_name="handoff_items")
    urgency = models.PositiveSmallIntegerField(choices=Urgency, default=Urgency.REST)
    state = models.CharField(max_length=300)
    evidence = models.JSONField(default=list)  # [[lead, text]] of the newest diagnosis
    run_ref = models.CharField(max_length=30, blank=True)  # where the evidence is
    next_step = models.TextField(blank=True)
    deadline_at = models.DateTimeField(null=True)
    deadline_kind = models.CharField(max_length=60, blank=True)
    promises = models.JSONField(default=list)  # [[ISO time, words]]
    promised_at = models.DateTimeField(null=True)  # the first of them
    is_beyond = models.BooleanField(default=False)  # a promise is to be kept after the outgoing's shift
    # The outgoing's words; an empty next step means the one that was read.
    note = models.TextField(blank=True)
    own_next_step = models.TextField(blank=True)
    came_late = models.BooleanField(default=False)  # after the signature
    status = models.CharField(max_length=8, choices=Status, default=Status.OFFERED)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    decided_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=300, blank=True)  # of a refusal
    objects = HandoffItemQuerySet.as_manager()

    class Meta:
        ordering = ("urgency", "deadline_at", "pk")
        constraints = (
            models.CheckConstraint(
                condition=Q(ticket=None, escalation__isnull=False) | Q(ticket__isnull=False, escalation=None),
                name="handoff_item_of_one_thing",
            ),
            models.UniqueConstraint(fields=["handoff", "ticket"], name="handoff_ticket_once"),
            models.UniqueConstraint(fields=["handoff", "escalation"], name="handoff_escalation_once"),
            models.UniqueConstraint(
                fields=["ticket"], condition=Q(status="offered"), name="handoff_ticket_offered_once"
            ),
            models.UniqueConstraint(
                fields=["escalation"], condition=Q(status="offered"), name="handoff_escalation_offered_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.ref} in HO-{self.handoff_id}"

    @property
    def ref(self) -> str:
        thing = self.ticket if self.ticket is not None else self.escalation
        return thing.ref if thing is not None else ""

    @property
    def subject(self) -> str:
        return self.ticket.subject if self.ticket is not None else self.escalation.title if self.escalation else ""

    @property
    def is_single(self) -> bool:
        """It is accepted on its own, never with the rest."""
        return self.urgency != self.Urgency.REST

    @property
    def is_offered(self) -> bool:
        return self.status == self.Status.OFFERED

    @property
    def shown_next_step(self) -> str:
        return self.own_next_step or self.next_step
