"""Questions to engineering without an escalation, and hours that people typed in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from altor.models import Team
from altor.roles import Role
from escalations.models.escalations import Escalation
from escalations.models.nonces import fresh_nonce
from escalations.models.oncall import Rotation
from investigations.models import Investigation, Ticket

if TYPE_CHECKING:
    from altor.models import User


def asking(user: User, prefix: str = "") -> Q:
    """Questions that reached a person: by name, by team, or because they were told. `prefix` leads to them."""
    return (
        Q(**{f"{prefix}to_person": user})
        | Q(**{f"{prefix}to_team__memberships__user": user})
        | Q(**{f"{prefix}people__user": user})
    )


class QuestionQuerySet(models.QuerySet["Question"]):
    def visible_to(self, user: User) -> Self:
        """Those on tickets the person may open, and for who may answer those that reached them."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.role == Role.ADMIN:
            return self
        found = Q(ticket__in=Ticket.objects.visible_to(user))
        if user.may("escalation.work"):
            found |= asking(user)
        return self.filter(pk__in=self.model.objects.filter(found).values("pk"))

    def by_ref(self, ref: str) -> Self:
        """The question called `QU-57`, or none when the text is no such reference."""
        prefix, _, number = ref.partition("-")
        is_one = prefix == "QU" and number.isdecimal() and len(number) < 18
        return self.filter(pk=int(number)) if is_one else self.none()

    def open(self) -> Self:
        return self.filter(status=Question.Status.ASKED)

    def with_context(self) -> Self:
        return self.select_related(
            "ticket", "ticket__customer", "ticket__team", "run", "to_team", "to_rotation", "to_person", "asked_by",
            "answered_by", "escalation",
        )  # fmt: skip


class Question(models.Model):
    """One attention request: a question about a ticket to a team, a rotation or a person. People call it QU-<id>."""

    class Status(models.TextChoices):
        ASKED = "asked", "Waits for an answer"
        ANSWERED = "answered", "Answered"
        ESCALATED = "escalated", "Became an escalation"
        WITHDRAWN = "withdrawn", "Withdrawn"

    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="questions")
    run = models.ForeignKey(Investigation, null=True, on_delete=models.SET_NULL, related_name="questions")
    text = models.TextField()  # redacted
    # The run in five lines as it was then: [{"lead", "text"}].
    lines = models.JSONField(default=list)
    # Whom: exactly one of these. Of a rotation, `people` holds who was on call.
    to_team = models.ForeignKey(Team, null=True, on_delete=models.PROTECT, related_name="+")
    to_rotation = models.ForeignKey(Rotation, null=True, on_delete=models.PROTECT, related_name="+")
    to_person = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=9, choices=Status, default=Status.ASKED)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField()  # informative: nothing happens when it passes
    answer = models.TextField(blank=True)  # redacted; of a withdrawn one, why
    answered_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    answered_as = models.CharField(max_length=80, blank=True)  # the name given with the signed link
    ended_at = models.DateTimeField(null=True)
    via = models.CharField(max_length=12, default="page")  # page, api, link: how it ended
    escalation = models.ForeignKey(Escalation, null=True, on_delete=models.SET_NULL, related_name="questions")
    # Whoever began to escalate it: the next escalation of the ticket is what it became.
    escalating_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    link_nonce = models.UUIDField(default=fresh_nonce, editable=False)  # of its signed link
    objects = QuestionQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        constraints = (
            models.CheckConstraint(
                condition=(
                    Q(to_team__isnull=False, to_rotation=None, to_person=None)
                    | Q(to_team=None, to_rotation__isnull=False, to_person=None)
                    | Q(to_team=None, to_rotation=None, to_person__isnull=False)
                ),
                name="question_to_exactly_one",
            ),
        )
        indexes = (models.Index(fields=["status", "-id"], name="question_by_status"),)

    def __str__(self) -> str:
        return self.ref

    @property
    def ref(self) -> str:
        return f"QU-{self.pk}"

    @property
    def is_open(self) -> bool:
        return self.status == self.Status.ASKED

    @property
    def to(self) -> str:
        """Whom it is for, in words."""
        if self.to_rotation is not None:
            return f"on call in {self.to_rotation}"
        return str(self.to_person or self.to_team)

    @property
    def team(self) -> Team:
        """Whose interruption it is: the asked team, else the ticket's."""
        if self.to_rotation is not None:
            return self.to_rotation.team
        return self.to_team or self.ticket.team


class QuestionPerson(models.Model):
    """Somebody who asked (or joined in), or who was told because of the question."""

    class Part(models.TextChoices):
        ASKS = "asks"
        TOLD = "told"

    question = models.ForeignKey(Question, on_delete=models.CASCADE, related_name="people")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    part = models.CharField(max_length=4, choices=Part)
    at = models.DateTimeField()

    class Meta:
        ordering = ("pk",)
        constraints = (models.UniqueConstraint(fields=["question", "user", "part"], name="question_person_once"),)

    def __str__(self) -> str:
        return f"{self.user_id} {self.part} QU-{self.question_id}"


class TypedHours(models.Model):
    """What a person says they spent on a day, instead of what was measured. One per subject, engineer and day."""

    escalation = models.ForeignKey(Escalation, null=True, on_delete=models.CASCADE, related_name="typed_hours")
    question = models.ForeignKey(Question, null=True, on_delete=models.CASCADE, related_name="typed_hours")
    who = models.CharField(max_length=140)  # see `escalations.interruptions.people`
    day = models.DateField()  # on the engineer's calendar
    minutes = models.PositiveSmallIntegerField()
    note = models.CharField(max_length=300, blank=True)  # redacted
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ("day", "pk")
        constraints = (
            models.CheckConstraint(
                condition=(Q(escalation__isnull=False, question=None) | Q(escalation=None, question__isnull=False)),
                name="typed_hours_of_one_subject",
            ),
            models.CheckConstraint(condition=Q(minutes__lte=1440), name="typed_hours_within_a_day"),
            models.UniqueConstraint(
                fields=["escalation", "who", "day"], condition=Q(question=None), name="typed_hours_once_escalation"
            ),
            models.UniqueConstraint(
                fields=["question", "who", "day"], condition=Q(escalation=None), name="typed_hours_once_question"
            ),
        )

    def __str__(self) -> str:
        return f"{self.minutes} min of {self.who}"
