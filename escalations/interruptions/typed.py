"""Hours that people type in: they replace what was measured of an engineer on a day, and are marked."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Sum

from altor.audit import record_event
from altor.errors import InvalidInput, PermissionRefused
from altor.models import User
from altor.redaction import redact_text
from altor.roles import Role
from escalations.interruptions.asking import answer
from escalations.interruptions.ledger import day_of
from escalations.interruptions.people import People
from escalations.lifecycle.acting import Doer
from escalations.models import Escalation, Question, TypedHours

_DAY_MINUTES: Final = 1440
#: Somewhere it is a day later than in UTC.
_AHEAD: Final = timedelta(days=1)


@transaction.atomic
def type_hours(
    subject: Escalation | Question, *, who: str, day: date, minutes: int | None, actor: User, now: datetime,
    note: str = "",
) -> TypedHours | None:  # fmt: skip
    """What `who` (a key of `people`) spent on `day`; None takes it back, so that what was measured counts again.

    Engineers say it of themselves, leads and administrators of everybody. InvalidInput for days outside of the
    subject's life, and when a day of the person would hold more than 24 hours of typed time.
    """
    if not may_type(actor, who):
        raise PermissionRefused("Engineers type in their own hours; leads and administrators those of others.")
    begin = subject.sent_at if isinstance(subject, Escalation) else subject.asked_at
    if not begin.date() - _AHEAD <= day <= now.date() + _AHEAD:
        raise InvalidInput(
            f"Choose a day from {begin.date()} to {now.date()}.", errors={"day": ["Outside of this time."]}
        )
    # One at a time for a person: two calls together must not fill a day twice.
    list(User.objects.select_for_update(of=("self",)).filter(pk=_user_pk(who) or actor.pk).only("pk"))
    of = {"escalation": subject, "question": None} if isinstance(subject, Escalation) else {
        "escalation": None, "question": subject,
    }  # fmt: skip
    known = TypedHours.objects.filter(**of, who=who, day=day).first()
    before = {"minutes": known.minutes} if known is not None else {}
    if minutes is None:
        if known is not None:
            known.delete()
            _record(subject, actor, who, day, before, {}, note)
        return None
    _hold(who, day, minutes, known)
    said = redact_text(note.replace("\x00", "")).strip()[:300]
    if known is not None and (known.minutes, known.note) == (minutes, said):
        return known
    kept, _ = TypedHours.objects.update_or_create(
        **of, who=who, day=day, defaults={"minutes": minutes, "note": said, "by": actor, "at": now}
    )
    _record(subject, actor, who, day, before, {"minutes": minutes}, said)
    return kept


@transaction.atomic
def answer_and_type(question: Question, text: str, doer: Doer, minutes: int | None, *, now: datetime) -> Question:
    """Answer, and where `minutes` are given say how long it took; both or neither."""
    done = answer(question, text, doer, now=now)
    if minutes is not None and doer.user is not None:
        who = f"user:{doer.user.pk}"
        type_hours(done, who=who, day=day_of(done, who, now), minutes=minutes, actor=doer.user, now=now)
    return done


def may_type(actor: User, who: str) -> bool:
    if not actor.may("escalation.work"):
        return False
    return actor.role in (Role.LEAD, Role.ADMIN) or _user_pk(who) == actor.pk


def engineer_key(written: str, people: People, actor: User) -> str:
    """A user name, or a name that Linear knows, as a key; "" is the actor. InvalidInput for a stranger's user name."""
    text = " ".join(written.split())
    if not text:
        return f"user:{actor.pk}"
    key = people.key(None, text)
    if not key:
        raise InvalidInput(f"{text[:60]!r} is nobody.", errors={"engineer": ["Nobody is called so."]})
    return key


def _hold(who: str, day: date, minutes: int, known: TypedHours | None) -> None:
    others = TypedHours.objects.filter(who=who, day=day).exclude(pk=known.pk if known is not None else 0)
    already = others.aggregate(all=Sum("minutes"))["all"] or 0
    if not 0 <= minutes <= _DAY_MINUTES:
        raise InvalidInput("Type in between 0 and 24 hours.", errors={"minutes": ["0 to 1440."]})
    if already + minutes > _DAY_MINUTES:
        raise InvalidInput(
            f"That would be more than 24 hours on {day}: {already / 60:.2g} h are typed in already.",
            errors={"minutes": ["More than 24 hours in a day."]},
        )


def _user_pk(who: str) -> int | None:
    kind, _, value = who.partition(":")
    return int(value) if kind == "user" and value.isdecimal() else None


def _record(
    subject: Escalation | Question, actor: User, who: str, day: date, before: dict[str, int], after: dict[str, int],
    reason: str,
) -> None:  # fmt: skip
    at = {"who": who, "day": day.isoformat()}
    record_event(
        actor=actor, action="interruption.typed", target=subject, reason=reason, before={**at, **before},
        after={**at, **after},
    )  # fmt: skip
