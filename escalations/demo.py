"""The demo's SLA policies, and what its support team has done about past tickets: who took which, what was answered."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction

from altor import events
from altor.demo.parts import DemoSetting
from altor.models import User
from escalations.models import SlaPolicy
from escalations.ownership.policies import load_library, save_policy
from escalations.ownership.standing import refresh
from investigations.models import Ticket
from investigations.services.custody import change_owner

#: Older tickets have been answered and mostly wait for the customer.
_OLD: Final = timedelta(hours=30)
#: Of the newer ones, these many at the end of the line are still as they came.
_UNTOUCHED: Final = 4
_ALL_WEEK: Final = {
    "key": "standard", "title": "Everybody", "hours": "always", "first_reply": "2 h", "next_reply": "4 h",
    "resolution": "48 h", "unowned_after": "1 h",
}  # fmt: skip


class OwnershipDemo:
    """Registered in `DEMO_PARTS`."""

    def connect(self, setting: DemoSetting) -> None:
        """Before the first ticket: which policy one is under is decided when it comes. The demo works at weekends."""
        if SlaPolicy.objects.exists():
            return
        load_library()
        save_policy(_ALL_WEEK, actor=setting.actor, comment="The demo works at weekends too")

    def seed(self, setting: DemoSetting) -> None:
        people = list(User.objects.filter(username__in=["ana", "ben"]).order_by("username"))
        lead = User.objects.filter(username="lead").first()
        tickets = list(Ticket.objects.filter(owner=None).order_by("opened_at", "pk"))
        if not people or lead is None:
            return
        for number, ticket in enumerate(tickets):
            is_old = setting.world.anchor - ticket.opened_at > _OLD
            if is_old or number < len(tickets) - _UNTOUCHED:
                with transaction.atomic():
                    _work(ticket, number, people[number % len(people)], is_old=is_old, until=setting.world.anchor)
            if number == len(tickets) - _UNTOUCHED - 1:
                _hand_about(ticket, [*people, lead, people[0]])
            refresh(ticket.ref)

    def progress(self) -> tuple[int, int]:
        return 0, 0

    def report(self) -> list[dict[str, Any]]:
        return []


def _work(ticket: Ticket, number: int, owner: User, *, is_old: bool, until: datetime) -> None:
    """Taken, answered and, mostly, put back to the customer; some are left without an answer, some come back."""
    began = ticket.opened_at
    took = began + timedelta(minutes=4 + number * 7 % 23)
    change_owner(ticket, owner, at=took, actor=None, data={"via": "helpdesk"}, tells=False)
    events.record("ticket.status", ticket_ref=ticket.ref, at=took, data={"status": "open", "was": "new"})
    if number % 9 == 4 and not is_old:
        return
    replied = took + timedelta(minutes=8 + number * 11 % 31)
    _replied(ticket, replied, owner)
    if is_old or number % 3 == 0:
        events.record("ticket.status", ticket_ref=ticket.ref, at=replied, data={"status": "pending", "was": "open"})
    if is_old and number % 5 == 2:  # the customer has come back to it since
        at = until - timedelta(minutes=35 + number * 13 % 200)
        events.record("ticket.customer_wrote", ticket_ref=ticket.ref, at=at)


def _replied(ticket: Ticket, at: datetime, owner: User) -> None:
    data = {"via": "helpdesk", "before_diagnosis": True, "before_evidence": False}
    events.record("ticket.replied", ticket_ref=ticket.ref, at=at, actor=owner, data=data)


@transaction.atomic
def _hand_about(ticket: Ticket, owners: list[User]) -> None:
    """One ticket that goes round without anything new."""
    for number, owner in enumerate(owners, 1):
        at = ticket.opened_at + timedelta(minutes=40 + 6 * number)
        if owner.pk != ticket.owner_id:
            change_owner(ticket, owner, at=at, actor=None, data={"via": "helpdesk"}, tells=False)
