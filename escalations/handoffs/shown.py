"""A handoff as its page shows it to one person: what is in it by urgency, and what they may do with each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Count, Q
from django.utils.dateparse import parse_datetime

from altor.models import User
from escalations.handoffs.giving import may_give
from escalations.handoffs.switching import may_lead
from escalations.handoffs.taking import is_incoming, is_offered, may_take
from escalations.models import Handoff, HandoffItem
from escalations.models.handoffs import HandoffQuerySet

U, Of = HandoffItem.Urgency, HandoffItem.Status
#: How each urgency looks, see `altor_ui.pill`.
_LOOKS: Final = {U.URGENT: "abnormal", U.PROMISED: "warn", U.SOON: "warn"}
_DONE: Final = {Of.ACCEPTED: "done", Of.REFUSED: "rejected", Of.GONE: "ignored"}


@dataclass(frozen=True, slots=True)
class Line:
    """`next_step` and `note` as they stand in the form of whoever writes."""

    item: HandoffItem
    promises: list[tuple[datetime, str]]
    may_accept: bool
    may_take: bool
    is_beyond: bool
    next_step: str
    note: str

    @property
    def look(self) -> str:
        """Empty for what is not urgent in any way: its heading says enough."""
        return _LOOKS.get(U(self.item.urgency), "")

    @property
    def done_look(self) -> str:
        return _DONE.get(Of(self.item.status), "")


@dataclass(frozen=True, slots=True)
class Page:
    """`hidden` is in it too, and the person may not open it."""

    groups: list[tuple[str, list[Line]]]
    offered: int
    rest: int
    decided: int
    hidden: int
    may_give: bool
    may_accept: bool
    may_take: bool
    may_lead: bool
    waits: bool


def page_of(handoff: Handoff, user: User, now: datetime, typed: Mapping[str, str] | None = None) -> Page:
    """`typed` is a form that was refused."""
    typed = typed or {}
    items = list(
        handoff.items.visible_to(user).select_related(
            "ticket__customer", "ticket__owner", "escalation__ticket__customer", "decided_by"
        )
    )
    accepts = is_incoming(user, handoff) and is_offered(handoff, now)
    takes = may_take(user, handoff, now) and user.pk != handoff.outgoing_id
    lines = [
        Line(
            item=one,
            promises=[(at, words) for text, words in one.promises if (at := parse_datetime(text)) is not None],
            may_accept=accepts and one.status in (Of.OFFERED, Of.REFUSED),
            may_take=takes and not accepts and one.status in (Of.OFFERED, Of.REFUSED),
            is_beyond=one.is_beyond and one.is_offered,
            next_step=typed.get(f"next_step:{one.ref}", one.shown_next_step),
            note=typed.get(f"note:{one.ref}", one.note),
        )
        for one in items
    ]
    live = [one for one in lines if one.item.is_offered]
    groups = [(str(U(kind).label), [one for one in live if one.item.urgency == kind]) for kind in U]
    over = [one for one in lines if not one.item.is_offered]
    return Page(
        groups=[*((title, many) for title, many in groups if many), *([("Decided", over)] if over else [])],
        offered=len(live),
        rest=sum(not one.item.is_single for one in live),
        decided=len(over),
        hidden=handoff.items.count() - len(items),
        may_give=may_give(user, handoff),
        may_accept=accepts,
        may_take=takes,
        may_lead=may_lead(user, handoff.team),
        waits=handoff.is_open and not is_offered(handoff, now),
    )


def counted(rows: HandoffQuerySet) -> HandoffQuerySet:
    """With how many items each still offers."""
    return rows.with_context().annotate(offered=Count("items", filter=Q(items__status=Of.OFFERED)))


def mine(user: User) -> tuple[list[Handoff], list[Handoff]]:
    """(to give, to take), those whose shift ends first on top. Two queries."""
    rows = counted(Handoff.objects.open()).order_by("ends_at", "pk")
    return list(rows.filter(outgoing=user)), list(rows.filter(incoming=user))
