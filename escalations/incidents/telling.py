"""Who hears of an incident: its commander, whoever is on call, the leads, and the channels of its team."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from altor.models import Team, User
from altor.notify.kinds import NoticeKind
from altor.notify.storing import notify
from escalations.lifecycle.owners import leads
from escalations.models import Incident
from escalations.oncall.now import answering

#: For the setting NOTICE_KINDS.
NOTICES: Final = {
    "incident.suggested": NoticeKind("One cause spreads over several customers: an incident is suggested"),
    "incident.declared": NoticeKind("An incident was declared"),
    "incident.moved": NoticeKind("An incident moved: severity, commander, fixed, recovered, closed"),
    "incident.word": NoticeKind("An incident has an update or another ticket"),
    "incident.late": NoticeKind("A customer update of an incident comes due, or is late"),
    "incident.draft": NoticeKind("An incident's update is drafted in your ticket"),
    "incident.follow_up": NoticeKind("A follow-up of an incident is yours, or is late"),
}
#: For the setting OUTBOUND_EVENTS.
EVENTS: Final = {
    "incident.declared": "An incident was declared",
    "incident.updated": "An incident has an update, internal or for customers, or moved",
    "incident.closed": "An incident was closed",
}


def hearing(team: Team, commander: User | None, now: datetime) -> list[User]:
    """Each once: the commander first, whoever is on call, the leads."""
    people = [*([commander] if commander is not None else []), *answering(team, now), *leads(team)]
    return list({one.pk: one for one in people}.values())


def tell_team(
    kind: str, incident: Incident, words: str, *, key: str, lines: Sequence[str] = (), actor: User | None = None,
    now: datetime, people: Iterable[User | None] = (),
) -> None:  # fmt: skip
    """To everybody of `hearing`, to `people`, and to the channels of the team."""
    told = [*hearing(incident.team, incident.commander, now), *(one for one in people if one is not None)]
    notify(
        kind, subject_ref=incident.ref, title=f"{incident.ref} {words}", lines=[incident.title, *lines],
        url_path=f"/incidents/{incident.ref}/", key=key[:160], team=incident.team,
        people=list({one.pk: one for one in told}.values()), severity=incident.severity, actor=actor, now=now,
    )  # fmt: skip


def tell_people(
    kind: str, incident: Incident, words: str, *, people: Iterable[User | None], key: str, lines: Sequence[str] = (),
    actor: User | None = None, now: datetime,
) -> None:  # fmt: skip
    """To these people only."""
    notify(
        kind, subject_ref=incident.ref, title=f"{incident.ref} {words}", lines=[incident.title, *lines],
        url_path=f"/incidents/{incident.ref}/", key=key[:160],
        people=list({one.pk: one for one in people if one is not None}.values()), severity=incident.severity,
        actor=actor, now=now,
    )  # fmt: skip
