"""Changes of an escalation that is under way: its severity, its owner, what is added to its packet."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from altor.audit import record_event
from altor.errors import Conflict, InvalidInput, PermissionRefused
from altor.models import Team, User
from escalations.contracts.stored import form_of
from escalations.lifecycle.acting import SHORTEST, Doer, lock, save
from escalations.lifecycle.history import W, clean, tell
from escalations.lifecycle.telling import tell_owner, tell_support
from escalations.models import Escalation


@transaction.atomic
def change_severity(escalation: Escalation, severity: str, why: str, doer: Doer, *, now: datetime) -> Escalation:
    """Its windows keep what has elapsed and take the targets of the other severity. A reason is needed."""
    _either(doer)
    locked = lock(escalation)
    form = form_of(locked.version)
    said = clean(why)
    if severity not in form.levels:
        raise InvalidInput(f"{form.title} has no {severity!r}: {', '.join(form.levels)}.", severity=severity)
    if severity == locked.severity:
        return locked
    _open(locked)
    if len(said) < SHORTEST:
        raise InvalidInput("Give the reason in a few words.", errors={"why": ["Give the reason in a few words."]})
    before, locked.severity = locked.severity, severity
    event = tell(
        locked, W.SEVERITY, at=now, by=doer.user, via=doer.via, text=said, data={"from": before, "to": severity}
    )
    locked.severity_why = said
    save(locked, now)
    _record(locked, doer, "severity", said, {"severity": before}, {"severity": severity})
    if event is not None:
        words = f"is {severity} now, was {before}"
        key = f"escalation:{event.key}"
        tell_support("escalation.moved", locked, words, lines=[said], actor=doer.user, now=now, key=f"{key}:s")
        tell_owner("escalation.moved", locked, words, people=_working(locked), lines=[said], actor=doer.user, now=now,
                   key=f"{key}:o")  # fmt: skip
    return locked


@transaction.atomic
def change_owner(
    escalation: Escalation, *, team: Team | None, person: User | None, why: str, doer: Doer, now: datetime
) -> Escalation:
    """Hand it to another team or person. Whoever gets it is told; the windows go on."""
    _either(doer)
    locked = lock(escalation)
    _open(locked)
    said = clean(why)
    if team is None and person is None:
        raise InvalidInput("Name the team or the person who gets it.")
    if person is not None and not person.is_active:
        raise InvalidInput(f"{person} is no longer active.")
    if (locked.owner_team, locked.owner_person) == (team, person):
        return locked
    if len(said) < SHORTEST:
        raise InvalidInput("Give the reason in a few words.", errors={"why": ["Give the reason in a few words."]})
    before = _owner(locked)
    locked.owner_team, locked.owner_person = team, person
    if locked.accepted_by_id is not None and person is not None:
        locked.accepted_by = person
    event = tell(
        locked, W.OWNER, at=now, by=doer.user, via=doer.via, text=said, data={"from": before, "to": _owner(locked)}
    )
    save(locked, now)
    _record(locked, doer, "owner", said, {"owner": before}, {"owner": _owner(locked)})
    if event is not None:
        people = [person] if person is not None else list(team.members.filter(is_active=True)) if team else []
        tell_owner(
            "escalation.sent", locked, f"is yours now, was with {before}", people=people, lines=[said], actor=doer.user,
            now=now, key=f"escalation:{event.key}",
        )  # fmt: skip
    return locked


@transaction.atomic
def add(
    escalation: Escalation, text: str, doer: Doer, *, now: datetime, data: dict[str, Any] | None = None
) -> Escalation:
    """Add to the packet; what was frozen at sending stays as it was. Engineering is told."""
    _either(doer)
    locked = lock(escalation)
    said = clean(text)
    if not said:
        raise InvalidInput("Write what is added.", errors={"text": ["Write what is added."]})
    if locked.status in (Escalation.Status.REJECTED, Escalation.Status.WITHDRAWN):
        raise Conflict(f"{locked.ref} is {locked.get_status_display().lower()}: nobody reads it any more.")
    event = tell(locked, W.ADDED, at=now, by=doer.user, via=doer.via, text=said, data=data or {})
    save(locked, now)
    _record(locked, doer, "added", "", {}, {"characters": len(said)})
    if event is not None:
        tell_owner(
            "escalation.word", locked, "has something added to its packet", people=_working(locked), lines=[said],
            actor=doer.user, now=now, key=f"escalation:{event.key}",
        )  # fmt: skip
    return locked


def _either(doer: Doer) -> None:
    user = doer.user
    if doer.is_vouched or (user is not None and (user.may("escalation.work") or user.may("escalation.send"))):
        return
    raise PermissionRefused("Your role may not change escalations.")


def _open(locked: Escalation) -> None:
    if not locked.is_open:
        raise Conflict(f"{locked.ref} is {locked.get_status_display().lower()} already.", escalation=locked.ref)


def _working(locked: Escalation) -> list[User]:
    return [one for one in (locked.accepted_by, locked.owner_person) if one is not None]


def _owner(locked: Escalation) -> str:
    return str(locked.owner_person or locked.owner_team or "the leads of the ticket's team")


def _record(
    locked: Escalation, doer: Doer, what: str, reason: str, before: dict[str, Any], after: dict[str, Any]
) -> None:
    record_event(
        actor=doer.user, action=f"escalation.{what}", target=locked, reason=reason, before=before,
        after={**after, "via": doer.via, "by": str(doer)},
    )  # fmt: skip
