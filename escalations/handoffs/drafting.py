"""Handoffs come into being at the ends of shifts, are read again from what is open until they are signed, and close.

Locks are taken in this order: the handoff, a ticket or escalation, items.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet

from altor.audit import record_event
from altor.models import Notice, Team
from escalations.handoffs.ends import Ending, endings
from escalations.handoffs.reading import Found, read
from escalations.handoffs.switching import terms
from escalations.handoffs.telling import clock, item_line, tell
from escalations.lifecycle.owners import leads
from escalations.models import Handoff, HandoffItem, HandoffSetting
from escalations.models.handoffs import OPEN
from investigations.models import Ticket

S, Of = Handoff.Status, HandoffItem.Status
#: A shift's end that was missed, because the machine was down, is still handed off.
LATE: Final = timedelta(hours=12)
#: A draft is read again this often.
EVERY: Final = timedelta(minutes=1)
_LINES: Final = 3


def draft_due(now: datetime) -> int:
    """Draft what comes to its end soon, in every team that hands off; how many are new."""
    rows = HandoffSetting.objects.filter(is_on=True).select_related("team")
    return sum(_draft_of(one.team, one, now) for one in rows)


def _draft_of(team: Team, setting: HandoffSetting, now: datetime) -> int:
    after = max(setting.since, now - LATE)
    found = endings(now, team, after=after, until=now + terms(setting).draft_before)
    # One that was dropped before its time may come again with its shift's end; one dropped afterwards does not.
    known = Handoff.objects.filter(team=team, ends_at__gt=after).exclude(status=S.DROPPED, closed_at__lt=F("ends_at"))
    ends = {(one.rotation_id, one.seat, one.ends_at) for one in known}
    # An open one is for the shift that its outgoing is in, wherever that ends now.
    running = {(one.rotation_id, one.seat, one.outgoing_id) for one in known if one.is_open and one.ends_at > now}
    return sum(
        draft(one, now) is not None
        for one in found
        if (one.rotation.pk, one.seat, one.end) not in ends
        and (one.rotation.pk, one.seat, one.person.pk) not in running
    )


def draft(ending: Ending, now: datetime) -> Handoff | None:
    """The one handoff of this end; None when there is one already."""
    try:
        with transaction.atomic():
            handoff = Handoff.objects.create(
                rotation=ending.rotation, seat=ending.seat, seat_name=ending.seat_name, team=ending.rotation.team,
                outgoing=ending.person, incoming=ending.follower, incoming_from=ending.follows_at, ends_at=ending.end,
                drafted_at=now, read_at=now,
            )  # fmt: skip
            read_again(handoff, now)
            record_event(
                actor=None, action="handoff.drafted", target=handoff,
                after={
                    "outgoing": handoff.outgoing.username, "ends_at": handoff.ends_at.isoformat(),
                    "incoming": handoff.incoming.username if handoff.incoming else "",
                },
            )  # fmt: skip
            tell_drafted(handoff, now)
    except IntegrityError:  # another sweep was first
        return None
    return handoff


def tell_drafted(handoff: Handoff, now: datetime) -> None:
    items = list(handoff.items.offered().select_related("ticket", "escalation"))
    many = f"{len(items)} open thing{'' if len(items) == 1 else 's'}" if items else "nothing open"
    nobody = [] if handoff.incoming else ["Nobody follows who could take it: a lead may take over."]
    people = [handoff.outgoing, handoff.incoming, *([] if handoff.incoming else leads(handoff.team))]
    tell(
        "handoff.drafted", handoff,
        f"{handoff.outgoing} hands {many} to {handoff.incoming or 'nobody yet'} at {clock(handoff, handoff.ends_at)}",
        people=people, lines=[*nobody, *(item_line(one) for one in items[: _LINES - len(nobody)])],
        key=handoff.ends_at.isoformat(), now=now,
    )  # fmt: skip


def locked(handoff: Handoff) -> Handoff:
    """The row, held to the end of the transaction, with what belongs to it read after the lock."""
    Handoff.objects.select_for_update(of=("self",)).only("pk").get(pk=handoff.pk)
    return Handoff.objects.with_context().get(pk=handoff.pk)


def read_again(handoff: Handoff, now: datetime) -> None:
    """Bring the items to what is open now. With the row locked.

    Signed, only what came or went since changes, up to the shift's end. What people wrote and decided always stays.
    """
    found = {one.key: one for one in read(handoff.outgoing, handoff.team, ends_at=handoff.ends_at)}
    items = {(one.ticket_id, one.escalation_id): one for one in handoff.items.all()}
    new = [one for key, one in found.items() if key not in items]
    if handoff.is_signed and now >= handoff.ends_at:
        new = []
    back = [one for key, one in items.items() if one.status == Of.GONE and key in found]
    theirs = _held(handoff, [one.ticket.pk for one in new if one.ticket] + [one.ticket_id for one in back])
    came = _add(handoff, [one for one in new if one.ticket is None or one.ticket.pk in theirs])
    went = [one for key, one in items.items() if one.status == Of.OFFERED and key not in found]
    if went:
        handoff.items.filter(pk__in=[one.pk for one in went], status=Of.OFFERED).update(status=Of.GONE, decided_at=now)
    came += sum(_offer_again(one) for one in back if one.ticket_id is None or one.ticket_id in theirs)
    if not handoff.is_signed:
        for key, item in items.items():
            if item.status == Of.OFFERED and key in found:
                _update(item, found[key])
    if came or went:
        handoff.revision += 1
    handoff.read_at = now
    handoff.save(update_fields=["revision", "read_at"])
    ask_for_promises(handoff, now)


def _held(handoff: Handoff, tickets: Iterable[int | None]) -> set[int]:
    """Those that are the outgoing's still, held to the end of the transaction: who gives one away meanwhile would not
    see that it is offered here.
    """
    rows = Ticket.objects.filter(pk__in=[pk for pk in tickets if pk], owner=handoff.outgoing_id)
    rows = rows.exclude(status=Ticket.Status.RESOLVED).select_for_update(of=("self",), no_key=True)
    return {one.pk for one in rows.only("pk").order_by("pk")}


def _add(handoff: Handoff, new: list[Found]) -> int:
    """What lies in another open handoff already stays there."""
    before = handoff.items.count()
    HandoffItem.objects.bulk_create(
        [
            HandoffItem(
                handoff=handoff, ticket=one.ticket, escalation=one.escalation, came_late=handoff.is_signed, **one.fields
            )
            for one in new
        ],
        ignore_conflicts=True,
    )  # fmt: skip
    return handoff.items.count() - before


def _offer_again(item: HandoffItem) -> bool:
    try:
        with transaction.atomic():
            item.status, item.decided_at = Of.OFFERED, None
            item.save(update_fields=["status", "decided_at"])
    except IntegrityError:
        item.status = Of.GONE
        return False
    return True


def _update(item: HandoffItem, found: Found) -> None:
    changed = [name for name, value in found.fields.items() if getattr(item, name) != value]
    for name in changed:
        setattr(item, name, found.fields[name])
    if changed:
        item.save(update_fields=changed)


def ask_for_promises(handoff: Handoff, now: datetime) -> None:
    """Whoever is to keep what was promised beyond the outgoing's shift is asked, once for each promise."""
    if handoff.incoming is None:
        return
    asked = handoff.items.offered().filter(is_beyond=True).select_related("ticket", "escalation")
    wanted = {
        f"{handoff.incoming.pk}:{item.pk}:{due:%Y%m%dT%H%M}": (item, due, words)
        for item in asked
        for at, words in item.promises
        if (due := datetime.fromisoformat(at)) > handoff.ends_at
    }
    known = Notice.objects.filter(key__in=[f"handoff.promise:{handoff.pk}:{key}" for key in wanted])
    told = {key.split(":", 2)[2] for key in known.values_list("key", flat=True)} if wanted else set()
    for key, (item, due, words) in wanted.items():
        if key not in told:
            tell(
                "handoff.promise", handoff, f"will you keep what was promised on {item.ref}?",
                people=[handoff.incoming], now=now, key=key,
                lines=[item_line(item), f"{words}, due {clock(handoff, due)}"],
            )  # fmt: skip


