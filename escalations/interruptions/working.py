"""When a person works, and when they were paged. Time outside of working hours counts only for those who were."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings

from altor.models import Team
from escalations.clocks.format import WorkHours, hours_of
from escalations.clocks.hours import Hours
from escalations.contracts.format import ContractForm
from escalations.contracts.stored import form_of
from escalations.interruptions.people import People
from escalations.interruptions.sessions import Piece, Session
from escalations.models import Escalation, EscalationEvent, Question
from escalations.oncall.now import plans

#: Pages the person whenever it reaches them.
ALWAYS_PAGES: Final = "SEV1"
_SENT, _SEVERITY = EscalationEvent.What.SENT, EscalationEvent.What.SEVERITY


def week_in(zone: str) -> Hours:
    """The working week of the setting, in this zone."""
    return WorkHours(zone=zone, week={"mon-fri": settings.ENGINEERING_HOURS}).hours()


@dataclass(frozen=True, slots=True)
class Subject:
    """What is needed of an escalation or a question. `severities`: (from when, which), by time; [] for questions."""

    ref: str
    team: Team
    hours: Hours | None  # of the contract, where it names a week
    severities: tuple[tuple[datetime, str], ...]
    sent_at: datetime
    incident_class: str
    contract: str

    def severity_at(self, at: datetime) -> str:
        found = [name for since, name in self.severities if since <= at]
        return found[-1] if found else ""


def subjects(escalations: Iterable[Escalation], questions: Iterable[Question]) -> dict[str, Subject]:
    """By reference; both with their context."""
    rows = list(escalations)
    changes: dict[int, list[tuple[datetime, str]]] = defaultdict(list)
    told = EscalationEvent.objects.filter(escalation__in=[one.pk for one in rows], what__in=(_SENT, _SEVERITY))
    for pk, what, at, data in told.order_by("at", "pk").values_list("escalation_id", "what", "at", "data"):
        changes[pk].append((at, str(data.get("severity" if what == _SENT else "to", ""))))
    found = {}
    forms: dict[int, ContractForm] = {}
    for one in rows:
        form = forms.get(one.version_id) or forms.setdefault(one.version_id, form_of(one.version))
        written = form.hours_at(one.severity)
        found[one.ref] = Subject(
            one.ref, one.owner_team or one.ticket.team, None if written == "always" else hours_of(written),
            tuple(changes[one.pk]), one.sent_at, one.ticket.incident_class, one.version.contract.key,
        )  # fmt: skip
    for question in questions:
        found[question.ref] = Subject(
            question.ref, question.team, None, (), question.asked_at, question.ticket.incident_class, ""
        )  # fmt: skip
    return found


@dataclass(frozen=True, slots=True)
class Calendar:
    """Working hours and shifts of everybody. `shifts`: key of a person -> when they were on call, by begin."""

    people: People
    shifts: Mapping[str, Sequence[Piece]]

    @classmethod
    def read(cls, people: People, begin: datetime, end: datetime, *, now: datetime) -> Calendar:
        shifts: dict[str, list[Piece]] = defaultdict(list)
        for plan in plans(now):
            for seat in plan.seats:
                for one in plan.shifts(seat.key, begin, end):
                    if one.person:
                        shifts[f"user:{one.person}"].append((one.begin, one.end))
        return cls(people, {who: sorted(many) for who, many in shifts.items()})

    def own_zone(self, who: str) -> str:
        """That the person chose; "" of those who have no account or never chose."""
        user = self.people.user(who)
        return user.timezone if user is not None and user.timezone != "UTC" else ""

    def zone(self, who: str, subject: Subject) -> ZoneInfo:
        """On whose calendar a day of theirs ends."""
        own = self.own_zone(who)
        if not own and subject.hours is not None:
            return subject.hours.zone
        try:
            return ZoneInfo(own or subject.team.timezone)
        except (ZoneInfoNotFoundError, ValueError):
            return ZoneInfo("UTC")

    def hours(self, who: str, subject: Subject) -> Hours:
        """The usual week in the person's own zone; of whom none is known, the contract's week, else the team's."""
        if subject.hours is not None and not self.own_zone(who):
            return subject.hours
        return week_in(self.zone(who, subject).key)

    def is_paged(self, session: Session, subject: Subject) -> bool:
        """On call; or it was SEV1; or it was sent after their hours and taken up before they began again."""
        if any(begin < session.end and session.begin < end for begin, end in self.shifts.get(session.who, ())):
            return True
        if subject.severity_at(session.begin) == ALWAYS_PAGES:
            return True
        hours = self.hours(session.who, subject)
        sent = subject.sent_at
        if not subject.severities or session.begin < sent or hours.is_open(sent):
            return False
        return hours.open_time(sent, max(session.begin, sent)) == timedelta()

    def pieces(self, session: Session, subject: Subject, *, is_paged: bool) -> list[Piece]:
        if is_paged:
            return [(session.begin, session.end)]
        return list(self.hours(session.who, subject).open_between(session.begin, session.end))
