"""Engineering's hours of an escalation, a question, a team and a period, read from the database."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Max, Q

from altor.models import Team
from escalations.interruptions.activity import acts_between
from escalations.interruptions.people import People
from escalations.interruptions.sessions import Counted, Session, counted, merged
from escalations.interruptions.tally import Line, Total, Typed, lines, total
from escalations.interruptions.working import Calendar, Subject, subjects
from escalations.models import Escalation, IssueChange, IssueComment, IssuePull, Question, TypedHours

#: Sessions that began before a period, or end after it, take their part of it: acts are read this much further.
_MARGIN: Final = timedelta(days=1)
#: A local date begins and ends at most so far from the date in UTC.
_ZONES: Final = timedelta(hours=15)


@dataclass(frozen=True, slots=True)
class Ledger:
    """Lines with what they are of. `people` says who the engineers are."""

    lines: Sequence[Line]
    subjects: dict[str, Subject]
    people: People

    @property
    def total(self) -> Total:
        return total(self.lines)

    @property
    def refocus_s(self) -> int:
        """What finding back may have cost; a setting, 0 by default, and in none of the other figures."""
        return self.total.refocus_s(settings.REFOCUS_MINUTES)

    def of(self, refs: Collection[str]) -> Ledger:
        return Ledger([one for one in self.lines if one.subject in refs], self.subjects, self.people)

    def of_team(self, team: Team) -> Ledger:
        return self.of({ref for ref, one in self.subjects.items() if one.team.pk == team.pk})


def of_subject(subject: Escalation | Question, *, now: datetime) -> Ledger:
    """One escalation's, or one question's. Other work of the same people is read too: they share their time."""
    begin = subject.sent_at if isinstance(subject, Escalation) else subject.asked_at
    found = _read(begin - _MARGIN, _last(subject, now) + _MARGIN, now, subject)
    return found.of({subject.ref})


def _last(subject: Escalation | Question, now: datetime) -> datetime:
    """When something last happened to it: later work of the same people shares no time with it."""
    if isinstance(subject, Question):
        return subject.ended_at or now
    marks: list[datetime | None] = [subject.sent_at, subject.history.aggregate(last=Max("at"))["last"]]
    if subject.issue_id is not None:
        of = {"issue": subject.issue_id}
        marks.append(IssueComment.objects.filter(**of).aggregate(last=Max("at"))["last"])
        marks.append(IssueChange.objects.filter(**of).aggregate(last=Max("at"))["last"])
        marks.append(IssuePull.objects.filter(**of).aggregate(last=Max("merged_at"))["last"])
    return min(now, max(at for at in marks if at is not None))


def of_period(first: date, last: date, *, now: datetime, team: Team | None = None) -> Ledger:
    """Days `first` to `last`, both included, each on the calendar of the engineer; of all teams or one."""
    begin = datetime(first.year, first.month, first.day, tzinfo=UTC) - _ZONES
    end = datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=1) + _ZONES
    found = _read(begin - _MARGIN, end + _MARGIN, now)
    kept = Ledger([one for one in found.lines if first <= one.day <= last], found.subjects, found.people)
    return kept.of_team(team) if team is not None else kept


def day_of(subject: Escalation | Question, who: str, at: datetime) -> date:
    """The date on the calendar by which days of this person are counted."""
    known = _subjects([subject.ref])[subject.ref]
    return at.astimezone(Calendar(People.read(), {}).zone(who, known)).date()


def _read(begin: datetime, end: datetime, now: datetime, about: Escalation | Question | None = None) -> Ledger:
    people = People.read()
    sessions = merged(acts_between(begin, end, people))
    wanted = Q(day__gte=begin.date(), day__lte=end.date())
    if about is not None:
        wanted |= Q(escalation=about) if isinstance(about, Escalation) else Q(question=about)
    typed = TypedHours.objects.filter(wanted).select_related("by")
    said = [
        Typed(one.who, f"ESC-{one.escalation_id}" if one.escalation_id else f"QU-{one.question_id}", one.day,
              one.minutes, str(one.by or ""), one.note)
        for one in typed
    ]  # fmt: skip
    known = _subjects({one.subject for one in sessions} | {one.subject for one in said})
    calendar = Calendar.read(people, begin, end, now=now)
    return Ledger(lines(_counted(sessions, known, calendar), said), known, people)


def _counted(sessions: Sequence[Session], known: dict[str, Subject], calendar: Calendar) -> list[Counted]:
    kept = [one for one in sessions if one.subject in known]
    paged = frozenset(one for one in kept if calendar.is_paged(one, known[one.subject]))
    pieces = {one: calendar.pieces(one, known[one.subject], is_paged=one in paged) for one in kept}
    zones: dict[str, ZoneInfo] = {}
    for one in kept:
        zones.setdefault(one.who, calendar.zone(one.who, known[one.subject]))
    return counted(kept, pieces, zones, paged)


def _subjects(refs: Collection[str]) -> dict[str, Subject]:
    escalations = [int(ref[4:]) for ref in refs if ref.startswith("ESC-")]
    questions = [int(ref[3:]) for ref in refs if ref.startswith("QU-")]
    found = Escalation.objects.filter(pk__in=escalations).with_context().defer("packet", "checklist")
    asked = Question.objects.filter(pk__in=questions).with_context()
    return subjects(found, asked.select_related("to_rotation__team"))
