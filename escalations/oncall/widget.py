"""One line in the sidebar: who owns urgent triage now."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from altor.models import User
from escalations.oncall.header import capital, words
from escalations.oncall.now import OnCall, on_call
from investigations.models import Ticket
from investigations.widget.parts import WidgetContext


def _seat(ticket: Ticket) -> OnCall | None:
    """Of the ticket's team, or of the first that has a rotation."""
    seats = on_call(timezone.now())
    own = [one for one in seats if one.rotation.team_id == ticket.team_id]
    return next(iter(own or seats), None)


def oncall_part(context: WidgetContext) -> tuple[str, Mapping[str, Any]] | None:
    """("on_call", {"owns", "who", "detail", "is_missed", "url"}); None while there is no rotation."""
    one = _seat(context.ticket)
    if one is None:
        return None
    who, detail = words(one, context.user)
    url = settings.BASE_URL + reverse("oncall:rotation", args=[one.rotation.slug])
    return "on_call", {
        "owns": capital(one.rotation.owns), "who": who, "detail": detail, "is_missed": one.is_missed, "url": url,
    }  # fmt: skip


def oncall_stamp(ticket: Ticket, user: User | None) -> Hashable:
    """Changes with who holds the seat, and until when. One query."""
    one = _seat(ticket)
    if one is None:
        return None
    who = one.person.pk if one.person is not None else 0
    return one.rotation.pk, one.rotation.stamp, one.seat, who, one.end.timestamp(), one.is_missed


oncall_part.stamp = oncall_stamp  # type: ignore[attr-defined]  # read by `parts_stamp`
