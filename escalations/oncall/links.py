"""Links by which calendars read on-call shifts without a login: signed, unguessable, revocable.

The address is a random part, which the row keeps, and its signature under the secret key, which nothing keeps: a copy
of the database opens no calendar. Its owner can look at it again at any time.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.urls import reverse

from altor.audit import record_event
from altor.errors import Conflict, InvalidInput, PermissionRefused
from altor.models import Team, User
from escalations.models import CalendarLink, Rotation
from escalations.oncall.rotations import Plan, load

_LOOKUP: Final = 16
_SIGNED: Final = 32
_TOUCH: Final = timedelta(hours=1)


def _signature(lookup: str, key: str) -> str:
    made = hmac.new(key.encode(), b"altor.calendar:" + lookup.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(made).decode()[:_SIGNED]


def address_of(link: CalendarLink) -> str:
    """The whole address, as a calendar takes it."""
    token = link.lookup + _signature(link.lookup, settings.SECRET_KEY)
    return settings.BASE_URL + reverse("oncall-calendar", args=[token])


@transaction.atomic
def make_link(
    kind: str, *, actor: User, now: datetime, rotation: Rotation | None = None, team: Team | None = None
) -> CalendarLink:
    """The actor's link of that kind; Conflict when there is a live one already."""
    if not actor.may("oncall.read"):
        raise PermissionRefused("You do not read on-call shifts.")
    if (kind == CalendarLink.Kind.ROTATION) != (rotation is not None) or (kind == CalendarLink.Kind.TEAM) != (
        team is not None
    ):
        raise InvalidInput("Choose what the calendar shows: your shifts, a rotation, or a team.")
    User.objects.select_for_update(no_key=True).get(pk=actor.pk)  # a double click makes one
    if CalendarLink.objects.filter(owner=actor, kind=kind, rotation=rotation, team=team, revoked_at=None).exists():
        raise Conflict("You have such a link already: use that one, or renew it.")
    return _store(CalendarLink(owner=actor, kind=kind, rotation=rotation, team=team), actor, now)


def _store(link: CalendarLink, actor: User, now: datetime) -> CalendarLink:
    link.lookup, link.created_at = secrets.token_urlsafe(_LOOKUP)[:_LOOKUP], now
    link.save(force_insert=True)
    record_event(
        actor=actor, action="calendar_link.created", object_kind="calendar_link", object_ref=str(link.pk),
        after={"kind": link.kind, "of": of_what(link)},
    )  # fmt: skip
    return link


@transaction.atomic
def revoke_link(link: CalendarLink, *, actor: User, now: datetime) -> None:
    """At once and for good."""
    if CalendarLink.objects.filter(pk=link.pk, owner=actor, revoked_at=None).update(revoked_at=now):
        record_event(
            actor=actor, action="calendar_link.revoked", object_kind="calendar_link", object_ref=str(link.pk)
        )  # fmt: skip


@transaction.atomic
def renew_link(link: CalendarLink, *, actor: User, now: datetime) -> CalendarLink:
    """Another address for the same thing; the old one opens nothing any more."""
    User.objects.select_for_update(no_key=True).get(pk=actor.pk)
    if link.owner_id != actor.pk or not CalendarLink.objects.filter(pk=link.pk, revoked_at=None).exists():
        raise Conflict("This link is revoked already.")
    revoke_link(link, actor=actor, now=now)
    return _store(CalendarLink(owner=actor, kind=link.kind, rotation=link.rotation, team=link.team), actor, now)


def of_what(link: CalendarLink) -> str:
    if link.rotation is not None:
        return link.rotation.name
    return f"team {link.team.name}" if link.team is not None else f"shifts of {link.owner}"


def find_link(token: str, now: datetime) -> CalendarLink | None:
    """The live link of a token; None for any that is not right, without telling why. Notes its use once an hour."""
    if len(token) != _LOOKUP + _SIGNED:
        return None
    lookup, given = token[:_LOOKUP], token[_LOOKUP:]
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    fits = False
    for key in keys:
        fits |= hmac.compare_digest(_signature(lookup, key).encode(), given.encode())
    if not fits:
        return None
    rows = CalendarLink.objects.select_related("owner", "rotation__team", "team")
    link = rows.filter(lookup=lookup, revoked_at=None).first()
    if link is None or not link.owner.may("oncall.read"):
        return None
    unnoted = Q(last_used_at=None) | Q(last_used_at__lt=now - _TOUCH)
    CalendarLink.objects.filter(unnoted, pk=link.pk).update(last_used_at=now)
    return link


def plans_of(link: CalendarLink, now: datetime) -> list[Plan]:
    rows = Rotation.objects.visible_to(link.owner).active().select_related("team").order_by("pk")
    if link.rotation_id is not None:
        rows = rows.filter(pk=link.rotation_id)
    elif link.team_id is not None:
        rows = rows.filter(team_id=link.team_id)
    return load(rows, now=now)
