"""Who owns urgent triage now, in the top bar of every page."""

from __future__ import annotations

from django.urls import reverse
from django.utils import timezone

from altor.models import User
from altor.shell import HeaderItem
from escalations.oncall.now import OnCall, on_call
from escalations.oncall.words import until_words


def header(user: User) -> list[HeaderItem]:
    """The first seat of the default rotation of the person's team; of the first there is for those without a team.

    One query while nothing changes, two where several teams have rotations.
    """
    if not user.may("oncall.read"):
        return []
    now = timezone.now()
    seats = on_call(now)
    if len({one.rotation.team_id for one in seats}) > 1:
        own = set(user.memberships.values_list("team_id", flat=True))
        seats = [one for one in seats if one.rotation.team_id in own] or seats
    if not seats:
        return []
    one = seats[0]
    text, detail = words(one, user)
    url = reverse("oncall:rotation", args=[one.rotation.slug])
    return [HeaderItem(capital(one.rotation.owns), text, url, detail, is_wrong=one.is_missed)]


def words(one: OnCall, reader: User | None) -> tuple[str, str]:
    """(who, and until when)"""
    now = timezone.now()
    if one.person is None:
        if one.next_person is None or one.next_begin is None:
            return "nobody", ""
        return "nobody", f"{one.next_person} {until_words(one.next_begin, now, reader).replace('until', 'from', 1)}"
    return str(one.person), until_words(one.end, now, reader)


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]