def to_read(now: datetime) -> QuerySet[Handoff]:
    return Handoff.objects.open().filter(read_at__lte=now - EVERY).order_by("read_at")


@transaction.atomic
def close_if_decided(handoff: Handoff, now: datetime) -> bool:
    """At the shift's end, once nothing is offered any more. With the row locked."""
    if not handoff.is_open or now < handoff.ends_at or handoff.items.offered().exists():
        return False
    handoff.status, handoff.closed_at = S.CLOSED, now
    handoff.save(update_fields=["status", "closed_at"])
    record_event(actor=None, action="handoff.closed", target=handoff)
    return True


def heard(kind: str, ticket_ref: str) -> None:
    """For the setting PHASE_HEARD: what is resolved or somebody else's is offered no more, from that moment on."""
    if kind not in ("ticket.assigned", "ticket.resolved"):
        return
    ticket = Ticket.objects.filter(ref=ticket_ref).values("pk", "owner", "status").first()
    if ticket is None:
        return
    rows = HandoffItem.objects.offered().filter(ticket=ticket["pk"])
    if ticket["status"] != Ticket.Status.RESOLVED:
        rows = rows.exclude(handoff__outgoing=ticket["owner"])
    rows.filter(handoff__status__in=OPEN).update(status=Of.GONE)
