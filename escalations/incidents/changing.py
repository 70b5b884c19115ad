"""Changes of an incident that is under way: words for ourselves, severity, commander, channel, interval."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from altor.audit import record_event
from altor.errors import InvalidInput
from altor.models import User
from escalations.contracts.stored import form_of
from escalations.incidents.declaring import check_channel, check_commander, check_every, next_update
from escalations.incidents.history import SHORTEST, W, allow, lock, require_open, save, tell
from escalations.incidents.telling import tell_people, tell_team
from escalations.incidents.terms import severities, terms_of
from escalations.lifecycle.history import clean
from escalations.models import Incident


@transaction.atomic
def note(incident: Incident, text: str, *, actor: User, now: datetime, via: str = "page") -> Incident:
    """An internal update: on the timeline, and told to everybody who works on it. Customers hear nothing."""
    allow(actor)
    said = clean(text)
    if not said:
        raise InvalidInput("Write the update.", errors={"text": ["Write the update."]})
    locked = lock(incident)
    require_open(locked)
    save(locked)
    event = tell(locked, W.NOTE, at=now, by=actor, via=via, text=said)
    _record(locked, actor, "noted", "", {}, {"characters": len(said), "via": via})
    if event is not None:
        tell_team("incident.word", locked, f"has word from {actor}", lines=[said], actor=actor, now=now,
                  key=f"incident:{event.key}")  # fmt: skip
    return locked


@transaction.atomic
def change_severity(
    incident: Incident, severity: str, why: str, *, actor: User, now: datetime, via: str = "page"
) -> Incident:
    """With a reason. The interval of the new severity holds from now on; what was promised to customers stays."""
    allow(actor)
    locked = lock(incident)
    require_open(locked)
    known = severities(form_of(locked.version) if locked.version is not None else None)
    if severity not in known:
        raise InvalidInput(f"One of {', '.join(known)}.", errors={"severity": [f"One of {', '.join(known)}."]})
    if severity == locked.severity:
        return locked
    said = _reason(why)
    before, every = locked.severity, locked.update_every_min
    own = every != terms_of(locked).every_min
    locked.severity = severity
    if not own:
        locked.update_every_min = terms_of(locked).every_min
        sooner = next_update(locked, now)
        if locked.next_update_at is not None and sooner < locked.next_update_at:
            locked.next_update_at = sooner
    save(locked)
    event = tell(locked, W.SEVERITY, at=now, by=actor, via=via, text=said, data={"from": before, "to": severity})
    _record(locked, actor, "severity", said, {"severity": before}, {"severity": severity, "via": via})
    if event is not None:
        tell_team("incident.moved", locked, f"is {severity} now, was {before}", lines=[said], actor=actor, now=now,
                  key=f"incident:{event.key}")  # fmt: skip
    return locked


@transaction.atomic
def change_commander(
    incident: Incident, person: User | None, *, actor: User, now: datetime, why: str = "", via: str = "page"
) -> Incident:
    """Whoever gets it, and whoever had it, is told."""
    allow(actor)
    if person is None:
        raise InvalidInput("There is nobody of this name.", errors={"commander": ["Nobody of this name."]})
    _refuse(check_commander(person))
    locked = lock(incident)
    require_open(locked)
    if locked.commander == person:
        return locked
    before, locked.commander = locked.commander, person
    save(locked)
    event = tell(
        locked, W.COMMANDER, at=now, by=actor, via=via, text=clean(why),
        data={"from": str(before or ""), "to": str(person)},
    )  # fmt: skip
    _record(locked, actor, "commander", clean(why), {"commander": str(before or "")}, {"commander": str(person)})
    if event is not None:
        tell_team("incident.moved", locked, f"is commanded by {person} now", lines=[clean(why)], people=[before],
                  actor=actor, now=now, key=f"incident:{event.key}")  # fmt: skip
    return locked


@transaction.atomic
def change_channel(incident: Incident, channel: str, *, actor: User, now: datetime, via: str = "page") -> Incident:
    """Words, or an https address."""
    allow(actor)
    _refuse(check_channel(channel))
    locked = lock(incident)
    require_open(locked)
    said = clean(channel)[:300]
    if said == locked.channel:
        return locked
    before, locked.channel = locked.channel, said
    save(locked)
    tell(locked, W.CHANNEL, at=now, by=actor, via=via, data={"from": before, "to": said})
    _record(locked, actor, "channel", "", {"channel": before}, {"channel": said})
    return locked


@transaction.atomic
def change_interval(
    incident: Incident, minutes: int, why: str, *, actor: User, now: datetime, via: str = "page"
) -> Incident:
    """Customers hear every so many minutes of the contract's hours. The time that was promised last stays, unless the
    new interval ends sooner.
    """
    allow(actor)
    _refuse(check_every(minutes) if minutes else {"update_every_min": ["Give the minutes."]})
    locked = lock(incident)
    require_open(locked)
    if minutes == locked.update_every_min:
        return locked
    said = _reason(why)
    before, locked.update_every_min = locked.update_every_min, minutes
    sooner = next_update(locked, now)
    if locked.next_update_at is not None and sooner < locked.next_update_at:
        locked.next_update_at = sooner
    save(locked)
    event = tell(locked, W.INTERVAL, at=now, by=actor, via=via, text=said, data={"from": before, "to": minutes})
    _record(locked, actor, "interval", said, {"minutes": before}, {"minutes": minutes})
    if event is not None:
        tell_people("incident.moved", locked, f"tells its customers every {minutes} min now", lines=[said],
                    people=[locked.commander], actor=actor, now=now, key=f"incident:{event.key}")  # fmt: skip
    return locked


def _reason(why: str) -> str:
    said = clean(why)
    if len(said) < SHORTEST:
        raise InvalidInput("Give the reason in a few words.", errors={"text": ["Give the reason in a few words."]})
    return said


def _refuse(errors: dict[str, list[str]]) -> None:
    if errors:
        raise InvalidInput(next(iter(errors.values()))[0], errors=errors)


def _record(
    locked: Incident, actor: User, what: str, reason: str, before: dict[str, Any], after: dict[str, Any]
) -> None:
    record_event(actor=actor, action=f"incident.{what}", target=locked, reason=reason[:300], before=before, after=after)
