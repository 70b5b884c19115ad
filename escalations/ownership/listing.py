"""The work queue: open tickets by time to breach, with what is at stake beside each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.db.models import F, Prefetch, Q, QuerySet
from django.utils.functional import cached_property

from altor.models import Team
from altor.roles import Role
from altor.words import money
from escalations.models import TicketClock, TicketStanding
from escalations.ownership.words import Said, standing_said
from investigations.models import Customer, Ticket

if TYPE_CHECKING:
    from altor.models import User

#: Rows of one page.
PAGE: Final = 100
VIEWS: Final = (
    ("all", "All open"),
    ("mine", "Mine"),
    ("unowned", "Nobody's"),
    ("broken", "Breached"),
    ("waiting", "Waiting on customer"),
    ("engineering", "Waiting on engineering"),
)
#: A renewal within this is near.
_RENEWS_SOON: Final = timedelta(days=45)


@dataclass(frozen=True, slots=True)
class Row:
    ticket: Ticket
    standing: TicketStanding | None
    said: Said
    age_s: float
    unowned_s: float | None  # None while it has an owner
    revenue: str
    renews_soon: bool
    is_mine: bool


def open_tickets(user: User) -> QuerySet[Ticket]:
    """What the person may see of the queue, the most urgent first; what waits for nobody's clock comes last."""
    found = Ticket.objects.visible_to(user).exclude(status=Ticket.Status.RESOLVED).with_context()
    found = found.select_related("standing").defer("description", "class_why", "customer_why")
    return found.order_by(F("standing__due_at").asc(nulls_last=True), "opened_at", "pk")


class QueueFilter:
    """`view`, `team` and `page` of a query string; what is not known is ignored."""

    def __init__(self, params: Mapping[str, str], user: User) -> None:
        self.params, self.user = params, user

    @cached_property
    def view(self) -> str:
        value = self.params.get("view", "")
        return value if value in dict(VIEWS) else "all"

    @cached_property
    def teams(self) -> list[Team]:
        found = Team.objects.all()
        return list(found if self.user.role == Role.ADMIN else found.filter(memberships__user=self.user))

    @cached_property
    def team(self) -> Team | None:
        return next((team for team in self.teams if team.slug == self.params.get("team", "")), None)

    @cached_property
    def page(self) -> int:
        value = self.params.get("page", "")
        return int(value) if value.isdecimal() and 0 < len(value) < 6 and int(value) > 0 else 1

    @property
    def is_active(self) -> bool:
        return self.view != "all" or self.team is not None

    def apply(self, tickets: QuerySet[Ticket]) -> QuerySet[Ticket]:
        wanted = {
            "all": Q(),
            "mine": Q(owner=self.user),
            "unowned": Q(owner=None),
            "broken": Q(standing__is_broken=True),
            "waiting": Q(standing__waiting="customer"),
            "engineering": Q(standing__waiting="engineering"),
        }[self.view]
        return tickets.filter(wanted & (Q(team=self.team) if self.team is not None else Q()))


def rows_of(tickets: Iterable[Ticket], user: User, now: datetime) -> list[Row]:
    return [_row(ticket, user, now) for ticket in tickets]


def with_clocks(tickets: QuerySet[Ticket]) -> QuerySet[Ticket]:
    live = TicketClock.objects.live().shown().select_related("version__policy").order_by("kind", "number")
    return tickets.prefetch_related(Prefetch("clocks", queryset=live, to_attr="live_clocks"))


def _revenue(who: Customer | None) -> str:
    """Whole units where nothing is lost by it: columns are narrow."""
    if who is None or who.mrr_minor is None:
        return ""
    return money(who.mrr_minor, who.mrr_currency).replace(".00", "")


def _row(ticket: Ticket, user: User, now: datetime) -> Row:
    standing: TicketStanding | None = getattr(ticket, "standing", None)
    who = ticket.customer
    since = standing.unowned_since if standing is not None else None
    soon = who is not None and who.renews_on is not None and who.renews_on <= (now + _RENEWS_SOON).date()
    return Row(
        ticket=ticket,
        standing=standing,
        said=standing_said(standing, now),
        age_s=round((now - ticket.opened_at).total_seconds()),
        unowned_s=round((now - (since or ticket.opened_at)).total_seconds()) if ticket.owner_id is None else None,
        revenue=_revenue(who),
        renews_soon=soon,
        is_mine=ticket.owner_id == user.pk,
    )
