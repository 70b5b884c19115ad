"""One line in the sidebar: who owns urgent triage now."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse

from escalations.oncall.header import capital, words
from escalations.oncall.now import ROTATIONS, OnCall, on_call_by, rotations_now
from investigations.widget.parts import Stamp, StampContext, WidgetContext


def _seat(team_id: int, now: datetime, rotations: str | None) -> OnCall | None:
    """Of the ticket's team, or of the first that has a rotation."""
    seats = on_call_by(rotations, now)
    own = [one for one in seats if one.rotation.team_id == team_id]
    return next(iter(own or seats), None)


def oncall_part(context: WidgetContext) -> tuple[str, Mapping[str, Any]] | None:
    """("on_call", {"owns", "who", "detail", "is_missed", "url"}); None while there is no rotation."""
    one = _seat(context.ticket.team_id, context.now, rotations_now())
    if one is None:
        return None
    who, detail = words(one, context.user)
    url = settings.BASE_URL + reverse("oncall:rotation", args=[one.rotation.slug])
    return "on_call", {
        "owns": capital(one.rotation.owns), "who": who, "detail": detail, "is_missed": one.is_missed, "url": url,
    }  # fmt: skip


def _held(rotations: str | None, context: StampContext) -> Hashable:
    """Who holds the seat and until when, in the words that are shown: they change at midnight too."""
    one = _seat(context.team_id, context.now, rotations)
    return (rotations, one.rotation.pk, words(one, context.user), one.is_missed) if one is not None else None


oncall_part.stamp = Stamp(ROTATIONS, _held)  # type: ignore[attr-defined]  # read by `state.look`
