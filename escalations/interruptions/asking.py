"""Ask engineering without an escalation, and what becomes of the question."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final

from django.db import transaction
from django.utils import timezone

from altor.audit import record_event
from altor.errors import Conflict, InvalidInput, PermissionRefused
from altor.models import Team, User
from escalations.interruptions.telling import tell_asked, tell_ended
from escalations.interruptions.working import week_in
from escalations.lifecycle.acting import Doer
from escalations.lifecycle.history import clean
from escalations.lifecycle.owners import leads
from escalations.models import Escalation, Question, QuestionPerson, Rotation
from escalations.oncall.now import on_call_in
from investigations.models import Investigation, Ticket
from investigations.services.summary import five_lines

#: The response window, in the asked side's working time. Nothing happens when it passes.
WINDOW: Final = timedelta(hours=8)
SHORTEST: Final = 10
S = Question.Status
_WORD: Final = re.compile(r"\w+")


class AlreadyAsked(Conflict):
    """`question` in the extra data is the one to join."""

    code: ClassVar[str] = "already_asked"
    title: ClassVar[str] = "The same people were asked this already"


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom a question is for: one of these. Only people who may answer for engineering are told."""

    team: Team | None = None
    rotation: Rotation | None = None
    person: User | None = None

    def people(self, now: datetime) -> tuple[list[User], str]:
        """Who is told now, and what is wrong with it in words. Where nobody is on call, the rotation's leads."""
        if self.person is not None:
            return _able([self.person]), ""
        if self.rotation is not None:
            held = _able(one.person for one in on_call_in(self.rotation, now) if one.person is not None)
            if held:
                return held, ""
            return leads(self.rotation.team), f"Nobody is on call in {self.rotation}: its leads are asked instead"
        return _able(self.team.members.order_by("pk")) if self.team is not None else [], ""

    @property
    def zone(self) -> str:
        if self.person is not None:
            return self.person.timezone
        return self.rotation.zone if self.rotation is not None else self.team.timezone if self.team else "UTC"


def ask(
    ticket: Ticket, text: str, to: Audience, *, actor: User, now: datetime, run: Investigation | None = None,
    joins: bool = False, via: str = "page",
) -> tuple[Question, bool]:  # fmt: skip
    """The question, and whether this call asked it. The asked people are told, with the run's five lines.

    AlreadyAsked for an open question of the same words on the ticket to the same people, unless it is one's own (then
    it is given back) or `joins`. InvalidInput for too few words and for an audience that is nobody.
    """
    if not actor.may("question.ask"):
        raise PermissionRefused("Your role may not ask engineering.")
    said = clean(text)
    if len(said) < SHORTEST:
        raise InvalidInput("Write the question in a few words.", errors={"text": ["Write the question."]})
    _hold(to)
    with transaction.atomic():
        # One at a time for a ticket: a double click finds what the first click asked.
        Ticket.objects.select_for_update(of=("self",)).only("pk").get(pk=ticket.pk)
        same = _same(ticket, said, to)
        if same is not None:
            return _join(same, actor, joins, now), False
        people, missing = to.people(now)
        if not people:
            raise InvalidInput(
                "Nobody there may answer for engineering: ask somebody else.", errors={"to": ["Nobody may answer."]}
            )
        question = Question.objects.create(
            ticket=ticket, run=run, text=said, to_team=to.team, to_rotation=to.rotation, to_person=to.person,
            lines=[{"lead": line.lead, "text": line.text} for line in five_lines(run)] if run is not None else [],
            asked_by=actor, asked_at=now, due_at=week_in(to.zone).add(now, WINDOW), via=via,
        )  # fmt: skip
        _add(question, [actor], QuestionPerson.Part.ASKS, now)
        _add(question, people, QuestionPerson.Part.TOLD, now)
        record_event(
            actor=actor, action="question.asked", target=question,
            after={"ticket": ticket.ref, "run": run.ref if run is not None else "", "to": question.to, "via": via},
        )  # fmt: skip
        tell_asked(question, people, missing=missing, actor=actor, now=now)
    return question, True


def answer(question: Question, text: str, doer: Doer, *, now: datetime) -> Question:
    """The first answer counts; the same words again change nothing. Conflict for a question that is over."""
    if not (doer.is_vouched or (doer.user is not None and doer.user.may("escalation.work"))):
        raise PermissionRefused("Your role may not answer for engineering.")
    said = clean(text)
    if not said:
        raise InvalidInput("Write the answer.", errors={"text": ["Write the answer."]})
    with transaction.atomic():
        locked = _lock(question)
        if locked.status == S.ANSWERED and locked.answer == said:
            return locked
        _open(locked)
        locked.answer, locked.answered_by, locked.via = said, doer.user, doer.via
        locked.answered_as = "" if doer.user is not None else doer.name[:80]
        _end(locked, S.ANSWERED, now)
        record_event(
            actor=doer.user, action="question.answered", target=locked, after={"via": doer.via, "by": str(doer)}
        )
        tell_ended(locked, f"was answered by {doer}", lines=[said], actor=doer.user, now=now)
    return locked


