"""Follow-ups: what is to be done so that it does not come again. They live on after the incident is closed."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models import Q

from altor.audit import record_event
from altor.errors import InvalidInput, NotFound
from altor.models import User
from escalations.incidents.history import W, allow, lock, save, tell
from escalations.incidents.telling import tell_people
from escalations.lifecycle.history import clean
from escalations.lifecycle.owners import leads
from escalations.models import FollowUp, Incident

#: One that is late is told at most so often.
AGAIN: Final = timedelta(days=7)
_AT_MOST: Final = 100
_LONGEST: Final = 500


@transaction.atomic
def add_follow_up(
    incident: Incident, text: str, *, owner: User | None, due_on: date | None, link: str = "", actor: User,
    now: datetime, via: str = "page",
) -> FollowUp:  # fmt: skip
    """Also on a closed incident. InvalidInput with `errors`: it needs words, an owner and a day."""
    allow(actor)
    said = clean(text)[:_LONGEST]
    errors: dict[str, list[str]] = {}
    if not said:
        errors["text"] = ["Write what is to be done."]
    if owner is None or not owner.is_active:
        errors["owner"] = ["Name somebody who is active."]
    if due_on is None:
        errors["due_on"] = ["Give the day by which it is done."]
    if link and not is_web_address(link):
        errors["link"] = ["An address begins with https:// or http://."]
    if errors or due_on is None:
        raise InvalidInput(next(iter(errors.values()))[0], errors=errors)
    locked = lock(incident)
    made = locked.follow_ups.create(text=said, owner=owner, due_on=due_on, link=link)
    save(locked)
    tell(
        locked, W.FOLLOW_UP, at=now, by=actor, via=via, text=said, key=f"{locked.pk}:follow_up:{made.pk}",
        data={"owner": str(owner), "due_on": str(due_on), "id": made.pk},
    )  # fmt: skip
    record_event(
        actor=actor, action="incident.follow_up_added", target=locked,
        after={"id": made.pk, "owner": str(owner), "due_on": str(due_on)},
    )  # fmt: skip
    tell_people(
        "incident.follow_up", locked, f"leaves you something to do by {due_on}", people=[owner], lines=[said],
        actor=actor, now=now, key=f"incident.follow_up:{made.pk}",
    )  # fmt: skip
    return made


@transaction.atomic
def mark_done(incident: Incident, pk: int, *, done: bool, actor: User, now: datetime, via: str = "page") -> FollowUp:
    """By who may run incidents, and by its owner. Marked twice it changes nothing. NotFound for one of another."""
    locked = lock(incident)
    found = locked.follow_ups.select_related("owner").filter(pk=pk).first()
    if found is None:
        raise NotFound(f"{locked.ref} has no follow-up {pk}.")
    if found.owner != actor:
        allow(actor)
    if (found.done_at is not None) == done:
        return found
    found.done_at, found.done_by = (now, actor) if done else (None, None)
    found.save(update_fields=["done_at", "done_by"])
    save(locked)
    tell(
        locked, W.FOLLOW_UP, at=now, by=actor, via=via, text=found.text, data={"id": pk, "done": done},
        key=f"{locked.pk}:follow_up:{pk}:{locked.revision}",
    )  # fmt: skip
    record_event(actor=actor, action="incident.follow_up_done", target=locked, after={"id": pk, "done": done})
    return found


def is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("https", "http") and bool(parts.netloc) and len(text) <= 500 and text.isprintable()


def tell_late(now: datetime) -> int:
    """For the sweep: owners and leads hear of what is late, at most once a week each; how many were told."""
    rows = FollowUp.objects.filter(done_at=None, due_on__lt=now.date())
    rows = rows.filter(Q(late_told_at=None) | Q(late_told_at__lte=now - AGAIN))
    return sum(_tell_late(pk, now) for pk in list(rows.values_list("pk", flat=True)[:_AT_MOST]))


@transaction.atomic
def _tell_late(pk: int, now: datetime) -> bool:
    held = FollowUp.objects.select_for_update(skip_locked=True, of=("self",)).filter(pk=pk, done_at=None)
    found = held.select_related("incident__team", "owner").first()
    if found is None or (found.late_told_at is not None and found.late_told_at > now - AGAIN):
        return False
    found.late_told_at = now
    found.save(update_fields=["late_told_at"])
    days = (now.date() - found.due_on).days
    tell_people(
        "incident.follow_up", found.incident, f"has a follow-up that is late by {days} day{'' if days == 1 else 's'}",
        people=[found.owner, *leads(found.incident.team)], lines=[found.text, f"Owner: {found.owner or 'nobody'}"],
        now=now, key=f"incident.follow_up:{pk}:late:{now:%Y%m%d}",
    )  # fmt: skip
    return True
