"""Who hears of an escalation: its owner, the senders and owners of its tickets, and the channels of their teams."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from altor.models import Team, User
from altor.notify.kinds import NoticeKind
from altor.notify.storing import notify
from escalations.lifecycle.links import notice_link
from escalations.lifecycle.owners import leads
from escalations.models import Escalation

#: For the setting NOTICE_KINDS.
NOTICES: Final = {
    "escalation.sent": NoticeKind("An escalation came in", link=notice_link),
    "escalation.moved": NoticeKind("An escalation moved: acknowledged, accepted, returned, resolved"),
    "escalation.word": NoticeKind("Engineering wrote on an escalation, or asked something"),
    "escalation.late": NoticeKind("A window of an escalation is nearly over, or over"),
}

#: For the setting OUTBOUND_EVENTS.
EVENTS: Final = {
    "escalation.sent": "A ticket was escalated to engineering",
    "escalation.acknowledged": "The owner of an escalation gave a first sign",
    "escalation.rejected": "Engineering returned an escalation",
    "escalation.resolved": "Engineering resolved an escalation",
    "escalation.broken": "A window of an escalation is over",
}


def tell_owner(
    kind: str, escalation: Escalation, words: str, *, people: Iterable[User], key: str, lines: Sequence[str] = (),
    actor: User | None = None, now: datetime, team: Team | None = None,
) -> None:  # fmt: skip
    """To `people` and the channels of the owning team, else of the ticket's team."""
    _notify(kind, escalation, words, people, key, lines, actor, now, team or escalation.owner_team)


def tell_support(
    kind: str, escalation: Escalation, words: str, *, key: str, lines: Sequence[str] = (), actor: User | None = None,
    now: datetime, and_leads: bool = False, people: Iterable[User] = (),
) -> None:  # fmt: skip
    """To whoever sent it and the owners of all its tickets, and to `people`; the channels of the ticket's team too."""
    hearing: list[User | None] = [escalation.sent_by, *people]
    hearing += [link.ticket.owner for link in escalation.links.select_related("ticket__owner")]
    if and_leads:
        hearing += leads(escalation.ticket.team)
    _notify(kind, escalation, words, hearing, key, lines, actor, now, escalation.ticket.team)


def _notify(
    kind: str, escalation: Escalation, words: str, people: Iterable[User | None], key: str, lines: Sequence[str],
    actor: User | None, now: datetime, team: Team | None,
) -> None:  # fmt: skip
    customer = escalation.ticket.customer
    notify(
        kind, subject_ref=escalation.ref, title=f"{escalation.ref} {words}",
        lines=[escalation.title, *lines, f"Customer: {customer.name}" if customer else ""],
        url_path=f"/escalations/{escalation.ref}/", key=key[:160], team=team or escalation.ticket.team,
        people=list({one.pk: one for one in people if one is not None}.values()), severity=escalation.severity,
        actor=actor, now=now,
    )  # fmt: skip
