"""What is told of clocks and owners, to whom, each once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from altor.events import TELLING
from altor.models import User
from altor.notify.kinds import NoticeKind
from altor.notify.storing import notify
from altor.words import duration
from escalations.clocks.clock import NOTHING, Reading, State
from escalations.models import TicketClock, TicketStanding
from escalations.ownership.custody import Custody
from escalations.ownership.queues import leads_of, owners_of
from escalations.ownership.terms import Terms
from investigations.models import Ticket

#: For the setting NOTICE_KINDS.
NOTICES: Final = {
    "sla.close": NoticeKind("A ticket comes due under its SLA policy"),
    "sla.broken": NoticeKind("A ticket missed a target of its SLA policy"),
    "ticket.unowned": NoticeKind("A ticket has had no owner for too long"),
    "ticket.circling": NoticeKind("A ticket is handed on without anything new", mail="digest"),
}
_WORDS: Final = {
    "first_reply": "the first reply", "next_reply": "the next reply", "resolution": "the resolution",
}  # fmt: skip


def tell_clock(ticket: Ticket, clock: TicketClock, found: Reading, terms: Terms, now: datetime) -> datetime | None:
    """Tell what has come since the last time, note it on `clock`, and say when to look again; None for never.

    What was broken and is no more, because a late event shows it, may be told when it breaks again.
    """
    if found.broken_at is None:
        clock.breach_told_at = None
    if found.state is not State.RUNNING or clock.target_s is None:
        return None
    hours = terms.hours_of(clock.kind)
    if found.broken_at is not None:
        if clock.breach_told_at is None:
            clock.breach_told_at = now
            _tell_clock("sla.broken", ticket, clock, found, now)
        return None
    share, last = found.target * terms.share, found.target - terms.before
    if found.elapsed < share:
        clock.warned_at = None
    if found.elapsed < last:
        clock.last_called_at = None
    passed = [
        name for name, mark in (("warned_at", share), ("last_called_at", last)) if NOTHING < mark <= found.elapsed
    ]
    new = [name for name in passed if getattr(clock, name) is None]
    for name in new:
        setattr(clock, name, now)
    if new:
        _tell_clock("sla.close", ticket, clock, found, now, mark=new[-1])
    ahead = [mark for mark in (share, last) if mark > found.elapsed]
    # Exactly the target is in time: it is broken with the next moment that is open.
    ends = [hours.add(found.due_at, timedelta(seconds=1))] if found.due_at is not None else []
    return min([*(hours.add(now, mark - found.elapsed) for mark in ahead), *ends], default=None)


def _tell_clock(
    kind: str, ticket: Ticket, clock: TicketClock, found: Reading, now: datetime, mark: str = "broken"
) -> None:
    due = found.due_at or now
    if due < now - TELLING:
        return  # history that is read back is no news
    words = _WORDS[clock.kind]
    # Due at the close of business it is broken when business opens again, not in the night between.
    is_ahead = kind == "sla.close" and due > now
    said = f"{words} is due in {duration(due - now)}" if is_ahead else f"{words} was due at {_clock(due)}"
    people = [ticket.owner] if ticket.owner is not None else owners_of(ticket.team, now)
    if kind == "sla.broken":
        people = [*people, *leads_of(ticket.team)]
    lines = [ticket.subject, f"Customer: {ticket.customer.name}" if ticket.customer else ""]
    lines += [f"Due at {_clock(due)}" if kind == "sla.close" else "", f"Owner: {ticket.owner or 'nobody'}"]
    _notify(kind, ticket, f"{ticket.ref}: {said}", lines, f"{clock.pk}:{mark}:{due:%Y%m%dT%H%M%S}", people, now)


def tell_custody(
    ticket: Ticket, standing: TicketStanding, found: Custody, terms: Terms, now: datetime
) -> datetime | None:
    """Tell of a ticket that nobody has had for too long, and of circling; when to look again, None for never."""
    if (count := len(found.circles)) > standing.circles_told:
        change = found.circles[-1]
        if change.at > now - TELLING:
            said = f"{change.giver} to {change.taker}, owner change {change.number}: {change.circles}"
            lines = [ticket.subject, said, "Nothing new was learned in between."]
            key = f"{change.number}:{change.at:%Y%m%dT%H%M%S}"
            title = f"{ticket.ref} is handed on without anything new"
            _notify("ticket.circling", ticket, title, lines, key, leads_of(ticket.team), now)
    standing.circles_told = max(count, standing.circles_told)
    since = found.unowned_since
    if since is None or terms.unowned_after is None or standing.unowned_told == since:
        return None
    due = terms.unowned_hours.add(since, terms.unowned_after)
    if due > now:
        return due
    standing.unowned_told = since
    if due > now - TELLING:
        people = [*leads_of(ticket.team), *owners_of(ticket.team, now)]
        lines = [ticket.subject, f"Customer: {ticket.customer.name}" if ticket.customer else ""]
        title = f"{ticket.ref} has had no owner since {_clock(since)}"
        _notify("ticket.unowned", ticket, title, lines, f"{since:%Y%m%dT%H%M%S}", people, now)
    return None


def _notify(
    kind: str, ticket: Ticket, title: str, lines: Iterable[str], key: str, people: Iterable[User], now: datetime
) -> None:
    notify(
        kind, subject_ref=ticket.ref, title=title, lines=[line for line in lines if line],
        url_path=f"/tickets/{ticket.ref}/", key=f"{kind}:{ticket.pk}:{key}"[:160], team=ticket.team,
        people=list({one.pk: one for one in people}.values()), now=now,
    )  # fmt: skip


def _clock(at: datetime) -> str:
    return f"{at.astimezone(UTC):%H:%M UTC on %-d %B}"