def withdraw(question: Question, *, actor: User, now: datetime, why: str = "", via: str = "page") -> Question:
    """Nobody needs to answer any more: those who were asked are told."""
    if not actor.may("question.ask"):
        raise PermissionRefused("Your role may not take back questions.")
    with transaction.atomic():
        locked = _lock(question)
        if locked.status == S.WITHDRAWN:
            return locked
        _open(locked)
        locked.answer, locked.via = clean(why), via
        _end(locked, S.WITHDRAWN, now)
        record_event(actor=actor, action="question.withdrawn", target=locked, reason=locked.answer, after={"via": via})
        tell_ended(locked, f"was taken back by {actor}", lines=[locked.answer], actor=actor, now=now)
    return locked


def became(question: Question, escalation: Escalation, *, actor: User, now: datetime) -> Question:
    """It became this escalation of the same ticket; both lead to each other."""
    if not actor.may("question.ask"):
        raise PermissionRefused("Your role may not change questions.")
    with transaction.atomic():
        locked = _lock(question)
        if locked.escalation_id == escalation.pk:
            return locked
        _open(locked)
        if not escalation.links.filter(ticket=locked.ticket_id).exists():
            raise InvalidInput(f"{escalation.ref} is not for {locked.ticket.ref}.")
        locked.escalation = escalation
        _end(locked, S.ESCALATED, now)
        record_event(actor=actor, action="question.escalated", target=locked, after={"escalation": escalation.ref})
        tell_ended(locked, f"became {escalation.ref}", lines=[escalation.title], actor=actor, now=now)
    return locked


def begin_escalating(question: Question, *, actor: User, now: datetime) -> Escalation | None:
    """The open escalation of the ticket that it became; None where one is to be sent first: it is linked then."""
    if not actor.may("question.ask"):
        raise PermissionRefused("Your role may not change questions.")
    known = Escalation.objects.open().filter(links__ticket=question.ticket_id).order_by("-pk").first()
    if known is not None:
        became(question, known, actor=actor, now=now)
        return known
    with transaction.atomic():
        locked = _lock(question)
        _open(locked)
        locked.escalating_by = actor
        locked.save(update_fields=["escalating_by"])
    return None


def heard(kind: str, ticket_ref: str) -> None:
    """For the setting PHASE_HEARD: questions that somebody began to escalate are linked to what was sent."""
    if kind not in ("escalation.sent", "escalation.joined"):
        return
    waiting = Question.objects.open().filter(ticket__ref=ticket_ref, escalating_by__isnull=False)
    for one in waiting.select_related("escalating_by"):
        sent = Escalation.objects.open().filter(links__ticket=one.ticket_id).order_by("-pk").first()
        if sent is not None and one.escalating_by is not None:
            became(one, sent, actor=one.escalating_by, now=timezone.now())


def _able(people: Iterable[User]) -> list[User]:
    return [one for one in people if one.may("escalation.work")]


def _hold(to: Audience) -> None:
    named = [one for one in (to.team, to.rotation, to.person) if one is not None]
    if len(named) != 1:
        raise InvalidInput("Ask one team, one rotation or one person.", errors={"to": ["Choose one."]})
    if to.person is not None and not to.person.is_active:
        raise InvalidInput(f"{to.person} is no longer active.", errors={"to": ["No longer active."]})
    if to.rotation is not None and not to.rotation.is_active:
        raise InvalidInput(f"{to.rotation} is ended.", errors={"to": ["This rotation is ended."]})


def _same(ticket: Ticket, said: str, to: Audience) -> Question | None:
    wanted = _words(said)
    asked = Question.objects.open().filter(
        ticket=ticket, to_team=to.team, to_rotation=to.rotation, to_person=to.person
    )  # fmt: skip
    return next((one for one in asked.with_context().order_by("pk") if _words(one.text) == wanted), None)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _join(same: Question, actor: User, joins: bool, now: datetime) -> Question:
    asks = QuestionPerson.Part.ASKS
    if not same.people.filter(user=actor, part=asks).exists():
        if not joins:
            raise AlreadyAsked(
                f"{same.asked_by} asked {same.to} this already: {same.ref}. Join it, and you hear the answer too.",
                question=same.ref,
            )
        _add(same, [actor], asks, now)
        record_event(actor=actor, action="question.joined", target=same)
    return same


def _add(question: Question, people: list[User], part: QuestionPerson.Part, now: datetime) -> None:
    rows = [QuestionPerson(question=question, user=one, part=part, at=now) for one in people]
    QuestionPerson.objects.bulk_create(rows, ignore_conflicts=True)


def _lock(question: Question) -> Question:
    Question.objects.select_for_update(of=("self",)).only("pk").get(pk=question.pk)
    return Question.objects.with_context().get(pk=question.pk)


def _open(locked: Question) -> None:
    if not locked.is_open:
        raise Conflict(f"{locked.ref}: {locked.get_status_display().lower()}.", question=locked.ref)


def _end(locked: Question, status: Question.Status, now: datetime) -> None:
    locked.status, locked.ended_at = status, now
    locked.save()
