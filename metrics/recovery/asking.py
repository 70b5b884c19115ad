"""Ask the customer of a closed ticket one question, take the answer, and what the engineer thinks it would be.

The two are kept apart and never mixed: an engineer's judgement is shown beside the customers' mean.
"""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from altor import events
from altor.audit import record_event
from altor.errors import Conflict, InvalidInput, PermissionRefused
from altor.models import User
from investigations.models import Ticket
from metrics.models import RecoverySurvey

QUESTION: Final = "How confident are you that we would handle the next problem well?"
#: Score -> what it says, for the customer and for the engineer.
SCORES: Final = {1: "Not at all", 2: "A little", 3: "Somewhat", 4: "Mostly", 5: "Fully"}
#: An answer can be given, and changed, so long after the question.
OPEN_FOR: Final = timedelta(days=30)
_SALT: Final = "altor.metrics.recovery"


def survey_of(ticket: Ticket) -> RecoverySurvey | None:
    """Of the ticket's last closing; None for an open ticket and where nobody asked or judged."""
    if ticket.resolved_at is None:
        return None
    found = RecoverySurvey.objects.filter(ticket=ticket, resolved_at=ticket.resolved_at)
    return found.select_related("asked_by", "judged_by").first()


@transaction.atomic
def ask(ticket: Ticket, *, actor: User, now: datetime | None = None) -> RecoverySurvey:
    """The survey with a link for the customer; asked again it is the same one. Conflict for an open ticket."""
    now = now or timezone.now()
    survey = _survey(ticket, actor)
    if survey.asked_at is None:
        survey.asked_at, survey.asked_by = now, actor
        survey.save(update_fields=["asked_at", "asked_by"])
        events.record(
            "recovery.asked", ticket_ref=ticket.ref, at=now, actor=actor,
            key=f"recovery.asked:{ticket.ref}:{survey.resolved_at.isoformat()}",
        )  # fmt: skip
        record_event(actor=actor, action="recovery.asked", object_kind="ticket", object_ref=ticket.ref)
    return survey


@transaction.atomic
def judge(ticket: Ticket, score: int, *, actor: User, now: datetime | None = None) -> RecoverySurvey:
    """What the engineer thinks; said again, the last word counts. Conflict for an open ticket, InvalidInput."""
    now = now or timezone.now()
    _check(score)
    survey = _survey(ticket, actor)
    if survey.judged != score:
        before = survey.judged
        survey.judged, survey.judged_at, survey.judged_by = score, now, actor
        survey.save(update_fields=["judged", "judged_at", "judged_by"])
        _tell(survey, "engineer", score, now, actor)
        record_event(
            actor=actor, action="recovery.judged", object_kind="ticket", object_ref=ticket.ref,
            before={"score": before}, after={"score": score},
        )  # fmt: skip
    return survey


@transaction.atomic
def answer(survey: RecoverySurvey, score: int, *, now: datetime) -> RecoverySurvey:
    """The customer's answer; given again, the last one counts. InvalidInput, Conflict when it is too late, or when the
    ticket is open again: then there is nothing to look back at yet.
    """
    _check(score)
    locked = RecoverySurvey.objects.select_for_update(of=("self",)).select_related("ticket").get(pk=survey.pk)
    if (why := closed_because(locked, now)) is not None:
        raise Conflict(why)
    if locked.score != score:
        locked.score, locked.answered_at = score, now
        locked.save(update_fields=["score", "answered_at"])
        _tell(locked, "customer", score, now, None)
    return locked


def closed_because(survey: RecoverySurvey, now: datetime) -> str | None:
    """Why it takes no answer; None while it does."""
    if survey.asked_at is None or now > survey.asked_at + OPEN_FOR:
        return "This question is closed. Thank you for coming back to it."
    if survey.ticket.resolved_at != survey.resolved_at:
        return "Your case is open again. We will ask once it is solved."
    return None


# ------------------------------------------------------------------------------------------------------------- the link
def link_of(survey: RecoverySurvey) -> str:
    """Whoever has it may answer; it opens nothing else."""
    token = Signer(salt=_SALT).sign(f"{survey.pk}.{survey.nonce.hex}")
    return f"{settings.BASE_URL}{reverse('survey', args=[token])}"


def survey_by(token: str) -> RecoverySurvey | None:
    """None for a token that is wrong, or of a survey that is gone."""
    try:
        value = Signer(salt=_SALT).unsign(token[:300])
    except BadSignature:
        return None
    number, _, nonce = value.partition(".")
    found = RecoverySurvey.objects.filter(pk=int(number)).select_related("ticket") if number.isdecimal() else None
    survey = found.first() if found is not None else None
    return survey if survey is not None and hmac.compare_digest(nonce, survey.nonce.hex) else None


# ------------------------------------------------------------------------------------------------------------- parts
def _survey(ticket: Ticket, actor: User) -> RecoverySurvey:
    if not actor.may("ticket.resolve"):
        raise PermissionRefused("Your role may not ask customers about closed tickets.")
    locked = Ticket.objects.select_for_update(of=("self",)).get(pk=ticket.pk)
    if locked.status != Ticket.Status.RESOLVED or locked.resolved_at is None:
        raise Conflict(f"{locked.ref} is not resolved.", ticket=locked.ref)
    survey, _ = RecoverySurvey.objects.get_or_create(ticket=locked, resolved_at=locked.resolved_at)
    return survey


def _check(score: int) -> None:
    if score not in SCORES:
        raise InvalidInput("Choose one of the five.", errors={"score": ["from 1 to 5"]})


def _tell(survey: RecoverySurvey, who: str, score: int, now: datetime, actor: User | None) -> None:
    events.record(
        "recovery.told", ticket_ref=survey.ticket.ref, at=now, actor=actor, data={"who": who, "score": score},
        key=f"recovery.told:{survey.ticket.ref}:{who}:{now.isoformat()}",
    )  # fmt: skip
