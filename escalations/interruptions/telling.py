"""Who hears of a question: those it is for, and those who asked."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.urls import reverse

from altor.models import User
from altor.notify.kinds import NoticeKind
from altor.notify.storing import notify
from escalations.interruptions.links import notice_link
from escalations.models import Question, QuestionPerson

#: For the setting NOTICE_KINDS.
NOTICES: Final = {
    "question.asked": NoticeKind("Support asks engineering a question", link=notice_link),
    "question.answered": NoticeKind("A question was answered, withdrawn, or became an escalation"),
}


def tell_asked(question: Question, people: list[User], *, missing: str, actor: User, now: datetime) -> None:
    """With the run's cause; the kind of notice adds a link that answers without an account."""
    cause = [f"{line['lead']}: {line['text']}" for line in question.lines[:2]]
    notify(
        "question.asked", subject_ref=question.ref, title=f"{question.ref}: {actor} asks about {question.ticket.ref}",
        lines=[question.text, *cause, missing],
        url_path=reverse("interruptions:question", args=[question.ref]), key=f"question.asked:{question.pk}",
        team=question.team, people=people, actor=actor, now=now,
    )  # fmt: skip


def tell_ended(question: Question, words: str, *, lines: list[str], actor: User | None, now: datetime) -> None:
    """To everybody who asked; for a question that ended without an answer, to those who were asked too."""
    told = QuestionPerson.objects.filter(question=question).select_related("user")
    if question.status == Question.Status.ANSWERED:
        told = told.filter(part=QuestionPerson.Part.ASKS)
    notify(
        "question.answered", subject_ref=question.ref, title=f"{question.ref} {words}",
        lines=[f"About {question.ticket.ref}", *lines], url_path=reverse("interruptions:question", args=[question.ref]),
        key=f"question.{question.status}:{question.pk}", team=question.ticket.team,
        people=list({one.user.pk: one.user for one in told}.values()), actor=actor, now=now,
    )  # fmt: skip
